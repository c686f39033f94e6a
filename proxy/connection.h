/*
 * A connection to the upstream of a route: found, connected and, where the URL says so, secured,
 * within the time that the limits allow. Belongs to one loop.
 */
#ifndef PROXY_CONNECTION_H
#define PROXY_CONNECTION_H

#include "proxy/net/stream.h"
#include "proxy/settings.h"

struct connection;

/* None of these comes after connection_close() but on_closed; none from inside a call. */
struct connection_handler {
    void (*on_ready)(void *owner); /* connected, implicit TLS included */
    /* Instead of on_ready; the owner calls connection_close(). */
    void (*on_failed)(void *owner, const struct failure *why);
    void (*on_data)(void *owner, struct slice *in); /* as a stream's */
    void (*on_tls)(void *owner);                    /* after connection_start_tls() */
    void (*on_end)(void *owner, const struct failure *why);
    void (*on_closed)(void *owner); /* the memory is gone; comes once */
};

/* `settings` outlive it, `route` is one of theirs. NULL when memory is out. */
struct connection *connection_start(uv_loop_t *loop, const struct settings *settings,
                                    const struct config_route *route,
                                    const struct connection_handler *handler, void *owner);

void connection_start_tls(struct connection *c);

/* Sends all of `out` and leaves it empty; before it is ready, it is dropped. */
void connection_write(struct connection *c, struct buf *out);

/* Offers again what on_data has left. */
void connection_resume(struct connection *c);

/* "192.0.2.1:110", and as stream_tls_description(); "" before it is ready. */
const char *connection_peer(const struct connection *c);
const char *connection_tls_description(const struct connection *c);

/* As stream_binding(). */
void connection_binding(const struct connection *c, struct sasl_binding *binding);

/* As stream_close() or stream_abort(); may be called from a callback, and again with `at_once`
 * until on_closed. */
void connection_close(struct connection *c, bool at_once);

#endif
