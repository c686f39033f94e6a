/*
 * Where the upstream of a login is, when a routing service has to be asked (routes[].auth_http);
 * every other route is answered at once.
 */
#include <string.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

static void refuse(struct session *s, enum failure_kind kind, const char *text)
{
    struct failure why;

    failure_set(&why, kind, "%s", text);
    s->entry->innocent = kind != FAILURE_AUTH;
    s->kind->refused(s, &why);
}

/* The service's reasons are for users; that it cannot be asked is for the operator. */
static void refuse_as_told(struct session *s, const struct failure *why)
{
    if (why->kind == FAILURE_AUTH) {
        refuse(s, FAILURE_AUTH, why->text);
        return;
    }
    session_log_message(s, LOG_ERROR, "auth-http", why->text);
    refuse(s, FAILURE_TEMPORARY,
           "the routing service cannot be asked; the gateway's log tells why");
}

static bool take(struct session *s, const struct auth_http_answer *a)
{
    struct slice user = buf_size(&a->user) ? buf_slice(&a->user) : slice_of(s->login);

    credential_clear(&s->entry->credential);
    return !buf_failed(&a->user) && !buf_failed(&a->password) &&
           place_set_address(&s->place, slice_of(a->host), a->port) &&
           credential_set(&s->entry->credential, CREDENTIAL_PASSWORD, user,
                          buf_slice(&a->password));
}

static void on_answer(void *owner, struct auth_http_answer *answer)
{
    struct session *s = owner;

    s->entry->found_by = NULL;
    session_tell(s);
    if (answer->why.kind != FAILURE_NONE)
        refuse_as_told(s, &answer->why);
    else if (take(s, answer))
        s->kind->admitted(s);
    else
        refuse(s, FAILURE_TEMPORARY, "out of memory, try again later");
    session_pump(s);
}

/* As nginx writes it: without the port, and an IPv6 address without brackets. */
static struct slice client_address(const struct session *s)
{
    const char *peer = stream_peer(s->client.stream);
    const char *colon = strrchr(peer, ':');

    if (strcmp(peer, "unix") == 0)
        return slice_of("unix:");
    if (*peer == '[')
        return slice_make(peer + 1, strcspn(peer + 1, "]"));
    return colon ? slice_make(peer, (size_t)(colon - peer)) : slice_of(peer);
}

static struct auth_http *ask(struct session *s, struct slice user, struct slice password)
{
    struct session_house *house = s->house;
    const struct config *c = s->settings->config;
    size_t route = (size_t)(s->route - c->routes);
    enum endpoint_protocol client = c->listeners[s->listener].endpoint.protocol;
    enum endpoint_protocol told =
        s->route->auth_http.client_protocol ? client : s->route->upstream.protocol;
    struct auth_http_request request = {
        .user = user,
        .password = password,
        .pop3 = told == ENDPOINT_POP3,
        .attempt = s->attempts,
        .client = client_address(s),
        .tls = slice_of(stream_tls_description(s->client.stream)),
        .seconds = c->limits.connect_seconds,
    };

    if (!house->http)
        house->http = http_new(house->loop);
    return house->http ? auth_http_start(house->http, &s->settings->auth.services[route], &request,
                                         on_answer, s)
                       : NULL;
}

/* Whose device was let in shows the service what the vault has for him. */
static struct auth_http *ask_for(struct session *s)
{
    const struct session_entry *e = s->entry;

    return e->own ? ask(s, slice_of(e->claim), buf_slice(&e->password))
                  : ask(s, buf_slice(&s->entry->credential.user),
                        buf_slice(&s->entry->credential.secret));
}

void session_find(struct session *s)
{
    struct session_entry *e = s->entry;

    s->attempts++;
    if (!s->route->auth_http.url) {
        s->kind->admitted(s);
        return;
    }
    if (session_client_is_open(s))
        e->found_by = ask_for(s);
    buf_wipe(&e->password);
    if (!e->found_by)
        refuse(s, FAILURE_TEMPORARY, "out of memory, try again later");
}

void session_find_cancel(struct session *s)
{
    if (s->entry->found_by)
        auth_http_cancel(s->entry->found_by);
    s->entry->found_by = NULL;
}
