/* See imapd_search.h. */
#include "translate/imap/imapd_search.h"

#include <stdio.h>

#include "translate/imap/imap_date.h"
#include "translate/imap/imapd_flags.h"

struct parser {
    struct imapd_cursor *c;
    struct imapd_search *search;
    size_t keys;
    unsigned depth;
};

/* How the arguments of a key are read. */
enum arguments {
    ARGUMENTS_NONE,    /* `flag` says all, if it is set */
    ARGUMENTS_KEYWORD, /* a keyword */
    ARGUMENTS_TEXT,    /* an astring */
    ARGUMENTS_FIELD,   /* an astring, to be found in the header field `field` */
    ARGUMENTS_HEADER,  /* the field's name, and an astring */
    ARGUMENTS_BEFORE,  /* a date */
    ARGUMENTS_ON,
    ARGUMENTS_SINCE,
    ARGUMENTS_LARGER, /* a number */
    ARGUMENTS_SMALLER,
    ARGUMENTS_SET,
    ARGUMENTS_MODSEQ,
};

static const struct word {
    const char *name;
    enum imapd_search_kind kind;
    enum arguments arguments;
    bool negated;
    unsigned flag;
    const char *field;
} words[] = {
    {"ALL", IMAPD_SEARCH_ALL, ARGUMENTS_NONE, false, 0, NULL},
    {"ANSWERED", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, false, IMAPD_FLAG_ANSWERED, NULL},
    {"BCC", IMAPD_SEARCH_HEADER, ARGUMENTS_FIELD, false, 0, "Bcc"},
    {"BEFORE", IMAPD_SEARCH_DATE, ARGUMENTS_BEFORE, false, 0, NULL},
    {"BODY", IMAPD_SEARCH_BODY, ARGUMENTS_TEXT, false, 0, NULL},
    {"CC", IMAPD_SEARCH_HEADER, ARGUMENTS_FIELD, false, 0, "Cc"},
    {"DELETED", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, false, IMAPD_FLAG_DELETED, NULL},
    {"DRAFT", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, false, IMAPD_FLAG_DRAFT, NULL},
    {"FLAGGED", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, false, IMAPD_FLAG_FLAGGED, NULL},
    {"FROM", IMAPD_SEARCH_HEADER, ARGUMENTS_FIELD, false, 0, "From"},
    {"HEADER", IMAPD_SEARCH_HEADER, ARGUMENTS_HEADER, false, 0, NULL},
    {"KEYWORD", IMAPD_SEARCH_KEYWORD, ARGUMENTS_KEYWORD, false, 0, NULL},
    {"LARGER", IMAPD_SEARCH_SIZE, ARGUMENTS_LARGER, false, 0, NULL},
    {"MODSEQ", IMAPD_SEARCH_MODSEQ, ARGUMENTS_MODSEQ, false, 0, NULL},
    {"OLD", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, true, IMAPD_FLAG_RECENT, NULL},
    {"ON", IMAPD_SEARCH_DATE, ARGUMENTS_ON, false, 0, NULL},
    {"RECENT", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, false, IMAPD_FLAG_RECENT, NULL},
    {"SEEN", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, false, IMAPD_FLAG_SEEN, NULL},
    {"SENTBEFORE", IMAPD_SEARCH_SENT, ARGUMENTS_BEFORE, false, 0, NULL},
    {"SENTON", IMAPD_SEARCH_SENT, ARGUMENTS_ON, false, 0, NULL},
    {"SENTSINCE", IMAPD_SEARCH_SENT, ARGUMENTS_SINCE, false, 0, NULL},
    {"SINCE", IMAPD_SEARCH_DATE, ARGUMENTS_SINCE, false, 0, NULL},
    {"SMALLER", IMAPD_SEARCH_SIZE, ARGUMENTS_SMALLER, false, 0, NULL},
    {"SUBJECT", IMAPD_SEARCH_HEADER, ARGUMENTS_FIELD, false, 0, "Subject"},
    {"TEXT", IMAPD_SEARCH_TEXT, ARGUMENTS_TEXT, false, 0, NULL},
    {"TO", IMAPD_SEARCH_HEADER, ARGUMENTS_FIELD, false, 0, "To"},
    {"UID", IMAPD_SEARCH_UIDS, ARGUMENTS_SET, false, 0, NULL},
    {"UNANSWERED", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, true, IMAPD_FLAG_ANSWERED, NULL},
    {"UNDELETED", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, true, IMAPD_FLAG_DELETED, NULL},
    {"UNDRAFT", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, true, IMAPD_FLAG_DRAFT, NULL},
    {"UNFLAGGED", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, true, IMAPD_FLAG_FLAGGED, NULL},
    {"UNKEYWORD", IMAPD_SEARCH_KEYWORD, ARGUMENTS_KEYWORD, true, 0, NULL},
    {"UNSEEN", IMAPD_SEARCH_FLAG, ARGUMENTS_NONE, true, IMAPD_FLAG_SEEN, NULL},
};

static struct imapd_search_key *take_key(struct parser *p);

