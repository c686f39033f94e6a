#include "translate/pop3/pop3_command.h"

#include <string.h>

/* What may stand behind a verb. */
enum arguments {
    /*
     * Nothing. Whatever a client puts there all the same is ignored, as Dovecot does: the verb
     * alone says what is meant, and to refuse "QUIT now" would undo the deletions of a device that
     * cannot be taught better.
     */
    ARGUMENTS_NONE,
    ARGUMENTS_NUMBER,
    ARGUMENTS_MAYBE_NUMBER,
    ARGUMENTS_NUMBER_AND_LINES,
    ARGUMENTS_NAME,     /* the rest of the line, trimmed */
    ARGUMENTS_PASSWORD, /* the rest of the line behind one blank, as it is */
    ARGUMENTS_NAME_AND_DIGEST,
    ARGUMENTS_MECHANISM,
    ARGUMENTS_MAYBE_WORD,
};

struct verb {
    const char *name;
    enum arguments arguments;
    bool secret;
    const char *usage; /* what is said when the arguments do not fit */
};

/* An unknown word may be the SASL response of a client that did not wait for its AUTH to be
 * refused, or a misspelt PASS: it is as secret as those. */
static const struct verb verbs[] = {
    [POP3_UNKNOWN] = {"unknown", ARGUMENTS_NONE, true, NULL},
    [POP3_APOP] = {"APOP", ARGUMENTS_NAME_AND_DIGEST, true, "APOP needs a user name and a digest"},
    [POP3_AUTH] = {"AUTH", ARGUMENTS_MECHANISM, true,
                   "AUTH takes a mechanism and an initial response at most: AUTH PLAIN"},
    [POP3_CAPA] = {"CAPA", ARGUMENTS_NONE, false, NULL},
    [POP3_DELE] = {"DELE", ARGUMENTS_NUMBER, false,
                   "DELE needs a message number from 1 on: DELE 1"},
    [POP3_LANG] = {"LANG", ARGUMENTS_MAYBE_WORD, false,
                   "LANG takes one language or none: LANG en, or LANG alone to list them"},
    [POP3_LAST] = {"LAST", ARGUMENTS_NONE, false, NULL},
    [POP3_LIST] = {"LIST", ARGUMENTS_MAYBE_NUMBER, false,
                   "LIST takes one message number from 1 on, or none: LIST 1"},
    [POP3_NOOP] = {"NOOP", ARGUMENTS_NONE, false, NULL},
    [POP3_PASS] = {"PASS", ARGUMENTS_PASSWORD, true, "PASS needs a password behind it"},
    [POP3_QUIT] = {"QUIT", ARGUMENTS_NONE, false, NULL},
    [POP3_RETR] = {"RETR", ARGUMENTS_NUMBER, false,
                   "RETR needs a message number from 1 on: RETR 1"},
    [POP3_RSET] = {"RSET", ARGUMENTS_NONE, false, NULL},
    [POP3_STAT] = {"STAT", ARGUMENTS_NONE, false, NULL},
    [POP3_STLS] = {"STLS", ARGUMENTS_NONE, false, NULL},
    [POP3_TOP] = {"TOP", ARGUMENTS_NUMBER_AND_LINES, false,
                  "TOP needs a message number and a number of lines: TOP 1 10"},
    [POP3_UIDL] = {"UIDL", ARGUMENTS_MAYBE_NUMBER, false,
                   "UIDL takes one message number from 1 on, or none: UIDL 1"},
    [POP3_USER] = {"USER", ARGUMENTS_NAME, false, "USER needs a user name: USER anna"},
    [POP3_UTF8] = {"UTF8", ARGUMENTS_NONE, false, NULL},
};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next word of `*rest`; the blanks around it go, too. */
static struct slice next_word(struct slice *rest)
{
    size_t n = 0;

    *rest = slice_trim(*rest);
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    struct slice word = slice_take(rest, n);
    *rest = slice_trim(*rest);
    return word;
}

