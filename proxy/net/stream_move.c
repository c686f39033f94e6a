/*
 * A stream's move to another loop. Its memory stays behind, for the handle in it is closed by the
 * old loop; what it holds goes into a new one.
 */
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/net/stream_state.h"

struct stream_parcel {
    struct stream stream; /* of which loop, handle and tasks are not used */
};

/* The poll handle stops looking at the descriptor before that is closed or polled anew. */
static void leave_behind(struct stream *s)
{
    s->tls = NULL;
    s->deflate = NULL;
    s->data = (struct stream_input){.octets = slice_make("", 0)};
    s->out = (struct buf)BUF_INIT;
    s->peer = NULL;
    s->fd = -1;
    stream_finish(s);
}

static void take(struct stream *to, struct stream *from)
{
    to->tls = from->tls;
    to->deflate = from->deflate;
    to->data = from->data;
    to->out = from->out;
    to->peer = from->peer;
    to->octets_in = from->octets_in;
    to->octets_out = from->octets_out;
    to->write_seconds = from->write_seconds;
    to->fd = from->fd;
    to->broken = from->broken;
    to->starting = from->starting;
    to->draining = from->draining;
    to->eof = from->eof;
    to->ended = from->ended;
    to->is_loopback = from->is_loopback;
    to->stopped = true;
    if (to->tls)
        stream_tls_move(to->tls, &to->out);
}

struct stream_parcel *stream_detach(struct stream *s)
{
    struct stream_parcel *parcel = calloc(1, sizeof *parcel);

    assert(s->state == STREAM_OPEN);
    if (!parcel)
        return NULL;
    take(&parcel->stream, s);
    leave_behind(s);
    return parcel;
}

static void discard(struct stream *s)
{
    close(s->fd);
    stream_tls_free(s->tls);
    stream_deflate_free(s->deflate);
    stream_input_clear(&s->data);
    buf_wipe(&s->out);
    free(s->peer);
}

void stream_parcel_free(struct stream_parcel *parcel)
{
    if (!parcel)
        return;
    discard(&parcel->stream);
    free(parcel);
}

struct stream *stream_attach(uv_loop_t *loop, struct stream_parcel *parcel,
                             const struct stream_handler *handler, void *owner)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s || !stream_settle_on(s, loop, parcel->stream.fd)) {
        free(s);
        stream_parcel_free(parcel);
        return NULL;
    }
    take(s, &parcel->stream);
    free(parcel);
    s->handler = handler;
    s->owner = owner;
    stream_flush(s);
    stream_ask_turn(s);
    return s;
}
