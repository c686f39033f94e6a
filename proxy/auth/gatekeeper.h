/*
 * Who is let in, and as whom upstream. A session asks for admission with what the client gave; the
 * gatekeeper answers with the credential to log in upstream with:
 *
 *   - a route without "oauth", and a user without a vault: the client's own name and password;
 *   - a user with a vault (proxy/auth/vault.h): the password must be that of a device. What the
 * vault holds is the credential: the upstream's password, or an access token, renewed when it is
 * about to expire. A route may demand a vault ("devices": "required"), as every "oauth" route does;
 *   - a route with "oauth" and the grant "client_credentials" needs no vault but the device's.
 *
 * It lives on a loop and thread of its own, so that tokens, keys and their renewal are in one
 * place: of all sessions of an account one renews, the others wait for it, and a token endpoint
 * that hangs stalls nobody who does not need it. Guessing is slowed here (proxy/auth/throttle.h),
 * before anything is tried.
 */
#ifndef PROXY_AUTH_GATEKEEPER_H
#define PROXY_AUTH_GATEKEEPER_H

#include "proxy/auth/throttle.h"
#include "proxy/auth/vault.h"
#include "proxy/session.h"

struct gatekeeper;

/* Starts its thread. `state_dir` is copied. NULL with the reason. */
struct gatekeeper *gatekeeper_new(const char *state_dir, struct failure *why);

/* No admission is pending any more, no grant is held. Waits for its thread. */
void gatekeeper_free(struct gatekeeper *g);

/* An upstream credential that can be had anew: tokens expire while a session or account lives. May
 * be held and released by any thread. Of one vault and device there is one, however often it is
 * opened. */
struct grant;
struct grant *grant_hold(struct grant *g);
void grant_release(struct grant *g); /* NULL is fine */

struct admission_answer {
    struct failure why;            /* kind NONE: admitted */
    struct credential *credential; /* to be freed by the receiver with credential_free() */
    struct grant *grant; /* a reference of the receiver's; NULL: the client's own password */
    struct device_limits limits; /* all that the route permits, without a vault */
    char device[64];             /* "" */
};

/* On the house's loop, once, never before gatekeeper_admit() returns; the receiver owns what is in
 * the answer. */
typedef void (*admission_done)(void *owner, struct admission_answer *answer);

/* A request; valid until its callback has come. */
struct admission;

struct admission_request {
    struct session_house *house;
    struct settings *settings; /* held meanwhile */
    const struct config_route *route;
    struct gate_address address;
    bool pop3;             /* else IMAP */
    struct slice login;    /* as the client gave it, without a folder suffix; copied */
    struct slice password; /* copied, wiped */
};

/* NULL when memory is out. */
struct admission *gatekeeper_admit(struct gatekeeper *g, const struct admission_request *request,
                                   admission_done done, void *owner);

/* No callback comes. On the house's thread. */
void admission_cancel(struct admission *a);

/* The grant's credential for another connection. `refused`: the upstream did not take the one that
 * was given last; it is renewed even if it had not expired. The answer is as to an admission;
 * FAILURE_AUTH says that a person has to run `mailferry authorize` again. */
struct admission *gatekeeper_renew(struct gatekeeper *g, struct session_house *house,
                                   struct grant *grant, bool refused, admission_done done,
                                   void *owner);

/* What the upstream said to a client's own password. Any thread. */
void gatekeeper_report(struct gatekeeper *g, const struct throttle_options *options,
                       const struct gate_address *from, struct slice login, bool admitted);

#endif
