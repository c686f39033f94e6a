/* See imap_pending.h. */
#include "translate/imap/imap_pending.h"

#include <stdlib.h>

enum { PENDING_MIN = 8 };

static struct imap_pending_command *slot(const struct imap_pending *p, size_t i)
{
    return &p->ring[(p->head + i) & (p->cap - 1)];
}

void imap_pending_clear(struct imap_pending *p)
{
    free(p->ring);
    *p = (struct imap_pending){0};
}

static bool pending_grow(struct imap_pending *p)
{
    size_t cap = p->cap ? p->cap * 2 : PENDING_MIN;
    struct imap_pending_command *ring = calloc(cap, sizeof *ring);

    if (!ring)
        return false;
    for (size_t i = 0; i < p->count; i++)
        ring[i] = *slot(p, i);
    free(p->ring);
    *p = (struct imap_pending){.ring = ring, .cap = cap, .count = p->count};
    return true;
}

bool imap_pending_add(struct imap_pending *p, uint32_t number, int purpose)
{
    if (p->count == p->cap && !pending_grow(p))
        return false;
    *slot(p, p->count++) = (struct imap_pending_command){number, purpose};
    return true;
}

bool imap_pending_take(struct imap_pending *p, uint32_t number, int *purpose)
{
    size_t i = 0;

    while (i < p->count && slot(p, i)->number != number)
        i++;
    if (i == p->count)
        return false;
    *purpose = slot(p, i)->purpose;
    /* The older ones move up by one, the oldest one's place becomes free. */
    for (; i > 0; i--)
        *slot(p, i) = *slot(p, i - 1);
    p->head = (p->head + 1) & (p->cap - 1);
    p->count--;
    return true;
}

bool imap_pending_has(const struct imap_pending *p, int purpose)
{
    for (size_t i = 0; i < p->count; i++)
        if (slot(p, i)->purpose == purpose)
            return true;
    return false;
}
