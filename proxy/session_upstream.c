/*
 * A session's upstream side: finding the route, opening the connection, and what happens on it.
 */
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

static void session_imap_options(const struct session *s, struct imap_client_options *o)
{
    const struct endpoint *e = &s->route->upstream;

    o->tls_now = e->tls == ENDPOINT_TLS_IMPLICIT;
    o->starttls = e->tls == ENDPOINT_TLS_AUTO || e->tls == ENDPOINT_TLS_STARTTLS;
    o->allow_cleartext = s->route->allow_cleartext || endpoint_is_loopback(e);
    o->require_tls = e->tls == ENDPOINT_TLS_STARTTLS || !o->allow_cleartext;
    o->mechanisms = s->route->sasl.mechanisms;
    o->host = e->host;
    o->port = e->port;
}

static void session_refuse(struct session *s, enum failure_kind kind, const char *text)
{
    struct failure why;

    s->route = NULL;
    failure_set(&why, kind, "%s", text);
    maildrop_refused(s->maildrop, &why);
}

/* Names for the upstream and for the store. False when memory is out. */
static bool session_name(struct session *s, const char *user)
{
    free(s->login);
    free(s->account);
    s->login = user ? config_route_login(s->route, slice_of(user)) : NULL;
    s->account = user ? session_account(user, &s->route->upstream) : NULL;
    return s->login && s->account;
}

/* Finds where the user is served and tells the maildrop. False when it was refused. */
static bool session_route(struct session *s, const struct maildrop_action *action)
{
    struct maildrop_route route = {0};
    struct session_login login;

    if (!session_find_login(s, action->user, action->authzid, &login)) {
        session_refuse(s, FAILURE_AUTH, SESSION_REFUSED);
        return false;
    }
    bool named = session_name(s, login.user) && session_set_credential(s, &login, action->password);
    free(login.user);
    if (!named) {
        session_refuse(s, FAILURE_TEMPORARY, "out of memory, try again later");
        return false;
    }
    route.options = &s->route->pop3;
    route.login = slice_of(s->login);
    route.folder = login.folder;
    route.credential = session_credential(s);
    session_imap_options(s, &route.imap);
    maildrop_routed(s->maildrop, &route);
    credential_clear(&s->credential);
    return true;
}

static void session_count_failure(struct session *s, const struct failure *why)
{
    if (!s->failure_counted)
        health_upstream_failed(s->house->health, s->route->name, why);
    s->failure_counted = true;
}

static void session_connect_failed(struct session *s, const struct failure *why)
{
    session_disconnect(s);
    session_count_failure(s, why);
    maildrop_connect_failed(s->maildrop, why);
}

static void give_binding(struct session *s)
{
    struct sasl_binding binding;

    stream_binding(s->upstream.stream, &binding);
    maildrop_upstream_bind(s->maildrop, &binding);
}

static void upstream_ready(struct session *s)
{
    s->handshake = false;
    s->due = UINT64_MAX;
    session_log_upstream(s);
    session_tell(s);
    give_binding(s);
    maildrop_connected(s->maildrop);
    session_pump(s);
}

static void upstream_data(struct session *s, struct slice *in)
{
    maildrop_upstream_data(s->maildrop, in);
}

static bool upstream_wants(const struct session *s)
{
    return maildrop_wants_upstream(s->maildrop);
}

static void on_upstream_data(void *owner, struct stream *stream, struct slice *in)
{
    struct session *s = owner;

    (void)stream;
    session_offer(s, &s->upstream, in, upstream_data, upstream_wants);
}

static void on_upstream_tls(void *owner, struct stream *stream)
{
    struct session *s = owner;

    (void)stream;
    if (s->handshake) {
        upstream_ready(s);
        return;
    }
    session_log_tls(s, "upstream-tls", &s->upstream);
    session_tell(s);
    give_binding(s);
    maildrop_upstream_tls(s->maildrop);
    session_pump(s);
}

