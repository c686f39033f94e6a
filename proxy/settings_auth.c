#include "proxy/settings_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/store/disk.h"

enum { SECRET_MAX = 4096 };

static bool no_memory(FILE *errors)
{
    fputs("out of memory\n", errors);
    return false;
}

static void service_clear(struct auth_http_service *s)
{
    for (size_t i = 0; s->headers && i < s->header_count; i++) {
        char *value = (char *)s->headers[i].value; /* const to all but its owner */
        if (value)
            OPENSSL_cleanse(value, strlen(value));
        free(value);
    }
    free(s->headers);
}

static void secrets_free(char **secrets, size_t count)
{
    for (size_t i = 0; secrets && i < count; i++) {
        if (secrets[i])
            OPENSSL_cleanse(secrets[i], strlen(secrets[i]));
        free(secrets[i]);
    }
    free((void *)secrets);
}

void settings_auth_clear(struct settings_auth *a)
{
    secrets_free(a->secrets, a->count);
    secrets_free(a->masters, a->count);
    for (size_t i = 0; a->services && i < a->count; i++)
        service_clear(&a->services[i]);
    free(a->services);
    free(a->providers);
    free(a->networks);
    *a = (struct settings_auth){0};
}

/* ---- providers --------------------------------------------------------------------------- */

/* The file's only line; owned. */
static char *read_secret(const char *path, const char *route, FILE *errors)
{
    struct buf text = {.secret = true};
    bool read = disk_read(AT_FDCWD, path, SECRET_MAX, &text);
    struct slice line = slice_trim(buf_slice(&text));
    struct failure why;

    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    bool good = read && line.n && !memchr(line.p, '\n', line.n) && !slice_has_nul(line);
    char *secret = good ? slice_dup(line) : NULL;
    if (!read) {
        disk_failure(&why, errno, "read", path);
        fprintf(errors, "route %s: %s\n", route, why.text);
    } else if (!good) {
        fprintf(errors, "route %s: %s is to hold a secret on its only line\n", route, path);
    } else if (!secret) {
        no_memory(errors);
    }
    buf_wipe(&text);
    return secret;
}

static void set(const char **field, const char *said)
{
    if (said)
        *field = said;
}

static bool make_provider(struct settings_auth *a, size_t i, const struct config_route *r,
                          FILE *errors)
{
    const struct config_oauth *o = &r->oauth;
    struct oauth_provider *p = &a->providers[i];

    if (!o->client_id)
        return true;
    if (o->provider)
        *p = *oauth_preset(o->provider);
    else
        p->name = o->issuer ? o->issuer : o->token_endpoint;
    set(&p->issuer, o->issuer);
    set(&p->authorization_endpoint, o->authorization_endpoint);
    set(&p->device_endpoint, o->device_endpoint);
    set(&p->token_endpoint, o->token_endpoint);
    set(&p->revocation_endpoint, o->revocation_endpoint);
    set(&p->scope, o->scope);
    p->client_id = o->client_id;
    p->ca = o->ca;
    p->allow_http = true; /* to this machine only, see there */
    if (o->grant >= 0)
        p->grant = (enum oauth_grant)o->grant;
    if (o->client_secret_file)
        a->secrets[i] = read_secret(o->client_secret_file, r->name, errors);
    p->client_secret = a->secrets[i];
    return !o->client_secret_file || a->secrets[i];
}

static bool make_providers(struct settings_auth *a, const struct config *c, FILE *errors)
{
    bool good = true;

    a->count = c->route_count;
    a->providers = calloc(a->count + 1, sizeof *a->providers);
    a->secrets = calloc(a->count + 1, sizeof *a->secrets);
    if (!a->providers || !a->secrets)
        return no_memory(errors);
    for (size_t i = 0; i < a->count; i++)
        good = make_provider(a, i, &c->routes[i], errors) && good;
    return good;
}

/* ---- masters ----------------------------------------------------------------------------- */

static bool make_masters(struct settings_auth *a, const struct config *c, FILE *errors)
{
    bool good = true;

    a->masters = calloc(a->count + 1, sizeof *a->masters);
    if (!a->masters)
        return no_memory(errors);
    for (size_t i = 0; i < a->count; i++) {
        const struct config_route *r = &c->routes[i];
        if (!r->sasl.master_user)
            continue;
        a->masters[i] = read_secret(r->sasl.master_password_file, r->name, errors);
        good = a->masters[i] && good;
    }
    return good;
}

bool settings_auth_credential(const struct settings_auth *a, const struct config *c, size_t route,
                              struct slice login, struct credential *credential)
{
    const char *master = c->routes[route].sasl.master_user;
    bool set = master ? credential_set(credential, CREDENTIAL_PASSWORD, slice_of(master),
                                       slice_of(a->masters[route])) &&
                            credential_set_authzid(credential, login)
                      : credential_set(credential, CREDENTIAL_EXTERNAL, login, slice_of(""));

    credential->vouched = set;
    return set;
}

/* ---- routing services -------------------------------------------------------------------- */

static bool make_service(struct auth_http_service *s, const struct config_route *r, FILE *errors)
{
    const struct config_auth_http *a = &r->auth_http;
    bool good = true;

    s->url = a->url;
    s->ca = a->ca;
    s->header_count = a->header_count;
    s->headers = calloc(a->header_count + 1, sizeof *s->headers);
    if (!s->headers)
        return no_memory(errors);
    for (size_t i = 0; i < a->header_count; i++) {
        s->headers[i].name = a->headers[i].name;
        s->headers[i].value = read_secret(a->headers[i].file, r->name, errors);
        good = s->headers[i].value && good;
    }
    return good;
}

static bool make_services(struct settings_auth *a, const struct config *c, FILE *errors)
{
    bool good = true;

    a->services = calloc(a->count + 1, sizeof *a->services);
    if (!a->services)
        return no_memory(errors);
    for (size_t i = 0; i < a->count; i++)
        good = make_service(&a->services[i], &c->routes[i], errors) && good;
    return good;
}

/* ---- guessing ---------------------------------------------------------------------------- */

static bool make_throttle(struct settings_auth *a, const struct config *c, FILE *errors)
{
    static const char *const loopback[] = {"127.0.0.0/8", "::1"};
    const struct config_limits *l = &c->limits;
    bool said = l->trusted_network_count > 0;
    size_t count = said ? l->trusted_network_count : sizeof loopback / sizeof *loopback;
    struct failure why;

    a->networks = calloc(count, sizeof *a->networks);
    if (!a->networks)
        return no_memory(errors);
    for (size_t i = 0; i < count; i++) {
        if (!network_parse(&a->networks[i], said ? l->trusted_networks[i] : loopback[i], &why)) {
            fprintf(errors, "%s\n", why.text);
            return false;
        }
    }
    a->throttle = (struct throttle_options){
        .refusals = l->login_refusals,
        .block_seconds = l->block_seconds,
        .trusted = a->networks,
        .trusted_count = count,
    };
    return true;
}

bool settings_auth_make(struct settings_auth *a, const struct config *c, FILE *errors)
{
    *a = (struct settings_auth){0};
    bool throttle = make_throttle(a, c, errors);
    bool providers = make_providers(a, c, errors);
    bool masters = make_masters(a, c, errors);
    return make_services(a, c, errors) && providers && masters && throttle;
}
