/*
 * STATE_DIR/admin.sock: whoever runs the process (0600) may connect and is told how it fares, in
 * one line of JSON (see health.h), and is disconnected.
 */
#ifndef PROXY_ADMIN_ADMIN_H
#define PROXY_ADMIN_ADMIN_H

#include <stddef.h>

#include <uv.h>

#include "proxy/admin/health.h"

struct admin;

/* The socket's path for a state directory. False when it is too long for a unix socket. */
bool admin_path(const char *state_dir, char *out, size_t cap);

/* Begins to answer. The state directory must be locked already: a socket that is there is a dead
 * one's and is replaced. NULL with the reason on failure. `h` is borrowed. */
struct admin *admin_start(uv_loop_t *loop, const char *state_dir, struct health *h,
                          struct failure *why);

/* Removes the socket; the memory goes with the loop's next turn. NULL is fine. */
void admin_stop(struct admin *a);

#endif
