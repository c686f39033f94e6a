/*
 * What a route says of its upstream, as the clients of translate/ take it. `host` is borrowed.
 */
#ifndef PROXY_UPSTREAM_OPTIONS_H
#define PROXY_UPSTREAM_OPTIONS_H

#include "proxy/config.h"
#include "translate/imap/imap_client.h"
#include "translate/pop3/pop3_client.h"

/* Both set what follows from the route and from the server `e`, which `host` names and which is the
 * route's upstream or was found, and leave the rest as it is. */
void upstream_imap_options(const struct config_route *r, const struct endpoint *e, const char *host,
                           struct imap_client_options *o);
void upstream_pop3_options(const struct config_route *r, const struct endpoint *e, const char *host,
                           struct pop3_client_options *o);

#endif
