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

/* For upstreams. `ca` NULL: the system's authorities; a PEM file or directory else. `verify` false:
 * any certificate is accepted. SNI is always sent for names (Gmail needs it); IP addresses are
 * verified against iPAddress entries. Sessions are resumed where the server lets us. */
struct tls_context *tls_client_new(const char *ca, bool verify, struct failure *why);
void tls_context_free(struct tls_context *t);

#endif
