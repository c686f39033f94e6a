/*
 * Memory that is given back all at once: what a parsed command consists of, its strings, lists and
 * search keys, lives as long as the command does, and one call frees it.
 *
 * Everything is wiped before it is given back, since a command may hold a password. Running out of
 * memory is remembered, as in struct buf.
 */
#ifndef TRANSLATE_IMAP_IMAPD_ARENA_H
#define TRANSLATE_IMAP_IMAPD_ARENA_H

#include "translate/text/slice.h"

struct imapd_block; /* private */

/* All zero is an empty arena, which holds no memory. */
struct imapd_arena {
    struct imapd_block *blocks;
    bool failed;
};

/* Wipes and frees everything that came out of it; the arena is as new. */
void imapd_arena_clear(struct imapd_arena *a);

/* `n` octets of zero, aligned for anything; NULL when memory is out. */
void *imapd_arena_alloc(struct imapd_arena *a, size_t n);

/* A copy; its `p` is never NULL but when memory is out, even if `s` is empty. */
struct slice imapd_arena_copy(struct imapd_arena *a, struct slice s);

/*
 * The array `array` of `count` elements of `size` octets, with room for one more: itself, or a copy
 * of it with room for as many again. An array must have grown by nothing but this. NULL when memory
 * is out.
 */
void *imapd_arena_room(struct imapd_arena *a, void *array, size_t count, size_t size);

#endif
