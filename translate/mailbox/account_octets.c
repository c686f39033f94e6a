/*
 * Octets of messages on their way from the upstream to the store of bodies: servers that end lines
 * with LF alone are found out here, so that everything that is kept has lines of one kind.
 */
#include <string.h>

#include "translate/mailbox/account_internal.h"

/* The first LF that no CR stands before, NULL when there is none. */
static const char *bare_lf(struct slice in, bool after_cr)
{
    const char *at = in.p;
    const char *end = in.p + in.n;
    const char *lf;

    while (at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (lf == in.p ? !after_cr : lf[-1] != '\r')
            return lf;
        at = lf + 1;
    }
    return NULL;
}

struct slice octets_lines(struct octets *o, struct slice in)
{
    struct slice rest = in;
    const char *lf = in.n ? bare_lf(in, o->after_cr) : NULL;

    if (!lf) {
        o->after_cr = in.n ? in.p[in.n - 1] == '\r' : o->after_cr;
        return in;
    }
    buf_clear(&o->out);
    do {
        buf_put(&o->out, slice_take(&rest, (size_t)(lf - rest.p)));
        buf_puts(&o->out, "\r\n");
        slice_take(&rest, 1);
        o->after_cr = false;
    } while (rest.n && (lf = bare_lf(rest, false)) != NULL);
    buf_put(&o->out, rest);
    o->after_cr = rest.n && rest.p[rest.n - 1] == '\r';
    return buf_slice(&o->out);
}

size_t octets_of_header(struct octets *o, struct slice lines)
{
    for (size_t i = 0; i < lines.n && !o->header_over; i++) {
        if (lines.p[i] == '\n') {
            o->header_over = !o->line_begun;
            o->line_begun = false;
            if (o->header_over)
                return i + 1;
        } else if (lines.p[i] != '\r') {
            o->line_begun = true;
        }
    }
    return o->header_over ? 0 : lines.n;
}

void octets_clear(struct octets *o)
{
    buf_clear(&o->out);
    *o = (struct octets){.after_cr = false};
}
