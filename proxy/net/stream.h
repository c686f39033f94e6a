/*
 * A byte stream to a peer: TCP or unix socket, with TLS on top once it was started, and DEFLATE
 * (RFC 4978) on top of that once it was started. It belongs to one loop and is used on its thread
 * only.
 *
 * Reading: octets that came in are offered to `on_data`, which takes what it can off the slice.
 * What it leaves is kept, and the stream stops reading from the socket until stream_resume(): this
 * is the whole of back-pressure. While nothing is left over, an idle stream holds no buffer: the
 * octets live in a buffer that the loop's streams share.
 *
 * Writing: stream_write() takes everything out of a buffer and sends it in one write where the
 * socket takes it (TCP_NODELAY is set); the rest is queued. stream_queued() tells how much that is,
 * so that the owner can stop producing; `on_drain` says when it has all gone out.
 *
 * Callbacks run from the loop, never from inside a stream_* call. After stream_close() none comes
 * but `on_closed`, after which the memory is gone.
 */
#ifndef PROXY_NET_STREAM_H
#define PROXY_NET_STREAM_H

#include <uv.h>

#include "proxy/net/tls.h"
#include "translate/text/buf.h"
#include "translate/text/failure.h"

struct stream;

struct stream_handler {
    /* Octets came in; take from the front of `*in` what can be used. */
    void (*on_data)(void *owner, struct stream *s, struct slice *in);
    /* TLS is up after stream_start_tls(). */
    void (*on_tls)(void *owner, struct stream *s);
    /* Everything written has left for the kernel. */
    void (*on_drain)(void *owner, struct stream *s);
    /* The stream is of no use any more: `why->kind` is FAILURE_NONE when the peer ended it in good
     * order (FIN, and close_notify with TLS), else `why->text` says what happened (reset, TLS
     * alert, truncated TLS, write timeout, bad DEFLATE data). The owner then calls stream_close().
     */
    void (*on_end)(void *owner, struct stream *s, const struct failure *why);
    /* Last call after stream_close(). */
    void (*on_closed)(void *owner, struct stream *s);
};

struct stream_options {
    unsigned write_seconds; /* a peer that takes no octet for so long: on_end; 0: no limit */
};

/* Takes over an open socket (`fd` non-blocking or not). NULL when memory or descriptors are out;
 * then the fd is closed. */
struct stream *stream_open(uv_loop_t *loop, int fd, bool is_unix,
                           const struct stream_options *options,
                           const struct stream_handler *handler, void *owner);

/*
 * Starts TLS; `server_name` is set for a client: SNI, and the name that the certificate is verified
 * against where `ctx` verifies. For a server NULL. Octets that the peer sent in the clear behind
 * the STARTTLS exchange and that the owner has not taken are an attack (CASES T1, T2): for a server
 * they are dropped, for a client the stream ends. Octets queued before are sent first, in the
 * clear.
 */
void stream_start_tls(struct stream *s, struct tls_context *ctx, const char *server_name);

/* Starts raw DEFLATE in both directions (zlib, bounded windows). Octets left over from on_data and
 * octets to come are compressed data. False when memory is out. */
bool stream_start_deflate(struct stream *s);

/* Sends all of `out` and leaves it empty. */
void stream_write(struct stream *s, struct buf *out);
size_t stream_queued(const struct stream *s);

/* Offers again what was left over, on the next turn of the loop, and reads on. */
void stream_resume(struct stream *s);

/* Stops reading from the socket until stream_resume(), also when nothing is left over. */
void stream_pause(struct stream *s);

/* Sends what is queued, then close_notify and FIN, and ends; within `write_seconds`. */
void stream_close(struct stream *s);

/* Ends at once: RST, nothing more is sent. For a message that must not look complete. */
void stream_abort(struct stream *s);

bool stream_is_tls(const struct stream *s);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", "" without TLS; valid while the stream is. */
const char *stream_tls_description(const struct stream *s);

/* Octets of the application in and out since the beginning. */
uint64_t stream_octets_in(const struct stream *s);
uint64_t stream_octets_out(const struct stream *s);

/* "192.0.2.1:1234" or "unix"; and whether the peer is this machine. */
const char *stream_peer(const struct stream *s);
bool stream_peer_is_loopback(const struct stream *s);

#endif
