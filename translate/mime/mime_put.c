/* Strings of mime_put.h. */
#include "translate/mime/mime_put.h"

#include <string.h>

#include "translate/imap/imap_write.h"
#include "translate/text/utf8.h"

/* NUL may be in no string of IMAP's. */
static void put_string(struct buf *out, struct slice text, bool utf8)
{
    if (imap_put_quoted(out, text, utf8 && utf8_is_valid(text)))
        return;
    buf_printf(out, "{%zu}\r\n", text.n);
    buf_put(out, text);
}

/* `text` with U+FFFD for each NUL, in `copy`. */
static struct slice without_nul(struct buf *copy, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\0')
            buf_puts(copy, "\xef\xbf\xbd");
        else
            buf_putc(copy, text.p[i]);
    }
    return buf_slice(copy);
}

static void done_with(struct buf *out, struct buf *copy)
{
    out->failed = out->failed || buf_failed(copy);
    buf_clear(copy);
}

void mime_put_nstring(struct buf *out, struct slice text, bool utf8)
{
    struct buf copy = BUF_INIT;

    if (!text.p)
        buf_puts(out, "NIL");
    else if (slice_has_nul(text))
        put_string(out, without_nul(&copy, text), utf8);
    else
        put_string(out, text, utf8);
    done_with(out, &copy);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void mime_put_unfolded(struct buf *out, struct slice value, bool utf8)
{
    struct buf line = BUF_INIT;

    if (!value.p) {
        buf_puts(out, "NIL");
        return;
    }
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] != '\r' && value.p[i] != '\n')
            buf_putc(&line, value.p[i]);
        else if (i + 1 < value.n && !is_blank(value.p[i + 1]))
            buf_putc(&line, ' ');
    }
    mime_put_nstring(out, buf_slice(&line), utf8);
    done_with(out, &line);
}

void mime_put_text(struct buf *out, struct slice value, bool utf8)
{
    struct buf text = BUF_INIT;
    bool gap = false;

    if (!value.p) {
        buf_puts(out, "NIL");
        return;
    }
    for (size_t i = 0; i < value.n; i++) {
        if (is_blank(value.p[i])) {
            gap = buf_size(&text) > 0;
            continue;
        }
        if (gap)
            buf_putc(&text, ' ');
        gap = false;
        buf_putc(&text, value.p[i]);
    }
    mime_put_nstring(out, buf_slice(&text), utf8);
    done_with(out, &text);
}
