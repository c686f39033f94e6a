/*
 * The servers at which one user's upstream may be, in the order in which they are tried, and what
 * their certificates must show. For a route that names its server that is one, known at once; by
 * SRV records (proxy/net/srv.h) there may be several.
 *
 * What DNS says is no proof of anything (RFC 6186 section 6): the certificate must be valid for the
 * user's own domain. A target's name will do instead where the target is within that domain, where
 * DNSSEC vouches for the record (RFC 7817 section 3), or where the route says that it may serve
 * others (`srv_targets`). Passwords never go there without TLS. Where the route is of OAuth 2.0,
 * only targets that `srv_targets` names are tried, and by that name: a token is for the provider's
 * servers, and no domain may ask for it.
 */
#ifndef PROXY_UPSTREAM_FINDER_H
#define PROXY_UPSTREAM_FINDER_H

#include <uv.h>

#include "proxy/place.h"
#include "proxy/settings.h"

struct upstream_target {
    struct endpoint at; /* its host is owned */
    char *names;        /* as stream_start_tls() takes them; owned */
};

struct upstream_targets {
    struct upstream_target *list;
    size_t count;
};

void upstream_targets_clear(struct upstream_targets *t);

/* Of a place without a domain. False when memory is out. */
bool upstream_targets_known(struct upstream_targets *t, const struct config_route *route,
                            const struct place *place);

struct upstream_finder;

/* Once, on the loop, never before upstream_finder_start() returns. `targets` has at least one, and
 * the receiver owns it; or it is NULL and `why` says what was looked for. */
typedef void (*upstream_found)(void *owner, struct upstream_targets *targets,
                               const struct failure *why);

/* Of a place with a domain. `settings` and `route`, which is one of theirs, live until then. NULL
 * when memory is out. */
struct upstream_finder *upstream_finder_start(uv_loop_t *loop, const struct settings *settings,
                                              const struct config_route *route,
                                              const struct place *place, upstream_found done,
                                              void *owner);
void upstream_finder_cancel(struct upstream_finder *f);

/* Whether the connected socket leads back to one of our own listeners: a login would go round and
 * round. */
bool upstream_is_self(const struct config *c, int fd);

#endif
