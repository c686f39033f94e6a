/*
 * The endpoints of an issuer: OpenID Connect Discovery 1.0 section 4, and where a provider has only
 * that, RFC 8414 section 3.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/oauth_parts.h"

static const char openid[] = "openid-configuration";
static const char oauth[] = "oauth-authorization-server";

void oauth_endpoints_clear(struct oauth_endpoints *e)
{
    free(e->authorization);
    free(e->device);
    free(e->token);
    free(e->revocation);
    *e = (struct oauth_endpoints){0};
}

static void discovered(struct oauth_call *c, struct oauth_endpoints *e, const struct failure *why)
{
    c->discovered(c->owner, e, why);
    oauth_call_free(c);
}

static char *text_of(const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));

    return text ? strdup(text) : NULL;
}

/* Both must name the issuer that was asked, or another could speak for it. */
static bool same_issuer(const char *asked, const json_t *answer)
{
    const char *its = json_string_value(json_object_get(answer, "issuer"));
    size_t n = strlen(asked);

    n -= n && asked[n - 1] == '/';
    return its && strncmp(its, asked, n) == 0 && (!its[n] || strcmp(its + n, "/") == 0);
}

static bool take(struct oauth_call *c, const json_t *answer, struct failure *why)
{
    struct oauth_endpoints e;

    if (!same_issuer(c->provider->issuer, answer)) {
        failure_set(why, FAILURE_PERMANENT,
                    "%s answers for another issuer; write \"issuer\" as it does",
                    c->provider->issuer);
        return false;
    }
    e = (struct oauth_endpoints){
        .authorization = text_of(answer, "authorization_endpoint"),
        .device = text_of(answer, "device_authorization_endpoint"),
        .token = text_of(answer, "token_endpoint"),
        .revocation = text_of(answer, "revocation_endpoint"),
    };
    if (!e.token) {
        oauth_endpoints_clear(&e);
        failure_set(why, FAILURE_PERMANENT, "%s names no token endpoint", c->provider->issuer);
        return false;
    }
    *why = (struct failure){.kind = FAILURE_NONE};
    discovered(c, &e, why);
    return true;
}

/* OpenID puts its name behind the issuer's path, RFC 8414 before it. */
static bool ask(struct oauth_call *c, const char *name, struct failure *why)
{
    const char *issuer = c->provider->issuer;
    const char *host = strstr(issuer, "://");
    size_t n = strlen(issuer);
    struct buf url = BUF_INIT;
    bool asked = false;

    c->tried = name;
    n -= n && issuer[n - 1] == '/';
    size_t root = host ? (size_t)(host - issuer) + 3 + strcspn(host + 3, "/") : n;
    root = root < n && name == oauth ? root : n;
    buf_put(&url, slice_make(issuer, root));
    buf_printf(&url, "/.well-known/%s", name);
    buf_put(&url, slice_make(issuer + root, n - root));
    buf_putc(&url, '\0');
    if (buf_failed(&url))
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    else
        asked = oauth_get(c, buf_slice(&url).p, why);
    buf_clear(&url);
    return asked;
}

static void answered(struct oauth_call *c, long status, const json_t *answer,
                     const struct failure *failed)
{
    struct failure why = *failed;
    bool there = answer && status == 200;

    if (there && take(c, answer, &why))
        return;
    if (!there && status != 0 && c->tried == openid && ask(c, oauth, &why))
        return;
    if (answer && status != 200)
        failure_set(&why, FAILURE_PERMANENT,
                    "%s tells no endpoints (HTTP %ld); give them in the route's \"oauth\"",
                    c->provider->issuer, status);
    discovered(c, NULL, &why);
}

struct oauth_call *oauth_discover(struct http *h, const struct oauth_provider *p,
                                  oauth_discovered done, void *owner, struct failure *why)
{
    struct oauth_call *c = oauth_call_new(h, p, 0, owner, why);

    if (!c)
        return NULL;
    c->discovered = done;
    c->answered = answered;
    if (ask(c, openid, why))
        return c;
    oauth_call_free(c);
    return NULL;
}
