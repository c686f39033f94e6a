/*
 * The configuration in force: a struct config with the TLS contexts that were made of it. It does
 * not change; a reload makes another one, and each session keeps the one that it began with.
 */
#ifndef PROXY_SETTINGS_H
#define PROXY_SETTINGS_H

#include <stdatomic.h>
#include <stdio.h>

#include "proxy/config.h"
#include "proxy/net/srv.h"
#include "proxy/net/tls.h"
#include "proxy/settings_auth.h"

struct settings_listener {
    struct tls_context *tls; /* NULL: no TLS is offered */
    unsigned login_delay;    /* the longest of the routes that it may lead to, seconds */
    unsigned append_limit;   /* the smallest of those routes, octets */
    bool operators;          /* one of those routes lets somebody act for its users */
    bool proofs;             /* a client may prove that it knows a device's password */
};

struct settings {
    atomic_uint holders;
    struct config *config;
    struct tls_tickets *tickets;
    struct settings_listener *listeners; /* one for each of config->listeners */
    struct tls_context **routes;         /* one for each of config->routes; NULL: TLS is off */
    struct settings_auth auth;
    struct srv *srv; /* what DNS said of domains */
};

/* Takes `config` over in any case. `before` is what was in force until now, or NULL: the keys of
 * TLS sessions are its own, so that clients go on resuming. NULL when a certificate, key, CA or
 * secret is unusable: the faults, a line each, have been written to `errors` (CASES T7). The caller
 * holds the result. */
struct settings *settings_new(struct config *config, const struct settings *before, FILE *errors);

/* One more holder; any thread may. The last one to let go frees it. */
struct settings *settings_hold(struct settings *s);
void settings_release(struct settings *s);

#endif
