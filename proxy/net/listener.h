/*
 * A listening socket of one loop. TCP listeners of several loops share an address by SO_REUSEPORT;
 * a unix socket is bound once and its descriptor shared.
 */
#ifndef PROXY_NET_LISTENER_H
#define PROXY_NET_LISTENER_H

#include <stdint.h>
#include <uv.h>

#include "proxy/endpoint.h"
#include "proxy/net/descriptors.h"
#include "translate/text/failure.h"

struct listener;

/* An accepted socket, owned by the receiver. */
typedef void (*listener_accept)(void *owner, struct listener *l, int fd);

/*
 * Binds without listening yet, so that every fault of every listener is known before the first
 * client gets in. For a host with several addresses (`*`, "localhost") all are bound. Returns the
 * number of descriptors written to `fds` (at most `max`), or -1 with the reason and the remedy in
 * `*why` ("port 110 needs root or CAP_NET_BIND_SERVICE", "is in use by another program").
 * Port 0 takes a free one: the next call with the same endpoint must be given the port that
 * listener_port() tells of the first. A unix socket's file that nobody answers on is replaced; its
 * mode is 0660.
 */
int listener_bind(const struct endpoint *e, int *fds, int max, struct failure *why);

/* Addresses of one host that are bound at most. */
enum { LISTENER_ADDRESSES_MAX = 32 };

/* Whether nobody has the addresses yet. Sockets that share a port are shared with every process of
 * the same user that asks for it: without this look a second mailferry would take half of the
 * first one's clients. False with the reason as above. */
bool listener_is_free(const struct endpoint *e, struct failure *why);

/* The port a descriptor is bound to; 0 for a unix socket. */
uint16_t listener_port(int fd);

/* Begins to accept on a bound descriptor, which it owns from then on, also on failure: NULL, with
 * the reason. `is_unix` tells the words of that reason. When descriptors are short, those that are
 * kept for speed are let go of; when that does not help it pauses and goes on as soon as there is
 * one; meanwhile clients wait in the kernel's queue. It logs that once a minute at most (CASES R8).
 * `descriptors` is the loop's share. */
struct listener *listener_start(uv_loop_t *loop, struct descriptor_share *descriptors, int fd,
                                bool is_unix, listener_accept accept, void *owner,
                                struct failure *why);

/* Stops accepting; may be called from the accept callback. The memory goes with the loop's next
 * turn. A unix socket's file stays: its removal is the caller's affair, who knows when the last
 * loop has stopped. */
void listener_stop(struct listener *l);

#endif
