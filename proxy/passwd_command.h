/*
 * `mailferry passwd USER`: the passwords of a user's devices. Lists them, adds one, takes one away.
 * A running server sees it at the next login.
 */
#ifndef PROXY_PASSWD_COMMAND_H
#define PROXY_PASSWD_COMMAND_H

#include "proxy/cli.h"

/* `c` is NULL without a configuration. The exit status. */
int passwd_run(const struct cli_options *o, const char *state_dir, const struct config *c);

#endif
