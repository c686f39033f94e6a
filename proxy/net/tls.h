/*
 * TLS settings made once and shared by all loops: a server's certificate and key, or what a client
 * trusts (OpenSSL 3, TLS 1.2 and up).
 */
#ifndef PROXY_NET_TLS_H
#define PROXY_NET_TLS_H

#include <stdbool.h>

#include "translate/text/failure.h"

struct tls_context;

/* For listeners. NULL, with the reason in words, when a file cannot be read, is no PEM, or key and
 * certificate do not match (CASES T7). Free with tls_context_free(). */
struct tls_context *tls_server_new(const char *certificate, const char *key, struct failure *why);

/* For upstreams. `ca` NULL: the system's authorities; else a PEM file (a certificate in it is
 * trusted even when it is no authority), or a directory of such files named by `openssl rehash`.
 * `verify` false: any certificate is accepted. SNI is always sent for names (Gmail needs it); IP
 * addresses are verified against iPAddress entries. Sessions are resumed where the server lets
 * us. */
struct tls_context *tls_client_new(const char *ca, bool verify, struct failure *why);

/* Connections that were made of it may live on. */
void tls_context_free(struct tls_context *t);

/*
 * One connection's TLS state, for proxy/net/stream_tls.c: an OpenSSL `SSL` that knows its role,
 * and for a client the name to verify and an old session to resume. NULL when memory is out.
 * Freed with tls_connection_free().
 */
struct tls_connection {
    struct ssl_st *ssl;
    struct tls_context *context; /* a reference */
    char *server_name;           /* as stream_start_tls() takes it; NULL for a server */
    char *host;                  /* the first of them */
    struct failure why;          /* set while the handshake runs: why the certificate was refused */
};

struct tls_connection *tls_connection_new(struct tls_context *t, const char *server_name);
void tls_connection_free(struct tls_connection *c);

#endif
