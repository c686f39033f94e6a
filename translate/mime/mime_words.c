/* See mime_words.h. */
#include "translate/mime/mime_words.h"

#include <gmime/gmime.h>
#include <string.h>

#include "translate/mime/mime_base64.h"
#include "translate/mime/mime_charset.h"
#include "translate/text/utf8.h"

/* ---- unfolding ---------------------------------------------------------------------------- */

static char at(struct slice value, size_t i)
{
    return i < value.n ? value.p[i] : '\0';
}

/* Without line ends; a tab that follows one was a space before it was folded, as a rule. NUL, which
 * would end a C string, as U+FFFD. */
static void unfold(struct buf *out, struct slice value)
{
    size_t from = 0; /* what is put as it is */

    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c > '\r' || c < '\0')
            continue;
        bool tab = c == '\t' && i && value.p[i - 1] == '\n';
        if (c != '\0' && c != '\n' && !tab && (c != '\r' || at(value, i + 1) != '\n'))
            continue;
        buf_put(out, slice_make(value.p + from, i - from));
        buf_puts(out, c == '\0' ? "\xef\xbf\xbd" : tab ? " " : "");
        from = i + 1;
    }
    buf_put(out, slice_make(value.p + from, value.n - from));
}

/* ---- encoded words ------------------------------------------------------------------------ */

/* An encoded word in base64: its charset, and what is encoded. */
struct word {
    struct slice charset, text;
};

static size_t span(struct slice s, bool (*is)(char c))
{
    size_t n = 0;

    while (n < s.n && is(s.p[n]))
        n++;
    return n;
}

static bool is_of_charset(char c)
{
    return c > ' ' && c != '?' && c != '=' && c != '\x7f';
}

static bool is_of_text(char c)
{
    return c > ' ' && c != '?';
}

/* Takes "=?charset?b?text?=" off the front. */
static bool take_base64(struct slice *s, struct word *word)
{
    struct slice rest = *s;

    if (at(rest, 0) != '=' || at(rest, 1) != '?')
        return false;
    slice_take(&rest, 2);
    word->charset = slice_take(&rest, span(rest, is_of_charset));
    if (at(rest, 0) != '?' || (at(rest, 1) != 'b' && at(rest, 1) != 'B') || at(rest, 2) != '?')
        return false;
    slice_take(&rest, 3);
    word->text = slice_take(&rest, span(rest, is_of_text));
    if (word->charset.n == 0 || at(rest, 0) != '?' || at(rest, 1) != '=')
        return false;
    slice_take(&rest, 2);
    *s = rest;
    return true;
}

static void put_quoted(struct buf *out, const struct word *word)
{
    struct mime_base64 base64 = {0};
    struct buf octets = BUF_INIT;

    mime_base64_feed(&base64, word->text, &octets);
    mime_base64_end(&base64, &octets);
    buf_puts(out, "=?");
    buf_put(out, word->charset);
    buf_puts(out, "?Q?");
    for (size_t i = 0; i < buf_size(&octets); i++)
        buf_printf(out, "=%02X", (unsigned char)buf_slice(&octets).p[i]);
    buf_puts(out, "?=");
    out->failed = out->failed || buf_failed(&octets);
    buf_clear(&octets);
}

/* GMime (3.2) joins neighbours of one charset and encoding to decode them at once, since characters
 * may be cut between them, but in base64 it ends at the first padding: what comes after that would
 * be lost. So it gets them as "Q", all octets encoded. */
static void put_as_quoted(struct buf *out, struct slice value)
{
    struct word word;

    while (value.n) {
        const char *start = memchr(value.p, '=', value.n);
        buf_put(out, slice_take(&value, start ? (size_t)(start - value.p) : value.n));
        if (take_base64(&value, &word))
            put_quoted(out, &word);
        else
            buf_put(out, slice_take(&value, 1));
    }
}

/* As it is, but for what is no UTF-8. */
static void put_valid(struct buf *out, struct slice text)
{
    while (text.n) {
        size_t n = utf8_length(text);
        if (n)
            buf_put(out, slice_take(&text, n));
        else
            buf_puts(out, "\xef\xbf\xbd");
        slice_take(&text, n ? 0 : 1);
    }
}

/* Most values are: nothing is encoded in them, and no charset is to be guessed. */
static bool is_plain(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] >= 0x80 || (value.p[i] == '=' && at(value, i + 1) == '?'))
            return false;
    return true;
}

void mime_words_decode(struct buf *out, struct slice value)
{
    struct buf line = BUF_INIT;
    struct buf quoted = BUF_INIT;

    if (is_plain(value)) {
        unfold(out, value);
        return;
    }
    unfold(&line, slice_take(&value, MIME_WORDS_MAX));
    put_as_quoted(&quoted, buf_slice(&line));
    buf_putc(&quoted, '\0');
    if (buf_failed(&line) || buf_failed(&quoted)) {
        out->failed = true;
    } else {
        char *text = g_mime_utils_header_decode_text(NULL, buf_slice(&quoted).p);
        put_valid(out, slice_of(text));
        g_free(text);
    }
    buf_clear(&quoted);
    buf_clear(&line);
    unfold(&line, value);
    put_valid(out, buf_slice(&line));
    buf_clear(&line);
}

/* ---- encoded parameters ------------------------------------------------------------------- */

static bool is_escape(struct slice text)
{
    return text.n > 2 && text.p[0] == '%' && g_ascii_isxdigit(text.p[1]) &&
           g_ascii_isxdigit(text.p[2]);
}

static void put_unescaped(struct buf *out, struct slice value)
{
    while (value.n) {
        if (!is_escape(value)) {
            buf_put(out, slice_take(&value, 1));
            continue;
        }
        struct slice escape = slice_take(&value, 3);
        unsigned octet = (unsigned)g_ascii_xdigit_value(escape.p[1]) << 4 |
                         (unsigned)g_ascii_xdigit_value(escape.p[2]);
        buf_putc(out, (char)(octet & 0xff));
    }
}

/* What is before the next "'", which is taken too. False when there is none. */
static bool take_quoted(struct slice *value, struct slice *before)
{
    const char *quote = value->n ? memchr(value->p, '\'', value->n) : NULL;

    if (!quote)
        return false;
    *before = slice_take(value, (size_t)(quote - value->p));
    slice_take(value, 1);
    return true;
}

void mime_param_decode(struct buf *out, struct slice value)
{
    struct slice charset = {0};
    struct slice language;
    struct slice rest = value;
    struct buf octets = BUF_INIT;
    struct buf text = BUF_INIT;

    if (!take_quoted(&rest, &charset) || !take_quoted(&rest, &language)) {
        charset = (struct slice){0};
        rest = value;
    }
    put_unescaped(&octets, rest);
    struct mime_charset *conversion = mime_charset_new(charset);
    if (conversion)
        mime_charset_convert(conversion, buf_slice(&octets), true, &text);
    put_valid(out, conversion ? buf_slice(&text) : buf_slice(&octets));
    out->failed = out->failed || buf_failed(&octets) || buf_failed(&text);
    mime_charset_free(conversion);
    buf_clear(&octets);
    buf_clear(&text);
}
