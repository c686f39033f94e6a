/*
 * Against guessing: who was refused waits before the next login is even tried, longer each time,
 * and is turned away for a while after too many (CASES A3). What was refused is forgotten by half
 * every few minutes.
 *
 * Counted are the address (IPv6 by its /64), its neighbourhood (IPv4 /24, IPv6 /48; it takes more
 * of them), and the login over all addresses. An address from which a login was admitted of late is
 * known for that login: the two together are counted by themselves, and nothing that others do
 * makes them wait. So nobody can lock a user out who has been there before, and the wait that
 * guesses from elsewhere cause to one who has not is bounded.
 *
 * Waits queue up: ten logins at once do not wait side by side. Unix sockets and the networks that
 * are trusted (loopback, a webmail's, another proxy's) count by login only. The table is
 * bounded; what was used longest ago gives way.
 *
 * Any thread may call. It has no clock: `now_ms` is a monotonic one, the same for all.
 */
#ifndef PROXY_AUTH_THROTTLE_H
#define PROXY_AUTH_THROTTLE_H

#include "proxy/gate.h"
#include "proxy/net/network.h"

struct throttle_options {
    unsigned refusals;      /* before an address is turned away; 0: nobody is slowed */
    unsigned block_seconds; /* for so long */
    const struct network *trusted;
    size_t trusted_count;
};

enum { THROTTLE_WAIT_MAX = 30000 }; /* ms that a login waits at most; beyond it is turned away */

/* Whether nothing is counted by this address. */
bool throttle_trusts(const struct throttle_options *options, const struct gate_address *from);

struct throttle;

struct throttle *throttle_new(void); /* NULL when memory is out */
void throttle_free(struct throttle *t);

/* How long this login has to wait before it is tried, ms. UINT64_MAX: it is turned away, untried,
 * with the reason for the log in `*why`; the client is to be told nothing but what a wrong password
 * gets. Each call queues one attempt. */
uint64_t throttle_ask(struct throttle *t, const struct throttle_options *options,
                      const struct gate_address *from, struct slice login, uint64_t now_ms,
                      struct failure *why);

/* What became of one that was tried. */
void throttle_refused(struct throttle *t, const struct throttle_options *options,
                      const struct gate_address *from, struct slice login, uint64_t now_ms);
void throttle_admitted(struct throttle *t, const struct throttle_options *options,
                       const struct gate_address *from, struct slice login, uint64_t now_ms);

#endif
