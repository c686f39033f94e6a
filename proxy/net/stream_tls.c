/*
 * See stream_tls.h. OpenSSL reads and writes through a BIO of our own, which takes from the octets
 * at hand and appends to the outgoing buffer: no octets lie in between.
 */
#include "proxy/net/stream_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "proxy/net/stream_input.h"
#include "proxy/net/tls_binding.h"
#include "proxy/net/tls_verify.h"

enum {
    RECORD_SIZE = SSL3_RT_MAX_PLAIN_LENGTH,
    RECORD_OVERHEAD = 64, /* header, tag, padding: more than any cipher adds */
    CONTENT_ALERT = 0x15,
    CONTENT_HANDSHAKE = 0x16,
};

struct stream_tls {
    struct tls_connection *connection;
    SSL *ssl; /* the connection's */
    struct stream_input in;
    struct buf early; /* plaintext that waits for the handshake */
    struct buf *out;
    bool peer_spoke;
    bool up;
    bool failed;
    char description[64];
};

static int bio_read(BIO *bio, char *p, int n)
{
    struct stream_tls *t = BIO_get_data(bio);
    struct slice taken = slice_take(&t->in.octets, (size_t)n);

    BIO_clear_retry_flags(bio);
    if (taken.n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(p, taken.p, taken.n);
    return (int)taken.n;
}

static int bio_write(BIO *bio, const char *p, int n)
{
    struct stream_tls *t = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    buf_put(t->out, slice_make(p, (size_t)n));
    return buf_failed(t->out) ? -1 : n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *p)
{
    (void)bio;
    (void)number;
    (void)p;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void bio_method_make(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");

    if (!m)
        return;
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    bio_method = m;
}

static BIO *bio_new(struct stream_tls *t)
{
    static uv_once_t once = UV_ONCE_INIT;

    uv_once(&once, bio_method_make);
    BIO *bio = bio_method ? BIO_new(bio_method) : NULL;
    if (bio) {
        BIO_set_data(bio, t);
        BIO_set_init(bio, 1);
    }
    return bio;
}

struct stream_tls *stream_tls_new(struct tls_context *context, const char *server_name,
                                  struct buf *out)
{
    struct stream_tls *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->out = out;
    t->connection = tls_connection_new(context, server_name);
    BIO *bio = t->connection ? bio_new(t) : NULL;
    if (!bio) {
        stream_tls_free(t);
        return NULL;
    }
    t->ssl = t->connection->ssl;
    SSL_set_bio(t->ssl, bio, bio);
    return t;
}

void stream_tls_free(struct stream_tls *t)
{
    if (!t)
        return;
    tls_connection_free(t->connection);
    stream_input_clear(&t->in);
    buf_wipe(&t->early);
    free(t);
}

void stream_tls_move(struct stream_tls *t, struct buf *out)
{
    t->out = out;
}

bool stream_tls_is_client(const struct stream_tls *t)
{
    return t->connection->server_name != NULL;
}

bool stream_tls_is_up(const struct stream_tls *t)
{
    return t->up;
}

const char *stream_tls_text(const struct stream_tls *t)
{
    return t->description;
}

bool stream_tls_client_name(const struct stream_tls *t, enum tls_name which, struct buf *name)
{
    return t->up && !stream_tls_is_client(t) && tls_client_name(t->ssl, which, name);
}

size_t stream_tls_queued(const struct stream_tls *t)
{
    return buf_size(&t->early);
}

void stream_tls_give(struct stream_tls *t, struct slice octets)
{
    stream_input_give(&t->in, octets);
}

bool stream_tls_keep(struct stream_tls *t)
{
    return stream_input_keep(&t->in);
}

bool stream_tls_holds(const struct stream_tls *t)
{
    return t->in.octets.n > 0;
}

static const char *peer_name(const struct stream_tls *t)
{
    return stream_tls_is_client(t) ? t->connection->host : "the client";
}

static enum stream_tls_status fail(struct stream_tls *t, struct failure *why)
{
    t->failed = true;
    tls_connection_explain(t->connection, why);
    if (buf_failed(t->out))
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
    return STREAM_TLS_FAILED;
}

static enum stream_tls_status status_of(struct stream_tls *t, int result, struct failure *why)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_NONE:
        return STREAM_TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return STREAM_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_TLS_END;
    default:
        return fail(t, why);
    }
}

