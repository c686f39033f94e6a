/*
 * Who is let in, and as whom upstream. A session asks for admission with what the client gave; the
 * gatekeeper answers with what to log in upstream by:
 *
 *   - a user without a vault (proxy/auth/vault.h): the client's own name and password, unless the
 *     route demands passwords of devices, as one with OAuth does, or one on which the gateway logs
 *     in for everyone;
 *   - a user with a vault: the password must be a device's. What the vault holds is the credential:
 *     the upstream's password, or an access token, renewed when it is about to expire. Where the
 *     route allows both, a password that is no device's is tried upstream;
 *   - a user whose certificate the client has shown: on a route on which the gateway logs in for
 *     everyone.
 *
 * It lives on a loop and thread of its own, so that tokens, keys and their renewal are in one
 * place: of all sessions of a user one renews, the others wait for it, and a token endpoint that
 * hangs stalls nobody who does not need it. Guessing is slowed here (proxy/auth/throttle.h), before
 * anything is tried.
 *
 * Names and passwords are octets here, as the client gave them, whether by USER and PASS, LOGIN or
 * SASL: they are not prepared (SASLprep, RFC 4013). RFC 4616 section 2 recommends that to whoever
 * verifies them and leaves it out where another system does: the upstream has its own preparation,
 * or none, and what is changed on the way could be refused there. A device's password is sealed as
 * it was typed, and must come so. An empty name or password has been refused before (same section);
 * what is derived for SCRAM upstream, GNU SASL prepares (RFC 5802 section 2.2).
 */
#ifndef PROXY_AUTH_GATEKEEPER_H
#define PROXY_AUTH_GATEKEEPER_H

#include "proxy/auth/vault.h"
#include "proxy/session.h"
#include "translate/sasl/credential.h"
#include "translate/sasl/sasl_scram.h"

enum { HELD_ITERATIONS = 10000 /* of SCRAM; RFC 7677 section 4 wants 4096 at least */ };

struct gatekeeper;

/* Starts its thread. `held_key` as in held_key_path(); both are copied. NULL with the reason. */
struct gatekeeper *gatekeeper_new(const char *state_dir, const char *held_key, struct failure *why);

/* No admission is pending any more, no grant is held. Waits for its thread. NULL is fine. */
void gatekeeper_free(struct gatekeeper *g);

/* That somebody was admitted by a device's password, or by a certificate: with it the credential
 * can be had anew, since tokens expire while sessions and accounts live. May be held and released
 * by any thread. */
struct grant;
struct grant *grant_hold(struct grant *g);
void grant_release(struct grant *g); /* NULL is fine */

/* Whether the device is known to be revoked, or its user's vault to be another one: then whoever
 * came by it is to go. Within seconds after that, session_house_revoked() is called on each house.
 * Any thread. */
bool grant_is_revoked(const struct grant *g);

/* What a client has to know. */
struct held_secret {
    bool known; /* else there is none */
    struct buf password;
    struct sasl_scram scram; /* of it, where the mechanism is SCRAM */
};
void held_secret_clear(struct held_secret *s);

/* For a translator; borrows. */
struct sasl_secret held_secret_of(const struct held_secret *s);

struct admission_answer {
    struct failure why; /* kind NONE: admitted. The sentence is fit for the client */
    bool guess;         /* refused as a wrong password is; else the client has given the right one,
                           and something else is in the way */
    bool own;           /* by the client's own name and password; `credential` is empty */
    struct credential credential;
    uint64_t generation;         /* of the credential, for gatekeeper_renew() */
    struct grant *grant;         /* a reference; NULL: by the client's own password */
    struct device_limits limits; /* without `grant`: none */
    struct vault_entered entered;
    struct held_secret held; /* gatekeeper_question() */
};

/* Gives back all that is in it. */
void admission_answer_clear(struct admission_answer *a);

/* On the house's loop, once, never before gatekeeper_admit() returns. The receiver owns what is in
 * the answer. */
typedef void (*admission_done)(void *owner, struct admission_answer *answer);

/* A request; valid until its callback has come. */
struct admission;

struct admission_request {
    struct session_house *house;
    struct settings *settings;        /* held meanwhile */
    const struct config_route *route; /* NULL: nobody serves this login, and it is refused as a
                                         wrong password is, as late and in the same words */
    const char *id;                   /* the session's, for the log */
    struct gate_address address;
    bool pop3;             /* else IMAP */
    bool acting;           /* for another user (an operator): no device's password does */
    bool certified;        /* TLS has shown that it is the user; there is no password */
    bool proved;           /* the client knows `password`, which gatekeeper_question() gave: it is a
                              device's or none, and was asked for in its turn */
    struct slice login;    /* as the client gave it, without a folder suffix; these are copied */
    struct slice upstream; /* who that is upstream; empty without a route */
    struct slice password;
};

/* NULL when memory is out. */
struct admission *gatekeeper_admit(struct gatekeeper *g, const struct admission_request *request,
                                   admission_done done, void *owner);

/* Whether passwords are held, so that clients may be offered to prove that they know one; then
 * `key` is what translators make decoys of. Changes when the key's file does. Any thread. */
bool gatekeeper_offers_proof(struct gatekeeper *g, unsigned char key[SASL_SERVER_KEY]);

/*
 * What does the client have to know who says that he is `named`, and will prove it by `mechanism`
 * (a name of SASL's, or "APOP"; static)? `request->password` is not looked at. The answer is in
 * `held`, also for a user of whom none is held; a failure (`why`) is not about him. It is given in
 * its turn, as an admission is: a wrong proof is to be told by gatekeeper_report(). NULL when
 * memory is out.
 */
struct admission *gatekeeper_question(struct gatekeeper *g, const struct admission_request *request,
                                      struct slice named, const char *mechanism,
                                      admission_done done, void *owner);

/*
 * The upstream has refused a client's own password: that is counted, and `done` comes when the
 * client may hear of it. Where others have vaults, that is as late as it would be had this user
 * one, so that nobody learns by the clock who has (CASES A4). `request` as it was for
 * gatekeeper_admit(), of the password nothing; `took_ms`: since the upstream was asked. What is in
 * the answer means nothing. NULL when memory is out: nothing was counted.
 */
struct admission *gatekeeper_refuse(struct gatekeeper *g, const struct admission_request *request,
                                    uint64_t took_ms, admission_done done, void *owner);

/* No callback comes. On the house's thread; NULL is fine. */
void admission_cancel(struct admission *a);

/*
 * The credential for another connection. `refused` is the generation of one that the upstream did
 * not take (it is renewed, if that was not done since), 0 when none was refused. FAILURE_AUTH: the
 * device was revoked, or a person has to run `mailferry authorize` again. A token that was renewed
 * because it was refused, and is refused again, is FAILURE_TEMPORARY for a while: the upstream is
 * not to be asked again and again. NULL when memory is out.
 */
struct admission *gatekeeper_renew(struct gatekeeper *g, struct session_house *house,
                                   struct grant *grant, uint64_t refused, admission_done done,
                                   void *owner);

/* The upstream has refused this generation, and no other one is asked for. Any thread. */
void gatekeeper_refused(struct grant *grant, uint64_t generation);

/* What the upstream said to a client's own password, or that a proof was none. Any thread. */
void gatekeeper_report(struct gatekeeper *g, const struct throttle_options *options,
                       const struct gate_address *from, struct slice login, bool admitted);

#endif
