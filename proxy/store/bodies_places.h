/*
 * Where the records of contents lie in the packs of one kind (proxy/store/bodies_records.h):
 * sixteen octets of memory for each.
 */
#ifndef PROXY_STORE_BODIES_PLACES_H
#define PROXY_STORE_BODIES_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bodies_place {
    uint32_t content; /* 0: none */
    uint32_t pack;
    uint32_t offset; /* of the octets in it */
    uint32_t length;
};

struct bodies_places {
    struct bodies_place *table; /* a hash table, by content */
    size_t capacity, count;
};

void bodies_places_clear(struct bodies_places *p);

/* NULL: it has none. Valid until the next change. */
const struct bodies_place *bodies_places_find(const struct bodies_places *p, uint32_t content);

/* In the place of the one that the content had. False when memory is out. */
bool bodies_places_put(struct bodies_places *p, const struct bodies_place *place);

/* Forgets those in the pack at `offset` and behind. When memory is out all are forgotten: nothing
 * is lost by that but what was there to be found. */
void bodies_places_forget(struct bodies_places *p, uint32_t pack, uint64_t offset);

#endif
