/*
 * See ring.h. Few of them ever hold more than some items, and all are empty again soon: what they
 * held then is given back.
 */
#include "translate/text/ring.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 4 };

void *ring_at(const struct ring *r, size_t n, size_t size)
{
    return (char *)r->items + (r->head + n) % r->cap * size;
}

static bool grow(struct ring *r, size_t size)
{
    size_t cap = r->cap ? 2 * r->cap : FIRST_CAP;
    char *items = reallocarray(NULL, cap, size);

    if (!items)
        return false;
    for (size_t i = 0; i < r->count; i++)
        memcpy(items + i * size, ring_at(r, i, size), size);
    free(r->items);
    *r = (struct ring){.items = items, .count = r->count, .cap = cap};
    return true;
}

void *ring_add(struct ring *r, size_t size)
{
    if (r->count == r->cap && !grow(r, size))
        return NULL;
    return memset(ring_at(r, r->count++, size), 0, size);
}

void ring_drop(struct ring *r)
{
    r->head = (r->head + 1) % r->cap;
    if (--r->count == 0)
        ring_clear(r);
}

bool ring_take(struct ring *r, void *out, size_t size)
{
    if (r->count == 0)
        return false;
    memcpy(out, ring_at(r, 0, size), size);
    ring_drop(r);
    return true;
}

void ring_clear(struct ring *r)
{
    free(r->items);
    *r = (struct ring){.items = NULL};
}
