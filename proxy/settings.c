#include "proxy/settings.h"

#include <limits.h>
#include <stdlib.h>

#include "proxy/config_match.h"
#include "proxy/net/tls_tickets.h"

static void settings_free(struct settings *s)
{
    for (size_t i = 0; s->listeners && i < s->config->listener_count; i++)
        tls_context_free(s->listeners[i].tls);
    for (size_t i = 0; s->routes && i < s->config->route_count; i++)
        tls_context_free(s->routes[i]);
    free(s->listeners);
    free(s->routes);
    tls_tickets_release(s->tickets);
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

static bool has_devices(const struct config *c, size_t listener)
{
    bool has = false;

    for (size_t i = 0; i < c->route_count; i++)
        has = has || (config_route_serves(c, &c->routes[i], listener) &&
                      c->routes[i].devices != CONFIG_DEVICES_OFF);
    return has;
}

/* As IANA's registry of ALPN protocols (RFC 7301 section 6) has them. */
static const char *protocol_of(const struct endpoint *e)
{
    return e->protocol == ENDPOINT_POP3 ? "pop3" : "imap";
}

static struct tls_files files_of(const struct config_certificate *c)
{
    return (struct tls_files){.certificate = c->certificate, .key = c->key};
}

/* An array for free(), with at least room for one; NULL when memory is out. */
static struct tls_files *list_files(const struct config_certificates *c, size_t *count)
{
    struct tls_files *files = calloc(c->more_count + 1, sizeof *files);
    size_t n = 0;

    if (files && c->first.certificate)
        files[n++] = files_of(&c->first);
    for (size_t i = 0; files && i < c->more_count; i++)
        files[n++] = files_of(&c->more[i]);
    *count = n;
    return files;
}

static struct tls_context *make_server(const struct settings *s, const struct config_listener *l,
                                       struct failure *why)
{
    size_t count;
    struct tls_files *files = list_files(config_listener_certificates(s->config, l), &count);
    struct tls_server_options options = {
        .files = files,
        .file_count = count,
        .minimum = l->tls_minimum,
        .client_ca = l->client_ca,
        .client_required = l->client_required,
        .protocol = protocol_of(&l->endpoint),
        .tickets = s->tickets,
    };
    struct tls_context *made = NULL;

    if (!files)
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
    else if (count == 0)
        failure_set(why, FAILURE_PERMANENT, "TLS needs a certificate and its key; name both");
    else
        made = tls_server_new(&options, why);
    free(files);
    return made;
}

static bool make_listener(struct settings *s, size_t i, FILE *errors)
{
    const struct config *c = s->config;
    const struct config_listener *l = &c->listeners[i];
    enum endpoint_tls tls = l->endpoint.tls;
    char name[ENDPOINT_TEXT];
    struct failure why;

    s->listeners[i].login_delay = longest_login_delay(c, i);
    s->listeners[i].append_limit = smallest_append_limit(c, i);
    s->listeners[i].operators = has_operators(c, i);
    s->listeners[i].proofs = l->held && has_devices(c, i);
    if (tls == ENDPOINT_TLS_OFF ||
        (tls == ENDPOINT_TLS_AUTO && !config_has_certificate(config_listener_certificates(c, l))))
        return true;
    s->listeners[i].tls = make_server(s, l, &why);
    if (s->listeners[i].tls)
        return true;
    endpoint_print(&l->endpoint, name, sizeof name);
    fprintf(errors, "%s: %s\n", name, why.text);
    return false;
}

static bool make_route(struct settings *s, size_t i, FILE *errors)
{
    const struct config_route *r = &s->config->routes[i];
    struct tls_client_options options = {
        .ca = r->upstream.ca,
        .unverified = !r->upstream.verify,
        .pins = (const char *const *)r->pins,
        .pin_count = r->pin_count,
        .files = files_of(&r->identity),
        .minimum = r->tls_minimum,
        .protocol = r->upstream.automatic ? NULL : protocol_of(&r->upstream),
    };
    struct failure why;

    if (r->upstream.tls == ENDPOINT_TLS_OFF)
        return true;
    s->routes[i] = tls_client_new(&options, &why);
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

struct settings *settings_new(struct config *config, const struct settings *before, FILE *errors)
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
    s->tickets = before ? tls_tickets_hold(before->tickets) : tls_tickets_new();
    s->srv = srv_new(config->dns);
    bool memory = s->listeners && s->routes && s->tickets && s->srv;
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
