/*
 * What sasl_server.c (PLAIN, LOGIN, the frame) and sasl_server_proof.c (SCRAM, CRAM-MD5) share;
 * nobody else includes it.
 */
#ifndef TRANSLATE_SASL_SASL_SERVER_INTERNAL_H
#define TRANSLATE_SASL_SASL_SERVER_INTERNAL_H

#include "translate/sasl/sasl_server.h"

/* sasl_server.c */
enum sasl_server_result sasl_server_fail(struct sasl_server *s, struct failure *why,
                                         enum failure_kind kind, const char *sentence);

/* The credentials are complete: what no upstream need be asked about is refused here. */
enum sasl_server_result sasl_server_finish(struct sasl_server *s, struct failure *why);

/* sasl_server_proof.c: begins the exchange, for CRAM-MD5 with a challenge. */
enum sasl_server_result sasl_proof_begin(struct sasl_server *s, struct buf *challenge,
                                         struct failure *why);

/* A message of the client's, decoded. */
enum sasl_server_result sasl_proof_take(struct sasl_server *s, struct slice message,
                                        struct buf *challenge, struct failure *why);
void sasl_proof_clear(struct sasl_server *s);

#endif
