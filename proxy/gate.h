/*
 * Who may come in: how many clients there are at once, in all, from one address, and from one
 * address without a login, counted over all loops (CASES R4). An IPv6 address counts by its /64,
 * which is what one customer is given; a unix socket has no address and counts in all only.
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

/* A client as it is counted. Its session has it, wherever that goes. */
struct gate_client {
    struct gate_address address;
    bool waiting; /* counted among those of its address that have not logged in */
};

/* NULL when memory is out. */
struct gate *gate_new(void);
void gate_free(struct gate *g);

/* The peer of a connected socket. */
struct gate_address gate_address_of(int fd);
struct gate_address gate_address_make(const struct sockaddr *peer);

/* "192.0.2.1", "2001:db8::/64", "unix": for the log. */
void gate_address_print(const struct gate_address *a, char *out, size_t cap);

/* Counts a client in, of which the address is known. `trusted`: a network's that logs in for many
 * (limits.trusted_networks); then it is not asked how many of them have not logged in yet. False,
 * with a sentence for the client (FAILURE_TEMPORARY), when a limit is reached or memory is out;
 * then nothing was counted. Each success needs one gate_leave(). */
bool gate_enter(struct gate *g, struct gate_client *c, const struct config_limits *limits,
                bool trusted, struct failure *why);

/* It has logged in. May be called again. */
void gate_logged_in(struct gate *g, struct gate_client *c);

void gate_leave(struct gate *g, struct gate_client *c);

#endif
