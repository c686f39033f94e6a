/*
 * A client's side of TLS 1.3 (RFC 8446) that takes next to no processor time, so that the server's
 * is what limits a case of handshakes. For a server it is like any other client: the handshake is
 * a full one, by the suite and the group that OpenSSL's clients are given.
 *
 * It is for measuring only, and protects nothing: it looks at no certificate and no signature, all
 * connections have one key share, and a session is never resumed. What it does not know ends the
 * connection: another suite or group, a server that asks for a certificate, new keys.
 *
 * Octets go in and out by buffers; nothing here reads or writes a socket.
 */
#ifndef TESTS_BENCH_LOAD_TLS_H
#define TESTS_BENCH_LOAD_TLS_H

#include "translate/text/buf.h"

/* What all connections share. */
struct load_tls_client;
struct load_tls;

/* NULL when OpenSSL has not what it takes, or memory is out. */
struct load_tls_client *load_tls_client_new(void);
void load_tls_client_free(struct load_tls_client *c);

/* Its first message is appended to `out`. Borrows the client, which is to outlive it. NULL when
 * memory is out. */
struct load_tls *load_tls_new(struct load_tls_client *c, struct buf *out);
void load_tls_free(struct load_tls *t);

/* Takes what came from the server; what a person or a protocol is to read is appended to `plain`,
 * what the server must be sent to `out`. False when the connection is over. */
bool load_tls_take(struct load_tls *t, struct slice octets, struct buf *plain, struct buf *out);

/* Whether load_tls_seal() may be called. */
bool load_tls_is_up(const struct load_tls *t);

/* Appends records with these octets to `out`. False when that failed. */
bool load_tls_seal(struct load_tls *t, struct slice octets, struct buf *out);

#endif
