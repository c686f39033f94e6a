/*
 * See connection.h. Its clock runs until the server has said its first word: a greeting may come in
 * the clear or within TLS, and a server that takes connections and says nothing is as good as none.
 */
#include "proxy/connection.h"

#include <stdlib.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/net/connector.h"
#include "proxy/upstream_finder.h"

struct connection {
    uv_loop_t *loop;
    struct descriptor_share *descriptors;
    const struct settings *settings;
    const struct config_route *route;
    const char *id;
    const struct connection_handler *handler;
    void *owner;
    struct upstream_finder *finder;
    struct upstream_targets targets;
    size_t target; /* of them, the one that is tried, or was reached */
    bool found;    /* it is not the route that says where: it may lead back to us */
    struct connector *connector;
    struct stream *stream;
    uv_timer_t *timer; /* NULL from the greeting on: most of its life a connection is idle */
    uint64_t due;
    bool ready;
    bool closing;
    bool held;          /* octets were left in the stream, which waits for stream_resume() */
    bool rewrapped;     /* TLS or DEFLATE began in this feed, and with it the stream reads on */
    uint64_t in_before; /* octets of former owners */
    uint64_t out_before;
    unsigned handles; /* stream and timer: what is still to be closed */
};

static void tell_nobody(void *owner, const struct connection *c)
{
    (void)owner;
    (void)c;
}

/* Of a connection that never began. */
static const struct connection_handler nobody = {.on_closed = tell_nobody};

static void release(struct connection *c)
{
    if (--c->handles)
        return;
    c->handler->on_closed(c->owner, c);
    upstream_targets_clear(&c->targets);
    free(c);
}

static void timer_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;

    free(handle);
    release(c);
}

static void stop_clock(struct connection *c)
{
    if (c->timer)
        uv_close((uv_handle_t *)c->timer, timer_closed);
    c->timer = NULL;
}

/* ---- the log ---- */

static void log_ready(const struct connection *c)
{
    struct slice tls = slice_of(stream_tls_description(c->stream));

    log_event(LOG_INFO, c->id, "upstream",
              (struct log_field[]){LOG_FIELD("route", slice_of(c->route->name)),
                                   LOG_FIELD("address", slice_of(stream_peer(c->stream))),
                                   LOG_FIELD("tls", tls.n ? tls : slice_of("none")),
                                   LOG_FIELD_END});
}

static void log_tls(const struct connection *c)
{
    const char *tls = stream_tls_description(c->stream);

    log_event(LOG_INFO, c->id, "upstream-tls",
              (struct log_field[]){LOG_FIELD("tls", slice_of(tls)), LOG_FIELD_END});
}

/* The server in words: by the name that the operator gave it, where he named it. */
static const char *name_of(const struct connection *c)
{
    return c->found && c->targets.count ? c->targets.list[c->target].at.host : c->route->name;
}

/* ---- what the stream says ---- */

static void on_data(void *owner, struct stream *stream, struct slice *in)
{
    struct connection *c = owner;
    size_t before = in->n + 1;

    (void)stream;
    stop_clock(c);
    c->held = false;
    c->rewrapped = false;
    while (in->n && in->n < before && !c->closing && !c->rewrapped) {
        before = in->n;
        c->handler->on_data(c->owner, in);
    }
    c->held = in->n > 0 && !c->rewrapped;
}

static void become_ready(struct connection *c)
{
    c->ready = true;
    log_ready(c);
    c->handler->on_ready(c->owner);
}

static void on_tls(void *owner, struct stream *stream)
{
    struct connection *c = owner;

    (void)stream;
    if (!c->ready) {
        become_ready(c);
        return;
    }
    log_tls(c);
    c->handler->on_tls(c->owner);
}

static void on_drain(void *owner, struct stream *stream)
{
    (void)owner; /* no more is written upstream than there are commands for */
    (void)stream;
}

