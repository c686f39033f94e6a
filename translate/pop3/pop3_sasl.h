/*
 * The server's side of SASL PLAIN (RFC 4616) and LOGIN over POP3 (RFC 5034).
 */
#ifndef TRANSLATE_POP3_POP3_SASL_H
#define TRANSLATE_POP3_POP3_SASL_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

enum pop3_sasl_result {
    POP3_SASL_CONTINUE, /* send "+ challenge", feed the next line */
    POP3_SASL_DONE,     /* `user` and `password` are there */
    POP3_SASL_FAILED,   /* `why` says it: unknown mechanism, bad base64, cancelled, no NUL ... */
};

struct pop3_sasl {
    int mechanism; /* private */
    int step;
    struct buf user;     /* authentication identity */
    struct buf authzid;  /* authorization identity of PLAIN; empty when none */
    struct buf password; /* wiped by pop3_sasl_clear */
};

/* AUTH MECHANISM [initial]. On CONTINUE the challenge, base64, is appended to `challenge`. */
enum pop3_sasl_result pop3_sasl_start(struct pop3_sasl *s, struct slice mechanism, bool has_initial,
                                      struct slice initial, struct buf *challenge,
                                      struct failure *why);
enum pop3_sasl_result pop3_sasl_step(struct pop3_sasl *s, struct slice line, struct buf *challenge,
                                     struct failure *why);
void pop3_sasl_clear(struct pop3_sasl *s);

#endif
