/*
 * Whom a login is for: its route, and the operator who logs in for another user, where the route
 * lets him (routes[].sasl.master_separator). He comes as "ann*operator", or names ann as the
 * authorization identity of SASL (RFC 4616); the upstream says whether he may.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

static const struct config_route *find(const struct session *s, struct session_login *l)
{
    free(l->user);
    l->user = NULL;
    return config_find_route(s->settings->config, s->listener, l->target, &l->user, &l->folder);
}

/* "ann*operator" under a route that has this separator. */
static const struct config_route *find_split(const struct session *s, struct slice given,
                                             char separator, struct session_login *l)
{
    const char *at = separator && given.n ? memrchr(given.p, separator, given.n) : NULL;

    if (!at || at == given.p || at + 1 == given.p + given.n)
        return NULL;
    l->target = slice_make(given.p, (size_t)(at - given.p));
    l->master = slice_make(at + 1, given.n - l->target.n - 1);
    const struct config_route *r = find(s, l);
    return r && r->sasl.master_separator == separator ? r : NULL;
}

static const struct config_route *find_operator(const struct session *s, struct slice given,
                                                struct session_login *l)
{
    const struct config *c = s->settings->config;

    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *r = find_split(s, given, c->routes[i].sasl.master_separator, l);
        if (r)
            return r;
    }
    return NULL;
}

static const struct config_route *find_route(const struct session *s, struct slice given,
                                             struct slice authzid, struct session_login *l)
{
    if (authzid.n) {
        l->target = authzid;
        l->master = given;
        const struct config_route *r = find(s, l);
        return r && r->sasl.master_separator ? r : NULL;
    }
    const struct config_route *r = find_operator(s, given, l);
    if (r)
        return r;
    l->master = slice_of("");
    l->target = given;
    return find(s, l);
}

bool session_find_login(struct session *s, struct slice given, struct slice authzid,
                        struct session_login *l)
{
    *l = (struct session_login){.user = NULL};
    s->route = find_route(s, given, authzid, l);
    if (s->route)
        return true;
    free(l->user);
    l->user = NULL;
    session_log_message(s, LOG_INFO, "no-route", "no route serves this user here");
    return false;
}

/* A name that would be read as more than a user's is nobody's. */
static bool lets_in(const struct session *s, struct slice name)
{
    struct slice folder;
    char *user = NULL;
    const struct config_route *r =
        config_find_route(s->settings->config, s->listener, name, &user, &folder);
    bool whole = user && slice_equal(slice_of(user), name);

    free(user);
    return r && config_route_is_trusted(r) && whole;
}

void session_certified(const struct session *s, struct buf *user)
{
    const struct config_listener *l = &s->settings->config->listeners[s->listener];
    struct buf name = BUF_INIT;

    if (stream_client_name(s->client.stream, l->client_user, &name) && lets_in(s, buf_slice(&name)))
        buf_move(user, &name);
    buf_clear(&name);
}

bool session_set_credential(struct session *s, const struct session_login *l, struct slice password)
{
    struct failure text;

    credential_clear(&s->entry->credential);
    if (!l->master.n)
        return true;
    failure_set(&text, FAILURE_NONE, "%.*s logs in for %.*s", SLICE_ARG(l->master),
                SLICE_ARG(l->target));
    session_log_message(s, LOG_INFO, "operator", text.text);
    return credential_set(&s->entry->credential, CREDENTIAL_PASSWORD, l->master, password) &&
           credential_set_authzid(&s->entry->credential, slice_of(s->login));
}

const struct credential *session_credential(const struct session *s)
{
    return buf_size(&s->entry->credential.user) ? &s->entry->credential : NULL;
}
