/*
 * Looks at a peer's certificate, and says in words why it is refused, with what to do (CASES T4).
 */
#ifndef PROXY_NET_TLS_VERIFY_H
#define PROXY_NET_TLS_VERIFY_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "proxy/net/tls.h"
#include "translate/text/buf.h"

/* The connection is to verify that the certificate is valid for `names`: an IP address, or host
 * names with a space between them, of which one suffices. False when memory is out. */
bool tls_verify_name(SSL *ssl, const char *names);

/*
 * For SSL_CTX_set_cert_verify_callback(): a server's certificate is verified where the context says
 * so, and its keys are compared with the context's pins; a client's is verified. When it is
 * refused, the reason is written to the `why` of the struct tls_connection that is the SSL's app
 * data.
 */
int tls_verify_server(X509_STORE_CTX *store, void *unused);
int tls_verify_client(X509_STORE_CTX *store, void *unused);

/* For SSL_CTX_set_verify(), beside tls_verify_server(). */
int tls_verify_step(int ok, X509_STORE_CTX *store);

/* Whom a verified certificate of a client is made out to: see stream_client_name(). */
bool tls_client_name(SSL *ssl, enum tls_name which, struct buf *name);

/* Whether `name` is an IPv4 or IPv6 address. */
bool tls_name_is_address(const char *name);

#endif
