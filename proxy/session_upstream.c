/*
 * A POP3 session's upstream: finding the route, and what happens on the connection to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"
#include "proxy/upstream_options.h"
#include "proxy/warm.h"

/* A device that must not delete has what it deletes hidden from itself, and from nobody else. */
static bool restrict_device(struct session *s)
{
    const struct session_entry *e = s->entry;
    char *account = NULL;

    free(s->options);
    s->options = NULL;
    if (!e->limits.read_only && !e->limits.never_delete)
        return true;
    s->options = malloc(sizeof *s->options);
    if (!s->options)
        return false;
    *s->options = s->route->pop3;
    s->options->deletion = MAILDROP_KEEP;
    if (e->limits.read_only)
        s->options->seen = false;
    if (asprintf(&account, "%s#%s", s->account, e->device) < 0)
        return false;
    free(s->account);
    s->account = account;
    return true;
}

/* Tells the maildrop where the user is served. */
static void session_route(struct session *s)
{
    struct maildrop_route route = {
        .options = s->options ? s->options : &s->route->pop3,
        .login = slice_of(s->login),
        .folder = slice_of(s->entry->folder ? s->entry->folder : ""),
        .credential = session_credential(s),
    };
    const struct endpoint *e = &s->route->upstream;

    upstream_imap_options(s->route, e, e->host, &route.imap);
    maildrop_routed(s->maildrop, &route);
    credential_clear(&s->entry->credential);
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

    upstream_imap_options(s->route, e, place_reach(&s->place, e), &o);
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

static void open_upstream(struct session *s)
{
    struct failure why;

    s->upstream = connection_start(s->house->loop, s->house->descriptors, s->settings, s->route,
                                   &s->place, s->id, &handler, s);
    if (s->upstream) {
        s->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    connect_failed(s, &why);
}

void session_upstream_admitted(struct session *s)
{
    struct failure why;

    if (restrict_device(s)) {
        session_route(s);
        if (!session_go_on(s))
            open_upstream(s);
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    maildrop_refused(s->maildrop, &why);
}

void session_upstream_renewed(struct session *s, const struct credential *credential,
                              const struct failure *why)
{
    bool reopening = s->reopening;

    s->reopening = false;
    s->renewed = why->kind == FAILURE_NONE && !reopening;
    if (why->kind == FAILURE_NONE)
        maildrop_credential(s->maildrop, credential);
    else if (!reopening)
        maildrop_refused(s->maildrop, why);
    if (!reopening)
        return;
    if (why->kind == FAILURE_NONE)
        open_upstream(s);
    else
        maildrop_connect_failed(s->maildrop, why);
}

static void session_count_octets(struct session *s)
{
    s->upstream_in += connection_octets_in(s->upstream);
    s->upstream_out += connection_octets_out(s->upstream);
}

void session_connect(struct session *s, const struct maildrop_action *action)
{
    session_disconnect(s);
    s->failure_counted = false;
    session_load_cancel(s);
    if (!action->again)
        session_admit(s, &(struct session_claim){action->user, action->authzid, action->password,
                                                 action->proved, action->certified});
    else if (s->renewed || !session_renew(s, false))
        open_upstream(s);
    else
        s->reopening = true;
    s->renewed = false;
}

void session_disconnect(struct session *s)
{
    session_admission_cancel(s);
    s->reopening = false;
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
    struct warm_offer offer = {s->settings, s->route,         s->maildrop,
                               s->upstream, session_grant(s), s->id};

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
