/*
 * Which files of the cache an account has, how large they are, and in which order they were used:
 * for the bound of its octets, and so that nobody looks on the disk for what never was there. In
 * memory only: an entry whose file has gone costs nothing but a look, a file that has none, for
 * want of memory, is not found before the account's next opening.
 */
#ifndef PROXY_STORE_BODIES_INDEX_H
#define PROXY_STORE_BODIES_INDEX_H

#include "proxy/store/bodies_dir.h"

struct bodies_entry {
    struct bodies_entry *chain; /* in its bucket */
    struct bodies_entry *newer;
    struct bodies_entry *older;
    uint64_t size;
    uint32_t content;
    enum bodies_kind kind;
};

struct bodies_index {
    struct bodies_entry **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
    struct bodies_entry *newest;
    struct bodies_entry *oldest;
    uint64_t octets; /* of all */
    size_t counts[BODIES_KINDS];
};

void bodies_index_clear(struct bodies_index *x);

/* The file is there, with that size, and is the one used last. False when memory is out. */
bool bodies_index_put(struct bodies_index *x, uint32_t content, enum bodies_kind kind,
                      uint64_t size);

bool bodies_index_has(const struct bodies_index *x, uint32_t content, enum bodies_kind kind);

/* It was used. An unknown one is nothing. */
void bodies_index_touch(struct bodies_index *x, uint32_t content, enum bodies_kind kind);

/* It is gone. */
void bodies_index_drop(struct bodies_index *x, uint32_t content, enum bodies_kind kind);

#endif
