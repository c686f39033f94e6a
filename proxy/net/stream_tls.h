/*
 * The TLS layer of a stream: ciphertext is given to it, plaintext read from it, and what is to be
 * sent (handshake, records, alerts) appears at the end of the stream's outgoing buffer. It touches
 * no socket and calls nobody back.
 */
#ifndef PROXY_NET_STREAM_TLS_H
#define PROXY_NET_STREAM_TLS_H

#include "proxy/net/tls.h"
#include "translate/sasl/sasl_binding.h"
#include "translate/text/buf.h"
#include "translate/text/failure.h"

struct stream_tls;

enum stream_tls_status {
    STREAM_TLS_DONE, /* the handshake is over; octets were read */
    STREAM_TLS_MORE, /* more ciphertext is needed */
    STREAM_TLS_END,  /* the peer sent close_notify: nothing comes behind it */
    STREAM_TLS_FAILED,
};

/* `out` gets what is to be sent, and must live as long. `server_name` as in stream_start_tls().
 * NULL when memory is out. */
struct stream_tls *stream_tls_new(struct tls_context *context, const char *server_name,
                                  struct buf *out);
void stream_tls_free(struct stream_tls *t);

/* From now on what is to be sent goes to `out`. */
void stream_tls_move(struct stream_tls *t, struct buf *out);

bool stream_tls_is_client(const struct stream_tls *t);

/* Gives ciphertext, borrowed until stream_tls_keep(); only when stream_tls_holds() is false. */
void stream_tls_give(struct stream_tls *t, struct slice octets);
bool stream_tls_keep(struct stream_tls *t);
bool stream_tls_holds(const struct stream_tls *t);

/* Goes on with the handshake. `*why` is set when it failed. */
enum stream_tls_status stream_tls_handshake(struct stream_tls *t, struct failure *why);
bool stream_tls_is_up(const struct stream_tls *t);

/* Reads at most `cap` octets of plaintext (LOOP_PLAIN_SIZE for a whole record). */
enum stream_tls_status stream_tls_read(struct stream_tls *t, char *p, size_t cap, size_t *n,
                                       struct failure *why);

/* Sends `octets`; what is written before the handshake is over is kept until then. Failures of
 * memory show in `out`. */
void stream_tls_write(struct stream_tls *t, struct slice octets);

/* Octets that wait for the handshake. */
size_t stream_tls_queued(const struct stream_tls *t);

/* Sends close_notify, when the connection is in a state for it. */
void stream_tls_shutdown(struct stream_tls *t);

/* What it means that the connection ended here, without close_notify (CASES T6). */
void stream_tls_cut(const struct stream_tls *t, struct failure *why);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", " resumed" behind it when it was; "" until the handshake is
 * over.
 */
const char *stream_tls_text(const struct stream_tls *t);

/* As stream_client_name(). */
bool stream_tls_client_name(const struct stream_tls *t, enum tls_name which, struct buf *name);

/* As stream_binding(). */
void stream_tls_binding(const struct stream_tls *t, struct sasl_binding *binding);

#endif
