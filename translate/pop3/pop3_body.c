#include "translate/pop3/pop3_body.h"

#include <string.h>

void pop3_body_init(struct pop3_body *b, uint32_t lines_max)
{
    *b = (struct pop3_body){.lines_max = lines_max};
}

/* Copies, with NUL made 0x80 as Dovecot does: clients take a NUL for the end of the text. */
static void put_without_nul(struct buf *out, struct slice text)
{
    char *to = buf_reserve(out, text.n);

    if (!to)
        return;
    memcpy(to, text.p, text.n);
    for (char *p = to; (p = memchr(p, '\0', text.n - (size_t)(p - to))); p++)
        *p = (char)0x80;
    buf_added(out, text.n);
}

/* A part of one line, without LF. */
static void put_text(struct pop3_body *b, struct buf *out, struct slice text)
{
    if (text.n == 0)
        return;
    if (b->line_size == 0 && text.p[0] == '.')
        buf_putc(out, '.');
    put_without_nul(out, text);
    b->octets += text.n;
    b->line_size += text.n;
    b->after_cr = text.p[text.n - 1] == '\r';
}

static void count_line(struct pop3_body *b)
{
    bool empty = b->line_size == (b->after_cr ? 1 : 0);

    if (!b->in_body)
        b->in_body = empty;
    else if (b->lines < UINT32_MAX)
        b->lines++;
    b->full = b->in_body && b->lines_max != UINT32_MAX && b->lines >= b->lines_max;
}

static void end_line(struct pop3_body *b, struct buf *out)
{
    struct slice line_end = slice_of(b->after_cr ? "\n" : "\r\n");

    buf_put(out, line_end);
    b->octets += line_end.n;
    count_line(b);
    b->line_size = 0;
    b->after_cr = false;
}

/* How many octets of `text`, from the beginning of a line on, are lines that go out as they came:
 * ended by CRLF, with no dot in front. The lines are counted. NUL is not looked for. */
static size_t regular_lines(struct pop3_body *b, struct slice text)
{
    const char *p = text.p;
    const char *end = text.p + text.n;
    const char *lf;

    while (p < end && *p != '.' && !b->full && (lf = memchr(p, '\n', (size_t)(end - p))) &&
           lf > p && lf[-1] == '\r') {
        b->line_size = (uint64_t)(lf - p);
        b->after_cr = true;
        count_line(b);
        p = lf + 1;
    }
    b->line_size = 0;
    b->after_cr = false;
    return (size_t)(p - text.p);
}

/* Nearly all of nearly every message is regular, so that much is copied at once. */
static void put_regular_lines(struct pop3_body *b, struct buf *out, struct slice *octets)
{
    size_t n = regular_lines(b, *octets);

    if (n == 0)
        return;
    put_without_nul(out, slice_take(octets, n));
    b->octets += n;
}

void pop3_body_put(struct pop3_body *b, struct buf *out, struct slice octets)
{
    if (octets.n && !b->full)
        buf_reserve(out, octets.n); /* grow once, not line by line */
    while (octets.n && !b->full) {
        if (b->line_size == 0)
            put_regular_lines(b, out, &octets);
        if (octets.n == 0 || b->full)
            break;
        const char *lf = memchr(octets.p, '\n', octets.n);
        put_text(b, out, slice_take(&octets, lf ? (size_t)(lf - octets.p) : octets.n));
        if (lf) {
            slice_take(&octets, 1);
            end_line(b, out);
        }
    }
}

void pop3_body_end(struct pop3_body *b, struct buf *out)
{
    if (b->line_size)
        end_line(b, out);
    if (!b->in_body)
        end_line(b, out);
    buf_puts(out, ".\r\n");
}

uint64_t pop3_body_expected_size(uint64_t size)
{
    return size ? size : 2;
}
