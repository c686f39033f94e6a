/*
 * Octets sealed under a key, as JSON: AES-256-GCM with a random nonce, {"nonce": B64, "sealed":
 * B64}, the tag at the end of "sealed". And keys from passwords: scrypt (RFC 7914). All of it is
 * OpenSSL's.
 */
#ifndef PROXY_AUTH_SEAL_H
#define PROXY_AUTH_SEAL_H

#include <jansson.h>

#include "translate/text/buf.h"

enum { SEAL_KEY = 32, SEAL_SALT = 16 };

/* The cost of guessing one password: `n` * `r` * 128 octets of memory, about 100 ms. */
struct seal_cost {
    uint64_t n, r, p;
};
extern const struct seal_cost seal_cost_now; /* for what is sealed from now on */

/* Whether these numbers can be computed with, in reasonable time: they come from a file. */
bool seal_cost_is_sane(const struct seal_cost *cost);

/* False when memory is out. */
bool seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                 struct slice password, unsigned char key[SEAL_KEY]);

/* Opens only with the same `bound` octets, which are not in it. New reference; NULL when memory or
 * randomness is out. */
json_t *seal(const unsigned char key[SEAL_KEY], struct slice bound, struct slice octets);

/* Appends the octets. False when the key or `bound` is another one, or it was changed. */
bool unseal(const unsigned char key[SEAL_KEY], struct slice bound, const json_t *sealed,
            struct buf *octets);

#endif
