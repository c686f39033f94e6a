/*
 * A queue of things of one size, first in, first out, in a ring that grows. One that is empty holds
 * no memory; all zero is an empty one.
 */
#ifndef TRANSLATE_TEXT_RING_H
#define TRANSLATE_TEXT_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring {
    void *items; /* private, and all but `count` below */
    size_t head, count, cap;
};

/* Room for one more at the end, all zero, `size` octets as for every other one of this ring. It is
 * valid until the next call. NULL when memory is out. */
void *ring_add(struct ring *r, size_t size);

/* Item `n`, the first one is 0; there must be so many. Valid until the next call. */
void *ring_at(const struct ring *r, size_t n, size_t size);

/* Moves the first one to `*out`. False when there is none. */
bool ring_take(struct ring *r, void *out, size_t size);

/* Takes the first one away; there must be one. */
void ring_drop(struct ring *r);

/* Forgets them all; what they own is the caller's affair. */
void ring_clear(struct ring *r);

#endif