static struct imapd_search_key *new_key(struct parser *p, enum imapd_search_kind kind)
{
    if (p->keys == IMAPD_SEARCH_KEYS_MAX) {
        imapd_fail(p->c, "more than %d search keys", IMAPD_SEARCH_KEYS_MAX);
        return NULL;
    }
    struct imapd_search_key *key = imapd_arena_alloc(p->c->memory, sizeof *key);
    if (!key) {
        imapd_fail_memory(p->c);
        return NULL;
    }
    p->keys++;
    key->kind = kind;
    return key;
}

static bool enter(struct parser *p)
{
    if (p->depth == IMAPD_SEARCH_DEPTH_MAX)
        return imapd_fail(p->c, "search keys more than %d levels deep", IMAPD_SEARCH_DEPTH_MAX);
    p->depth++;
    return true;
}

/* A date without time (RFC 3501 section 9, date), quoted or not, as days since 1970. */
static bool take_date(struct imapd_cursor *c, int32_t *days)
{
    const char *at = c->rest.p;
    struct slice date;
    char text[48];
    int64_t seconds;

    if (!imapd_astring(c, "a date", &date))
        return false;
    int n = snprintf(text, sizeof text, "%.*s 00:00:00 +0000", (int)(date.n < 12 ? date.n : 12),
                     date.p);
    if (!imap_date_parse(slice_make(text, (size_t)n), &seconds))
        return imapd_fail_at(c, at, "a date is written as 1-Feb-1994");
    /* Of a day before 1970 too this is whole. */
    *days = (int32_t)(seconds / 86400);
    return true;
}

static bool take_days(struct imapd_cursor *c, enum arguments arguments,
                      struct imapd_search_key *key)
{
    int32_t day = 0;

    if (!imapd_space(c) || !take_date(c, &day))
        return false;
    key->first = arguments == ARGUMENTS_BEFORE ? INT32_MIN : day;
    key->last = arguments == ARGUMENTS_SINCE    ? INT32_MAX
                : arguments == ARGUMENTS_BEFORE ? day - 1
                                                : day;
    return true;
}

static bool take_size(struct imapd_cursor *c, bool larger, struct imapd_search_key *key)
{
    uint64_t size;

    if (!imapd_space(c) || !imapd_number(c, "a size", 0, INT64_MAX, &size))
        return false;
    key->least = larger ? size + 1 : size == 0;
    key->most = larger ? UINT64_MAX : size ? size - 1 : 0;
    return true;
}

/* MODSEQ "/flags/\\draft" all 620162338 (RFC 7162 section 3.1.5). Flags have no mod-sequences of
 * their own here, so that the message's stands for each, as that section permits. */
static bool take_modseq(struct parser *p, struct imapd_search_key *key)
{
    struct imapd_cursor *c = p->c;
    struct slice entry;

    if (!imapd_space(c))
        return false;
    if (imapd_at(c, '"')) {
        if (!imapd_string(c, "an entry", &entry) || !imapd_space(c))
            return false;
        if (!imapd_maybe_word(c, "priv") && !imapd_maybe_word(c, "shared") &&
            !imapd_maybe_word(c, "all"))
            return imapd_fail(c, "\"priv\", \"shared\" or \"all\" was expected");
        if (!imapd_space(c))
            return false;
    }
    p->search->modseq = true;
    return imapd_number(c, "a mod-sequence", 0, INT64_MAX, &key->least);
}

static bool take_text(struct imapd_cursor *c, struct imapd_search_key *key)
{
    return imapd_space(c) && imapd_astring(c, "a string to search for", &key->text);
}

static bool take_arguments(struct parser *p, const struct word *word, struct imapd_search_key *key)
{
    struct imapd_cursor *c = p->c;

    switch (word->arguments) {
    case ARGUMENTS_NONE:
        return true;
    case ARGUMENTS_KEYWORD:
        return imapd_space(c) && imapd_keyword_take(c, &key->text);
    case ARGUMENTS_FIELD:
        key->name = slice_of(word->field);
        key->envelope = true;
        return take_text(c, key);
    case ARGUMENTS_TEXT:
        return take_text(c, key);
    case ARGUMENTS_HEADER:
        return imapd_space(c) && imapd_astring(c, "the name of a header field", &key->name) &&
               take_text(c, key);
    case ARGUMENTS_BEFORE:
    case ARGUMENTS_ON:
    case ARGUMENTS_SINCE:
        return take_days(c, word->arguments, key);
    case ARGUMENTS_LARGER:
    case ARGUMENTS_SMALLER:
        return take_size(c, word->arguments == ARGUMENTS_LARGER, key);
    case ARGUMENTS_SET:
        return imapd_space(c) && imapd_set_take(c, &key->set);
    case ARGUMENTS_MODSEQ:
        break;
    }
    return take_modseq(p, key);
}

/* NEW (RFC 3501 section 6.4.4): "(RECENT UNSEEN)". */
static struct imapd_search_key *new_mail(struct parser *p)
{
    struct imapd_search_key *both = new_key(p, IMAPD_SEARCH_AND);
    struct imapd_search_key *recent = both ? new_key(p, IMAPD_SEARCH_FLAG) : NULL;
    struct imapd_search_key *unseen = recent ? new_key(p, IMAPD_SEARCH_FLAG) : NULL;