/* The verb is the first word; `*rest` begins with the blank behind it. */
static struct slice take_verb(struct slice *rest)
{
    size_t n = 0;

    while (rest->n && is_blank(rest->p[0]))
        slice_take(rest, 1);
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    return slice_take(rest, n);
}

static enum pop3_verb find_verb(struct slice word)
{
    for (size_t i = POP3_UNKNOWN + 1; i < VERBS; i++)
        if (slice_is_nocase(word, verbs[i].name))
            return (enum pop3_verb)i;
    return POP3_UNKNOWN;
}

static bool take_number(struct slice *rest, uint32_t least, uint32_t *number)
{
    uint64_t value;

    if (!slice_number(next_word(rest), UINT32_MAX, &value) || value < least)
        return false;
    *number = (uint32_t)value;
    return true;
}

static bool parse_auth(struct pop3_command *cmd, struct slice *rest)
{
    cmd->text = next_word(rest);
    cmd->has_initial = rest->n > 0;
    cmd->initial = next_word(rest);
    if (slice_is(cmd->initial, "=")) /* an empty response, RFC 5034 section 4 */
        cmd->initial = slice_make(cmd->initial.p, 0);
    return rest->n == 0;
}

/* RFC 1939 section 7: spaces belong to the password. An empty one is refused here, because some
 * upstreams (those that ask a directory) take it for an anonymous login and let it in. */
static bool parse_password(struct pop3_command *cmd, struct slice rest)
{
    slice_take(&rest, 1);
    cmd->text = rest;
    return rest.n > 0;
}

static bool parse_arguments(struct pop3_command *cmd, struct slice rest)
{
    switch (verbs[cmd->verb].arguments) {
    case ARGUMENTS_NONE:
        return true;
    case ARGUMENTS_NUMBER:
        return take_number(&rest, 1, &cmd->number) && rest.n == 0;
    case ARGUMENTS_MAYBE_NUMBER:
        return slice_trim(rest).n == 0 || (take_number(&rest, 1, &cmd->number) && rest.n == 0);
    case ARGUMENTS_NUMBER_AND_LINES:
        return take_number(&rest, 1, &cmd->number) && take_number(&rest, 0, &cmd->lines) &&
               rest.n == 0;
    case ARGUMENTS_NAME:
        cmd->text = slice_trim(rest);
        return cmd->text.n > 0;
    case ARGUMENTS_PASSWORD:
        return parse_password(cmd, rest);
    case ARGUMENTS_NAME_AND_DIGEST:
        cmd->text = next_word(&rest);
        cmd->initial = next_word(&rest);
        return cmd->initial.n > 0 && rest.n == 0;
    case ARGUMENTS_MECHANISM:
        return parse_auth(cmd, &rest);
    case ARGUMENTS_MAYBE_WORD:
        cmd->text = next_word(&rest);
        return rest.n == 0;
    }
    return false;
}

bool pop3_command_parse(struct pop3_command *cmd, struct slice line, struct failure *why)
{
    struct slice rest = line;

    *cmd = (struct pop3_command){.word = take_verb(&rest)};
    cmd->verb = find_verb(cmd->word);
    if (slice_has_nul(line)) {
        failure_set(why, FAILURE_PERMANENT, "A command cannot hold a NUL octet");
        return false;
    }
    if (!parse_arguments(cmd, rest)) {
        failure_set(why, FAILURE_PERMANENT, "%s", verbs[cmd->verb].usage);
        return false;
    }
    return true;
}

bool pop3_verb_is_secret(enum pop3_verb verb)
{
    return verbs[verb].secret;
}

struct slice pop3_command_shown(struct slice line)
{
    struct slice rest = line;
    enum pop3_verb verb = find_verb(take_verb(&rest));

    return pop3_verb_is_secret(verb) ? slice_of(pop3_verb_name(verb)) : slice_trim(line);
}

const char *pop3_verb_name(enum pop3_verb verb)
{
    return verbs[verb].name;
}
