/*
 * `mailferry authorize USER`: lets a person authorize the gateway once, and gives him a password
 * for his device. What he grants (OAuth 2.0), or the upstream's password where that knows no
 * OAuth, is tried by a login upstream and then sealed in the vault. Until then nothing is stored:
 * whatever fails, and whenever he interrupts it, all is as before.
 */
#ifndef PROXY_AUTHORIZE_COMMAND_H
#define PROXY_AUTHORIZE_COMMAND_H

#include "proxy/cli.h"

/* Takes `c` over. The exit status. */
int authorize_run(const struct cli_options *o, struct config *c);

#endif
