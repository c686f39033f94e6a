/*
 * The server itself: listens, serves, and ends when it is told to.
 */
#ifndef PROXY_SERVE_H
#define PROXY_SERVE_H

#include "proxy/config.h"

/* Runs until SIGTERM or SIGINT; then 0. Another exit status, after a line on stderr, when it cannot
 * begin: an address in use, a state directory that cannot be written. `c` is borrowed until then.
 */
int serve_run(const struct config *c);

#endif
