/*
 * The addresses of all listeners, bound for each of the workers before anyone listens on them: so
 * every fault is known, and said, before the first client gets in.
 */
#ifndef PROXY_BINDINGS_H
#define PROXY_BINDINGS_H

#include <stdio.h>

#include "proxy/config.h"

struct binding {
    size_t listener; /* index in the configuration */
    unsigned worker;
    int fd; /* -1 when it was taken over */
    bool is_unix;
};

struct bindings {
    struct binding *all;
    size_t count;
    uint16_t *ports; /* by listener: the one that is bound, also where the configuration has 0 */
};

/* Binds each listener of `c` for `workers` workers. False when any failed: the reasons, a line
 * each, have been written to `errors`; call bindings_close() all the same. */
bool bindings_open(struct bindings *b, const struct config *c, unsigned workers, FILE *errors);

/* The descriptor of a binding, which the caller owns from now on. */
int binding_take(struct binding *b);

/* Closes what was not taken and frees the arrays. */
void bindings_close(struct bindings *b);

#endif
