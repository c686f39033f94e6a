/*
 * The server itself: binds, makes what all sessions share, starts the workers, and attends to
 * signals until it is told to end.
 *
 *     SIGTERM, SIGINT   drain: listen no more, let each session finish its command, end
 *     the same again    end at once
 *     SIGHUP            read the configuration and the certificates again; sessions that begin from
 *                       now on use them, the others keep what they have
 */
#ifndef PROXY_SERVE_H
#define PROXY_SERVE_H

#include "proxy/config.h"

struct serve_options {
    /* Makes the configuration anew, for SIGHUP: owned by the receiver, or NULL after its faults
     * were written to stderr. NULL: there is nothing to read again. */
    struct config *(*reload)(void *owner);
    void *owner;
};

/*
 * Takes `c` over. Returns the exit status: 0 after a signal ended it; 2 when a certificate, key or
 * CA is unusable; 1 when it cannot begin for another reason (an address in use, a state directory
 * that cannot be written). In both of the latter cases every reason has been written to stderr, a
 * line each, and nobody was let in.
 */
int serve_run(struct config *c, const struct serve_options *options);

#endif
