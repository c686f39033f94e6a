/*
 * What a refusal means. Codes are RFC 2449's and RFC 3206's; most servers say the same only in
 * words, and a gateway that took a locked maildrop for a wrong password would have its user asked
 * for a new one (CASES U7).
 */
#include "translate/pop3/pop3_response.h"

#include <string.h>

struct meaning {
    const char *words;
    enum failure_kind kind;
};

/* A code may be refined behind a slash (RFC 2449 section 8). */
static const struct meaning codes[] = {
    {"AUTH", FAILURE_AUTH},
    {"IN-USE", FAILURE_IN_USE},
    {"LOGIN-DELAY", FAILURE_LOGIN_DELAY},
    {"SYS/TEMP", FAILURE_TEMPORARY},
    {"SYS/PERM", FAILURE_PERMANENT},
    {"THROTTLED", FAILURE_TEMPORARY},
    {"UTF8", FAILURE_PERMANENT},
};

/* The first that is found counts. A mere "locked" is not here: accounts are locked too. */
static const struct meaning phrases[] = {
    {"[IN-USE]", FAILURE_IN_USE},
    {"[LOGIN-DELAY]", FAILURE_LOGIN_DELAY},
    {"[SYS/TEMP]", FAILURE_TEMPORARY},
    {"[THROTTLED]", FAILURE_TEMPORARY},
    {"already in use", FAILURE_IN_USE},
    {"maildrop in use", FAILURE_IN_USE},
    {"maildrop is in use", FAILURE_IN_USE},
    {"mailbox in use", FAILURE_IN_USE},
    {"mailbox is in use", FAILURE_IN_USE},
    {"in use by another", FAILURE_IN_USE},
    {"maildrop locked", FAILURE_IN_USE},
    {"maildrop is locked", FAILURE_IN_USE},
    {"mailbox locked", FAILURE_IN_USE},
    {"mailbox is locked", FAILURE_IN_USE},
    {"maildrop already locked", FAILURE_IN_USE},
    {"mailbox already locked", FAILURE_IN_USE},
    {"maildrop busy", FAILURE_IN_USE},
    {"mailbox busy", FAILURE_IN_USE},
    {"mailbox is busy", FAILURE_IN_USE},
    {"lock busy", FAILURE_IN_USE},
    {"unable to lock", FAILURE_IN_USE},
    {"can't lock", FAILURE_IN_USE},
    {"cannot lock", FAILURE_IN_USE},
    {"could not lock", FAILURE_IN_USE},
    {"couldn't lock", FAILURE_IN_USE},
    {"failed to lock", FAILURE_IN_USE},
    {"maildrop lock", FAILURE_IN_USE},
    {"mailbox lock", FAILURE_IN_USE},
    {"another pop", FAILURE_IN_USE},
    {"another session", FAILURE_IN_USE},
    {"login delay", FAILURE_LOGIN_DELAY},
    {"login interval", FAILURE_LOGIN_DELAY},
    {"login too often", FAILURE_LOGIN_DELAY},
    {"logins too frequent", FAILURE_LOGIN_DELAY},
    {"minimum time between", FAILURE_LOGIN_DELAY},
    {"too soon", FAILURE_LOGIN_DELAY},
    {"temporar", FAILURE_TEMPORARY},
    {"try again later", FAILURE_TEMPORARY},
    {"try later", FAILURE_TEMPORARY},
    {"too many connections", FAILURE_TEMPORARY},
    {"server unavailable", FAILURE_TEMPORARY},
    {"service unavailable", FAILURE_TEMPORARY},
    {"system busy", FAILURE_TEMPORARY},
    {"server busy", FAILURE_TEMPORARY},
};

/* "unknown" and "unrecognized" alone are not here: users are that too. */
static const char *const unsupported_phrases[] = {
    "unknown command",
    "unknown auth",
    "unknown mech",
    "unknown sasl",
    "unrecognized command",
    "unrecognised command",
    "command not recognized",
    "unrecognized auth",
    "unrecognised auth",
    "unsupported",
    "not supported",
    "not implemented",
    "unimplemented",
    "invalid command",
    "bad command",
    "illegal command",
    "no such command",
    "command disabled",
    "syntax error",
    "protocol error",
};

static const char *const message_phrases[] = {"message", "range", "delete", "no such"};

static bool has_any(struct slice text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_contains_nocase(text, list[i]))
            return true;
    return false;
}

static bool code_is(struct slice code, const char *name)
{
    size_t n = strlen(name);

    return slice_is_nocase(slice_make(code.p, code.n < n ? code.n : n), name) &&
           (code.n == n || code.p[n] == '/');
}

static enum failure_kind kind_of_code(struct slice code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (code_is(code, codes[i].words))
            return codes[i].kind;
    return FAILURE_NONE;
}

static enum failure_kind kind_of_text(struct slice text)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (slice_contains_nocase(text, phrases[i].words))
            return phrases[i].kind;
    return FAILURE_NONE;
}

void pop3_response_failure(struct failure *why, const struct pop3_response *r,
                           enum failure_kind fallback)
{
    enum failure_kind of_code = kind_of_code(r->code);
    enum failure_kind kind = of_code ? of_code : kind_of_text(r->text);
    struct slice code = r->code;
    struct slice text = r->text;
    struct slice shown = slice_take(&text, sizeof why->text);

    if (kind == FAILURE_NONE)
        kind = fallback;
    /* Brackets that mean nothing to us may mean something to a person. */
    code = slice_take(&code, of_code && shown.n ? 0 : sizeof why->text / 4);
    const char *words = shown.n ? "" : "the server refused without giving a reason";
    if (code.n)
        failure_set(why, kind, "%s%s[%.*s] %.*s", words, *words ? " " : "", SLICE_ARG(code),
                    SLICE_ARG(shown));
    else
        failure_set(why, kind, "%s%.*s", words, SLICE_ARG(shown));
}

bool pop3_response_is_unsupported(const struct pop3_response *r)
{
    return kind_of_code(r->code) == FAILURE_NONE &&
           has_any(r->text, unsupported_phrases,
                   sizeof unsupported_phrases / sizeof *unsupported_phrases);
}

bool pop3_response_is_about_message(const struct pop3_response *r)
{
    return has_any(r->text, message_phrases, sizeof message_phrases / sizeof *message_phrases);
}
