/*
 * Entries of a listing and contents are sorted by what they are recognised by; those with the same
 * mark, a group, are then told apart.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/state/box_listing.h"
#include "translate/state/box_renamed.h"

/* An entry or a content, by its mark: the UIDL, or the digest where there is none. */
struct row {
    struct slice mark;
    bool by_digest;
    size_t index; /* of the entry, of the content */
};

struct rows {
    struct row *list;
    size_t count;
};

static int row_order(const struct row *a, const struct row *b)
{
    size_t shorter = a->mark.n < b->mark.n ? a->mark.n : b->mark.n;

    if (a->by_digest != b->by_digest)
        return a->by_digest ? 1 : -1;
    int order = memcmp(a->mark.p, b->mark.p, shorter);
    if (order == 0 && a->mark.n != b->mark.n)
        order = a->mark.n < b->mark.n ? -1 : 1;
    return order;
}

/* Rows alike stay in the maildrop's order, which is that of the ids too. */
static int row_compare(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    int order = row_order(a, b);

    return order ? order : a->index < b->index ? -1 : a->index > b->index;
}

/* Most servers' UIDLs ascend in the maildrop's order. */
static void rows_sort(struct rows *r)
{
    size_t ordered = r->count != 0;

    while (ordered < r->count && row_compare(&r->list[ordered - 1], &r->list[ordered]) < 0)
        ordered++;
    if (ordered < r->count)
        qsort(r->list, r->count, sizeof *r->list, row_compare);
}

static void row_add(struct rows *r, struct slice uidl, struct slice digest, size_t index)
{
    bool by_digest = uidl.n == 0;

    r->list[r->count++] = (struct row){by_digest ? digest : uidl, by_digest, index};
}

/* Entries without a mark are asked for one. */
static bool entry_rows(struct box_listing *l, struct rows *r)
{
    *r = (struct rows){.list = calloc(l->count + 1, sizeof *r->list)};
    for (size_t i = 0; r->list && i < l->count; i++) {
        struct box_entry *e = &l->entries[i];
        e->content = 0;
        e->fresh = false;
        e->ask = e->uidl.n == 0 && e->digest.n == 0;
        if (!e->ask)
            row_add(r, e->uidl, e->digest, i);
    }
    rows_sort(r);
    return r->list != NULL;
}

static bool content_rows(const struct box_state *s, struct rows *r)
{
    *r = (struct rows){.list = calloc(s->content_count + 1, sizeof *r->list)};
    for (size_t i = 0; r->list && i < s->content_count; i++) {
        const struct box_content *c = &s->contents[i];
        if (!c->dead && c->upstream)
            row_add(r, slice_of(c->uidl), slice_of(c->digest), i);
    }
    rows_sort(r);
    return r->list != NULL;
}

/* Entries and contents with the same mark. */
struct group {
    const struct box_state *s;
    struct box_listing *l;
    const struct row *entries;
    size_t entry_count;
    struct row *contents; /* those that are found get the index SIZE_MAX */
    size_t content_count;
};

static struct box_entry *entry_at(const struct group *g, size_t i)
{
    return &g->l->entries[g->entries[i].index];
}

/* NULL when it was found already. */
static const struct box_content *content_at(const struct group *g, size_t i)
{
    size_t index = g->contents[i].index;

    return index == SIZE_MAX ? NULL : &g->s->contents[index];
}

static void found(struct group *g, size_t entry, size_t content)
{
    entry_at(g, entry)->content = content_at(g, content)->id;
    g->contents[content].index = SIZE_MAX;
}

/* How many entries from this one on have its digest and size. */
static size_t entries_alike(const struct group *g, size_t entry)
{
    const struct box_entry *e = entry_at(g, entry);
    size_t n = 0;

    for (size_t i = entry; i < g->entry_count; i++)
        n += entry_at(g, i)->size == e->size && slice_equal(entry_at(g, i)->digest, e->digest);
    return n;
}

/* Contents that are alike, header and size, are found in their order; but where some of them are
 * missing, it is those that were to be deleted: what is left is never deleted in their place. */
static void find_by_digest(struct group *g, size_t entry)
{
    const struct box_entry *e = entry_at(g, entry);
    size_t first = SIZE_MAX;
    size_t kept = SIZE_MAX;
    size_t count = 0;

    for (size_t i = 0; e->digest.n && i < g->content_count; i++) {
        const struct box_content *c = content_at(g, i);
        if (!c || !c->digest || c->listed != e->size || !slice_is(e->digest, c->digest))
            continue;
        count++;
        first = first == SIZE_MAX ? i : first;
        kept = kept == SIZE_MAX && c->deletion == BOX_KEPT ? i : kept;
    }
    if (kept != SIZE_MAX && count > entries_alike(g, entry))
        first = kept;
    if (first != SIZE_MAX)
        found(g, entry, first);
}

