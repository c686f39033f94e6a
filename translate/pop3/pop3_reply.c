#include "translate/pop3/pop3_reply.h"

#include "translate/sasl/sasl_mechanism.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One reply line: the indicator, and behind a space the text, if there is any, cleaned and cut. */
static void put_line(struct buf *out, const char *indicator, const char *text)
{
    char clean[POP3_REPLY_MAX];
    size_t room = POP3_REPLY_MAX - strlen(indicator) - strlen(" \r\n");

    text_clean(clean, room + 1, slice_of(text));
    buf_puts(out, indicator);
    if (clean[0])
        buf_putc(out, ' ');
    buf_puts(out, clean);
    buf_puts(out, "\r\n");
}

/* Twice the size of a reply, so that where `raw` is cut cannot be seen in what is sent. */
static void put_format(struct buf *out, const char *indicator, const char *format, va_list args)
{
    char raw[2 * POP3_REPLY_MAX];
    int n = vsnprintf(raw, sizeof raw, format, args);

    put_line(out, indicator, n < 0 ? "" : raw);
}

void pop3_ok(struct buf *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_format(out, "+OK", format, args);
    va_end(args);
}

void pop3_err(struct buf *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_format(out, "-ERR", format, args);
    va_end(args);
}

void pop3_err_failure(struct buf *out, const struct failure *why)
{
    static const char *const indicators[] = {
        [FAILURE_NONE] = "-ERR",
        [FAILURE_AUTH] = "-ERR [AUTH]",
        [FAILURE_IN_USE] = "-ERR [IN-USE]",
        [FAILURE_LOGIN_DELAY] = "-ERR [LOGIN-DELAY]",
        [FAILURE_TEMPORARY] = "-ERR [SYS/TEMP]",
        [FAILURE_PERMANENT] = "-ERR [SYS/PERM]",
        [FAILURE_FULL] = "-ERR [SYS/TEMP]",
    };

    put_line(out, indicators[why->kind], why->text);
}

void pop3_put_capabilities(struct buf *out, const struct pop3_capabilities *caps)
{
    pop3_ok(out, "Capabilities follow");
    buf_puts(out, "TOP\r\nUIDL\r\n");
    if (caps->user)
        buf_puts(out, "USER\r\n");
    if (caps->mechanisms) {
        buf_puts(out, "SASL");
        sasl_mechanism_put(out, caps->mechanisms, " ", "");
        buf_puts(out, "\r\n");
    }
    buf_puts(out, "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n");
    if (caps->login_delay)
        buf_printf(out, "LOGIN-DELAY %u\r\n", caps->login_delay);
    buf_puts(out, "UTF8 USER\r\nLANG\r\n");
    if (caps->stls)
        buf_puts(out, "STLS\r\n");
    buf_puts(out, "IMPLEMENTATION mailferry-" MAILFERRY_VERSION "\r\n.\r\n");
}

void pop3_put_mechanisms(struct buf *out, const struct pop3_capabilities *caps)
{
    pop3_ok(out, "Mechanisms follow");
    sasl_mechanism_put(out, caps->mechanisms, "", "\r\n");
    buf_puts(out, ".\r\n");
}

struct language {
    const char *tag;
    const char *description; /* in the language itself */
};

/* The first is what "*" selects. i-default (RFC 2277 section 4.5) is English for everybody. */
static const struct language languages[] = {
    {"en", "English"},
    {"i-default", "Default language"},
};

enum { LANGUAGES = sizeof languages / sizeof languages[0] };

/* Lookup as in RFC 4647 section 3.4: "en-GB" finds "en". */
static bool range_finds(struct slice range, const char *tag)
{
    struct slice rest = range;
    struct slice head = slice_take(&rest, strlen(tag));

    return slice_is_nocase(head, tag) && (rest.n == 0 || rest.p[0] == '-');
}

static const struct language *find_language(struct slice range)
{
    if (slice_is(range, "*"))
        return &languages[0];
    for (size_t i = 0; i < LANGUAGES; i++)
        if (range_finds(range, languages[i].tag))
            return &languages[i];
    return NULL;
}

static void list_languages(struct buf *out)
{
    pop3_ok(out, "Languages follow");
    for (size_t i = 0; i < LANGUAGES; i++)
        buf_printf(out, "%s %s\r\n", languages[i].tag, languages[i].description);
    buf_puts(out, ".\r\n");
}

void pop3_put_lang(struct buf *out, struct slice range)
{
    const struct language *language = find_language(range);

    if (range.n == 0)
        list_languages(out);
    else if (language)
        pop3_ok(out, "%s Language selected", language->tag);
    else
        pop3_err(out, "No such language here: LANG alone lists those there are");
}
