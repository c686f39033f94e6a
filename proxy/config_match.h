/*
 * Which route takes whom. User patterns: `*` is any run of characters, `?` any one; ASCII letters
 * match in either case.
 */
#ifndef PROXY_CONFIG_MATCH_H
#define PROXY_CONFIG_MATCH_H

#include "proxy/config.h"

bool config_pattern_matches(const char *pattern, struct slice user);

/* True when every user that `later` matches is matched by `earlier` too. May miss such a pair where
 * both have wildcards inside, but never claims one that is not. */
bool config_pattern_covers(const char *earlier, const char *later);

/* Whether clients of that listener are the route's: it names the listener, or names none and its
 * upstream speaks the other protocol. */
bool config_route_serves(const struct config *c, const struct config_route *r, size_t listener);

#endif
