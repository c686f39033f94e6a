/* See mime_words.h. */
#include "translate/mime/mime_words.h"

#include <gmime/gmime.h>
#include <string.h>

#include "translate/mime/mime_charset.h"
#include "translate/text/utf8.h"

/* Without line ends; NUL, which would end a C string, as U+FFFD. */
static void unfold(struct buf *out, struct slice value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\0')
            buf_puts(out, "\xef\xbf\xbd");
        else if (value.p[i] != '\r' && value.p[i] != '\n')
            buf_putc(out, value.p[i]);
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

void mime_words_decode(struct buf *out, struct slice value)
{
    struct buf line = BUF_INIT;

    unfold(&line, slice_take(&value, MIME_WORDS_MAX));
    buf_putc(&line, '\0');
    if (buf_failed(&line)) {
        out->failed = true;
    } else {
        char *text = g_mime_utils_header_decode_text(NULL, buf_slice(&line).p);
        put_valid(out, slice_of(text));
        g_free(text);
    }
    buf_clear(&line);
    unfold(&line, value);
    put_valid(out, buf_slice(&line));
    buf_clear(&line);
}

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
