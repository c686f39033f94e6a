/*
 * Against guessing: each refused login makes the next one from that address, and the next one for
 * that login, wait longer; after too many, the address is turned away for a while (CASES A3). A
 * login that is let in clears its address's count for that login.
 *
 * An address counts by its /64 for IPv6, by itself for IPv4, and with less weight by its /24 and
 * /48, so that a net of guessers is slowed too. A login counts over all addresses, but the wait
 * that it alone causes is short and bounded, and does not apply to an address that was let in with
 * that login of late: so nobody can lock another one out. Tables are bounded; the oldest entries
 * give way.
 *
 * Any thread may call. No clock of its own: `now_ms` is monotonic.
 */
#ifndef PROXY_AUTH_THROTTLE_H
#define PROXY_AUTH_THROTTLE_H

#include "proxy/config.h"
#include "proxy/gate.h"

struct throttle;

struct throttle *throttle_new(void); /* NULL when memory is out */
void throttle_free(struct throttle *t);

/* How long the answer to this login has to wait, ms, before it is tried at all; 0: not at all.
 * UINT64_MAX: it is turned away, with a sentence for the client in `*why` (FAILURE_AUTH, the same
 * as for a wrong password). A unix socket and the addresses that the configuration names as trusted
 * are never slowed by address. */
uint64_t throttle_ask(struct throttle *t, const struct config_limits *limits,
                      const struct gate_address *from, struct slice login, uint64_t now_ms,
                      struct failure *why);

/* What became of it. */
void throttle_refused(struct throttle *t, const struct config_limits *limits,
                      const struct gate_address *from, struct slice login, uint64_t now_ms);
void throttle_admitted(struct throttle *t, const struct gate_address *from, struct slice login,
                       uint64_t now_ms);

#endif
