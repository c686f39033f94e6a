/*
 * TLS sessions that servers gave us to resume, by the servers' names: a login a minute to the same
 * server then costs no certificate check and half the handshake. Bounded; used by all threads.
 */
#ifndef PROXY_NET_TLS_SESSIONS_H
#define PROXY_NET_TLS_SESSIONS_H

#include <openssl/ssl.h>

struct tls_sessions;

/* NULL when memory is out. */
struct tls_sessions *tls_sessions_new(void);
void tls_sessions_free(struct tls_sessions *t);

/* Remembers a copy of `session`; the oldest one gives way when there is no room. */
void tls_sessions_put(struct tls_sessions *t, const char *name, const SSL_SESSION *session);

/* Offers the server the session we have for it, if it is still worth it. */
void tls_sessions_offer(struct tls_sessions *t, const char *name, SSL *ssl);

#endif
