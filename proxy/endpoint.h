/*
 * One end of a route: where to listen or where to connect, and how it is secured. Written as a URL:
 *
 *     pop3://HOST[:PORT]    imap://HOST[:PORT]     plain; STARTTLS offered or used where possible
 *     pop3s://HOST[:PORT]   imaps://HOST[:PORT]    TLS from the first octet
 *     pop3+unix:/PATH       imap+unix:/PATH        a unix socket
 *
 * with the parameters ?tls=starttls (demanded), ?tls=off (never), ?ca=FILE, ?verify=off, joined by
 * `&`. HOST may be an IPv6 literal in brackets, with a zone as in [fe80::1%25eth0]; `*` or an empty
 * host on a listener means every address. PATH and FILE may hold %XX. Names and passwords have no
 * place in it: a message about a URL repeats only parts that cannot be a password.
 */
#ifndef PROXY_ENDPOINT_H
#define PROXY_ENDPOINT_H

#include "translate/text/failure.h"
#include "translate/text/slice.h"

enum endpoint_protocol { ENDPOINT_POP3, ENDPOINT_IMAP };

enum endpoint_tls {
    ENDPOINT_TLS_AUTO,     /* STARTTLS/STLS when both ends can */
    ENDPOINT_TLS_STARTTLS, /* STARTTLS/STLS or nothing */
    ENDPOINT_TLS_OFF,
    ENDPOINT_TLS_IMPLICIT,
};

struct endpoint {
    enum endpoint_protocol protocol;
    enum endpoint_tls tls;
    char *host; /* without brackets; "*": every address; NULL for a unix socket */
    uint16_t port;
    char *unix_path; /* NULL for TCP */
    char *ca;        /* PEM file or directory of trusted CAs; NULL: the system's */
    bool verify;     /* upstream: the certificate must be valid for `host` */
    bool automatic;  /* upstream: by the user's domain; no host, no port, and of no protocol */
};

/* Reads a URL. False, with a sentence that names the part at fault in `*why`, when it is not one;
 * then `*e` holds nothing. Otherwise `*e` owns its strings: endpoint_clear() frees them. */
bool endpoint_parse(struct endpoint *e, struct slice url, struct failure *why);
void endpoint_clear(struct endpoint *e);

/* The same of an upstream, which may also be "auto" or "auto?ca=FILE". */
bool endpoint_parse_upstream(struct endpoint *e, struct slice url, struct failure *why);

enum { ENDPOINT_TEXT = 320 }; /* room for any endpoint's printed form, with its NUL */

/* "pop3://127.0.0.1:1110": for logs and messages, without parameters. Writes at most `cap` octets
 * including NUL. */
void endpoint_print(const struct endpoint *e, char *out, size_t cap);

/* True when the URL named no host: a listener on every address. */
bool endpoint_is_any(const struct endpoint *e);

/* The same socket: host (in any case) and port, or path. */
bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b);

/* 127.0.0.0/8, ::1, ::ffff:127.x, "localhost" and unix sockets: a peer that needs no TLS. Never one
 * that is automatic. */
bool endpoint_is_loopback(const struct endpoint *e);

#endif
