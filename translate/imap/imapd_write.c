/* See imapd_write.h. */
#include "translate/imap/imapd_write.h"

#include <string.h>

#include "translate/imap/imap_write.h"
#include "translate/text/utf8.h"

/* Clients read lines into buffers of their own: a longer string comes as a literal, which says its
 * size first. */
enum { QUOTED_MAX = 1024 };

static void put_octets_of_literal(struct buf *out, struct slice text)
{
    imapd_put_literal(out, text.n, false);
    if (!slice_has_nul(text)) {
        buf_put(out, text);
        return;
    }
    for (size_t i = 0; i < text.n; i++)
        buf_putc(out, text.p[i] ? text.p[i] : '?');
}

void imapd_put_string(struct buf *out, struct slice text, bool utf8)
{
    bool quoted = text.n <= QUOTED_MAX && imap_put_quoted(out, text, utf8 && utf8_is_valid(text));

    if (!quoted)
        put_octets_of_literal(out, text);
}

void imapd_put_nstring(struct buf *out, struct slice text, bool utf8)
{
    if (text.p)
        imapd_put_string(out, text, utf8);
    else
        buf_puts(out, "NIL");
}

/* "NIL" would be a good atom, but clients that take it for no string are known. */
static bool fits_atom(struct slice text)
{
    if (text.n == 0 || text.n > QUOTED_MAX || slice_is_nocase(text, "NIL"))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (!imapd_is_atom_char(text.p[i]))
            return false;
    return true;
}

void imapd_put_astring(struct buf *out, struct slice text, bool utf8)
{
    if (fits_atom(text))
        buf_put(out, text);
    else
        imapd_put_string(out, text, utf8);
}

void imapd_put_literal(struct buf *out, uint64_t size, bool binary)
{
    buf_printf(out, "%s{%llu}\r\n", binary ? "~" : "", (unsigned long long)size);
}

void imapd_put_flags(struct buf *out, const struct imapd_flags *flags)
{
    const char *space = "";

    buf_putc(out, '(');
    for (unsigned bit = 1; bit <= IMAPD_FLAG_RECENT; bit <<= 1) {
        if (!(flags->system & bit))
            continue;
        buf_printf(out, "%s%s", space, imapd_flag_name(bit));
        space = " ";
    }
    for (size_t i = 0; i < flags->count; i++, space = " ") {
        buf_puts(out, space);
        buf_put(out, flags->keywords[i]);
    }
    buf_putc(out, ')');
}

struct day {
    int64_t year;
    int month;
    int day;
};

/* The Gregorian day that is `days` after 1970-01-01. Years are counted from March in eras of 400,
 * so that the leap day is the last of its year and no table is needed. */
static struct day day_from_days(int64_t days)
{
    enum { ERA_DAYS = 146097, TO_1970 = 719468 };
    int64_t at = days + TO_1970;
    int64_t era = at / ERA_DAYS;
    int64_t in_era = at % ERA_DAYS;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / (ERA_DAYS - 1)) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * in_year + 2) / 153);
    int day = (int)(in_year - (153 * month + 2) / 5) + 1;

    month += month < 10 ? 3 : -9;
    return (struct day){era * 400 + year + (month <= 2), month, day};
}

void imapd_put_date(struct buf *out, int64_t seconds)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const int64_t least = -62135596800; /* 0001-01-01 00:00:00 */
    const int64_t most = 253402300799;  /* 9999-12-31 23:59:59 */

    seconds = seconds < least ? least : seconds > most ? most : seconds;
    int in_day = (int)(((seconds % 86400) + 86400) % 86400);
    struct day day = day_from_days((seconds - in_day) / 86400);
    buf_printf(out, "\"%02d-%s-%04lld %02d:%02d:%02d +0000\"", day.day, months[day.month - 1],
               (long long)day.year, in_day / 3600, in_day / 60 % 60, in_day % 60);
}

static const struct {
    const char *word;
    const char *text; /* resp-text cannot be empty */
} statuses[] = {
    [IMAPD_OK] = {"OK", "Done"},
    [IMAPD_NO] = {"NO", "Refused"},
    [IMAPD_BAD] = {"BAD", "Not understood"},
    [IMAPD_BYE] = {"BYE", "Goodbye"},
    [IMAPD_PREAUTH] = {"PREAUTH", "Ready"},
};

static void put_text(struct buf *out, struct slice text, const char *otherwise, bool utf8)
{
    char clean[512];

    text_clean(clean, sizeof clean, text);
    for (char *p = clean; *p && !utf8; p++)
        *p = (unsigned char)*p < 0x80 ? *p : '?';
    buf_puts(out, *clean ? clean : otherwise);
}

void imapd_put_status(struct buf *out, struct slice tag, enum imapd_status status, const char *code,
                      struct slice text, bool utf8)
{
    if (tag.n)
        buf_put(out, tag);
    else
        buf_putc(out, '*');
    buf_printf(out, " %s ", statuses[status].word);
    if (code)
        buf_printf(out, "[%s] ", code);
    /* Without a code a text in brackets, such as an upstream's, would be read as one. */
    else if (text.n && text.p[0] == '[')
        buf_puts(out, ": ");
    put_text(out, text, statuses[status].text, utf8);
    buf_puts(out, "\r\n");
}

const char *imapd_failure_code(enum failure_kind kind)
{
    switch (kind) {
    case FAILURE_NONE:
        return NULL;
    case FAILURE_AUTH:
        return "AUTHENTICATIONFAILED";
    case FAILURE_IN_USE:
        return "INUSE";
    case FAILURE_LOGIN_DELAY: /* RFC 5530 has no code of its own for it */
    case FAILURE_TEMPORARY:
        return "UNAVAILABLE";
    case FAILURE_FULL:
        return "OVERQUOTA";
    case FAILURE_PERMANENT:
        break;
    }
    return "CANNOT";
}

void imapd_put_failure(struct buf *out, struct slice tag, const struct failure *why, bool utf8)
{
    imapd_put_status(out, tag, IMAPD_NO, imapd_failure_code(why->kind), slice_of(why->text), utf8);
}

void imapd_put_bad(struct buf *out, struct slice tag, const struct failure *why, bool utf8)
{
    if (why->kind == FAILURE_TEMPORARY)
        imapd_put_failure(out, tag, why, utf8);
    else
        imapd_put_status(out, tag, IMAPD_BAD, NULL, slice_of(why->text), utf8);
}
