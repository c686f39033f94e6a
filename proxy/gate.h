/*
 * Who may come in: how many clients there are at once, in all and from one address, counted over
 * all loops (CASES R4). An IPv6 address counts by its /64, which is what one customer is given; a
 * unix socket has no address and counts in all only.
 *
 * Any thread may call.
 */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include <sys/socket.h>

#include "proxy/config.h"
#include "translate/text/failure.h"

struct gate;

/* What is counted of a peer's address. */
struct gate_address {
    uint8_t octets[16]; /* IPv4 as ::ffff:a.b.c.d */
    bool known;         /* false: counts in all only */
};

/* NULL when memory is out. */
struct gate *gate_new(void);
void gate_free(struct gate *g);

/* The peer of a connected socket. */
struct gate_address gate_address_of(int fd);
struct gate_address gate_address_make(const struct sockaddr *peer);

/* "192.0.2.1", "2001:db8::/64", "unix": for the log. */
void gate_address_print(const struct gate_address *a, char *out, size_t cap);

/* Counts a client in. False, with a sentence for it (FAILURE_TEMPORARY), when a limit is reached or
 * memory is out; then nothing was counted. Each success needs one gate_leave(). */
bool gate_enter(struct gate *g, const struct gate_address *from, const struct config_limits *limits,
                struct failure *why);
void gate_leave(struct gate *g, const struct gate_address *from);

#endif
