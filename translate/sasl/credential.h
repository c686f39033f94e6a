/*
 * By what somebody is let in upstream: a user with a password, with an OAuth 2.0 access token, or
 * with the certificate that TLS has shown already.
 */
#ifndef TRANSLATE_SASL_CREDENTIAL_H
#define TRANSLATE_SASL_CREDENTIAL_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

enum credential_kind {
    CREDENTIAL_PASSWORD,
    CREDENTIAL_TOKEN,    /* `secret` is a bearer token (RFC 6750), which expires */
    CREDENTIAL_EXTERNAL, /* no secret: the client certificate of the connection (RFC 4422,
                            appendix A) */
};

/* All zero is one of nobody. */
struct credential {
    enum credential_kind kind;
    bool vouched;       /* the owner knows already that the client may use it (a device password, a
                           token from its vault): the upstream need not be asked again */
    struct buf user;    /* who proves himself */
    struct buf authzid; /* whose mail is wanted, when that is another user (an operator logs in for
                           him); empty: the same */
    struct buf secret;  /* wiped by credential_clear() */
};

/* Fills an empty credential with copies. False when memory is out; then it is empty again. */
bool credential_set(struct credential *c, enum credential_kind kind, struct slice user,
                    struct slice secret);
bool credential_set_authzid(struct credential *c, struct slice authzid);

/* `to` becomes a copy of `from`, whatever it was; as credential_set(). */
bool credential_copy(struct credential *to, const struct credential *from);

/* `to` becomes `from`, which is empty afterwards. */
void credential_move(struct credential *to, struct credential *from);

/* Wipes and frees; it is all zero again. */
void credential_clear(struct credential *c);

/*
 * Whether it can be sent to a mail server at all: a user name without line ends and NUL, which no
 * server has (CASES I1), and a secret likewise; a token is of the characters of RFC 6750 section
 * 2.1. Else false with FAILURE_AUTH; `protocol` is named in the sentence.
 */
bool credential_check(const struct credential *c, const char *protocol, struct failure *why);

#endif
