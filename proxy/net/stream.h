/*
 * A byte stream to a peer: TCP or unix socket, with TLS on top once it was started, and DEFLATE
 * (RFC 4978) on top of that once it was started. It belongs to one loop and is used on its thread
 * only. The loop's uv_loop_t.data is taken by what its streams share (proxy/net/loop.h).
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
 * Callbacks run from the loop, never from inside a stream_* call. After stream_close() or
 * stream_abort() none comes but `on_closed`, after which the memory is gone.
 */
#ifndef PROXY_NET_STREAM_H
#define PROXY_NET_STREAM_H

#include <uv.h>

#include "proxy/net/tls.h"
#include "translate/sasl/sasl_binding.h"
#include "translate/text/buf.h"
#include "translate/text/failure.h"

struct stream;

struct stream_handler {
    /* Octets came in; take from the front of `*in` what can be used. They are the stream's, until
     * the callback returns. */
    void (*on_data)(void *owner, struct stream *s, struct slice *in);
    /* TLS is up after stream_start_tls(). */
    void (*on_tls)(void *owner, struct stream *s);
    /* Everything that stream_write() had to queue has left for the kernel: comes only after
     * stream_queued() was above 0. */
    void (*on_drain)(void *owner, struct stream *s);
    /* Nothing comes from the peer any more. Called once. `why->kind` is FAILURE_NONE when the peer
     * ended it in good order (FIN, and close_notify with TLS): what is queued is still sent, and
     * more can be written. (Should that fail, what is queued is dropped and `on_drain` comes.)
     * Else `why->text` says what happened (reset, TLS alert, truncated TLS, write timeout, bad
     * DEFLATE data), and what is written is dropped. The owner then calls stream_close(). */
    void (*on_end)(void *owner, struct stream *s, const struct failure *why);
    /* Last call, after stream_close() or stream_abort(). */
    void (*on_closed)(void *owner, struct stream *s);
};

/* Copied. */
struct stream_options {
    unsigned write_seconds; /* a peer that takes no octet for so long: on_end; 0: no limit */
};

/* Takes over an open socket (`fd` non-blocking or not). NULL when memory or descriptors are out;
 * then the fd is closed. */
struct stream *stream_open(uv_loop_t *loop, int fd, bool is_unix,
                           const struct stream_options *options,
                           const struct stream_handler *handler, void *owner);

/*
 * Starts TLS on the next turn of the loop, and reads on if it was stopped; `server_name` is set for
 * a client: SNI, and the name that the certificate is verified against where `ctx` verifies (or
 * several with a space between them: it must be valid for one of these, and SNI has the first). For
 * a server NULL. Octets that the peer sent in the clear behind the STARTTLS exchange and that the
 * owner has not taken are an attack (CASES T1, T2): for a server they are dropped, for a client the
 * stream ends. Octets queued before are sent first, in the clear; octets written from now on wait
 * for the handshake. How long that may take is for the owner to limit (CASES T5). Not after
 * stream_start_deflate(), and only once.
 */
void stream_start_tls(struct stream *s, struct tls_context *ctx, const char *server_name);

/* Starts raw DEFLATE in both directions (zlib, bounded windows), and reads on if it was stopped.
 * Octets left over from on_data and octets to come are compressed data, octets written from now on
 * are compressed. False when memory is out; then nothing has changed. */
bool stream_start_deflate(struct stream *s);

/* Sends all of `out` and leaves it empty. A buffer that failed ends the stream. */
void stream_write(struct stream *s, struct buf *out);

/* Octets that wait to be sent, as they will go over the wire. */
size_t stream_queued(const struct stream *s);

/* Offers again what was left over, on the next turn of the loop, and reads on. May be called from
 * on_data. */
void stream_resume(struct stream *s);

/* Stops reading from the socket until stream_resume(), also when nothing is left over. The end of
 * a stopped stream is not noticed, unless there is something to send. */
void stream_pause(struct stream *s);

/* Sends what is queued, then close_notify and FIN, within `write_seconds` (60 when that is 0; then
 * as stream_abort()), and waits for the peer's FIN for 5 s at most, so that the last words are not
 * lost in a reset. */
void stream_close(struct stream *s);

/* Ends at once: RST, nothing more is sent. For a message that must not look complete. (A unix
 * socket knows no RST; its peer sees the end of the stream.) Also after stream_close(). */
void stream_abort(struct stream *s);

/* A stream on its way from one loop to another: the socket, the layers on it, what is left over and
 * what is queued. It belongs to no loop, and may cross threads. */
struct stream_parcel;

/* Takes an open stream off its loop; not from one of its own callbacks. What was handed out with it
 * (stream_peer() and so on) is no longer valid; the only callback that still comes is `on_closed`.
 * NULL when memory is out: then nothing has changed. */
struct stream_parcel *stream_detach(struct stream *s);

/* Goes on with it on another loop, on whose thread this is called, paused as after stream_pause()
 * until stream_resume(). What had to be told (`on_drain`, `on_end`) is told here. NULL when memory
 * or descriptors are out: then the connection is closed. */
struct stream *stream_attach(uv_loop_t *loop, struct stream_parcel *parcel,
                             const struct stream_handler *handler, void *owner);

/* Closes the connection instead. NULL is fine. */
void stream_parcel_free(struct stream_parcel *parcel);

bool stream_is_tls(const struct stream *s);

/* TLS was started and is not up: the handshake is under way or has failed. */
bool stream_is_shaking_hands(const struct stream *s);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", " resumed" behind it when it was, "" without TLS; valid while
 * the stream is. */
const char *stream_tls_description(const struct stream *s);

/* Whom the certificate that the client has shown, and that was verified, is made out to; appended
 * to `name`. False when it has shown none, or one without such a name, or memory is out. */
bool stream_client_name(const struct stream *s, enum tls_name which, struct buf *name);

/* What ties an authentication to this TLS connection (RFC 9266; RFC 5929 for TLS 1.2); of type NONE
 * without TLS, or where it has nothing that is safe. */
void stream_binding(const struct stream *s, struct sasl_binding *binding);

/* Octets of the application in and out since the beginning. */
uint64_t stream_octets_in(const struct stream *s);
uint64_t stream_octets_out(const struct stream *s);

/* "192.0.2.1:1234", "[2001:db8::1]:1234" or "unix"; and whether the peer is this machine. */
const char *stream_peer(const struct stream *s);
bool stream_peer_is_loopback(const struct stream *s);

#endif
