/*
 * The server's side of a SASL exchange, when a client logs in to us: lines of the client go in as
 * base64, challenges come out as base64. What is around them ("+ ", AUTHENTICATE) is IMAP's and
 * POP3's business.
 *
 * PLAIN (RFC 4616) and LOGIN give a user and a password; whether they are right is asked elsewhere,
 * of the upstream mostly, and they are passed on octet by octet as they came. SCRAM (RFC 5802, RFC
 * 7677) and CRAM-MD5 (RFC 2195) are GNU SASL's, and need a secret that is kept here: the owner is
 * asked for it (SASL_SERVER_SECRET), and may take its time. Somebody of whom nothing is kept goes
 * through the same exchange with a salt that looks like any other, and is refused at its end in the
 * same words (CASES A4). EXTERNAL (RFC 4422 appendix A) asks for nothing: TLS has shown already who
 * the client is.
 *
 * All zero is an exchange that has not begun.
 */
#ifndef TRANSLATE_SASL_SASL_SERVER_H
#define TRANSLATE_SASL_SASL_SERVER_H

#include "translate/sasl/sasl_binding.h"
#include "translate/sasl/sasl_mechanism.h"

enum {
    SASL_SERVER_LINE_MAX = 12288, /* octets of a line in base64 (RFC 4954 section 4.5) */
    SASL_SERVER_KEY = 32,
};

/* What is the same for all exchanges of a connection; borrowed until the exchange is over. */
struct sasl_server_options {
    uint32_t mechanisms;         /* that may be used: enum sasl_mechanism_bit */
    const char *service;         /* "imap", "pop" */
    struct sasl_binding binding; /* of the client's TLS */
    struct slice certified;      /* the user whose certificate the client has shown in TLS, where
                                    that lets him in; empty: none */
    /* Makes the salts of users that there are not. The same for all connections, and best the same
     * after a restart, or a salt that changes tells who is not there. */
    const unsigned char *key;
    unsigned iterations; /* of SCRAM where the secret does not say: as device passwords have them */
};

enum sasl_secret_kind {
    SASL_SECRET_NONE,     /* nobody of that name is known here */
    SASL_SECRET_PASSWORD, /* will do for every mechanism */
    SASL_SECRET_SCRAM,    /* the keys of RFC 5802 section 3, for the mechanism that was asked for */
};

/* Borrowed while sasl_server_secret() lasts. */
struct sasl_secret {
    enum sasl_secret_kind kind;
    struct slice password;
    struct slice salt, stored_key, server_key; /* octets */
    unsigned iterations;
};

enum sasl_server_result {
    SASL_SERVER_CONTINUE, /* send "+ " challenge CRLF, feed the next line */
    SASL_SERVER_SECRET,   /* ask for the secret of `user`, then sasl_server_secret() */
    SASL_SERVER_DONE,     /* `user` is there, not empty, and `authzid` if it is another one; with a
                             `password`, or `proved`: the client knows the secret that is kept here,
                             or `certified`: it has his certificate */
    SASL_SERVER_FAILED,   /* over; `why` says it, nothing of the client's is kept */
};

/* private */
enum sasl_server_state {
    SASL_SERVER_IDLE,
    SASL_SERVER_PLAIN_MESSAGE,
    SASL_SERVER_LOGIN_USER,
    SASL_SERVER_LOGIN_PASSWORD,
    SASL_SERVER_EXTERNAL_MESSAGE,
    SASL_SERVER_NAMED,  /* SCRAM's or CRAM-MD5's message that has the user name comes */
    SASL_SERVER_ASKING, /* the owner looks for the secret */
    SASL_SERVER_PROOF,  /* SCRAM's second message comes */
    SASL_SERVER_END,    /* all was said; the client sends an empty line */
};

struct sasl_server {
    const struct sasl_mechanism *mechanism; /* of the exchange under way */
    struct buf user;                        /* authentication identity */
    struct buf authzid;  /* whom he wants to act for; empty when that is himself */
    struct buf password; /* wiped by sasl_server_clear */
    bool proved, certified;
    /* private */
    enum sasl_server_state state;
    const struct sasl_server_options *options;
    struct Gsasl_session *session;
    struct buf message; /* waits for the secret */
    bool unknown;       /* there is no such user */
};

/*
 * AUTH MECHANISM [initial]: begins an exchange, forgetting any earlier one. On CONTINUE the
 * challenge, in base64 and without the "+ " before it, is appended to `challenge` (nothing for
 * PLAIN). On FAILED `*why` is FAILURE_PERMANENT when the client cancelled or broke the protocol
 * (answer that it is the client's mistake), FAILURE_AUTH when the credentials are not right or
 * cannot be: an empty name or password, a wrong proof; FAILURE_TEMPORARY when memory is out.
 */
enum sasl_server_result sasl_server_start(struct sasl_server *s,
                                          const struct sasl_server_options *options,
                                          struct slice mechanism, bool has_initial,
                                          struct slice initial, struct buf *challenge,
                                          struct failure *why);

/* The client's next line, without its line end. Results as above; "*" cancels. */
enum sasl_server_result sasl_server_step(struct sasl_server *s, struct slice line,
                                         struct buf *challenge, struct failure *why);

/* Answer to SECRET; `*secret` is copied as far as it is needed. Results as above. */
enum sasl_server_result sasl_server_secret(struct sasl_server *s, const struct sasl_secret *secret,
                                           struct buf *challenge, struct failure *why);

/* The mechanisms to offer: whether a client may send its `password` over this connection, whether
 * secrets are kept here for a `proof`, whether there is channel binding; whether it has a
 * certificate that lets it in. */
uint32_t sasl_server_offer(bool password, bool proof, bool bound, bool certified);

/* Wipes the credentials. */
void sasl_server_clear(struct sasl_server *s);

/* What a refusal says, of whatever: nobody learns which users there are (CASES A4). */
#define SASL_SERVER_REFUSED "Authentication failed."

#endif
