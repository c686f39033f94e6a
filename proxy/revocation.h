/*
 * What a person's authorization leaves behind at the provider, taken back there when his last
 * device goes (`mailferry passwd USER --revoke NAME --last`): the refresh token would be good for
 * months yet, and nobody could read it any more. Only a device's password opens the vault that has
 * it, so the last one's is asked for; who has it no more leaves the line empty.
 *
 * It is done as well as it can be: a provider that knows no revocation, or cannot be reached, does
 * not keep the device. What became of it is said, and what there is to do.
 */
#ifndef PROXY_REVOCATION_H
#define PROXY_REVOCATION_H

#include <stdio.h>

#include "proxy/config.h"
#include "proxy/user_route.h"

/* Before `device` of the user is revoked, though it is the last. Does nothing where there are
 * others, or the user's route has no OAuth 2.0. `c` NULL: no provider is known, and that is all
 * that is said. False with the reason (a wrong password, an interruption): the device is not to be
 * revoked. */
bool revocation_run(const struct config *c, const struct user_route *u, const char *state_dir,
                    const char *user, const char *device, FILE *out, struct failure *why);

#endif
