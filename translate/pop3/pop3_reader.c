#include "translate/pop3/pop3_reader.h"

#include <string.h>

void pop3_reader_clear(struct pop3_reader *r)
{
    buf_wipe(&r->partial);
    *r = (struct pop3_reader){0};
}

bool pop3_reader_partial(const struct pop3_reader *r)
{
    return r->skipping || (!r->handed_out && buf_size(&r->partial) > 0);
}

bool pop3_reader_failed(const struct pop3_reader *r)
{
    return buf_failed(&r->partial);
}

/* A CR at the end of what is there may be the first half of the line end: it does not count. */
static size_t line_size(struct slice line)
{
    return line.n && line.p[line.n - 1] == '\r' ? line.n - 1 : line.n;
}

static enum pop3_line_result drop_long_line(struct pop3_reader *r, bool ended)
{
    buf_wipe(&r->partial);
    r->skipping = !ended;
    return POP3_LINE_TOO_LONG;
}

/* The line so far: the piece itself, uncopied, when it is all of a line; else the kept part with
 * the piece behind it. */
static struct slice join(struct pop3_reader *r, struct slice piece, bool ended)
{
    if (ended && buf_size(&r->partial) == 0)
        return piece;
    r->partial.secret = true;
    buf_put(&r->partial, piece);
    return buf_slice(&r->partial);
}

enum pop3_line_result pop3_reader_next(struct pop3_reader *r, struct slice *in, size_t max,
                                       struct slice *line)
{
    bool ended;

    if (r->handed_out) {
        buf_wipe(&r->partial);
        r->handed_out = false;
    }
    if (r->skipping) {
        slice_take_piece(in, &ended);
        r->skipping = !ended;
        if (!ended)
            return POP3_LINE_MORE;
    }
    struct slice piece = slice_take_piece(in, &ended);
    size_t kept = buf_size(&r->partial);
    if (kept + piece.n > max + 1) /* the one more may be a CR */
        return drop_long_line(r, ended);
    struct slice whole = join(r, piece, ended);
    if (line_size(whole) > max)
        return drop_long_line(r, ended);
    if (!ended || buf_failed(&r->partial))
        return POP3_LINE_MORE;
    r->handed_out = buf_size(&r->partial) > 0;
    *line = slice_make(whole.p, line_size(whole));
    r->bare_lf = line->n == whole.n;
    return POP3_LINE;
}
