/*
 * TLS settings made once and shared by all loops: what a server shows and demands, or what a client
 * trusts and shows (OpenSSL 3). Files are read when a context is made, and errors say which of them
 * is bad and what to do (CASES T7).
 */
#ifndef PROXY_NET_TLS_H
#define PROXY_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "translate/text/failure.h"

struct tls_context;
struct tls_tickets;

/* The oldest version that is spoken. Zero is what RFC 8996 asks for; the two last ones open a door
 * to what it forbids, for old devices and servers: with them come TLS 1.0's ciphers, SHA-1 and
 * short keys, and nothing is safe that somebody in between wants to read. */
enum tls_minimum { TLS_MINIMUM_1_2, TLS_MINIMUM_1_3, TLS_MINIMUM_1_1, TLS_MINIMUM_1_0 };

bool tls_minimum_is_old(enum tls_minimum minimum);

/* Which name of a client's certificate is meant. */
enum tls_name {
    TLS_NAME_NONE,
    TLS_NAME_MAIL,   /* the first mail address (rfc822Name) of its subjectAltName */
    TLS_NAME_COMMON, /* the common name of its subject, where that has just one */
    TLS_NAME_ANY,    /* for people: a mail address, wherever it stands, else a common name */
};

/* PEM files: a certificate with its intermediates behind it, and its private key. */
struct tls_files {
    const char *certificate;
    const char *key;
};

/* All borrowed while the context is made. */
struct tls_server_options {
    /* At least one. A client that names a host (SNI) is shown those that are valid for it: an exact
     * name before a wildcard, of each type of key the first. Everyone else is shown the first, and
     * with it those of other types of key that are valid for the same name. */
    const struct tls_files *files;
    size_t file_count;
    enum tls_minimum minimum;
    const char *client_ca; /* clients' certificates are asked for and verified by it (as `ca`
                              below); NULL: not asked for */
    bool client_required;  /* a client without a certificate is refused */
    const char
        *protocol; /* "pop3", "imap": a client that names protocols (ALPN, RFC 7301) must name
                      this one, or it was led here from elsewhere; NULL: not looked at */
    struct tls_tickets *tickets; /* NULL: sessions are not resumed */
};

/* For listeners. NULL with the reason. Free with tls_context_free(). Where clients' certificates
 * are asked for no session is resumed, so that each is looked at every time. */
struct tls_context *tls_server_new(const struct tls_server_options *options, struct failure *why);

struct tls_client_options {
    /* NULL: the system's authorities; else a PEM file (a certificate in it is trusted even when it
     * is no authority), or a directory of such files named by `openssl rehash`. */
    const char *ca;
    bool unverified; /* whatever certificate is accepted, but for the pins */
    /* "sha256/BASE64" of public keys (SubjectPublicKeyInfo): one of them must be in the verified
     * chain of certificates; when `unverified`, it must be the server's own. */
    const char *const *pins;
    size_t pin_count;
    struct tls_files files; /* shown to a server that asks; NULLs: none */
    enum tls_minimum minimum;
    const char *protocol; /* announced (ALPN); NULL: none */
};

/* For upstreams. NULL with the reason. SNI is always sent for names (Gmail needs it); IP addresses
 * are verified against iPAddress entries. Sessions are resumed where the server lets us, but for
 * one that asks for certificates. */
struct tls_context *tls_client_new(const struct tls_client_options *options, struct failure *why);

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
    bool asked;                  /* the server has asked for a certificate */
    struct failure why;          /* set while the handshake runs: why the peer was refused */
};

struct tls_connection *tls_connection_new(struct tls_context *t, const char *server_name);
void tls_connection_free(struct tls_connection *c);

/* Why the handshake failed: what was noted in `why`, or what OpenSSL's queue of errors says, which
 * is empty afterwards. */
void tls_connection_explain(struct tls_connection *c, struct failure *why);

#endif
