/* See imapd_arguments.h. */
#include "translate/imap/imapd_arguments.h"

#include "translate/imap/imap_date.h"

bool imapd_words_add(struct imapd_cursor *c, struct imapd_words *words, struct slice word)
{
    if (words->count == IMAPD_WORDS_MAX)
        return imapd_fail(c, "more than %d of them", IMAPD_WORDS_MAX);
    words->words = imapd_arena_room(c->memory, words->words, words->count, sizeof *words->words);
    if (!words->words)
        return imapd_fail_memory(c);
    words->words[words->count++] = word;
    return true;
}

bool imapd_take_login(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_astring(c, "a user name", &cmd->login.user) && imapd_space(c) &&
           imapd_astring(c, "a password", &cmd->login.password);
}

static bool is_base64_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
}

bool imapd_take_authenticate(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct imapd_authenticate *auth = &cmd->authenticate;
    size_t n = 0;

    if (!imapd_atom(c, "a mechanism", &auth->mechanism))
        return false;
    auth->has_initial = imapd_maybe(c, ' ') && c->rest.n > 0;
    if (!auth->has_initial)
        return true;
    while (n < c->rest.n && is_base64_char(c->rest.p[n]))
        n++;
    auth->initial = slice_take(&c->rest, n);
    if (n == 0)
        return imapd_fail(c, "an initial response was expected in base64");
    if (slice_is(auth->initial, "="))
        auth->initial.n = 0;
    return true;
}

bool imapd_take_name(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_mailbox(c, &cmd->mailbox);
}

bool imapd_take_rename(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_mailbox(c, &cmd->mailbox) && imapd_space(c) && imapd_mailbox(c, &cmd->to);
}

/* True when a list is there, and its parenthesis taken; else only spaces may be left. */
static bool maybe_parameters(struct imapd_cursor *c)
{
    if (c->rest.n < 2 || c->rest.p[0] != ' ' || c->rest.p[1] != '(')
        return false;
    slice_take(&c->rest, 2);
    return true;
}

/* The parameters of RFC 4466 section 2.1; QRESYNC (RFC 7162 section 3.2.5) would be another. */
bool imapd_take_select(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct slice word;

    if (!imapd_mailbox(c, &cmd->mailbox))
        return false;
    if (!maybe_parameters(c))
        return true;
    do {
        if (!imapd_atom(c, "a parameter", &word))
            return false;
        if (!slice_is_nocase(word, "CONDSTORE"))
            return imapd_fail_unknown(c, "parameter", word);
        cmd->condstore = true;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "parameters");
}

static bool take_special_use(struct imapd_cursor *c, struct imapd_words *uses)
{
    const char *at = c->rest.p;
    struct slice word;

    if (!imapd_maybe(c, '\\'))
        return imapd_fail(c, "a special use such as \\Sent was expected");
    return imapd_atom(c, "the name of a special use", &word) &&
           imapd_words_add(c, uses, slice_make(at, word.n + 1));
}

/* "(USE (\Drafts \Sent))" (RFC 6154 section 3). */
bool imapd_take_create(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct slice word;

    if (!imapd_mailbox(c, &cmd->mailbox))
        return false;
    if (!maybe_parameters(c))
        return true;
    if (!imapd_atom(c, "a parameter", &word))
        return false;
    if (!slice_is_nocase(word, "USE"))
        return imapd_fail_unknown(c, "parameter", word);
    if (!imapd_space(c) || !imapd_open(c, "special uses"))
        return false;
    if (imapd_maybe(c, ')'))
        return imapd_close(c, "parameters");
    do {
        if (!take_special_use(c, &cmd->special_uses))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "special uses") && imapd_close(c, "parameters");
}

static bool take_append_options(struct imapd_cursor *c, struct imapd_append *append)
{
    const char *at;
    struct slice date;

    if (imapd_at(c, '(') && (!imapd_flags_take(c, false, &append->flags) || !imapd_space(c)))
        return false;
    append->dated = imapd_at(c, '"');
    if (!append->dated)
        return true;
    at = c->rest.p;
    if (!imapd_string(c, "a date", &date))
        return false;
    if (!imap_date_parse(date, &append->date))
        return imapd_fail_at(c, at, "a date is written as \"17-Jul-1996 02:44:25 -0700\"");
    return imapd_space(c);
}

