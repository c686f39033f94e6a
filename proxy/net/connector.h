/*
 * Opens a connection to an endpoint: DNS on the thread pool, then one address after the other, each
 * with its share of the time (CASES U1). Where descriptors are short it waits for one. TLS is the
 * stream's affair, started by the owner.
 */
#ifndef PROXY_NET_CONNECTOR_H
#define PROXY_NET_CONNECTOR_H

#include <uv.h>

#include "proxy/endpoint.h"
#include "proxy/net/descriptors.h"
#include "translate/text/failure.h"

struct connector;

/* Called once, from the loop: `fd` is a connected socket that the receiver owns, or -1 and `*why`
 * (FAILURE_TEMPORARY) names the host, the address and the cause of the last attempt (NULL with a
 * socket). The connector is gone after it returns: no connector_cancel() then. */
typedef void (*connector_done)(void *owner, int fd, const struct failure *why);

/* `e` must live until done is called or the connector is cancelled. `seconds` is the time for all
 * of it but the waiting for a descriptor, which ends when nobody got one for as long.
 * `descriptors`: of the loop; NULL: it does not wait for one. NULL when memory is out. */
struct connector *connector_start(uv_loop_t *loop, struct descriptor_share *descriptors,
                                  const struct endpoint *e, unsigned seconds, connector_done done,
                                  void *owner);

/* Milliseconds that it has waited for a descriptor; also when done is called. */
uint64_t connector_waited(const struct connector *c);

/* No callback comes any more; everything is given back. */
void connector_cancel(struct connector *c);

#endif
