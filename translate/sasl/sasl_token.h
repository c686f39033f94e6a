/*
 * XOAUTH2 and OAUTHBEARER (RFC 7628): one message with a bearer token, and what a server answers to
 * a token that it does not take.
 */
#ifndef TRANSLATE_SASL_SASL_TOKEN_H
#define TRANSLATE_SASL_SASL_TOKEN_H

#include "translate/sasl/sasl_client.h"

/* Appends the client's message, not in base64. */
void sasl_token_message(struct buf *out, const struct sasl_mechanism *mechanism,
                        const struct credential *credential, const struct sasl_peer *peer);

/* What the client answers to the error, so that the server ends the exchange (RFC 7628 section
 * 3.2.3; XOAUTH2 wants nothing). */
struct slice sasl_token_dummy(const struct sasl_mechanism *mechanism);

/* The server's error (RFC 7628 section 3.2.2: JSON with a `status`) as a failure. */
void sasl_token_error(struct failure *why, struct slice message);

#endif
