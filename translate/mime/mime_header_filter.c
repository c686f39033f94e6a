/* The lines of a header: mime_header_filter of mime_section.h. */
#include <string.h>

#include "translate/mime/mime_section.h"

enum { NAME_MAX_OCTETS = 1000 }; /* a longer name is no one's */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* `start` has a line as far as its colon or its end. */
static bool wanted(const struct mime_header_filter *filter, struct slice start)
{
    bool named = false;

    if (start.n == 0 || start.p[start.n - 1] != ':')
        return filter->others;
    start.n--;
    while (start.n && is_blank(start.p[start.n - 1]))
        start.n--;
    for (size_t i = 0; i < filter->count && !named; i++)
        named = slice_equal_nocase(start, filter->names[i]);
    return named != filter->others;
}

static bool is_empty_line(struct slice line)
{
    return slice_is(line, "\n") || slice_is(line, "\r\n");
}

/* Decides about the line of which `start` is what has come in, `last` the last of it, if that is
 * enough. */
static void decide(struct mime_header_filter *filter, struct slice start, char last)
{
    if (filter->begun && is_blank(start.p[0])) {
        filter->known = true;
    } else if (is_empty_line(start)) {
        filter->known = filter->keep = true;
    } else if (last == ':' || last == '\n' || start.n > NAME_MAX_OCTETS) {
        filter->keep = wanted(filter, start);
        filter->known = filter->begun = true;
    }
}

static void feed_start(struct mime_header_filter *filter, char c, struct buf *out)
{
    buf_putc(&filter->start, c);
    if (buf_failed(&filter->start)) {
        out->failed = true;
        return;
    }
    decide(filter, buf_slice(&filter->start), c);
    if (!filter->known)
        return;
    if (filter->keep)
        buf_put(out, buf_slice(&filter->start));
    buf_truncate(&filter->start, 0);
    filter->known = c != '\n';
}

static void feed_rest(struct mime_header_filter *filter, struct slice *octets, struct buf *out)
{
    const char *lf = memchr(octets->p, '\n', octets->n);
    struct slice rest = slice_take(octets, lf ? (size_t)(lf + 1 - octets->p) : octets->n);

    if (filter->keep)
        buf_put(out, rest);
    filter->known = !lf;
}

void mime_header_filter_feed(struct mime_header_filter *filter, struct slice octets,
                             struct buf *out)
{
    while (octets.n && !buf_failed(out)) {
        if (filter->known)
            feed_rest(filter, &octets, out);
        else
            feed_start(filter, slice_take(&octets, 1).p[0], out);
    }
}

void mime_header_filter_end(struct mime_header_filter *filter, struct buf *out)
{
    struct slice start = buf_slice(&filter->start);

    if (start.n && wanted(filter, start))
        buf_put(out, start);
    buf_clear(&filter->start);
}
