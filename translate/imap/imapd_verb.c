/* See imapd_verb.h. */
#include "translate/imap/imapd_verb.h"

#include <string.h>

#include "translate/imap/imapd_cursor.h"

enum {
    IN_ANY = IMAPD_STATE_NOT_AUTHENTICATED | IMAPD_STATE_AUTHENTICATED | IMAPD_STATE_SELECTED,
    IN_AUTH = IMAPD_STATE_AUTHENTICATED | IMAPD_STATE_SELECTED,
    IN_NONAUTH = IMAPD_STATE_NOT_AUTHENTICATED,
    IN_SELECTED = IMAPD_STATE_SELECTED,
};

static const struct {
    const char *name;
    unsigned states;
    bool uid;
    bool secret;
} verbs[IMAPD_VERBS] = {
    [IMAPD_UNKNOWN] = {"unknown", 0, false, true},
    [IMAPD_APPEND] = {"APPEND", IN_AUTH, false, false},
    [IMAPD_AUTHENTICATE] = {"AUTHENTICATE", IN_NONAUTH, false, true},
    [IMAPD_CAPABILITY] = {"CAPABILITY", IN_ANY, false, false},
    [IMAPD_CHECK] = {"CHECK", IN_SELECTED, false, false},
    [IMAPD_CLOSE] = {"CLOSE", IN_SELECTED, false, false},
    [IMAPD_COPY] = {"COPY", IN_SELECTED, true, false},
    [IMAPD_CREATE] = {"CREATE", IN_AUTH, false, false},
    [IMAPD_DELETE] = {"DELETE", IN_AUTH, false, false},
    [IMAPD_ENABLE] = {"ENABLE", IN_AUTH, false, false},
    [IMAPD_EXAMINE] = {"EXAMINE", IN_AUTH, false, false},
    [IMAPD_EXPUNGE] = {"EXPUNGE", IN_SELECTED, true, false},
    [IMAPD_FETCH] = {"FETCH", IN_SELECTED, true, false},
    [IMAPD_ID] = {"ID", IN_ANY, false, false},
    [IMAPD_IDLE] = {"IDLE", IN_AUTH, false, false},
    [IMAPD_LIST] = {"LIST", IN_AUTH, false, false},
    [IMAPD_LOGIN] = {"LOGIN", IN_NONAUTH, false, true},
    [IMAPD_LOGOUT] = {"LOGOUT", IN_ANY, false, false},
    [IMAPD_LSUB] = {"LSUB", IN_AUTH, false, false},
    [IMAPD_MOVE] = {"MOVE", IN_SELECTED, true, false},
    [IMAPD_NAMESPACE] = {"NAMESPACE", IN_AUTH, false, false},
    [IMAPD_NOOP] = {"NOOP", IN_ANY, false, false},
    [IMAPD_RENAME] = {"RENAME", IN_AUTH, false, false},
    [IMAPD_SEARCH] = {"SEARCH", IN_SELECTED, true, false},
    [IMAPD_SELECT] = {"SELECT", IN_AUTH, false, false},
    [IMAPD_STARTTLS] = {"STARTTLS", IN_NONAUTH, false, false},
    [IMAPD_STATUS] = {"STATUS", IN_AUTH, false, false},
    [IMAPD_STORE] = {"STORE", IN_SELECTED, true, false},
    [IMAPD_SUBSCRIBE] = {"SUBSCRIBE", IN_AUTH, false, false},
    [IMAPD_UNSELECT] = {"UNSELECT", IN_SELECTED, false, false},
    [IMAPD_UNSUBSCRIBE] = {"UNSUBSCRIBE", IN_AUTH, false, false},
};

enum imapd_verb imapd_verb_find(struct slice name)
{
    for (int verb = IMAPD_UNKNOWN + 1; verb < IMAPD_VERBS; verb++)
        if (slice_is_nocase(name, verbs[verb].name))
            return (enum imapd_verb)verb;
    return IMAPD_UNKNOWN;
}

const char *imapd_verb_name(enum imapd_verb verb)
{
    return verbs[verb].name;
}

unsigned imapd_verb_states(enum imapd_verb verb)
{
    return verbs[verb].states;
}

bool imapd_verb_has_uid(enum imapd_verb verb)
{
    return verbs[verb].uid;
}

bool imapd_verb_is_secret(enum imapd_verb verb)
{
    return verbs[verb].secret;
}

bool imapd_tag_take(struct slice *text, struct slice *tag)
{
    size_t n = 0;

    while (n < text->n && imapd_is_astring_char(text->p[n]) && text->p[n] != '+')
        n++;
    if (n == 0 || n > IMAPD_TAG_MAX || (n < text->n && text->p[n] != ' '))
        return false;
    *tag = slice_take(text, n);
    return true;
}

/* The word behind one space. */
static struct slice next_word(struct slice *rest)
{
    size_t n = 0;

    if (rest->n == 0 || rest->p[0] != ' ')
        return slice_make(rest->p, 0);
    slice_take(rest, 1);
    while (n < rest->n && rest->p[n] != ' ')
        n++;
    return slice_take(rest, n);
}

enum imapd_verb imapd_verb_of(struct slice line, struct slice *rest)
{
    struct slice tag;

    *rest = line;
    if (!imapd_tag_take(rest, &tag))
        return IMAPD_UNKNOWN;
    struct slice word = next_word(rest);
    if (slice_is_nocase(word, "UID"))
        word = next_word(rest);
    return imapd_verb_find(word);
}

struct slice imapd_command_shown(struct slice command)
{
    const char *end = command.n ? memchr(command.p, '\r', command.n) : NULL;
    struct slice line = slice_make(command.p, end ? (size_t)(end - command.p) : command.n);
    struct slice rest;
    enum imapd_verb verb = imapd_verb_of(line, &rest);

    return imapd_verb_is_secret(verb) ? slice_of(imapd_verb_name(verb)) : line;
}
