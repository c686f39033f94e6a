/*
 * An account of a POP3 upstream at its home: what the translator (translate/mailbox/account.h) asks
 * for is done here, for all sessions of the user. All of them are on this loop, which is the
 * account's home (proxy/homes.h).
 *
 * It begins with the first session that asks for it: the state is loaded, the bodies are opened.
 * It ends when nobody has been there for a while and nothing is to be done. It keeps the settings
 * that it began with until then.
 */
#ifndef PROXY_ACCOUNT_HOST_H
#define PROXY_ACCOUNT_HOST_H

#include "proxy/homes.h"
#include "proxy/place.h"
#include "proxy/session.h"
#include "proxy/store/bodies.h"
#include "translate/mailbox/account.h"

struct account_guest;

/* What a session wants to hear of it. Callbacks come from the loop, or from account_host_pump(). */
struct account_guest_handler {
    /* Once: let in, or `why` says why not (then it has left). */
    void (*on_joined)(struct account_guest *g, const struct failure *why);
    /* The account names this client: it has events. */
    void (*on_touched)(struct account_guest *g);
    /* The account is of no use any more: memory is out. It has left, but for its mailbox, which it
     * frees before it returns. */
    void (*on_lost)(struct account_guest *g);
};

struct account_guest {
    struct account_guest *next; /* private */
    const struct account_guest_handler *handler;
    const void *mailbox; /* the client's owner */
    struct grant *grant; /* by which it comes, borrowed until it leaves; NULL: a password */
    uint64_t generation; /* of the credential that its login brings */
};

/* "imap:ann@pop.example.com": the account's key in the store, apart from that of the other
 * direction. Owned; NULL when memory is out. */
char *account_host_key(const struct config_route *route, const char *user);

/* Asks to be let in at `home`, which is this house and is no more the caller's; on_joined follows,
 * not before this returns. `place` is copied: the next connection is made there. NULL when memory
 * is out. */
struct account_host *account_host_join(struct session_house *house, struct settings *settings,
                                       const struct config_route *route, const struct place *place,
                                       struct home *home, struct account_guest *g);

/* The guest goes; its mailbox is detached, or was never attached. */
void account_host_leave(struct account_host *h, struct account_guest *g);

/* Valid when joined. */
struct account *account_host_account(struct account_host *h);
struct bodies_account *account_host_bodies(struct account_host *h);

/* Before anything is fed that may reach the account: tells it the time. */
void account_host_tell(struct account_host *h);

/* After it: does what the account asks for, and lets the clients that it names look. */
void account_host_pump(struct account_host *h);

/* The process ends: accounts without guests end as soon as they can, or at once. */
void account_hosts_drain(struct session_house *house);
void account_hosts_stop(struct session_house *house);

#endif
