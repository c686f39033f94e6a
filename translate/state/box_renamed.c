#include "translate/state/box_renamed.h"

#include <stdlib.h>
#include <string.h>

/* A content that the listing lacks. */
struct missing {
    const struct box_content *content;
    bool found;
};

struct missings {
    struct missing *list; /* by size, then digest, then in the maildrop's order */
    size_t count;
};

static int size_order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int missing_order(const void *left, const void *right)
{
    const struct box_content *a = ((const struct missing *)left)->content;
    const struct box_content *b = ((const struct missing *)right)->content;
    int order = size_order(a->listed, b->listed);

    if (order == 0)
        order = strcmp(a->digest, b->digest);
    return order ? order : a->id < b->id ? -1 : a->id > b->id;
}

static bool may_be_renamed(const struct box_content *c)
{
    return !c->dead && c->upstream && !c->unlisted && c->deletion == BOX_KEPT && c->digest &&
           box_digest_is_own(c->digest);
}

/* `here` says of each content whether the listing has it. */
static bool missings_init(struct missings *m, const struct box_state *s, const bool *here)
{
    *m = (struct missings){.list = calloc(s->content_count + 1, sizeof *m->list)};
    for (size_t i = 0; m->list && i < s->content_count; i++)
        if (!here[i] && may_be_renamed(&s->contents[i]))
            m->list[m->count++].content = &s->contents[i];
    if (m->count)
        qsort(m->list, m->count, sizeof *m->list, missing_order);
    return m->list != NULL;
}

/* An empty digest stands before all. */
static int order_against(const struct box_content *c, const struct box_entry *e)
{
    int order = size_order(c->listed, e->size);

    return order ? order : strcmp(c->digest, e->digest.n ? e->digest.p : "");
}

/* The first one that does not stand before the entry; NULL when there is none. */
static struct missing *missing_from(const struct missings *m, const struct box_entry *e)
{
    size_t low = 0;
    size_t high = m->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order_against(m->list[middle].content, e) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->count ? &m->list[low] : NULL;
}

static void entry_match(const struct missings *m, struct box_entry *e)
{
    struct missing *end = m->list + m->count;
    struct missing *at = missing_from(m, e);

    if (!at || e->mute)
        return;
    if (e->digest.n == 0) {
        e->ask = at->content->listed == e->size;
        e->fresh = !e->ask;
        return;
    }
    while (at < end && at->found && order_against(at->content, e) == 0)
        at++;
    if (at == end || order_against(at->content, e) != 0)
        return;
    at->found = true;
    e->content = at->content->id;
    e->fresh = false;
}

static size_t fresh_count(const struct box_listing *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++)
        n += l->entries[i].fresh;
    return n;
}

bool box_match_renamed(const struct box_state *s, struct box_listing *l)
{
    struct missings m = {.list = NULL};

    if (fresh_count(l) == 0 || s->content_count == 0)
        return true;
    bool *here = calloc(s->content_count, sizeof *here);
    for (size_t i = 0; here && i < l->count; i++) {
        const struct box_content *c = box_state_content(s, l->entries[i].content);
        if (c)
            here[c - s->contents] = true;
    }
    bool matched = here && missings_init(&m, s, here);
    for (size_t i = 0; matched && m.count && i < l->count; i++)
        if (l->entries[i].fresh)
            entry_match(&m, &l->entries[i]);
    free(here);
    free(m.list);
    return matched;
}
