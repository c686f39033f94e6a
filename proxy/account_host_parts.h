/*
 * What account_host.c, account_host_upstream.c and account_host_bodies.c share. Nobody else
 * includes this.
 */
#ifndef PROXY_ACCOUNT_HOST_PARTS_H
#define PROXY_ACCOUNT_HOST_PARTS_H

#include "proxy/account_host.h"
#include "proxy/auth/gatekeeper.h"
#include "proxy/connection.h"
#include "proxy/net/loop.h"

struct account_keep;

struct account_host {
    struct account_host *prev, *next;
    struct session_house *house;
    struct settings *settings;
    const struct config_route *route;
    struct place place;
    struct home *home;
    const char *key; /* the home's */
    char id[9];
    struct account_guest *joining; /* until the account is there */
    struct account_guest *guests;
    struct account *account; /* NULL: it is being loaded, or has ended */
    struct bodies_account *bodies;
    struct box_state *state; /* between its loading and the account */
    struct store_request *loading;
    struct account_keep *keeps;  /* parts that are being written */
    struct connection *upstream; /* NULL: none, or it is being closed */
    struct descriptor_kept kept; /* while the upstream is there and nobody needs it */
    struct grant *grant;         /* of who came last by one, or of another guest where that one was
                                    refused: for the next token; NULL: nobody came by one */
    uint64_t generation;         /* of the credential that the upstream sees next */
    struct admission *asked;     /* for that token; NULL: it is not */
    uint64_t refused; /* generation of the credential that `asked` is to replace; 0: none */
    bool pumping;
    bool ending;
    unsigned pending; /* what will still call back */
    struct loop *loop;
    struct alarm alarm; /* the next deadline; at the end, that it is over */
    uint64_t empty;     /* since when nobody has been there; loop time */
};

/* account_host.c */
void account_host_release(struct account_host *h);
void account_host_log(const struct account_host *h, int level, const char *event, const char *text);

/* account_host_upstream.c */
void account_host_connect(struct account_host *h);
void account_host_disconnect(struct account_host *h, bool at_once);
/* Whoever wants a descriptor may have that of an upstream which nothing needs just now. */
void account_host_offer(struct account_host *h);
void account_host_tls(struct account_host *h);
void account_host_flush(struct account_host *h);
void account_host_resume(struct account_host *h);
/* ACCOUNT_CREDENTIAL; `refused_for`: what the upstream said of the last one, or "". */
void account_host_renew(struct account_host *h, const char *refused_for);
void account_host_renew_cancel(struct account_host *h);

/* account_host_bodies.c */
void account_host_keep(struct account_host *h, struct account_action *action);
/* Some were kept: what follows from it is begun. */
void account_host_told(void *owner);
void account_host_keep_none(struct account_host *h);
size_t account_host_keep_queued(const struct account_host *h);

#endif
