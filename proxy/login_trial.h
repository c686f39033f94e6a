/*
 * A login at a user's upstream, to learn whether a credential is good, and nothing more: it is the
 * same connection and the same client as a session's, which says goodbye at once. Where the
 * upstream is, is found as for a session: as the route says, by the user's domain (`auto`), or by
 * the routing service (`auth_http`), which is shown the credential and may give another one for the
 * upstream.
 */
#ifndef PROXY_LOGIN_TRIAL_H
#define PROXY_LOGIN_TRIAL_H

#include "proxy/connection.h"
#include "proxy/net/http.h"
#include "translate/sasl/credential.h"

struct login_trial;

/* Comes once, when the connection is gone; `why->kind` is NONE when the server let us in, else the
 * server's words are in it. The trial is gone too. */
typedef void (*login_trial_done)(void *owner, const struct failure *why);

struct login_trial_request {
    struct http *http;                /* on the trial's loop */
    const struct settings *settings;  /* it and the two above outlive the trial */
    const struct config_route *route; /* of them */
    enum endpoint_protocol protocol;  /* of the upstream */
    const char *user; /* as a session has him: without a folder's suffix, not rewritten */
    const struct credential *credential; /* copied */
};

/* NULL with the reason; then no callback comes. */
struct login_trial *login_trial_start(const struct login_trial_request *request,
                                      login_trial_done done, void *owner, struct failure *why);

/* Ends at once; the callback comes all the same, with a failure. */
void login_trial_cancel(struct login_trial *t);

#endif
