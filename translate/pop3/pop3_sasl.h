/*
 * The server's side of SASL PLAIN (RFC 4616) and LOGIN over POP3 (RFC 5034): it turns what the
 * client sends into a user and a password. Whether those are right is asked elsewhere.
 *
 * All zero is an exchange that has not begun.
 */
#ifndef TRANSLATE_POP3_POP3_SASL_H
#define TRANSLATE_POP3_POP3_SASL_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

enum pop3_sasl_result {
    POP3_SASL_CONTINUE, /* send "+ " challenge CRLF, feed the next line */
    POP3_SASL_DONE,     /* `user` and `password` are there, neither of them empty */
    POP3_SASL_FAILED,   /* over; `why` says it, nothing of the client's is kept */
};

/* private */
enum pop3_sasl_state {
    POP3_SASL_IDLE,
    POP3_SASL_PLAIN_MESSAGE,
    POP3_SASL_LOGIN_USER,
    POP3_SASL_LOGIN_PASSWORD,
};

struct pop3_sasl {
    enum pop3_sasl_state state; /* private: what the next line is */
    struct buf user;            /* authentication identity */
    struct buf authzid;         /* authorization identity of PLAIN: empty, or the same as `user` */
    struct buf password;        /* wiped by pop3_sasl_clear */
};

/*
 * AUTH MECHANISM [initial]: begins an exchange, forgetting any earlier one. On CONTINUE the
 * challenge, in base64 and without the "+ " before it, is appended to `challenge` (nothing for
 * PLAIN). On FAILED `*why` is FAILURE_PERMANENT when the client cancelled or broke the protocol
 * (answer with pop3_err), FAILURE_AUTH when the credentials cannot be right: an empty name or
 * password, another's authorization; FAILURE_TEMPORARY when memory is out.
 */
enum pop3_sasl_result pop3_sasl_start(struct pop3_sasl *s, struct slice mechanism, bool has_initial,
                                      struct slice initial, struct buf *challenge,
                                      struct failure *why);

/* The client's next line, without its line end. Results as above; "*" cancels. */
enum pop3_sasl_result pop3_sasl_step(struct pop3_sasl *s, struct slice line, struct buf *challenge,
                                     struct failure *why);

/* Wipes the credentials. */
void pop3_sasl_clear(struct pop3_sasl *s);

#endif
