/*
 * The client's side of a SASL exchange (RFC 4422), when we log in to an upstream: messages of the
 * server go in as base64, ours come out as base64. The mechanisms are GNU SASL's, but for the two
 * that carry a token (sasl_token.h). What is around the messages ("+ ", AUTHENTICATE) is IMAP's
 * and POP3's business.
 *
 * SCRAM and DIGEST-MD5 verify the server too: a server's word that the login is done counts only
 * when sasl_client_is_complete().
 */
#ifndef TRANSLATE_SASL_SASL_CLIENT_H
#define TRANSLATE_SASL_SASL_CLIENT_H

#include "translate/sasl/sasl_binding.h"
#include "translate/sasl/sasl_mechanism.h"

/* With whom. Borrowed while sasl_client_new() lasts. */
struct sasl_peer {
    const char *service;                /* "imap", "pop" (RFC 4422 section 4's registry) */
    const char *host;                   /* NULL: not known */
    unsigned port;                      /* 0: not known */
    const struct sasl_binding *binding; /* for the mechanisms that end in -PLUS; NULL: none */
};

enum sasl_client_result {
    SASL_CLIENT_SEND,   /* the response was appended; it may be empty */
    SASL_CLIENT_UNABLE, /* this mechanism cannot be done, and nothing was sent by which the password
                           could be judged: cancel it, and try another one; `why` says why */
    SASL_CLIENT_FAILED, /* the connection is not to be trusted, or of no use, for `why` */
};

struct sasl_client;

/* The credential is copied. NULL when memory is out, or the library has not got the mechanism. */
struct sasl_client *sasl_client_new(const struct sasl_mechanism *mechanism,
                                    const struct credential *credential,
                                    const struct sasl_peer *peer);

/* Wipes it. NULL is fine. */
void sasl_client_free(struct sasl_client *c);

const struct sasl_mechanism *sasl_client_mechanism(const struct sasl_client *c);

/* The first response, before the server has said anything: for a mechanism that is `client_first`,
 * once; appended to `response` in base64. */
enum sasl_client_result sasl_client_initial(struct sasl_client *c, struct buf *response,
                                            struct failure *why);

/* What the server said behind its "+", and our response. */
enum sasl_client_result sasl_client_respond(struct sasl_client *c, struct slice challenge,
                                            struct buf *response, struct failure *why);

/* A response went out by which the server can judge the password: a refusal from now on means it,
 * and it is not to be tried in another way. */
bool sasl_client_is_judged(const struct sasl_client *c);

/* Nothing is missing on our side; and the server, where the mechanism has that, has proved that it
 * knows the password. */
bool sasl_client_is_complete(const struct sasl_client *c);

/* The server refused: says more in `*why` when it told its reason within the exchange (the token's
 * error status). Else `*why` is left alone. */
void sasl_client_refused(const struct sasl_client *c, struct failure *why);

#endif
