#include "proxy/settings.h"

#include <limits.h>
#include <stdlib.h>

#include "proxy/config_match.h"

static void settings_free(struct settings *s)
{
    for (size_t i = 0; s->listeners && i < s->config->listener_count; i++)
        tls_context_free(s->listeners[i].tls);
    for (size_t i = 0; s->routes && i < s->config->route_count; i++)
        tls_context_free(s->routes[i]);
    free(s->listeners);
    free(s->routes);
    settings_auth_clear(&s->auth);
    srv_free(s->srv);
    config_free(s->config);
    free(s);
}

static unsigned longest_login_delay(const struct config *c, size_t listener)
{
    unsigned longest = 0;

    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *r = &c->routes[i];
        bool leads = r->listener < 0 || (size_t)r->listener == listener;
        if (leads && r->pop3.login_delay > longest)
            longest = r->pop3.login_delay;
    }
    return longest;
}

static unsigned smallest_append_limit(const struct config *c, size_t listener)
{
    unsigned smallest = UINT_MAX;

    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *r = &c->routes[i];
        if (config_route_serves(c, r, listener) && r->imap.append_limit < smallest)
            smallest = r->imap.append_limit;
    }
    return smallest;
}

static bool has_operators(const struct config *c, size_t listener)
{
    bool has = false;

    for (size_t i = 0; i < c->route_count; i++)
        has = has || (config_route_serves(c, &c->routes[i], listener) &&
                      c->routes[i].sasl.master_separator);
    return has;
}

static bool make_listener(struct settings *s, size_t i, FILE *errors)
{
    const struct config *c = s->config;
    const struct config_listener *l = &c->listeners[i];
    const char *certificate = l->certificate ? l->certificate : c->certificate;
    const char *key = l->key ? l->key : c->key;
    enum endpoint_tls tls = l->endpoint.tls;
    char name[300];
    struct failure why;

    s->listeners[i].login_delay = longest_login_delay(c, i);
    s->listeners[i].append_limit = smallest_append_limit(c, i);
    s->listeners[i].operators = has_operators(c, i);
    if (tls == ENDPOINT_TLS_OFF || (tls == ENDPOINT_TLS_AUTO && !certificate))
        return true;
    endpoint_print(&l->endpoint, name, sizeof name);
    if (!certificate || !key) {
        fprintf(errors, "%s: TLS needs a certificate and its key; name both\n", name);
        return false;
    }
    s->listeners[i].tls = tls_server_new(certificate, key, &why);
    if (!s->listeners[i].tls)
        fprintf(errors, "%s: %s\n", name, why.text);
    return s->listeners[i].tls != NULL;
}

static bool make_route(struct settings *s, size_t i, FILE *errors)
{
    const struct config_route *r = &s->config->routes[i];
    struct failure why;

    if (r->upstream.tls == ENDPOINT_TLS_OFF)
        return true;
    s->routes[i] = tls_client_new(r->upstream.ca, r->upstream.verify, &why);
    if (!s->routes[i])
        fprintf(errors, "route %s: %s\n", r->name, why.text);
    return s->routes[i] != NULL;
}

static bool settings_make(struct settings *s, FILE *errors)
{
    bool good = true;

    for (size_t i = 0; i < s->config->listener_count; i++)
        good = make_listener(s, i, errors) && good;
    for (size_t i = 0; i < s->config->route_count; i++)
        good = make_route(s, i, errors) && good;
    return settings_auth_make(&s->auth, s->config, errors) && good;
}

struct settings *settings_new(struct config *config, FILE *errors)
{
    struct settings *s = calloc(1, sizeof *s);

    if (!s) {
        fputs("out of memory\n", errors);
        config_free(config);
        return NULL;
    }
    s->holders = 1;
    s->config = config;
    s->listeners = calloc(config->listener_count + 1, sizeof *s->listeners);
    s->routes = calloc(config->route_count + 1, sizeof(struct tls_context *));
    s->srv = srv_new(config->dns);
    bool memory = s->listeners && s->routes && s->srv;
    if (!memory)
        fputs("out of memory\n", errors);
    if (memory && settings_make(s, errors))
        return s;
    settings_free(s);
    return NULL;
}

struct settings *settings_hold(struct settings *s)
{
    atomic_fetch_add(&s->holders, 1);
    return s;
}

void settings_release(struct settings *s)
{
    if (s && atomic_fetch_sub(&s->holders, 1) == 1)
        settings_free(s);
}
