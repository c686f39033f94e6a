/* See imapd_arena.h. */
#include "translate/imap/imapd_arena.h"

#include <stdlib.h>
#include <string.h>

/* Most commands are short, and one that waits (IDLE) is held as long as its client: the first block
 * is small. */
enum { FIRST_BLOCK = 64, BLOCK_SIZE = 512, FIRST_ROOM = 4 };

struct imapd_block {
    struct imapd_block *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) char memory[];
};

void imapd_arena_clear(struct imapd_arena *a)
{
    while (a->blocks) {
        struct imapd_block *block = a->blocks;
        a->blocks = block->next;
        explicit_bzero(block->memory, block->used);
        free(block);
    }
    a->failed = false;
}

static bool add_block(struct imapd_arena *a, size_t n)
{
    size_t usual = a->blocks ? BLOCK_SIZE : FIRST_BLOCK;
    size_t size = n > usual ? n : usual;
    struct imapd_block *block =
        size < SIZE_MAX - sizeof *block ? calloc(1, sizeof *block + size) : NULL;

    if (!block) {
        a->failed = true;
        return false;
    }
    block->size = size;
    block->next = a->blocks;
    a->blocks = block;
    return true;
}

void *imapd_arena_alloc(struct imapd_arena *a, size_t n)
{
    size_t align = _Alignof(max_align_t);

    if (a->failed || n > SIZE_MAX - align) {
        a->failed = true;
        return NULL;
    }
    n = (n + align - 1) / align * align;
    if ((!a->blocks || a->blocks->size - a->blocks->used < n) && !add_block(a, n))
        return NULL;
    void *memory = a->blocks->memory + a->blocks->used;
    a->blocks->used += n;
    return memory;
}

struct slice imapd_arena_copy(struct imapd_arena *a, struct slice s)
{
    char *copy = imapd_arena_alloc(a, s.n + 1);

    if (!copy)
        return slice_make(NULL, 0);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return slice_make(copy, s.n);
}

void *imapd_arena_room(struct imapd_arena *a, void *array, size_t count, size_t size)
{
    bool full = count == 0 || (count >= FIRST_ROOM && (count & (count - 1)) == 0);

    if (!full)
        return array;
    if (count > SIZE_MAX / 2 / size) {
        a->failed = true;
        return NULL;
    }
    void *larger = imapd_arena_alloc(a, (count ? count * 2 : FIRST_ROOM) * size);
    if (larger && count)
        memcpy(larger, array, count * size);
    return larger;
}