/* Whether a content whose digest was never known may be this entry, one of several: never when it
 * is to be deleted. */
static bool may_be(const struct box_entry *e, const struct box_content *c)
{
    return !e->content && e->digest.n && c->deletion == BOX_KEPT && c->listed == e->size;
}

/* The only entry that the content may be, SIZE_MAX when there is none or more than one. */
static size_t only_entry(const struct group *g, const struct box_content *c)
{
    size_t only = SIZE_MAX;

    for (size_t i = 0; i < g->entry_count; i++) {
        if (!may_be(entry_at(g, i), c))
            continue;
        if (only != SIZE_MAX)
            return SIZE_MAX;
        only = i;
    }
    return only;
}

static void find_by_size(struct group *g)
{
    size_t content = SIZE_MAX;

    for (size_t i = 0; i < g->content_count; i++) {
        const struct box_content *c = content_at(g, i);
        if (!c || c->digest)
            continue;
        if (content != SIZE_MAX)
            return;
        content = i;
    }
    size_t entry = content == SIZE_MAX ? SIZE_MAX : only_entry(g, content_at(g, content));
    if (entry != SIZE_MAX)
        found(g, entry, content);
}

bool box_digest_is_own(const char *digest)
{
    return digest[0] != '?';
}

/* One entry and at most one content have this UIDL. With the same size that is enough, unless the
 * content is to be deleted; with another one the header has to be the same, and its own, since
 * servers do count anew. A content whose header nobody has ever seen can be given up without harm,
 * so that it is never taken for a message of another size. */
static void match_alone(struct group *g)
{
    struct box_entry *e = entry_at(g, 0);
    const struct box_content *c = g->content_count ? content_at(g, 0) : NULL;
    bool sized = c && c->listed == e->size;
    bool is_it = false;

    if (!c || !c->digest || e->mute)
        is_it = sized;
    else if (e->digest.n)
        is_it = slice_is(e->digest, c->digest) && (sized || box_digest_is_own(c->digest));
    else if (sized && c->deletion == BOX_KEPT)
        is_it = true;
    else
        e->ask = true;
    if (is_it)
        found(g, 0, 0);
}

static void match_several(struct group *g)
{
    for (size_t i = 0; i < g->entry_count; i++)
        entry_at(g, i)->ask = entry_at(g, i)->digest.n == 0;
    for (size_t i = 0; i < g->entry_count; i++)
        find_by_digest(g, i);
    find_by_size(g);
}

static void match_group(struct group *g)
{
    if (!g->entries->by_digest && g->entry_count == 1 && g->content_count <= 1)
        match_alone(g);
    else
        match_several(g);
    for (size_t i = 0; i < g->entry_count; i++)
        entry_at(g, i)->fresh = !entry_at(g, i)->content && !entry_at(g, i)->ask;
}

/* How many rows from the front on are alike. */
static size_t alike(const struct row *rows, size_t count)
{
    size_t n = 1;

    while (n < count && row_order(&rows[0], &rows[n]) == 0)
        n++;
    return n;
}

static void match_rows(const struct box_state *s, struct box_listing *l, struct rows *entries,
                       struct rows *contents)
{
    size_t c = 0;

    for (size_t e = 0, n = 0; e < entries->count; e += n) {
        const struct row *row = &entries->list[e];
        n = alike(row, entries->count - e);
        while (c < contents->count && row_order(&contents->list[c], row) < 0)
            c++;
        bool known = c < contents->count && row_order(&contents->list[c], row) == 0;
        struct group g = {.s = s, .l = l, .entries = row, .entry_count = n};
        g.contents = &contents->list[c];
        g.content_count = known ? alike(&contents->list[c], contents->count - c) : 0;
        c += g.content_count;
        match_group(&g);
    }
}

bool box_listing_match(const struct box_state *s, struct box_listing *l, size_t *asked)
{
    struct rows entries = {.list = NULL};
    struct rows contents = {.list = NULL};
    bool matched = entry_rows(l, &entries) && content_rows(s, &contents);

    if (matched)
        match_rows(s, l, &entries, &contents);
    matched = matched && box_match_renamed(s, l);
    *asked = 0;
    for (size_t i = 0; i < l->count; i++)
        *asked += l->entries[i].ask;
    free(entries.list);
    free(contents.list);
    return matched;
}
