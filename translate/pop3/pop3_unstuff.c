/* See pop3_unstuff.h. Only line ends are looked for, by memchr, and at what stands behind them. */
#include "translate/pop3/pop3_unstuff.h"

#include <string.h>

void pop3_unstuff_init(struct pop3_unstuff *u, bool lf_server)
{
    *u = (struct pop3_unstuff){.lines = lf_server ? POP3_LINES_LF : POP3_LINES_UNKNOWN,
                               .at = POP3_UNSTUFF_LINE_START};
}

/* An LF came, behind a CR or not. True when it ends a line. */
static bool ends_line(struct pop3_unstuff *u, bool behind_cr)
{
    if (u->lines == POP3_LINES_UNKNOWN)
        u->lines = behind_cr ? POP3_LINES_CRLF : POP3_LINES_LF;
    return behind_cr || u->lines == POP3_LINES_LF;
}

/* How many octets of `in` are data without a second look: to the first line that begins with a dot,
 * or all. */
static size_t run_length(struct pop3_unstuff *u, struct slice in)
{
    size_t end = 0;
    const char *lf;

    while ((lf = memchr(in.p + end, '\n', in.n - end)) != NULL) {
        end = (size_t)(lf - in.p) + 1;
        bool behind_cr = end > 1 ? lf[-1] == '\r' : u->after_cr;
        if (ends_line(u, behind_cr) && (end == in.n || in.p[end] == '.')) {
            u->at = POP3_UNSTUFF_LINE_START;
            u->after_cr = false;
            return end;
        }
        if (end == in.n)
            break;
    }
    u->at = POP3_UNSTUFF_IN_LINE;
    u->after_cr = in.p[in.n - 1] == '\r';
    return in.n;
}

/* What was held back is data, and so is the octet behind it, which is no LF that a held CR would
 * make a line end. */
static enum pop3_unstuff_result give_back(struct pop3_unstuff *u, const char *held,
                                          struct slice *data)
{
    *data = slice_of(held);
    u->at = POP3_UNSTUFF_IN_LINE;
    return POP3_UNSTUFF_DATA;
}

static enum pop3_unstuff_result end(struct slice *in)
{
    slice_take(in, 1);
    return POP3_UNSTUFF_END;
}

/* The octet behind a dot at the start of a line. */
static enum pop3_unstuff_result behind_dot(struct pop3_unstuff *u, struct slice *in,
                                           struct slice *data)
{
    switch (in->p[0]) {
    case '.':
        u->at = POP3_UNSTUFF_IN_LINE;
        return POP3_UNSTUFF_MORE;
    case '\r':
        slice_take(in, 1);
        u->at = POP3_UNSTUFF_DOT_CR;
        return POP3_UNSTUFF_MORE;
    case '\n':
        return ends_line(u, false) ? end(in) : give_back(u, ".", data);
    default:
        return give_back(u, ".", data);
    }
}

/* One step; MORE means here that the next octet, if there is one, decides. */
static enum pop3_unstuff_result step(struct pop3_unstuff *u, struct slice *in, struct slice *data)
{
    switch (u->at) {
    case POP3_UNSTUFF_DOT:
        return behind_dot(u, in, data);
    case POP3_UNSTUFF_DOT_CR:
        return in->p[0] == '\n' ? end(in) : give_back(u, ".\r", data);
    case POP3_UNSTUFF_LINE_START:
        if (in->p[0] == '.') {
            slice_take(in, 1);
            u->at = POP3_UNSTUFF_DOT;
            return POP3_UNSTUFF_MORE;
        }
        break;
    case POP3_UNSTUFF_IN_LINE:
        break;
    }
    *data = slice_take(in, run_length(u, *in));
    return POP3_UNSTUFF_DATA;
}

enum pop3_unstuff_result pop3_unstuff_next(struct pop3_unstuff *u, struct slice *in,
                                           struct slice *data)
{
    enum pop3_unstuff_result result = POP3_UNSTUFF_MORE;

    while (in->n && result == POP3_UNSTUFF_MORE)
        result = step(u, in, data);
    return result;
}