static void on_end(void *owner, struct stream *stream, const struct failure *ended)
{
    struct connection *c = owner;
    struct failure why = *ended;

    (void)stream;
    if (!c->ready && why.kind == FAILURE_NONE)
        failure_set(&why, FAILURE_TEMPORARY, "%s closed the connection before TLS was up",
                    name_of(c));
    if (c->ready)
        c->handler->on_end(c->owner, &why);
    else
        c->handler->on_failed(c->owner, &why);
}

static void on_closed(void *owner, struct stream *stream)
{
    struct connection *c = owner;

    (void)stream;
    c->stream = NULL;
    descriptor_freed(c->descriptors);
    release(c);
}

static const struct stream_handler stream_handler = {
    .on_data = on_data,
    .on_tls = on_tls,
    .on_drain = on_drain,
    .on_end = on_end,
    .on_closed = on_closed,
};

/* ---- opening ---- */

const struct endpoint *connection_endpoint(const struct connection *c)
{
    return &c->targets.list[c->target].at;
}

void connection_start_tls(struct connection *c)
{
    size_t route = (size_t)(c->route - c->settings->config->routes);

    c->rewrapped = true;
    stream_start_tls(c->stream, c->settings->routes[route], c->targets.list[c->target].names);
}

bool connection_start_deflate(struct connection *c)
{
    c->rewrapped = stream_start_deflate(c->stream);
    return c->rewrapped;
}

static void overdue(uv_timer_t *timer)
{
    struct connection *c = timer->data;
    bool implicit = c->route->upstream.tls == ENDPOINT_TLS_IMPLICIT;
    struct failure why;

    const char *what = c->ready    ? "greet"
                       : c->finder ? "turn up in DNS"
                                   : "finish the TLS handshake";

    failure_set(&why, FAILURE_TEMPORARY, "%s did not %s within %u seconds%s", name_of(c), what,
                c->settings->config->limits.connect_seconds,
                implicit || c->found
                    ? ""
                    : "; a port for TLS from the first octet wants imaps:// or pop3s://");
    if (c->ready)
        c->handler->on_end(c->owner, &why);
    else
        c->handler->on_failed(c->owner, &why);
}

static void begin(struct connection *c)
{
    uint64_t now = uv_now(c->loop);

    uv_timer_start(c->timer, overdue, c->due > now ? c->due - now : 0, 0);
    if (connection_endpoint(c)->tls == ENDPOINT_TLS_IMPLICIT)
        connection_start_tls(c);
    else
        become_ready(c);
}

static bool open_stream(struct connection *c, int fd)
{
    struct stream_options options = {c->settings->config->limits.write_seconds};

    c->stream = stream_open(c->loop, fd, connection_endpoint(c)->unix_path != NULL, &options,
                            &stream_handler, c);
    if (c->stream)
        c->handles++;
    return c->stream != NULL;
}

static void connect_next(struct connection *c);

/* False when the socket, which is closed then, is of no use. */
static bool use_socket(struct connection *c, int fd, struct failure *why)
{
    if (c->found && upstream_is_self(c->settings->config, fd)) {
        failure_set(why, FAILURE_PERMANENT,
                    "%s port %u is this gateway itself; whoever names the mail server must name "
                    "another one",
                    name_of(c), connection_endpoint(c)->port);
        close(fd);
        return false;
    }
    if (open_stream(c, fd))
        return true;
    failure_set(why, FAILURE_TEMPORARY, "out of memory or descriptors, try again later");
    return false;
}

static void on_connected(void *owner, int fd, const struct failure *failed)
{
    struct connection *c = owner;
    struct failure why = {.kind = FAILURE_NONE};

    c->due += connector_waited(c->connector);
    c->connector = NULL;
    if (fd < 0)
        why = *failed;
    else if (use_socket(c, fd, &why)) {
        begin(c);
        return;
    }
    if (c->target + 1 < c->targets.count) {
        c->target++;
        connect_next(c);
    } else {
        c->handler->on_failed(c->owner, &why);
    }
}

