/*
 * A certificate with its chain and its private key, read from PEM files: who a server, or a client
 * that has one, is.
 */
#ifndef PROXY_NET_TLS_IDENTITY_H
#define PROXY_NET_TLS_IDENTITY_H

#include <openssl/ssl.h>

#include "proxy/net/tls.h"

struct tls_identity;

/* NULL with the reason in words when a file cannot be read, is no PEM, or key and certificate do
 * not match. `old`: short keys and SHA-1 are taken too. */
struct tls_identity *tls_identity_load(const struct tls_files *files, bool old,
                                       struct failure *why);
void tls_identity_free(struct tls_identity *id);

/* Whether it is valid for that host; `wildcards`: also by a name such as *.example.com. */
bool tls_identity_serves(const struct tls_identity *id, const char *host, bool wildcards);

/* Whether it is valid for a name that `other` is valid for. */
bool tls_identity_shares_name(const struct tls_identity *id, const struct tls_identity *other);

/* Shows it from now on, in place of one with the same type of key. False when memory is out. */
bool tls_identity_install(const struct tls_identity *id, SSL_CTX *ssl);
bool tls_identity_use(const struct tls_identity *id, SSL *ssl);

/* False, with the reason, when the file cannot be opened; `what` it is is told. */
bool tls_file_readable(const char *path, const char *what, struct failure *why);

#endif
