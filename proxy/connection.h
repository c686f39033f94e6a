/*
 * A connection to the upstream of a route, whoever needs it: found, connected and, where the URL
 * says so, secured, and greeted by the server, within the time that the limits allow. Belongs to
 * one loop.
 */
#ifndef PROXY_CONNECTION_H
#define PROXY_CONNECTION_H

#include "proxy/net/descriptors.h"
#include "proxy/net/stream.h"
#include "proxy/place.h"
#include "proxy/settings.h"

struct connection;

/* None of these comes after connection_close() but on_closed; none from inside a call. */
struct connection_handler {
    void (*on_ready)(void *owner); /* connected, implicit TLS included */
    /* Instead of on_ready; the owner calls connection_close(). */
    void (*on_failed)(void *owner, const struct failure *why);
    /* Octets came in, as from a stream. It is offered the rest again as long as it takes some, and
     * then, when it left something, by connection_resume(). */
    void (*on_data)(void *owner, struct slice *in);
    void (*on_tls)(void *owner); /* after connection_start_tls() */
    void (*on_end)(void *owner, const struct failure *why);
    /* The memory of `c` is gone; comes once. */
    void (*on_closed)(void *owner, const struct connection *c);
};

/* `id` is the owner's in the log. `id` and `settings` outlive it, `route` is one of theirs, `place`
 * is looked at meanwhile only. Where the upstream may be at several addresses, they are tried one
 * after the other. `descriptors` is the loop's share, and as in connector_start(). NULL when memory
 * is out. */
struct connection *connection_start(uv_loop_t *loop, struct descriptor_share *descriptors,
                                    const struct settings *settings,
                                    const struct config_route *route, const struct place *place,
                                    const char *id, const struct connection_handler *handler,
                                    void *owner);

/* The server that was reached, once it is ready. Lives as long as the connection. */
const struct endpoint *connection_endpoint(const struct connection *c);

/* Ready: it is another owner's from now on, also within a callback of the former one's, and so are
 * its id and the octets that are counted. `settings` and `route` must be as they were. */
void connection_adopt(struct connection *c, const char *id,
                      const struct connection_handler *handler, void *owner);

/* As stream_start_tls() and stream_start_deflate(), once it is ready. */
void connection_start_tls(struct connection *c);
bool connection_start_deflate(struct connection *c);

/* Sends all of `out` and leaves it empty; without a connection (NULL), or before it is ready, it is
 * dropped. */
void connection_write(struct connection *c, struct buf *out);

/* Offers again what on_data has left, if it has left anything. NULL is fine. */
void connection_resume(struct connection *c);

/* Octets of the application in and out since it is this owner's; of NULL none. */
uint64_t connection_octets_in(const struct connection *c);
uint64_t connection_octets_out(const struct connection *c);

/* As stream_binding(). */
void connection_binding(const struct connection *c, struct sasl_binding *binding);

/* As stream_close() or stream_abort(); may be called from a callback, and again with `at_once`
 * until on_closed. */
void connection_close(struct connection *c, bool at_once);

#endif
