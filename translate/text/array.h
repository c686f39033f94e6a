/*
 * An array that grows: a pointer, how many items it holds and how many it has room for, all three
 * in the caller's struct. Of no item and no room the pointer is NULL.
 *
 *     uint32_t *items = array_grow(list->items, &list->capacity, list->count, sizeof *items);
 *     if (!items)
 *         return false;
 *     list->items = items;
 *     list->items[list->count++] = item;
 *
 * Used as realloc() is: the array is the caller's, who frees it with free(). What a function gives
 * takes the place of `items`, which may have moved; new room is not zeroed. NULL when memory is out
 * or so many octets cannot be counted: then `items` and `*capacity` are as they were. There is no
 * limit but memory, so whoever fills an array from the network has one of its own.
 */
#ifndef TRANSLATE_TEXT_ARRAY_H
#define TRANSLATE_TEXT_ARRAY_H

#include <stddef.h>

/* Room for `wanted` items of `size` octets, at least one: as many, or half as many again as there
 * was room for, where that is more. For arrays that are kept, and come with their number. */
void *array_reserve(void *items, size_t *capacity, size_t wanted, size_t size);

/* Room for one item more than `count`, which is at most `*capacity`: doubles it when there is none.
 * For arrays that are filled one by one. */
void *array_grow(void *items, size_t *capacity, size_t count, size_t size);

#endif
