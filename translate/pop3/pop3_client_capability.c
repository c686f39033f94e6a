/* See pop3_client_capability.h. */
#include "translate/pop3/pop3_client_capability.h"

#include "translate/text/failure.h"

/* The capabilities that are there or not. */
static const struct {
    const char *name;
    size_t flag;
} flags[] = {
    {"USER", offsetof(struct pop3_client_capabilities, user)},
    {"STLS", offsetof(struct pop3_client_capabilities, stls)},
    {"PIPELINING", offsetof(struct pop3_client_capabilities, pipelining)},
    {"RESP-CODES", offsetof(struct pop3_client_capabilities, resp_codes)},
    {"AUTH-RESP-CODE", offsetof(struct pop3_client_capabilities, auth_resp_code)},
    {"UTF8", offsetof(struct pop3_client_capabilities, utf8)},
    {"LANG", offsetof(struct pop3_client_capabilities, lang)},
};

static void take_flag(struct pop3_client_capabilities *caps, struct slice name)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (slice_is_nocase(name, flags[i].name))
            *(bool *)((char *)caps + flags[i].flag) = true;
}

/* "EXPIRE 30", "EXPIRE 30 USER", "EXPIRE NEVER" (RFC 2449 section 6.7). */
static void take_expire(struct pop3_client_capabilities *caps, struct slice arguments)
{
    struct slice days = slice_word(&arguments);
    uint64_t number = POP3_EXPIRE_NEVER;

    if (!slice_is_nocase(days, "NEVER") && !slice_number(days, UINT32_MAX, &number))
        return;
    caps->has_expire = true;
    caps->expire_days = (uint32_t)number;
    caps->expire_user = slice_is_nocase(slice_word(&arguments), "USER");
}

/* "LOGIN-DELAY 900", "LOGIN-DELAY 900 USER" (RFC 2449 section 6.5). */
static void take_login_delay(struct pop3_client_capabilities *caps, struct slice arguments)
{
    uint64_t seconds;

    if (!slice_number(slice_word(&arguments), UINT32_MAX, &seconds))
        return;
    caps->login_delay = (uint32_t)seconds;
    caps->login_delay_user = slice_is_nocase(slice_word(&arguments), "USER");
}

void pop3_client_capability_take(struct pop3_client_capabilities *caps, struct slice line)
{
    struct slice rest = slice_trim(line);
    struct slice name = slice_word(&rest);

    if (slice_is_nocase(name, "TOP"))
        caps->top = POP3_SUPPORT_YES;
    else if (slice_is_nocase(name, "UIDL"))
        caps->uidl = POP3_SUPPORT_YES;
    else if (slice_is_nocase(name, "SASL"))
        caps->mechanisms |= sasl_mechanism_bits(rest);
    else if (slice_is_nocase(name, "EXPIRE"))
        take_expire(caps, rest);
    else if (slice_is_nocase(name, "LOGIN-DELAY"))
        take_login_delay(caps, rest);
    else if (slice_is_nocase(name, "IMPLEMENTATION"))
        text_clean(caps->implementation, sizeof caps->implementation, slice_trim(rest));
    else
        take_flag(caps, name);
}
