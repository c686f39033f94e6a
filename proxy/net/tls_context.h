/*
 * The inside of a TLS context, for the files that make it up:
 *
 *     tls.c           what both roles share, and connections
 *     tls_server.c    certificates by name, clients' certificates, tickets, ALPN
 *     tls_client.c    authorities, pins, sessions to resume
 *     tls_explain.c   why a handshake failed
 */
#ifndef PROXY_NET_TLS_CONTEXT_H
#define PROXY_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "proxy/net/tls.h"
#include "proxy/net/tls_identity.h"
#include "proxy/net/tls_pin.h"
#include "proxy/net/tls_sessions.h"
#include "proxy/net/tls_tickets.h"

enum { TLS_ALPN_MAX = 16 };

struct tls_context {
    SSL_CTX *ssl;
    atomic_uint references;
    bool is_server;
    enum tls_minimum minimum;
    unsigned char alpn[TLS_ALPN_MAX]; /* one protocol, its length before it; or length 0: none */

    /* of a server */
    struct tls_identity **identities;
    size_t identity_count;
    struct tls_tickets *tickets; /* a reference */

    /* of a client */
    bool verify;
    struct tls_pin *pins;
    size_t pin_count;
    struct tls_sessions *sessions; /* NULL: none are kept, as no certificate is looked at */
};

/* With one reference, and nothing in it but the minimum and the protocol. NULL with the reason. */
struct tls_context *tls_context_new(bool is_server, enum tls_minimum minimum, const char *protocol,
                                    struct failure *why);

/* Certificates to trust: a file or a directory. */
bool tls_context_trust(struct tls_context *t, const char *ca, struct failure *why);

/* "1.2": the least that is spoken. */
const char *tls_minimum_text(enum tls_minimum minimum);

/* Sets `*why`, and is false. */
bool tls_out_of_memory(struct failure *why);

/* Readies the `SSL` of a connection for its role; false when memory is out. */
bool tls_server_prepare(struct tls_connection *c);
bool tls_client_prepare(struct tls_connection *c);

#endif
