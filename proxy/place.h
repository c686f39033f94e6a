/*
 * Where one user's upstream is, beyond what his route says: an address that a routing service gave,
 * a domain whose SRV records tell, or neither, and then it is where the route says.
 */
#ifndef PROXY_PLACE_H
#define PROXY_PLACE_H

#include "proxy/config.h"

struct place {
    enum endpoint_protocol protocol; /* of the upstream */
    uint16_t port;                   /* beside `host` */
    char *domain;                    /* in small letters; NULL: no SRV records are asked for */
    char *host;                      /* an IP address; NULL: none was given */
    char *reached;                   /* the host of the last connection */
};

/* What the route and the login say of it; `user` is the login without its folder suffix.
 * `protocol` is the upstream's. False with the reason for the client: the login has no domain, or
 * memory is out. `p` is cleared first in any case. */
bool place_of_user(struct place *p, const struct config_route *r, enum endpoint_protocol protocol,
                   const char *user, struct failure *why);

/* The address that the service gave. False when memory is out. */
bool place_set_address(struct place *p, struct slice host, uint16_t port);

/* Where `to` is from now on. Its last connection may still be under way and has a name of it, so
 * what that reached stays. False when memory is out: then nothing has changed. */
bool place_copy(struct place *to, const struct place *from);
void place_clear(struct place *p);

/* A connection has reached `at`, which lives no longer than the connection: its host as a copy that
 * lives until the next time. NULL for a unix socket, and when memory is out. */
const char *place_reach(struct place *p, const struct endpoint *at);

/*
 * "ann@imap.example.com": what the user's state is called in the store. It must not change when the
 * upstream moves by what others decide: for "auto" it is the domain that stands behind the `@`, for
 * a routing service the route's name. Owned; NULL when memory is out.
 */
char *place_account(const struct config_route *r, const char *user);

#endif
