/*
 * One POP3 client: its stream, the upstream's stream, and the maildrop that translates between
 * them. The only file that knows both worlds: what the maildrop asks for is done here, and what
 * happens on the network is told to it.
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

#include <uv.h>

#include "proxy/admin/health.h"
#include "proxy/gate.h"
#include "proxy/settings.h"
#include "proxy/store/store.h"

struct session;

/* What the sessions of one loop share. Outlives them. */
struct session_house {
    uv_loop_t *loop;
    struct store *store;
    struct gate *gate;
    struct health *health;
    struct session *sessions;      /* all that have not ended; see session_next() */
    void (*on_ended)(void *owner); /* one has left the list and is gone; from the loop */
    void *owner;
};

/* Takes a connected socket over and serves it from `settings` (held while it lasts), which came in
 * at its listener number `listener`. One that is too many, or finds no memory, is told so and
 * closed (CASES R4, R8). */
void session_start(struct session_house *house, struct settings *settings, size_t listener, int fd);

struct session *session_next(const struct session *s);

/* The process is about to end, and the session with it as soon as it can; told again: now. */
void session_drain(struct session *s);

/* At once; nothing more is sent. */
void session_stop(struct session *s);

#endif
