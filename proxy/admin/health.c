#include "proxy/admin/health.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct health_route {
    struct health_route *next;
    char *name;
    uint64_t last_ok; /* of seconds(); 0: never */
    uint64_t last_failure;
    unsigned failures_in_a_row;
    struct failure last_error;
};

struct health {
    uint64_t began;
    atomic_uint sessions;
    atomic_uint turnover;
    atomic_ullong logins;
    atomic_ullong logins_refused;
    atomic_ullong let_go;
    atomic_ullong waited;
    uv_mutex_t lock; /* of what follows */
    struct health_route *routes;
};

/* Of a clock that does not jump; never 0, which stands for "never". */
static uint64_t seconds(void)
{
    return uv_hrtime() / 1000000000U + 1;
}

struct health *health_new(void)
{
    struct health *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    if (uv_mutex_init(&h->lock) < 0) {
        free(h);
        return NULL;
    }
    h->began = seconds();
    return h;
}

void health_free(struct health *h)
{
    if (!h)
        return;
    while (h->routes) {
        struct health_route *r = h->routes;
        h->routes = r->next;
        free(r->name);
        free(r);
    }
    uv_mutex_destroy(&h->lock);
    free(h);
}

void health_session_began(struct health *h)
{
    atomic_fetch_add(&h->sessions, 1);
    atomic_fetch_add(&h->turnover, 1);
}

void health_session_ended(struct health *h)
{
    atomic_fetch_sub(&h->sessions, 1);
    atomic_fetch_add(&h->turnover, 1);
}

unsigned health_turnover(const struct health *h)
{
    return atomic_load(&h->turnover);
}

/* The route of that name, made when it is new; NULL when memory is out. Under the lock. */
static struct health_route *health_route(struct health *h, const char *name)
{
    struct health_route **link = &h->routes;

    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    if (*link)
        return *link;
    struct health_route *r = calloc(1, sizeof *r);
    if (r)
        r->name = strdup(name);
    if (r && !r->name) {
        free(r);
        r = NULL;
    }
    *link = r;
    return r;
}

/* The upstream gave an answer: it let someone in, or it knew the credentials to be wrong. */
static void health_upstream_answered(struct health *h, const char *route, bool let_in)
{
    uv_mutex_lock(&h->lock);
    struct health_route *r = health_route(h, route);
    if (r) {
        r->last_ok = let_in ? seconds() : r->last_ok;
        r->failures_in_a_row = 0;
    }
    uv_mutex_unlock(&h->lock);
}

void health_login(struct health *h, const char *route)
{
    atomic_fetch_add(&h->logins, 1);
    health_upstream_answered(h, route, true);
}

void health_login_refused(struct health *h, const char *route, enum failure_kind kind)
{
    atomic_fetch_add(&h->logins_refused, 1);
    if (route && kind == FAILURE_AUTH)
        health_upstream_answered(h, route, false);
}

void health_upstream_failed(struct health *h, const char *route, const struct failure *why)
{
    uv_mutex_lock(&h->lock);
    struct health_route *r = health_route(h, route);
    if (r) {
        r->last_failure = seconds();
        r->failures_in_a_row++;
        r->last_error = *why;
    }
    uv_mutex_unlock(&h->lock);
}

void health_let_go(struct health *h)
{
    atomic_fetch_add(&h->let_go, 1);
}

void health_waited(struct health *h)
{
    atomic_fetch_add(&h->waited, 1);
}

static json_t *age(uint64_t when, uint64_t now)
{
    return when ? json_integer((json_int_t)(now - when)) : json_null();
}

static json_t *health_route_to_json(const struct health_route *r)
{
    uint64_t now = seconds();
    json_t *error = r->last_failure ? json_string(r->last_error.text) : json_null();

    return json_pack("{s:s, s:o, s:o, s:o, s:i}", "route", r->name, "last_ok_s_ago",
                     age(r->last_ok, now), "last_failure_s_ago", age(r->last_failure, now),
                     "last_error", error, "failures_in_a_row", (int)r->failures_in_a_row);
}

static json_t *health_routes_to_json(struct health *h)
{
    json_t *routes = json_array();

    uv_mutex_lock(&h->lock);
    for (const struct health_route *r = h->routes; r; r = r->next) {
        if (json_array_append_new(routes, health_route_to_json(r)) < 0) {
            json_decref(routes);
            routes = NULL;
            break;
        }
    }
    uv_mutex_unlock(&h->lock);
    return routes;
}

json_t *health_to_json(struct health *h)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "version", MAILFERRY_VERSION,
                     "pid", (json_int_t)getpid(), "uptime_s", (json_int_t)(seconds() - h->began),
                     "sessions", (json_int_t)h->sessions, "logins", (json_int_t)h->logins,
                     "logins_refused", (json_int_t)h->logins_refused, "let_go",
                     (json_int_t)h->let_go, "waited", (json_int_t)h->waited, "upstream",
                     health_routes_to_json(h));
}
