/*
 * See array.h. An array has at least one octet for each of its items and is never larger than half
 * of what size_t counts, so its capacity can be doubled; reallocarray() looks at the product.
 */
#include "translate/text/array.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 8 };

void *array_reserve(void *items, size_t *capacity, size_t wanted, size_t size)
{
    size_t larger = *capacity + *capacity / 2;

    if (wanted <= *capacity)
        return items;
    if (larger < wanted)
        larger = wanted;
    void *moved = reallocarray(items, larger, size);
    if (moved)
        *capacity = larger;
    return moved;
}

void *array_grow(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return items;
    return array_reserve(items, capacity, *capacity ? 2 * *capacity : FIRST_CAPACITY, size);
}
