/*
 * Upstream sessions of one loop that are logged in and wait, after their client's QUIT, for the
 * next login of the same user: translate/maildrop/maildrop_warm.h with a connection each.
 *
 * One is given only to a login on the same route of the same configuration, with the user and
 * password that it was opened with, by an HMAC under a key that is drawn when the process starts;
 * the password itself is not kept. It belongs to one session at a time. There is at most one for
 * each user, and it is logged out when the route's time is over.
 */
#ifndef PROXY_WARM_H
#define PROXY_WARM_H

#include "proxy/connection.h"
#include "translate/maildrop/maildrop.h"

struct warm;

/* NULL when memory, or randomness, is out. */
struct warm *warm_new(uv_loop_t *loop);

/* With its loop run out after warm_stop() or warm_drain(). NULL is fine. */
void warm_free(struct warm *w);

/* What a session leaves, which is held while it waits. */
struct warm_offer {
    struct settings *settings;
    const struct config_route *route;
    struct maildrop *maildrop; /* that asked for MAILDROP_PART */
    struct connection *connection;
    struct grant *grant; /* by which its client came; held while it waits. NULL: none */
    const char *id;      /* eight hex digits: the session's */
};

/* Parts the maildrop and takes its connection over, to keep it, or to log it out where `most` are
 * kept already. False when memory is out: then the connection is still the caller's. */
bool warm_keep(struct warm *w, const struct warm_offer *offer, size_t most);

/* Routed: gives up what it keeps for this login: the connection, to be adopted at once (see
 * connection_adopt()), its session for maildrop_go_on(), and whose it was. False when there is
 * nothing that can be gone on with. */
struct warm_found {
    struct connection *connection;
    struct maildrop_warm *session;
    char id[9];
};
bool warm_find(struct warm *w, const struct settings *settings, const struct config_route *route,
               const struct maildrop *maildrop, struct warm_found *found);

/* Logs out those whose client came by a device that is revoked by now. NULL is fine. */
void warm_revoke(struct warm *w);

/* Logs out all of them, and keeps none from now on. */
void warm_drain(struct warm *w);

/* The same at once: connections that are still closing are cut off. */
void warm_stop(struct warm *w);

#endif