static void on_upstream_drain(void *owner, struct stream *stream)
{
    (void)owner; /* the maildrop writes no more upstream than it has commands for */
    (void)stream;
}

static void on_upstream_end(void *owner, struct stream *stream, const struct failure *ended)
{
    struct session *s = owner;
    struct maildrop_summary summary;
    struct failure why = *ended;

    (void)stream;
    session_tell(s);
    if (s->handshake && why.kind == FAILURE_NONE)
        failure_set(&why, FAILURE_TEMPORARY, "%s closed the connection before TLS was up",
                    s->route->name);
    if (s->handshake) {
        session_connect_failed(s, &why);
    } else {
        session_disconnect(s);
        maildrop_summary(s->maildrop, &summary);
        if (!summary.logged_in)
            session_count_failure(s, &why);
        maildrop_upstream_closed(s->maildrop, &why);
    }
    session_pump(s);
}

static void on_upstream_closed(void *owner, struct stream *stream)
{
    struct session *s = owner;

    if (s->upstream.stream == stream)
        s->upstream.stream = NULL;
    session_release(s);
}

/* The name that the certificate must have. A unix socket's other end is on this machine. */
static const char *upstream_name(const struct session *s)
{
    return s->route->upstream.host ? s->route->upstream.host : "localhost";
}

void session_upstream_tls(struct session *s)
{
    size_t route = (size_t)(s->route - s->settings->config->routes);

    s->upstream.rewrapped = true;
    stream_start_tls(s->upstream.stream, s->settings->routes[route], upstream_name(s));
}

static bool upstream_open(struct session *s, int fd)
{
    static const struct stream_handler handler = {
        .on_data = on_upstream_data,
        .on_tls = on_upstream_tls,
        .on_drain = on_upstream_drain,
        .on_end = on_upstream_end,
        .on_closed = on_upstream_closed,
    };
    struct stream_options options = {.write_seconds = s->settings->config->limits.write_seconds};
    struct stream *stream = stream_open(s->house->loop, fd, s->route->upstream.unix_path != NULL,
                                        &options, &handler, s);

    if (!stream)
        return false;
    s->pending++;
    s->upstream.stream = stream;
    s->upstream.closing = false;
    s->upstream.held = false;
    return true;
}

static void on_connected(void *owner, int fd, const struct failure *why)
{
    struct session *s = owner;
    struct failure local;

    s->connector = NULL;
    if (fd >= 0 && !upstream_open(s, fd)) {
        failure_set(&local, FAILURE_TEMPORARY, "out of memory or descriptors, try again later");
        why = &local;
        fd = -1;
    }
    if (fd < 0) {
        session_tell(s);
        session_connect_failed(s, why);
        session_pump(s);
    } else if (s->route->upstream.tls == ENDPOINT_TLS_IMPLICIT) {
        s->handshake = true;
        s->due = s->connect_due;
        session_upstream_tls(s);
        session_arm(s);
    } else {
        upstream_ready(s);
    }
}

void session_connect(struct session *s, const struct maildrop_action *action)
{
    unsigned seconds = s->settings->config->limits.connect_seconds;
    struct failure why;

    session_disconnect(s);
    s->failure_counted = false;
    session_load_cancel(s);
    if (!action->again && !session_route(s, action))
        return;
    s->connect_due = uv_now(s->house->loop) + seconds * 1000U;
    s->connector = connector_start(s->house->loop, &s->route->upstream, seconds, on_connected, s);
    if (s->connector)
        return;
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    session_connect_failed(s, &why);
}

void session_disconnect(struct session *s)
{
    if (s->connector)
        connector_cancel(s->connector);
    s->connector = NULL;
    s->handshake = false;
    s->due = UINT64_MAX;
    session_side_close(&s->upstream, false);
}

void session_handshake_overdue(struct session *s)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "%s did not finish the TLS handshake within %u seconds",
                s->route->name, s->settings->config->limits.connect_seconds);
    session_tell(s);
    session_connect_failed(s, &why);
    session_pump(s);
}
