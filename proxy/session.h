/*
 * One client: its stream, and the translator behind it: a maildrop for a POP3 client, which has an
 * upstream of its own; a mailbox for an IMAP client, on an account that it shares with others
 * (proxy/account_host.h). The only file that knows both worlds: what the translator asks for is
 * done here, and what happens on the network is told to it.
 *
 * A session is known in the log by eight hex digits, the same for both sides. In the store its
 * state stands under USER@HOST: the user as the client gave it, without the folder suffix, and the
 * upstream's host, with the port where it is not the protocol's own ("ann@imap.example.com",
 * "ann@example.com@127.0.0.1:1143"; the path of a unix socket in place of the host).
 *
 * A session ends with the streams closed and every request to the store answered: what was to be
 * remembered is remembered also when the client is gone.
 */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H

#include <stdatomic.h>
#include <uv.h>

#include "proxy/admin/health.h"
#include "proxy/gate.h"
#include "proxy/settings.h"
#include "proxy/store/store.h"

struct session;
struct session_house;
struct account_host;
struct homes;
struct http;
struct gatekeeper;

/* Something that is to be done on another house's loop. */
struct house_message {
    struct house_message *next;
    void (*run)(struct session_house *house, struct house_message *m);
};

/* What the sessions of one loop share. Outlives them. */
struct session_house {
    uv_loop_t *loop;
    size_t number; /* of `count` houses, each on its loop */
    size_t count;
    /* Any house's thread: `run` is called on the loop of house `number`. False when that one is
     * ending: then it is not. */
    bool (*send)(void *owner, size_t number, struct house_message *m);
    bool draining; /* no new sessions; see session_drain() */
    struct store *store;
    struct bodies *bodies;
    struct homes *homes;
    struct account_host *hosts; /* accounts of POP3 upstreams whose home this is */
    struct warm *warm;          /* upstream sessions that wait for their users to come again */
    struct gate *gate;
    struct health *health;
    struct http *http; /* NULL until a session needs it */
    struct gatekeeper *gatekeeper;
    struct session *sessions; /* all that have not ended; see session_next() */
    atomic_uint load;         /* how many these are, and clients on their way here; any thread */
    void (*on_ended)(void *owner); /* a session or host has left its list and is gone */
    void *owner;
};

/* Takes a connected socket over and serves it from `settings` (held while it lasts), which came in
 * at its listener number `listener`. One that is too many, or finds no memory, is told so and
 * closed (CASES R4, R8). */
void session_start(struct session_house *house, struct settings *settings, size_t listener, int fd);

struct session *session_next(const struct session *s);

/* The process is about to end, and the session with it as soon as it can; told again: now. */
void session_drain(struct session *s);

/* Devices were revoked (grant_is_revoked()): the sessions of this house that came by one end, with
 * a word of why, and so do the upstream sessions that such ones have left. */
void session_house_revoked(struct session_house *house);

/* At once; nothing more is sent. */
void session_stop(struct session *s);

#endif
