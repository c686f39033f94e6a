/*
 * A login at a route's upstream, to learn whether a credential is good, and nothing more: it is
 * the same connection and the same client as a session's, which says goodbye at once.
 */
#ifndef PROXY_LOGIN_TRIAL_H
#define PROXY_LOGIN_TRIAL_H

#include "proxy/connection.h"
#include "translate/sasl/credential.h"

struct login_trial;

/* Comes once, when the connection is gone; `why->kind` is NONE when the server let us in, else the
 * server's words are in it. The trial is gone too. */
typedef void (*login_trial_done)(void *owner, const struct failure *why);

/* `credential` is copied; `settings` outlive it, `route` is one of theirs. NULL with the reason. */
struct login_trial *login_trial_start(uv_loop_t *loop, const struct settings *settings,
                                      const struct config_route *route,
                                      const struct credential *credential, login_trial_done done,
                                      void *owner, struct failure *why);

/* Ends at once; the callback comes all the same, with a failure. */
void login_trial_cancel(struct login_trial *t);

#endif
