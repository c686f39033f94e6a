/*
 * Whether the server that keeps its state in a directory is alive and well: for containers and
 * scripts.
 */
#ifndef PROXY_ADMIN_HEALTHCHECK_H
#define PROXY_ADMIN_HEALTHCHECK_H

/* Asks the running server. The exit status: 0 when it is well, else 1 after a line on stderr. */
int healthcheck_run(const char *state_dir);

#endif
