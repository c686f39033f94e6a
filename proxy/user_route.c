#include "proxy/user_route.h"

#include <stdlib.h>

void user_route_clear(struct user_route *u)
{
    free(u->user);
    free(u->upstream);
    *u = (struct user_route){.route = NULL};
}

/* Takes `user` over. */
static void prefer(struct user_route *u, const struct config *c, const struct config_route *r,
                   char *user)
{
    if (u->route && (u->route->oauth.client_id || !r->oauth.client_id)) {
        free(user);
        return;
    }
    free(u->user);
    u->user = user;
    u->route = r;
    u->pop3 = u->imap = false;
    u->index = (size_t)(r - c->routes);
}

static void note_listener(struct user_route *u, const struct config_listener *l)
{
    bool pop3 = l->endpoint.protocol == ENDPOINT_POP3;

    u->pop3 = u->pop3 || pop3;
    u->imap = u->imap || !pop3;
}

bool user_route_find(struct user_route *u, const struct config *c, const char *login,
                     struct failure *why)
{
    *u = (struct user_route){.route = NULL};
    for (size_t i = 0; i < c->listener_count; i++) {
        struct slice folder;
        char *user;
        const struct config_route *r = config_find_route(c, i, slice_of(login), &user, &folder);
        if (r)
            prefer(u, c, r, user);
        if (r && r == u->route)
            note_listener(u, &c->listeners[i]);
    }
    if (!u->route) {
        failure_set(why, FAILURE_PERMANENT,
                    "no route serves %.100s; see \"match\" of the configuration's routes", login);
        return false;
    }
    u->upstream = config_route_login(u->route, slice_of(u->user));
    if (!u->upstream)
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return u->upstream != NULL;
}
