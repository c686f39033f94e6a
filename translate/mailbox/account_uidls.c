/*
 * Whether a UIDL was ever heard of: hashes of those of all contents, made when the first message
 * comes that seems new, and forgotten at the next whole listing. Two UIDLs with one hash only make
 * a message seem to be known, and then the whole is listed.
 */
#include <stdlib.h>

#include "translate/mailbox/account_internal.h"

enum { ROOM_LEAST = 1024 };

/* Never 0, which is an empty place. */
static uint64_t mark_of(const struct account *a, struct slice uidl)
{
    uint64_t mark = slice_hash(uidl, a->uidl_seed);

    return mark ? mark : 1;
}

/* False when it is there. There is always an empty place. */
static bool mark_add(struct uidls *u, uint64_t mark)
{
    size_t at = mark & (u->room - 1);

    while (u->marks[at] && u->marks[at] != mark)
        at = (at + 1) & (u->room - 1);
    if (u->marks[at])
        return false;
    u->marks[at] = mark;
    u->count++;
    return true;
}

static void uidls_make(struct account *a, size_t more)
{
    const struct box_state *s = a->state;
    struct uidls *u = &a->uidls;

    uidls_clear(a);
    u->room = ROOM_LEAST;
    while (u->room / 2 < s->content_count + more)
        u->room *= 2;
    u->marks = calloc(u->room, sizeof *u->marks);
    a->failed = a->failed || !u->marks;
    for (size_t i = 0; u->marks && i < s->content_count; i++) {
        const struct box_content *c = &s->contents[i];
        if (!c->dead && c->upstream && c->uidl)
            mark_add(u, mark_of(a, slice_of(c->uidl)));
    }
}

bool uidls_reserve(struct account *a, size_t count)
{
    struct uidls *u = &a->uidls;

    if (!u->marks || u->room / 4 * 3 < u->count + count)
        uidls_make(a, count);
    return u->marks;
}

bool uidls_add(struct account *a, struct slice uidl)
{
    return mark_add(&a->uidls, mark_of(a, uidl));
}

void uidls_clear(struct account *a)
{
    free(a->uidls.marks);
    a->uidls = (struct uidls){.marks = NULL};
}
