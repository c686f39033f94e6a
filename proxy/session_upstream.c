/*
 * A POP3 session's upstream: finding the route, and what happens on the connection to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"
#include "proxy/warm.h"

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

static void connect_failed(struct session *s, const struct failure *why)
{
    session_disconnect(s);
    session_count_failure(s, why);
    maildrop_connect_failed(s->maildrop, why);
}

static void give_binding(struct session *s)
{
    struct sasl_binding binding;

    connection_binding(s->upstream, &binding);
    maildrop_upstream_bind(s->maildrop, &binding);
}

static void on_ready(void *owner)
{
    struct session *s = owner;

    session_tell(s);
    give_binding(s);
    maildrop_connected(s->maildrop);
    session_pump(s);
}

static void on_failed(void *owner, const struct failure *why)
{
    struct session *s = owner;

    session_tell(s);
    connect_failed(s, why);
    session_pump(s);
}

static void on_data(void *owner, struct slice *in)
{
    struct session *s = owner;

    session_tell(s);
    if (!maildrop_wants_upstream(s->maildrop))
        return;
    maildrop_upstream_data(s->maildrop, in);
    session_pump(s);
}

static void on_tls(void *owner)
{
    struct session *s = owner;

    session_tell(s);
    give_binding(s);
    maildrop_upstream_tls(s->maildrop);
    session_pump(s);
}

static void on_end(void *owner, const struct failure *why)
{
    struct session *s = owner;
    struct maildrop_summary summary;

    session_tell(s);
    session_disconnect(s);
    maildrop_summary(s->maildrop, &summary);
    if (!summary.logged_in)
        session_count_failure(s, why);
    maildrop_upstream_closed(s->maildrop, why);
    session_pump(s);
}

static void on_closed(void *owner, const struct connection *c)
{
    struct session *s = owner;

    if (s->leaving == c)
        s->leaving = NULL;
    session_release(s);
}

static const struct connection_handler handler = {on_ready, on_failed, on_data,
                                                  on_tls,   on_end,    on_closed};

/* True when the user's last session has left an upstream session. */
static bool session_go_on(struct session *s)
{
    struct warm_found found;
    char text[80];

    if (!warm_find(s->house->warm, s->settings, s->route, s->maildrop, &found))
        return false;
    snprintf(text, sizeof text, "it goes on with the upstream session of %s", found.id);
    session_log_message(s, LOG_INFO, "upstream-warm", text);
    s->upstream = found.connection;
    s->pending++;
    connection_adopt(s->upstream, s->id, &handler, s);
    maildrop_go_on(s->maildrop, found.session);
    return true;
}

void session_connect(struct session *s, const struct maildrop_action *action)
{
    struct failure why;

    session_disconnect(s);
    s->failure_counted = false;
    session_load_cancel(s);
    if (!action->again && (!session_route(s, action) || session_go_on(s)))
        return;
    s->upstream = connection_start(s->house->loop, s->settings, s->route, s->id, &handler, s);
    if (s->upstream) {
        s->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    connect_failed(s, &why);
}

static void session_count_octets(struct session *s)
{
    s->upstream_in += connection_octets_in(s->upstream);
    s->upstream_out += connection_octets_out(s->upstream);
}

void session_disconnect(struct session *s)
{
    if (!s->upstream)
        return;
    session_count_octets(s);
    connection_close(s->upstream, false);
    s->leaving = s->upstream;
    s->upstream = NULL;
}

/* Each loop keeps its share. */
static size_t warm_share(const struct session *s)
{
    size_t most = s->settings->config->limits.warm_sessions;

    return (most + s->house->count - 1) / s->house->count;
}

void session_part(struct session *s)
{
    struct warm_offer offer = {s->settings, s->route, s->maildrop, s->upstream, s->id};

    if (!s->upstream)
        return;
    session_count_octets(s);
    if (!warm_keep(s->house->warm, &offer, warm_share(s))) {
        session_disconnect(s);
        return;
    }
    s->upstream = NULL;
    s->pending--;
}
