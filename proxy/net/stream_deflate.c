/* See stream_deflate.h. */
#include "proxy/net/stream_deflate.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#include "proxy/net/stream_input.h"

enum {
    RAW_INFLATE_BITS = -15, /* negative: raw data. The peer may use a whole window */
    RAW_DEFLATE_BITS = -12, /* ours may be small: 4 kB */
    DEFLATE_MEMORY = 5,
    WRITE_STEP = 4096,
};

struct stream_deflate {
    z_stream reading;
    z_stream writing;
    struct stream_input in;
    bool output_waits; /* inflate filled all the room it was given */
};

struct stream_deflate *stream_deflate_new(void)
{
    struct stream_deflate *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    if (inflateInit2(&d->reading, RAW_INFLATE_BITS) != Z_OK) {
        free(d);
        return NULL;
    }
    if (deflateInit2(&d->writing, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_DEFLATE_BITS,
                     DEFLATE_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        inflateEnd(&d->reading);
        free(d);
        return NULL;
    }
    return d;
}

void stream_deflate_free(struct stream_deflate *d)
{
    if (!d)
        return;
    inflateEnd(&d->reading);
    deflateEnd(&d->writing);
    stream_input_clear(&d->in);
    free(d);
}

void stream_deflate_give(struct stream_deflate *d, struct slice octets)
{
    stream_input_give(&d->in, octets);
}

bool stream_deflate_keep(struct stream_deflate *d)
{
    return stream_input_keep(&d->in);
}

bool stream_deflate_holds(const struct stream_deflate *d)
{
    return d->in.octets.n || d->output_waits;
}

static bool inflate_failed(struct stream_deflate *d, int code, struct failure *why)
{
    if (code == Z_MEM_ERROR)
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
    else if (code == Z_STREAM_END)
        failure_set(why, FAILURE_TEMPORARY, "the peer ended its compressed data in mid-session");
    else
        failure_set(why, FAILURE_TEMPORARY, "the peer sent bad compressed data: %s",
                    d->reading.msg ? d->reading.msg : "damaged");
    return false;
}

bool stream_deflate_read(struct stream_deflate *d, char *p, size_t cap, size_t *n,
                         struct failure *why)
{
    z_stream *z = &d->reading;

    assert(cap <= UINT32_MAX && d->in.octets.n <= UINT32_MAX);
    z->next_in = (Bytef *)(uintptr_t)d->in.octets.p; /* zlib only reads it */
    z->avail_in = (uInt)d->in.octets.n;
    z->next_out = (Bytef *)p;
    z->avail_out = (uInt)cap;
    int code = inflate(z, Z_SYNC_FLUSH);
    slice_take(&d->in.octets, d->in.octets.n - z->avail_in);
    d->output_waits = z->avail_out == 0;
    *n = cap - z->avail_out;
    if (code == Z_OK || code == Z_BUF_ERROR || (code == Z_STREAM_END && *n))
        return true;
    return inflate_failed(d, code, why);
}

/* One call of deflate(); false when it has nothing more to give. */
static bool deflate_step(z_stream *z, struct buf *out)
{
    char *p = buf_reserve(out, WRITE_STEP);

    if (!p)
        return false;
    z->next_out = (Bytef *)p;
    z->avail_out = WRITE_STEP;
    deflate(z, Z_SYNC_FLUSH);
    buf_added(out, WRITE_STEP - z->avail_out);
    return z->avail_out == 0;
}

void stream_deflate_write(struct stream_deflate *d, struct slice octets, struct buf *out)
{
    z_stream *z = &d->writing;

    while (octets.n) {
        struct slice part = slice_take(&octets, (size_t)1 << 30);
        z->next_in = (Bytef *)(uintptr_t)part.p; /* zlib only reads it */
        z->avail_in = (uInt)part.n;
        while (deflate_step(z, out))
            ;
    }
}