    if (!unseen)
        return NULL;
    both->child = recent;
    recent->flag = IMAPD_FLAG_RECENT;
    recent->next = unseen;
    unseen->flag = IMAPD_FLAG_SEEN;
    unseen->negated = true;
    return both;
}

static const struct word *find_word(struct slice name)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is_nocase(name, words[i].name))
            return &words[i];
    return NULL;
}

static struct imapd_search_key *take_word(struct parser *p)
{
    struct slice name;

    if (imapd_maybe_word(p->c, "NEW"))
        return new_mail(p);
    if (!imapd_atom(p->c, "a search key", &name))
        return NULL;
    const struct word *word = find_word(name);
    if (!word) {
        imapd_fail_unknown(p->c, "search key", name);
        return NULL;
    }
    struct imapd_search_key *key = new_key(p, word->kind);
    if (!key)
        return NULL;
    key->negated = word->negated;
    key->flag = word->flag;
    return take_arguments(p, word, key) ? key : NULL;
}

static struct imapd_search_key *take_set(struct parser *p)
{
    struct imapd_search_key *key = new_key(p, IMAPD_SEARCH_NUMBERS);

    return key && imapd_set_take(p->c, &key->set) ? key : NULL;
}

/* Keys beside each other, which are linked behind `*link`. */
static bool take_keys(struct parser *p, struct imapd_search_key **link)
{
    do {
        *link = take_key(p);
        if (!*link)
            return false;
        link = &(*link)->next;
    } while (imapd_maybe(p->c, ' '));
    return true;
}

static struct imapd_search_key *take_list(struct parser *p)
{
    struct imapd_search_key *key = new_key(p, IMAPD_SEARCH_AND);

    if (!key || !enter(p) || !take_keys(p, &key->child))
        return NULL;
    p->depth--;
    return imapd_close(p->c, "search keys") ? key : NULL;
}

/* Mail programs write "OR a OR b OR c d" for many: what is an OR on the right is no deeper level,
 * but more keys of the same. */
static struct imapd_search_key *take_or(struct parser *p)
{
    struct imapd_search_key *key = new_key(p, IMAPD_SEARCH_OR);
    struct imapd_search_key **link = key ? &key->child : NULL;
    bool more = true;

    if (!key || !enter(p))
        return NULL;
    while (more) {
        if (!imapd_space(p->c) || !(*link = take_key(p)) || !imapd_space(p->c))
            return NULL;
        link = &(*link)->next;
        more = imapd_maybe_word(p->c, "OR");
    }
    *link = take_key(p);
    p->depth--;
    return *link ? key : NULL;
}

static struct imapd_search_key *take_plain_key(struct parser *p)
{
    char first = p->c->rest.n ? p->c->rest.p[0] : '\0';

    if (imapd_maybe(p->c, '('))
        return take_list(p);
    if (first == '*' || first == '$' || (first >= '0' && first <= '9'))
        return take_set(p);
    if (imapd_maybe_word(p->c, "OR"))
        return take_or(p);
    return take_word(p);
}

static struct imapd_search_key *take_key(struct parser *p)
{
    bool negated = false;

    while (imapd_maybe_word(p->c, "NOT")) {
        negated = !negated;
        if (!imapd_space(p->c))
            return NULL;
    }
    struct imapd_search_key *key = take_plain_key(p);
    if (key && negated)
        key->negated = !key->negated;
    return key;
}

static bool take_result(struct imapd_cursor *c, struct imapd_search *search)
{
    static const char *const names[] = {"MIN", "MAX", "ALL", "COUNT", "SAVE"};
    struct slice word;

    if (!imapd_atom(c, "a result option", &word))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (slice_is_nocase(word, names[i])) {
            search->results |= 1U << i;
            return true;
        }
    }
    return imapd_fail_unknown(c, "result option", word);
}

static bool take_results(struct imapd_cursor *c, struct imapd_search *search)
{
    search->extended = true;
    if (!imapd_space(c) || !imapd_open(c, "result options"))
        return false;
    if (imapd_maybe(c, ')')) {
        search->results = IMAPD_RETURN_ALL;
        return imapd_space(c);
    }
    do {
        if (!take_result(c, search))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "result options") && imapd_space(c);
}

bool imapd_search_take(struct imapd_cursor *c, struct imapd_search *search)
{
    struct parser p = {.c = c, .search = search};

    *search = (struct imapd_search){.charset = slice_of("")};
    if (imapd_maybe_word(c, "RETURN") && !take_results(c, search))
        return false;
    if (imapd_maybe_word(c, "CHARSET") &&
        (!imapd_space(c) || !imapd_astring(c, "a charset", &search->charset) || !imapd_space(c)))
        return false;
    search->key = new_key(&p, IMAPD_SEARCH_AND);
    return search->key && take_keys(&p, &search->key->child);
}
