/* See stream_input.h. */
#include "proxy/net/stream_input.h"

#include <assert.h>

void stream_input_give(struct stream_input *in, struct slice octets)
{
    assert(in->octets.n == 0);
    in->octets = octets;
}

static bool is_kept(const struct stream_input *in)
{
    return in->kept.p && in->octets.p >= in->kept.p && in->octets.p < in->kept.p + in->kept.cap;
}

bool stream_input_keep(struct stream_input *in)
{
    if (in->octets.n && is_kept(in))
        return true;
    struct buf copy = BUF_INIT;
    if (in->octets.n)
        buf_put(&copy, in->octets);
    bool kept = !buf_failed(&copy);
    buf_wipe(&in->kept);
    in->kept = copy;
    in->octets = buf_slice(&in->kept);
    return kept;
}

void stream_input_clear(struct stream_input *in)
{
    buf_wipe(&in->kept);
    in->octets = slice_make("", 0);
}
