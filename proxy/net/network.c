#include "proxy/net/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_BITS = 128, V4_BITS = 32, V4_AT = 12 };

static bool refuse(const char *text, struct failure *why)
{
    failure_set(why, FAILURE_PERMANENT,
                "\"%s\" is no network; write an address, or one with its prefix length, as "
                "192.0.2.0/24 or 2001:db8::/32",
                text);
    return false;
}

/* "24" of at most `max` into `*bits`. */
static bool parse_bits(const char *text, unsigned max, unsigned *bits)
{
    char *end;
    size_t n = strlen(text);

    if (n == 0 || n > 3 || strspn(text, "0123456789") != n)
        return false;
    *bits = (unsigned)strtoul(text, &end, 10);
    return *bits <= max;
}

static bool parse_address(struct network *n, const char *text, unsigned *max)
{
    memset(n->octets, 0, sizeof n->octets);
    if (inet_pton(AF_INET6, text, n->octets) == 1) {
        *max = ADDRESS_BITS;
        return true;
    }
    memset(n->octets + V4_AT - 2, 0xff, 2);
    *max = V4_BITS;
    return inet_pton(AF_INET, text, n->octets + V4_AT) == 1;
}

bool network_parse(struct network *n, const char *text, struct failure *why)
{
    char address[INET6_ADDRSTRLEN + 1];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    unsigned max;

    if (length >= sizeof address)
        return refuse(text, why);
    memcpy(address, text, length);
    address[length] = '\0';
    if (!parse_address(n, address, &max))
        return refuse(text, why);
    n->bits = max;
    if (slash && !parse_bits(slash + 1, max, &n->bits))
        return refuse(text, why);
    n->bits += ADDRESS_BITS - max;
    network_mask(n->octets, n->bits);
    return true;
}

void network_mask(uint8_t address[16], unsigned bits)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
        if (kept < 8)
            address[i] = (uint8_t)(address[i] & ~(0xffU >> kept));
    }
}

bool network_contains(const struct network *n, const uint8_t address[16])
{
    uint8_t masked[16];

    memcpy(masked, address, sizeof masked);
    network_mask(masked, n->bits);
    return memcmp(masked, n->octets, sizeof masked) == 0;
}