/* Each server that is still to be tried has its share of the time that is left. */
static bool connect_to(struct connection *c)
{
    uint64_t now = uv_now(c->loop);
    uint64_t left = c->due > now ? (c->due - now) / 1000 / (c->targets.count - c->target) : 0;

    c->connector = connector_start(c->loop, c->descriptors, &c->targets.list[c->target].at,
                                   left ? (unsigned)left : 1, on_connected, c);
    return c->connector != NULL;
}

static void connect_next(struct connection *c)
{
    struct failure why;

    if (connect_to(c))
        return;
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    c->handler->on_failed(c->owner, &why);
}

static void on_found(void *owner, struct upstream_targets *targets, const struct failure *why)
{
    struct connection *c = owner;

    c->finder = NULL;
    uv_timer_stop(c->timer);
    if (!targets) {
        c->handler->on_failed(c->owner, why);
        return;
    }
    c->targets = *targets;
    connect_next(c);
}

static bool find_or_connect(struct connection *c, const struct place *place, unsigned seconds)
{
    c->found = place->domain || place->host;
    if (!place->domain)
        return upstream_targets_known(&c->targets, c->route, place) && connect_to(c);
    c->finder = upstream_finder_start(c->loop, c->settings, c->route, place, on_found, c);
    if (c->finder)
        uv_timer_start(c->timer, overdue, seconds * 1000ULL, 0);
    return c->finder != NULL;
}

static void start_clock(struct connection *c)
{
    uv_timer_init(c->loop, c->timer);
    c->timer->data = c;
    c->handles = 1;
}

struct connection *connection_start(uv_loop_t *loop, struct descriptor_share *descriptors,
                                    const struct settings *settings,
                                    const struct config_route *route, const struct place *place,
                                    const char *id, const struct connection_handler *handler,
                                    void *owner)
{
    struct connection *c = calloc(1, sizeof *c);
    unsigned seconds = settings->config->limits.connect_seconds;

    if (!c)
        return NULL;
    c->loop = loop;
    c->descriptors = descriptors;
    c->settings = settings;
    c->route = route;
    c->id = id;
    c->handler = handler;
    c->owner = owner;
    c->due = uv_now(loop) + seconds * 1000ULL;
    c->timer = malloc(sizeof *c->timer);
    if (c->timer) {
        start_clock(c);
        if (find_or_connect(c, place, seconds))
            return c;
        c->handler = &nobody;
        stop_clock(c);
        return NULL;
    }
    free(c);
    return NULL;
}

void connection_adopt(struct connection *c, const char *id,
                      const struct connection_handler *handler, void *owner)
{
    c->id = id;
    c->handler = handler;
    c->owner = owner;
    c->in_before = stream_octets_in(c->stream);
    c->out_before = stream_octets_out(c->stream);
}

void connection_write(struct connection *c, struct buf *out)
{
    if (buf_size(out) == 0)
        return;
    if (c && c->ready)
        stream_write(c->stream, out);
    else
        buf_wipe(out);
}

void connection_resume(struct connection *c)
{
    if (!c || !c->held)
        return;
    c->held = false;
    stream_resume(c->stream);
}

uint64_t connection_octets_in(const struct connection *c)
{
    return c && c->stream ? stream_octets_in(c->stream) - c->in_before : 0;
}

uint64_t connection_octets_out(const struct connection *c)
{
    return c && c->stream ? stream_octets_out(c->stream) - c->out_before : 0;
}

void connection_binding(const struct connection *c, struct sasl_binding *binding)
{
    *binding = (struct sasl_binding){.type = SASL_BINDING_NONE};
    if (c->stream)
        stream_binding(c->stream, binding);
}

void connection_close(struct connection *c, bool at_once)
{
    if (c->finder)
        upstream_finder_cancel(c->finder);
    c->finder = NULL;
    if (c->connector)
        connector_cancel(c->connector);
    c->connector = NULL;
    if (c->stream && (at_once || c->closing))
        stream_abort(c->stream);
    else if (c->stream)
        stream_close(c->stream);
    stop_clock(c);
    c->closing = true;
}
