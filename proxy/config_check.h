/*
 * Whether a configuration that was read makes sense as a whole: what belongs together is there,
 * files can be read, every listener has a route and every route a user.
 */
#ifndef PROXY_CONFIG_CHECK_H
#define PROXY_CONFIG_CHECK_H

#include "proxy/config.h"
#include "proxy/config_fault.h"

/* Adds a fault for each thing that could not work. `*c` may be incomplete where faults of reading
 * have been added already. */
void config_check(const struct config *c, struct config_faults *faults);

#endif