/* A peer that talks plain text gives itself away by its first octet, and deserves better words than
 * "wrong version number". */
static bool speaks_tls(struct stream_tls *t)
{
    if (t->peer_spoke || t->in.octets.n == 0)
        return true;
    t->peer_spoke = true;
    return t->in.octets.p[0] == CONTENT_HANDSHAKE || t->in.octets.p[0] == CONTENT_ALERT;
}

static enum stream_tls_status fail_plain_text(struct stream_tls *t, struct failure *why)
{
    t->failed = true;
    if (stream_tls_is_client(t))
        failure_set(why, FAILURE_PERMANENT,
                    "the server does not speak TLS on this port; check the port, or write its URL "
                    "without the s (imap://, pop3://)");
    else
        failure_set(why, FAILURE_PERMANENT, "the client does not speak TLS on this port");
    return STREAM_TLS_FAILED;
}

static void come_up(struct stream_tls *t)
{
    struct buf early = t->early;

    t->up = true;
    t->early = (struct buf)BUF_INIT;
    t->connection->why.kind = FAILURE_NONE;
    snprintf(t->description, sizeof t->description, "%s %s%s", SSL_get_version(t->ssl),
             SSL_get_cipher_name(t->ssl), SSL_session_reused(t->ssl) ? " resumed" : "");
    stream_tls_write(t, buf_slice(&early));
    buf_wipe(&early);
}

enum stream_tls_status stream_tls_handshake(struct stream_tls *t, struct failure *why)
{
    if (!speaks_tls(t))
        return fail_plain_text(t, why);
    ERR_clear_error();
    enum stream_tls_status status = status_of(t, SSL_do_handshake(t->ssl), why);
    if (status == STREAM_TLS_DONE)
        come_up(t);
    return status;
}

enum stream_tls_status stream_tls_read(struct stream_tls *t, char *p, size_t cap, size_t *n,
                                       struct failure *why)
{
    ERR_clear_error();
    return status_of(t, SSL_read_ex(t->ssl, p, cap, n), why);
}

void stream_tls_write(struct stream_tls *t, struct slice octets)
{
    if (t->failed)
        return;
    if (!t->up) {
        buf_put(&t->early, octets);
        t->out->failed |= buf_failed(&t->early);
        return;
    }
    if (octets.n)
        buf_reserve(t->out, octets.n + (octets.n / RECORD_SIZE + 1) * RECORD_OVERHEAD);
    while (octets.n && !buf_failed(t->out)) {
        struct slice record = slice_take(&octets, RECORD_SIZE);
        ERR_clear_error();
        /* The BIO takes everything, so that only memory can be the cause. */
        if (SSL_write(t->ssl, record.p, (int)record.n) <= 0)
            t->out->failed = true;
    }
}

void stream_tls_shutdown(struct stream_tls *t)
{
    if (!t->up || t->failed)
        return;
    ERR_clear_error();
    SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void stream_tls_binding(const struct stream_tls *t, struct sasl_binding *binding)
{
    if (t->up)
        tls_binding(t->ssl, binding);
}

void stream_tls_cut(const struct stream_tls *t, struct failure *why)
{
    if (t->up)
        failure_set(why, FAILURE_TEMPORARY,
                    "the TLS connection was cut off (no close_notify): what came may be "
                    "incomplete");
    else
        failure_set(why, FAILURE_TEMPORARY, "%s closed the connection during the TLS handshake",
                    peer_name(t));
}
