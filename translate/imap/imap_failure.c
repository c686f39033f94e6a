/*
 * What a refusal means. The response codes are RFC 5530's; some servers say the same without a
 * code, or put it at the end of the text.
 */
#include "translate/imap/imap_client.h"

static const struct {
    const char *code;
    enum failure_kind kind;
} codes[] = {
    {"AUTHENTICATIONFAILED", FAILURE_AUTH},
    {"AUTHORIZATIONFAILED", FAILURE_AUTH},
    {"EXPIRED", FAILURE_AUTH},
    {"INUSE", FAILURE_IN_USE},
    {"UNAVAILABLE", FAILURE_TEMPORARY},
    {"SERVERBUG", FAILURE_TEMPORARY},
    {"LIMIT", FAILURE_TEMPORARY},
    {"THROTTLED", FAILURE_TEMPORARY},
    {"PRIVACYREQUIRED", FAILURE_PERMANENT},
    {"CONTACTADMIN", FAILURE_PERMANENT},
    {"NOPERM", FAILURE_PERMANENT},
    {"OVERQUOTA", FAILURE_PERMANENT},
    {"CORRUPTION", FAILURE_PERMANENT},
};

/* Said by Exchange with BAD or NO when its store is away or it throttles; by Gmail at the end. */
static const char *const passing_texts[] = {
    "User is authenticated but not connected",
    "Server Unavailable",
    "[THROTTLED]",
};

static enum failure_kind kind_of(const struct imap_event *status, enum failure_kind fallback)
{
    struct slice code = status->code;
    struct slice word = slice_word(&code);

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (slice_is_nocase(word, codes[i].code))
            return codes[i].kind;
    for (size_t i = 0; i < sizeof passing_texts / sizeof *passing_texts; i++)
        if (slice_contains_nocase(status->text, passing_texts[i]))
            return FAILURE_TEMPORARY;
    return fallback;
}

void imap_failure(struct failure *why, const struct imap_event *status, enum failure_kind fallback)
{
    enum failure_kind kind = kind_of(status, fallback);
    size_t most = sizeof why->text;

    if (status->text.n)
        failure_set(why, kind, "%.*s", (int)(status->text.n < most ? status->text.n : most),
                    status->text.p);
    else
        failure_set(why, kind, "the server refused without giving a reason%s%.*s%s",
                    status->code.n ? " [" : "",
                    (int)(status->code.n < most ? status->code.n : most), status->code.p,
                    status->code.n ? "]" : "");
}
