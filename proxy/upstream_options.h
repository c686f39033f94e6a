/*
 * What a route says of its upstream, as the clients of translate/ take it. Strings are borrowed
 * from the route.
 */
#ifndef PROXY_UPSTREAM_OPTIONS_H
#define PROXY_UPSTREAM_OPTIONS_H

#include "proxy/config.h"
#include "translate/imap/imap_client.h"
#include "translate/pop3/pop3_client.h"

/* Both set what follows from the route, and leave the rest as it is. */
void upstream_imap_options(const struct config_route *r, struct imap_client_options *o);
void upstream_pop3_options(const struct config_route *r, struct pop3_client_options *o);

#endif
