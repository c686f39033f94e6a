/*
 * A client and a server that shake hands in memory, and what each of them says of it.
 */
#ifndef TESTS_UNIT_TLS_MEETING_H
#define TESTS_UNIT_TLS_MEETING_H

#include "tests/unit/certificates.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "proxy/net/tls.h"

struct meeting {
    struct tls_connection *client;
    struct tls_connection *server;
    struct failure client_why; /* kind FAILURE_NONE: it came up */
    struct failure server_why;
};

/* One step of one side; notes the failure that ends it. */
static inline void meeting_step(struct tls_connection *c, struct failure *why)
{
    if (why->kind != FAILURE_NONE)
        return;
    ERR_clear_error();
    int result = SSL_do_handshake(c->ssl);
    int error = SSL_get_error(c->ssl, result);
    char octet;

    /* Tickets, and alerts behind the handshake of TLS 1.3, come with what is read next. */
    if (error == SSL_ERROR_NONE)
        error = SSL_get_error(c->ssl, SSL_read(c->ssl, &octet, 1));
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        tls_connection_explain(c, why);
}

/* `prepare`, if not NULL, changes the client's SSL before it begins. */
static inline void meeting_hold(struct meeting *m, struct tls_context *client, const char *name,
                                struct tls_context *server, void (*prepare)(SSL *client))
{
    BIO *a;
    BIO *b;

    memset(m, 0, sizeof *m);
    m->client = tls_connection_new(client, name);
    m->server = tls_connection_new(server, NULL);
    assert_non_null(m->client);
    assert_non_null(m->server);
    if (prepare)
        prepare(m->client->ssl);
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(m->client->ssl, a, a);
    SSL_set_bio(m->server->ssl, b, b);
    for (int i = 0; i < 10; i++) {
        meeting_step(m->client, &m->client_why);
        meeting_step(m->server, &m->server_why);
    }
}

static inline bool meeting_is_up(const struct meeting *m)
{
    return m->client_why.kind == FAILURE_NONE && m->server_why.kind == FAILURE_NONE &&
           SSL_is_init_finished(m->client->ssl) && SSL_is_init_finished(m->server->ssl);
}

static inline void meeting_end(struct meeting *m)
{
    tls_connection_free(m->client);
    tls_connection_free(m->server);
}

#endif
