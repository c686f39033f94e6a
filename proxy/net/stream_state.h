/*
 * The inside of a stream, for the files that make it up:
 *
 *     stream.c       its life: beginning, layers, closing, end
 *     stream_read.c  socket -> raw -> [TLS] -> [DEFLATE] -> data -> on_data
 *     stream_move.c  from one loop to another
 *     stream_send.c  stream_write -> [DEFLATE] -> [TLS] -> out -> socket
 *
 * The socket is watched by one uv_poll handle and read and written here, so that octets can come
 * into the buffer that all streams of the loop share, and a partial write is seen as it happens (a
 * uv_stream owns both, and weighs twice as much).
 *
 * What must be reported but was found inside a stream_* call is noted (`broken`, `starting`,
 * `draining`), and a turn is asked for: callbacks come from turns and from the socket only.
 */
#ifndef PROXY_NET_STREAM_STATE_H
#define PROXY_NET_STREAM_STATE_H

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/net/stream_deflate.h"
#include "proxy/net/stream_input.h"
#include "proxy/net/stream_tls.h"

enum {
    STREAM_STALLED = -1, /* a value of `broken` beside errno's */
};

enum stream_state {
    STREAM_OPEN,
    STREAM_CLOSING, /* what is queued is being sent */
    STREAM_LINGER,  /* FIN was sent; the peer's is awaited */
    STREAM_CLOSED,
};

enum stream_start { START_NOTHING, START_TLS, START_DEFLATE };

struct stream {
    uv_poll_t poll;
    struct loop *loop;
    const struct stream_handler *handler;
    void *owner;
    struct stream_tls *tls;
    struct stream_deflate *deflate;
    struct stream_input data; /* what the owner has not taken */
    struct buf out;
    struct loop_task turn;
    struct loop_task deadline; /* while something is queued, and at the end */
    char *peer;
    uint64_t octets_in;
    uint64_t octets_out;
    unsigned write_seconds;
    int fd;
    int broken; /* why nothing can be sent any more: an errno, STREAM_STALLED, or 0 */
    enum stream_state state;
    enum stream_start starting; /* what begins with the next turn */
    int events;                 /* that are polled for */
    bool stopped;               /* the owner takes nothing until stream_resume() */
    bool resumed;               /* stream_resume() was called inside on_data */
    bool draining;              /* on_drain is owed */
    bool eof;
    bool ended; /* on_end was called */
    bool is_loopback;
};

/* ---- stream.c ---- */

/* Puts the stream on a loop, with its descriptor; false when memory or descriptors are out. */
bool stream_settle_on(struct stream *s, uv_loop_t *loop, int fd);

/* Polls for what is wanted now. To be called when any of that may have changed. */
void stream_watch(struct stream *s);

/* stream_turn() runs soon, from the loop. */
void stream_ask_turn(struct stream *s);

/* Nothing can be sent any more, for the reason `cause` (see `broken`); a turn tells the owner. */
void stream_break(struct stream *s, int cause);

/* Calls on_end, the first time, while the stream is open. */
void stream_end(struct stream *s, const struct failure *why);
void stream_end_broken(struct stream *s);

/* Gives back everything; on_closed comes from the loop. */
void stream_finish(struct stream *s);

/* The next step of stream_close(): sends, then FIN. */
void stream_close_step(struct stream *s);

/* ---- stream_read.c ---- */

/* Whether the owner can be called with data. */
bool stream_can_offer(const struct stream *s);

/* Whether any layer has octets that were not used. */
bool stream_holds_octets(const struct stream *s);

/* Whether the socket is to be read. */
bool stream_wants_octets(const struct stream *s);

/* The socket can be read. */
void stream_read(struct stream *s);

/* Does what was put off, and offers what is held. */
void stream_turn(struct stream *s);

/* ---- stream_send.c ---- */

/* Sends until the socket takes no more or nothing is left. */
void stream_send(struct stream *s);

/* As above, and sees to the rest: poll, write timeout. */
void stream_flush(struct stream *s);

/* Calls on_drain when it is owed and all has gone out. */
void stream_drained(struct stream *s);

#endif
