/*
 * The SASL mechanisms that are known here: their names, what each needs, how they compare.
 */
#ifndef TRANSLATE_SASL_SASL_MECHANISM_H
#define TRANSLATE_SASL_SASL_MECHANISM_H

#include "translate/sasl/credential.h"
#include "translate/sasl/sasl_binding.h"

enum sasl_mechanism_bit {
    SASL_OAUTHBEARER = 1 << 0, /* RFC 7628 */
    SASL_XOAUTH2 = 1 << 1,     /* Google's and Microsoft's, older */
    SASL_EXTERNAL = 1 << 2,
    SASL_SCRAM_SHA_256_PLUS = 1 << 3, /* RFC 5802, RFC 7677 */
    SASL_SCRAM_SHA_256 = 1 << 4,
    SASL_SCRAM_SHA_1_PLUS = 1 << 5,
    SASL_SCRAM_SHA_1 = 1 << 6,
    SASL_DIGEST_MD5 = 1 << 7, /* RFC 2831 */
    SASL_CRAM_MD5 = 1 << 8,   /* RFC 2195 */
    SASL_PLAIN = 1 << 9,      /* RFC 4616 */
    SASL_LOGIN = 1 << 10,     /* in a list of what is permitted: USER and PASS, and LOGIN, too */
    SASL_APOP = 1 << 11,      /* no mechanism but POP3's command; for such lists only */
};

enum {
    SASL_SCRAM =
        SASL_SCRAM_SHA_256_PLUS | SASL_SCRAM_SHA_256 | SASL_SCRAM_SHA_1_PLUS | SASL_SCRAM_SHA_1,
    SASL_PLUS = SASL_SCRAM_SHA_256_PLUS | SASL_SCRAM_SHA_1_PLUS,
    SASL_EVERY = (SASL_APOP << 1) - 1,
};

struct sasl_mechanism {
    const char *name;
    uint32_t bit; /* enum sasl_mechanism_bit */
    enum credential_kind needs;
    bool exposes;       /* whoever reads along has the password or the token */
    bool weak;          /* rests on MD5: under TLS it gains nothing over PLAIN */
    bool acts_for;      /* has a place for an authorization identity */
    bool client_first;  /* the client has the first word, which may stand in the command */
    unsigned judged_at; /* the client's response, from 1 on, by which the server can tell whether
                           the password is right; a refusal before is about something else */
};

/* Sets up what all exchanges share. A process with several threads calls it before it starts them;
 * else it is done by the first exchange. False when memory is out. */
bool sasl_set_up(void);

/* NULL when it is not known here. Names are of any case. */
const struct sasl_mechanism *sasl_mechanism_find(struct slice name);

/* The bit of a name, SASL_APOP's too; 0: unknown. */
uint32_t sasl_mechanism_bit(struct slice name);

/* The bits of names with spaces between them; unknown ones are nothing. */
uint32_t sasl_mechanism_bits(struct slice names);

/*
 * Whether a server that greets with these words announces -PLUS under TLS 1.3, but does not know
 * the binding that belongs there. Cyrus (3.6) knows tls-unique only, and says so when it has the
 * proof, in the words of a wrong password.
 */
bool sasl_mechanism_lacks_exporter(struct slice greeting);

/* For whom a mechanism is chosen. */
struct sasl_wish {
    uint32_t offered;   /* by the server */
    uint32_t permitted; /* by the configuration; 0: every one */
    enum credential_kind kind;
    bool acts_for;  /* there is an authorization identity */
    bool tls;       /* the connection is encrypted */
    bool cleartext; /* the secret may be exposed without TLS */
    enum sasl_binding_type binding;
    bool lacks_exporter; /* sasl_mechanism_lacks_exporter() */
};

/* The strongest that will do, NULL: none. With TLS a mechanism that rests on MD5 comes last,
 * without it before those that expose the password. */
const struct sasl_mechanism *sasl_mechanism_choose(const struct sasl_wish *wish);

/* Appends the names of a set, the strongest first, each between `before` and `behind`. */
void sasl_mechanism_put(struct buf *out, uint32_t bits, const char *before, const char *behind);

/* Why none would do, though TLS was no hindrance. */
void sasl_mechanism_explain(struct failure *why, const struct credential *credential,
                            uint32_t permitted);

/* Whether the configuration's list (0: every one) has this bit. */
bool sasl_mechanism_permits(uint32_t permitted, uint32_t bit);

#endif
