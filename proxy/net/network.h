/*
 * A network of addresses, as a configuration names it: "192.0.2.0/24", "2001:db8::/32",
 * "192.0.2.7".
 */
#ifndef PROXY_NET_NETWORK_H
#define PROXY_NET_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "translate/text/failure.h"

struct network {
    uint8_t octets[16]; /* IPv4 as ::ffff:a.b.c.d; zero behind the prefix */
    unsigned bits;      /* of the 128 */
};

/* False with a sentence (FAILURE_PERMANENT) that says what to write instead. */
bool network_parse(struct network *n, const char *text, struct failure *why);

/* `address` as in struct network. */
bool network_contains(const struct network *n, const uint8_t address[16]);

/* Zeroes what stands behind the first `bits` bits. */
void network_mask(uint8_t address[16], unsigned bits);

#endif
