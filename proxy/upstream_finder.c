#include "proxy/upstream_finder.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "proxy/config_match.h"
#include "proxy/net/srv.h"

struct upstream_finder {
    const struct config_route *route;
    char *domain;
    enum endpoint_protocol protocol;
    struct srv_request *request;
    upstream_found done;
    void *owner;
};

void upstream_targets_clear(struct upstream_targets *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->list[i].at.host);
        free(t->list[i].names);
    }
    free(t->list);
    *t = (struct upstream_targets){0};
}

/* An empty one. NULL when memory is out. */
static struct upstream_target *add(struct upstream_targets *t)
{
    struct upstream_target *list = realloc(t->list, (t->count + 1) * sizeof *list);

    if (!list)
        return NULL;
    t->list = list;
    list[t->count] = (struct upstream_target){.names = NULL};
    return &list[t->count++];
}

/* ---- known ------------------------------------------------------------------------------- */

/* A unix socket's other end is on this machine. The certificate behind an address that the service
 * gave has the name that the route has in the URL, where it has one. */
bool upstream_targets_known(struct upstream_targets *t, const struct config_route *route,
                            const struct place *place)
{
    struct upstream_target *target = add(t);
    const struct endpoint *e = &route->upstream;

    if (!target)
        return false;
    target->at = *e;
    target->at.host = NULL;
    const char *host = place->host ? place->host : e->host;
    if (place->host)
        target->at.port = place->port;
    target->at.host = host ? strdup(host) : NULL;
    target->names = strdup(!e->host ? "localhost" : endpoint_is_any(e) ? host : e->host);
    return (target->at.host || !host) && target->names;
}

/* ---- by SRV records ---------------------------------------------------------------------- */

static bool is_within(const char *host, const char *domain)
{
    size_t n = strlen(host);
    size_t d = strlen(domain);

    return n >= d && strcmp(host + n - d, domain) == 0 && (n == d || host[n - d - 1] == '.');
}

static bool is_named(const struct upstream_finder *f, const struct srv_target *t)
{
    for (size_t i = 0; i < f->route->srv_target_count; i++)
        if (config_pattern_matches(f->route->srv_targets[i], slice_of(t->host)))
            return true;
    return false;
}

/* A token is for the provider's own servers, and opens a mailbox there for whoever is shown it; one
 * of client credentials opens everybody's. No domain's owner may ask for it: it goes to hosts that
 * the operator has named. */
static bool takes_tokens(const struct upstream_finder *f)
{
    return f->route->oauth.client_id;
}

static bool may_serve(const struct upstream_finder *f, const struct srv_target *t)
{
    return is_named(f, t) || t->is_signed || is_within(t->host, f->domain);
}

static char *names_of(const struct upstream_finder *f, const struct srv_target *t)
{
    struct buf names = BUF_INIT;

    if (may_serve(f, t))
        buf_printf(&names, "%s ", t->host);
    if (!takes_tokens(f))
        buf_puts(&names, f->domain);
    char *owned = buf_failed(&names) ? NULL : slice_dup(buf_slice(&names));
    buf_clear(&names);
    return owned;
}

static bool add_found(struct upstream_targets *targets, const struct upstream_finder *f,
                      const struct srv_target *t)
{
    struct upstream_target *target = add(targets);

    if (!target)
        return false;
    target->at = (struct endpoint){
        .protocol = f->protocol,
        .tls = t->tls ? ENDPOINT_TLS_IMPLICIT : ENDPOINT_TLS_STARTTLS,
        .host = strdup(t->host),
        .port = t->port,
        .verify = true,
    };
    target->names = names_of(f, t);
    return target->at.host && target->names;
}

static void finder_free(struct upstream_finder *f)
{
    free(f->domain);
    free(f);
}

static void on_srv(void *owner, const struct srv_list *list, const struct failure *heard)
{
    struct upstream_finder *f = owner;
    struct upstream_targets targets = {0};
    struct failure why = *heard;
    bool added = true;

    for (size_t i = 0; list && added && i < list->count; i++)
        if (!takes_tokens(f) || is_named(f, &list->targets[i]))
            added = add_found(&targets, f, &list->targets[i]);
    if (!added) {
        failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
        upstream_targets_clear(&targets);
    } else if (list && !targets.count) {
        failure_set(&why, FAILURE_PERMANENT,
                    "the mail server of %s is %s, which gets no tokens; \"srv_targets\" must name "
                    "it",
                    f->domain, list->targets[0].host);
    }
    f->done(f->owner, targets.count ? &targets : NULL, &why);
    finder_free(f);
}

struct upstream_finder *upstream_finder_start(uv_loop_t *loop, const struct settings *settings,
                                              const struct config_route *route,
                                              const struct place *place, upstream_found done,
                                              void *owner)
{
    struct upstream_finder *f = calloc(1, sizeof *f);
    unsigned seconds = settings->config->limits.connect_seconds;

    if (!f)
        return NULL;
    f->route = route;
    f->protocol = place->protocol;
    f->done = done;
    f->owner = owner;
    f->domain = strdup(place->domain);
    if (f->domain)
        f->request = srv_start(settings->srv, loop, f->domain, f->protocol, seconds, on_srv, f);
    if (f->request)
        return f;
    finder_free(f);
    return NULL;
}

void upstream_finder_cancel(struct upstream_finder *f)
{
    srv_cancel(f->request);
    finder_free(f);
}

/* ---- loops ------------------------------------------------------------------------------- */

struct socket_name {
    char host[INET6_ADDRSTRLEN];
    uint16_t port;
};

static bool name_socket(struct socket_name *n, const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    if (address->ss_family == AF_INET) {
        n->port = ntohs(v4->sin_port);
        return inet_ntop(AF_INET, &v4->sin_addr, n->host, sizeof n->host) != NULL;
    }
    if (address->ss_family != AF_INET6)
        return false;
    n->port = ntohs(v6->sin6_port);
    return inet_ntop(AF_INET6, &v6->sin6_addr, n->host, sizeof n->host) != NULL;
}

/* Who connects to an address of his own machine has that address himself, unless it is one of
 * loopback's many. */
static bool listens_there(const struct endpoint *e, const struct socket_name *there,
                          const struct socket_name *here)
{
    bool local = strcmp(here->host, there->host) == 0;

    if (!e->host || e->port != there->port)
        return false;
    return endpoint_is_any(e) || strcasecmp(e->host, "localhost") == 0
               ? local
               : strcmp(e->host, there->host) == 0;
}

bool upstream_is_self(const struct config *c, int fd)
{
    struct sockaddr_storage peer = {0};
    struct sockaddr_storage own = {0};
    socklen_t peer_size = sizeof peer;
    socklen_t own_size = sizeof own;
    struct socket_name there = {.port = 0};
    struct socket_name here = {.port = 0};

    if (getpeername(fd, (struct sockaddr *)&peer, &peer_size) < 0 ||
        getsockname(fd, (struct sockaddr *)&own, &own_size) < 0 || !name_socket(&there, &peer) ||
        !name_socket(&here, &own))
        return false;
    for (size_t i = 0; i < c->listener_count; i++)
        if (listens_there(&c->listeners[i].endpoint, &there, &here))
            return true;
    return false;
}
