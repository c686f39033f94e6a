/*
 * Keys of one listener or route that are each right, and contradict each other: together they would
 * let nobody in, or one of them would do nothing. What could not be read is silent here.
 */
#ifndef PROXY_CONFIG_CONFLICT_H
#define PROXY_CONFIG_CONFLICT_H

#include "proxy/config.h"
#include "proxy/config_fault.h"

/* Adds a fault for each contradiction; `pointer` is the listener's, the route's. */
void config_conflict_listener(const struct config_listener *l, const char *pointer,
                              struct config_faults *faults);
void config_conflict_route(const struct config_route *r, const char *pointer,
                           struct config_faults *faults);

#endif
