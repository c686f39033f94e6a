/*
 * What the configuration says of getting in, made ready: providers with their presets filled in and
 * their secrets read, networks parsed. A part of struct settings.
 */
#ifndef PROXY_SETTINGS_AUTH_H
#define PROXY_SETTINGS_AUTH_H

#include <stdio.h>

#include "proxy/auth/auth_http.h"
#include "proxy/auth/oauth.h"
#include "proxy/auth/throttle.h"
#include "proxy/config.h"
#include "translate/sasl/credential.h"

struct settings_auth {
    struct oauth_provider *providers; /* one for each route; `client_id` NULL: no OAuth. They borrow
                                         from the configuration */
    char **secrets;                   /* of them */
    char **masters; /* passwords, one for each route; NULL: it has no master_user */
    size_t count;
    struct auth_http_service *services; /* one for each route; `url` NULL: none */
    struct throttle_options throttle;
    struct network *networks;
};

/* False when a file cannot be read or memory is out: the faults, a line each, have been written to
 * `errors`. settings_auth_clear() in any case. */
bool settings_auth_make(struct settings_auth *a, const struct config *c, FILE *errors);
void settings_auth_clear(struct settings_auth *a);

/* By what the gateway logs in for `login` upstream, on route number `route` of the configuration,
 * which is trusted (config_route_is_trusted()). `*credential` is empty before. False when memory is
 * out. */
bool settings_auth_credential(const struct settings_auth *a, const struct config *c, size_t route,
                              struct slice login, struct credential *credential);

#endif
