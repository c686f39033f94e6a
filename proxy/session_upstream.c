/*
 * A POP3 session's upstream: finding the route, and what happens on the connection to it.
 */
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

static void session_imap_options(const struct session *s, const struct endpoint *e,
                                 const char *host, struct imap_client_options *o)
{
    o->tls_now = e->tls == ENDPOINT_TLS_IMPLICIT;
    o->starttls = e->tls == ENDPOINT_TLS_AUTO || e->tls == ENDPOINT_TLS_STARTTLS;
    o->allow_cleartext = s->route->allow_cleartext || endpoint_is_loopback(e);
    o->require_tls = e->tls == ENDPOINT_TLS_STARTTLS || !o->allow_cleartext;
    o->mechanisms = s->route->sasl.mechanisms;
    o->host = host;
    o->port = e->port;
}

static void session_refuse(struct session *s, enum failure_kind kind, const char *text)
{
    struct failure why;

    failure_set(&why, kind, "%s", text);
    s->route = NULL;
    maildrop_refused(s->maildrop, &why);
}

/* Names for the upstream and for the store, and where the upstream is. */
static bool session_name(struct session *s, const struct session_login *l, struct slice password,
                         struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    free(s->login);
    free(s->account);
    free(s->folder);
    s->login = config_route_login(s->route, slice_of(l->user));
    s->account = place_account(s->route, l->user);
    s->folder = slice_dup(l->folder);
    return s->login && s->account && s->folder && session_set_credential(s, l, password) &&
           place_of_user(&s->place, s->route, ENDPOINT_IMAP, l->user, why);
}

/* Finds who serves the user; session_upstream_found() follows, or it was refused. */
static void session_route(struct session *s, const struct maildrop_action *action)
{
    struct session_login login;
    struct failure why;

    if (!session_find_login(s, action->user, action->authzid, &login)) {
        session_refuse(s, FAILURE_AUTH, SESSION_REFUSED);
        return;
    }
    if (session_name(s, &login, action->password, &why))
        session_find(s, slice_of(login.user), action->password);
    else
        session_refuse(s, why.kind, why.text);
    free(login.user);
}

static void session_tell_route(struct session *s)
{
    struct maildrop_route route = {
        .options = &s->route->pop3,
        .login = slice_of(s->login),
        .folder = slice_of(s->folder),
        .credential = session_credential(s),
    };
    const struct endpoint *e = &s->route->upstream;

    session_imap_options(s, e, e->host, &route.imap);
    maildrop_routed(s->maildrop, &route);
    credential_clear(&s->credential);
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

static void give_options(struct session *s)
{
    const struct endpoint *e = connection_endpoint(s->upstream);
    struct imap_client_options o = {0};

    session_imap_options(s, e, place_reach(&s->place, e), &o);
    maildrop_reached(s->maildrop, &o);
}

static void on_ready(void *owner)
{
    struct session *s = owner;

    session_tell(s);
    give_options(s);
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

static void session_open(struct session *s)
{
    static const struct connection_handler handler = {on_ready, on_failed, on_data,
                                                      on_tls,   on_end,    on_closed};
    struct failure why;

    s->upstream =
        connection_start(s->house->loop, s->settings, s->route, &s->place, s->id, &handler, s);
    if (s->upstream) {
        s->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    connect_failed(s, &why);
}

void session_connect(struct session *s, const struct maildrop_action *action)
{
    session_disconnect(s);
    s->failure_counted = false;
    session_load_cancel(s);
    if (action->again)
        session_open(s);
    else
        session_route(s, action);
}

void session_upstream_found(struct session *s)
{
    session_tell_route(s);
    session_open(s);
}

void session_disconnect(struct session *s)
{
    session_find_cancel(s);
    if (!s->upstream)
        return;
    s->upstream_in += connection_octets_in(s->upstream);
    s->upstream_out += connection_octets_out(s->upstream);
    connection_close(s->upstream, false);
    s->leaving = s->upstream;
    s->upstream = NULL;
}