/* Up to the literal's announcement, which ends the text. */
bool imapd_take_append(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct imapd_append *append = &cmd->append;

    if (!imapd_mailbox(c, &cmd->mailbox) || !imapd_space(c) || !take_append_options(c, append))
        return false;
    append->utf8 = imapd_maybe_word(c, "UTF8");
    if (append->utf8 && (!imapd_space(c) || !imapd_open(c, "the message")))
        return false;
    return imapd_literal_size(c, &append->size, &append->binary);
}

/* A message set and a space. */
static bool take_set(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_set_take(c, &cmd->set) && imapd_space(c);
}

bool imapd_take_expunge(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_set_take(c, &cmd->set);
}

bool imapd_take_set_and_mailbox(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return take_set(c, cmd) && imapd_mailbox(c, &cmd->mailbox);
}

bool imapd_take_fetch(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return take_set(c, cmd) && imapd_fetch_take(c, &cmd->fetch);
}

bool imapd_take_search(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_search_take(c, &cmd->search);
}

/* "(UNCHANGEDSINCE 320162338) " (RFC 7162 section 3.1.3). */
static bool take_store_modifiers(struct imapd_cursor *c, struct imapd_store *store)
{
    struct slice word;

    if (!imapd_maybe(c, '('))
        return true;
    if (!imapd_atom(c, "a modifier", &word))
        return false;
    if (!slice_is_nocase(word, "UNCHANGEDSINCE"))
        return imapd_fail_unknown(c, "modifier", word);
    store->conditional = true;
    return imapd_space(c) &&
           imapd_number(c, "a mod-sequence", 0, INT64_MAX, &store->unchanged_since) &&
           imapd_close(c, "modifiers") && imapd_space(c);
}

static bool take_store_how(struct imapd_cursor *c, struct imapd_store *store)
{
    static const struct {
        const char *name;
        enum imapd_store_how how;
        bool silent;
    } hows[] = {
        {"FLAGS", IMAPD_STORE_SET, false},     {"FLAGS.SILENT", IMAPD_STORE_SET, true},
        {"+FLAGS", IMAPD_STORE_ADD, false},    {"+FLAGS.SILENT", IMAPD_STORE_ADD, true},
        {"-FLAGS", IMAPD_STORE_REMOVE, false}, {"-FLAGS.SILENT", IMAPD_STORE_REMOVE, true},
    };
    struct slice word;

    if (!imapd_atom(c, "FLAGS, +FLAGS or -FLAGS", &word))
        return false;
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
        if (slice_is_nocase(word, hows[i].name)) {
            store->how = hows[i].how;
            store->silent = hows[i].silent;
            return true;
        }
    }
    return imapd_fail_unknown(c, "item", word);
}

bool imapd_take_store(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct imapd_store *store = &cmd->store;

    return take_set(c, cmd) && take_store_modifiers(c, store) && take_store_how(c, store) &&
           imapd_space(c) && imapd_flags_take(c, true, &store->flags);
}

bool imapd_take_enable(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct slice word;

    do {
        if (!imapd_atom(c, "the name of a capability", &word) ||
            !imapd_words_add(c, &cmd->enable, word))
            return false;
    } while (imapd_maybe(c, ' '));
    return true;
}

static bool take_id_pair(struct imapd_cursor *c, struct imapd_id *id)
{
    size_t n = id->count;

    if (n == IMAPD_ID_MAX)
        return imapd_fail(c, "more than %d fields", IMAPD_ID_MAX);
    id->names = imapd_arena_room(c->memory, id->names, n, sizeof *id->names);
    id->values = id->names ? imapd_arena_room(c->memory, id->values, n, sizeof *id->values) : NULL;
    if (!id->values)
        return imapd_fail_memory(c);
    id->count++;
    return imapd_string(c, "the name of a field", &id->names[n]) && imapd_space(c) &&
           imapd_nstring(c, "the value of a field", &id->values[n]);
}

/* RFC 2971 section 3.1. "()", which it has not, is what some clients send for NIL. */
bool imapd_take_id(struct imapd_cursor *c, struct imapd_command *cmd)
{
    if (imapd_maybe_word(c, "NIL"))
        return true;
    if (!imapd_open(c, "fields"))
        return false;
    if (imapd_maybe(c, ')'))
        return true;
    do {
        if (!take_id_pair(c, &cmd->id))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "fields");
}
