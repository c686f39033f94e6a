#include "proxy/store/bodies_places.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 64 };

/* The content's place, or the free one where it would be. */
static struct bodies_place *slot_of(struct bodies_place *table, size_t capacity, uint32_t content)
{
    size_t at = (content * 2654435761U) & (capacity - 1);

    while (table[at].content && table[at].content != content)
        at = (at + 1) & (capacity - 1);
    return &table[at];
}

void bodies_places_clear(struct bodies_places *p)
{
    free(p->table);
    *p = (struct bodies_places){0};
}

const struct bodies_place *bodies_places_find(const struct bodies_places *p, uint32_t content)
{
    const struct bodies_place *place = p->capacity ? slot_of(p->table, p->capacity, content) : NULL;

    return place && place->content ? place : NULL;
}

static bool grow(struct bodies_places *p)
{
    size_t capacity = p->capacity ? 2 * p->capacity : CAPACITY_FIRST;
    struct bodies_place *table = calloc(capacity, sizeof *table);

    if (!table)
        return false;
    for (size_t i = 0; i < p->capacity; i++)
        if (p->table[i].content)
            *slot_of(table, capacity, p->table[i].content) = p->table[i];
    free(p->table);
    p->table = table;
    p->capacity = capacity;
    return true;
}

bool bodies_places_put(struct bodies_places *p, const struct bodies_place *place)
{
    if (4 * (p->count + 1) > 3 * p->capacity && !grow(p))
        return false;
    struct bodies_place *slot = slot_of(p->table, p->capacity, place->content);
    p->count += slot->content == 0;
    *slot = *place;
    return true;
}

void bodies_places_forget(struct bodies_places *p, uint32_t pack, uint64_t offset)
{
    struct bodies_places kept = {0};
    bool whole = true;

    for (size_t i = 0; whole && i < p->capacity; i++) {
        const struct bodies_place *place = &p->table[i];
        if (place->content && (place->pack != pack || place->offset < offset))
            whole = bodies_places_put(&kept, place);
    }
    if (!whole)
        bodies_places_clear(&kept);
    bodies_places_clear(p);
    *p = kept;
}
