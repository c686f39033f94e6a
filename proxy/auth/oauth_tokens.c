/*
 * Tokens: as a provider gives them (RFC 6749 section 5.1) and as they are kept.
 */
#include "proxy/auth/oauth_parts.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "translate/state/json_at.h"

static void wipe(char **text)
{
    if (*text)
        OPENSSL_cleanse(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void oauth_tokens_wipe(struct oauth_tokens *t)
{
    wipe(&t->access);
    wipe(&t->refresh);
    wipe(&t->scope);
    wipe(&t->provider);
    t->expires = 0;
}

/* False when memory is out; a member that is not there is NULL. */
static bool copy_text(char **to, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    *to = text ? strdup(text) : NULL;
    return !text || *to;
}

static bool no_memory(struct oauth_tokens *t, struct failure *why)
{
    oauth_tokens_wipe(t);
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return false;
}

json_t *oauth_tokens_to_json(const struct oauth_tokens *t)
{
    return json_pack("{s:s, s:s*, s:s*, s:s*, s:I}", "access", t->access, "refresh", t->refresh,
                     "scope", t->scope, "provider", t->provider, "expires", (json_int_t)t->expires);
}

bool oauth_tokens_from_json(struct oauth_tokens *t, const json_t *object, struct failure *why)
{
    struct json_at at = {.object = object, .why = why};
    struct slice access;

    *t = (struct oauth_tokens){0};
    if (!json_at_text(&at, "access", &access) ||
        !json_at_integer(&at, "expires", 0, INT64_MAX, &t->expires))
        return false;
    return (copy_text(&t->access, object, "access") && copy_text(&t->refresh, object, "refresh") &&
            copy_text(&t->scope, object, "scope") && copy_text(&t->provider, object, "provider")) ||
           no_memory(t, why);
}

/* ---- whose they are ---------------------------------------------------------------------- */

struct slice oauth_host(const char *url)
{
    const char *mark = url ? strstr(url, "://") : NULL;
    const char *host = mark ? mark + strlen("://") : "";

    return slice_make(host, host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#"));
}

/* An issuer's tokens may come from another host than its own name, and a configuration may name
 * either. */
static bool set_provider(struct oauth_tokens *t, const struct oauth_provider *p)
{
    struct slice issuer = oauth_host(p->issuer), endpoint = oauth_host(p->token_endpoint);
    bool both = issuer.n && !slice_equal_nocase(issuer, endpoint);

    if (asprintf(&t->provider, "%.*s%s%.*s", both ? (int)issuer.n : 0, issuer.p, both ? " " : "",
                 (int)endpoint.n, endpoint.p) < 0)
        t->provider = NULL;
    return t->provider;
}

bool oauth_tokens_are_of(const struct oauth_tokens *t, const struct oauth_provider *p)
{
    struct slice hosts = slice_of(t->provider ? t->provider : "");
    struct slice issuer = oauth_host(p->issuer), endpoint = oauth_host(p->token_endpoint);

    while (hosts.n) {
        struct slice host = slice_word(&hosts);
        if (host.n && (slice_equal_nocase(host, issuer) || slice_equal_nocase(host, endpoint)))
            return true;
    }
    return !t->provider;
}

int64_t oauth_seconds(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    uint64_t seconds;

    if (json_is_integer(value) && json_integer_value(value) > 0)
        return json_integer_value(value);
    /* Some send a string. */
    if (json_is_string(value) &&
        slice_number(slice_of(json_string_value(value)), INT32_MAX, &seconds) && seconds > 0)
        return (int64_t)seconds;
    return otherwise;
}

bool oauth_tokens_of_answer(struct oauth_tokens *t, const struct oauth_provider *p,
                            const json_t *answer, int64_t now_s, struct failure *why)
{
    const char *type = json_string_value(json_object_get(answer, "token_type"));
    int64_t seconds = oauth_seconds(answer, "expires_in", 0);

    *t = (struct oauth_tokens){0};
    if (!json_is_string(json_object_get(answer, "access_token")) ||
        (type && !slice_is_nocase(slice_of(type), "bearer"))) {
        failure_set(why, FAILURE_PERMANENT,
                    "the provider gave no bearer token; see the route's \"oauth\"");
        return false;
    }
    t->expires = seconds && seconds < INT64_MAX - now_s ? now_s + seconds : 0;
    return (copy_text(&t->access, answer, "access_token") &&
            copy_text(&t->refresh, answer, "refresh_token") &&
            copy_text(&t->scope, answer, "scope") && set_provider(t, p)) ||
           no_memory(t, why);
}
