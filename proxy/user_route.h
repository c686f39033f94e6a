/*
 * Whose vault a person means at the command line, and which route he is served by: the user as a
 * session would have him (proxy/session_login.c), without a folder's suffix.
 */
#ifndef PROXY_USER_ROUTE_H
#define PROXY_USER_ROUTE_H

#include "proxy/config.h"

struct user_route {
    const struct config_route *route; /* of the configuration */
    size_t index;                     /* of it */
    char *user;                       /* owned, as `upstream` */
    char *upstream;                   /* who that is upstream */
    bool pop3, imap;                  /* by which protocols its clients come */
};

/* The first route that the user is served by, one with OAuth before the others: a user has one
 * vault for all. False with the reason; user_route_clear() in any case. */
bool user_route_find(struct user_route *u, const struct config *c, const char *login,
                     struct failure *why);
void user_route_clear(struct user_route *u);

#endif
