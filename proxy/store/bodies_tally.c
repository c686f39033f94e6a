#include "proxy/store/bodies_tally.h"

#include <stdlib.h>

#include "translate/text/array.h"

/* Work goes from one file to the next: the last ones are looked at first. */
static struct bodies_tallied *find(struct bodies_tally *t, enum bodies_kind kind, uint32_t number)
{
    for (size_t i = t->count; i-- > 0;)
        if (t->items[i].number == number && t->items[i].kind == kind)
            return &t->items[i];
    return NULL;
}

static struct bodies_tallied *add(struct bodies_tally *t)
{
    struct bodies_tallied *items = array_grow(t->items, &t->capacity, t->count, sizeof *items);

    if (!items)
        return NULL;
    t->items = items;
    return &t->items[t->count++];
}

void bodies_tally_note(struct bodies_tally *t, enum bodies_kind kind, uint32_t number,
                       enum bodies_deed deed, uint64_t size)
{
    struct bodies_tallied *last = find(t, kind, number);
    struct bodies_tallied *item = last && last->deed == deed ? last : add(t);

    if (item)
        *item = (struct bodies_tallied){number, kind, deed, size};
}

void bodies_tally_clear(struct bodies_tally *t)
{
    free(t->items);
    *t = (struct bodies_tally){0};
}
