/*
 * The keys under which a server's session tickets are sealed (RFC 5077, RFC 8446 section 4.6.1).
 * Every listener and loop uses the same ones, and they live on over a reload of the configuration:
 * clients resume their sessions then too. They change by themselves; what was sealed under the key
 * before is still opened for a while. They are in memory only, so that nobody can read old
 * conversations with what lies on the disk.
 */
#ifndef PROXY_NET_TLS_TICKETS_H
#define PROXY_NET_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <time.h>

struct tls_tickets;

/* One holder; NULL when memory or randomness is out. */
struct tls_tickets *tls_tickets_new(void);

/* Any thread may. The last one to let go wipes the keys. */
struct tls_tickets *tls_tickets_hold(struct tls_tickets *t);
void tls_tickets_release(struct tls_tickets *t);

/* Gives up keys that are too old at `now`. Called with each ticket. */
void tls_tickets_age(struct tls_tickets *t, time_t now);

/* What SSL_CTX_set_tlsext_ticket_key_evp_cb() wants; the same arguments and results. */
int tls_tickets_key(struct tls_tickets *t, unsigned char *name, unsigned char *iv,
                    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing);

#endif
