#include "translate/state/box_listing.h"

#include <stdlib.h>

enum { MISSING_MANY = 10 };

/* Where each content stands in the listing, and what follows for those that are missing. */
struct look {
    const struct box_state *s;
    const struct box_listing *l;
    const struct box_entry **entries; /* of each content, NULL: missing */
    uint32_t *ids;                    /* room for all */
    uint64_t *sizes;
    bool believed;
    bool suspicious;
};

static bool is_here(const struct look *k, size_t i)
{
    return !k->s->contents[i].dead && k->s->contents[i].upstream;
}

/* Whether it was listed and no longer is. */
static bool is_missing(const struct look *k, size_t i)
{
    return is_here(k, i) && !k->s->contents[i].unlisted && !k->entries[i];
}

static void judge(struct look *k)
{
    size_t known = 0;
    size_t missing = 0;

    k->believed = !k->l->doubtful;
    for (size_t i = 0; i < k->l->count; i++)
        k->believed = k->believed && (k->l->entries[i].content || k->l->entries[i].fresh);
    for (size_t i = 0; i < k->s->content_count; i++) {
        const struct box_content *c = &k->s->contents[i];
        if (!is_here(k, i) || c->unlisted || c->deletion != BOX_KEPT)
            continue;
        known++;
        missing += k->entries[i] == NULL;
    }
    k->suspicious = missing && (!k->believed || missing == known ||
                                (missing >= MISSING_MANY && 2 * missing >= known));
}

static bool is_suspected(const struct look *k, size_t i)
{
    return is_missing(k, i) && k->believed && k->suspicious && !k->s->contents[i].suspect;
}

static bool has_vanished(const struct look *k, size_t i)
{
    return is_missing(k, i) && k->believed && (!k->suspicious || k->s->contents[i].suspect);
}

/* A deletion that was sent is taken to be carried out; one that was not, waits until the message is
 * listed again, if ever. */
static bool is_gone(const struct look *k, size_t i)
{
    return has_vanished(k, i) &&
           (k->l->policy == BOX_VANISHED_GONE || k->s->contents[i].deletion == BOX_SENT);
}

static bool is_unlisted(const struct look *k, size_t i)
{
    return has_vanished(k, i) && !is_gone(k, i);
}

static bool is_not_deleted(const struct look *k, size_t i)
{
    return k->entries[i] && k->s->contents[i].deletion == BOX_SENT;
}

static bool is_otherwise(const struct look *k, size_t i)
{
    const struct box_content *c = &k->s->contents[i];

    return k->entries[i] && (c->unlisted || c->suspect || c->listed != k->entries[i]->size);
}

/* The ids of the contents of which the question is true. */
static size_t collect(struct look *k, bool (*question)(const struct look *k, size_t i))
{
    size_t count = 0;

    for (size_t i = 0; i < k->s->content_count; i++)
        if (is_here(k, i) && question(k, i)) {
            k->sizes[count] = k->entries[i] ? k->entries[i]->size : 0;
            k->ids[count++] = k->s->contents[i].id;
        }
    return count;
}

static void draft_sets(struct box_draft *d, struct look *k)
{
    static const struct {
        const char *name;
        bool (*question)(const struct look *k, size_t i);
    } sets[] = {
        {"unlisted", is_unlisted},
        {"suspected", is_suspected},
        {"intended", is_not_deleted},
        {"gone", is_gone},
    };
    size_t count = collect(k, is_otherwise);

    if (count)
        box_draft_listed(d, k->ids, k->sizes, count);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        count = collect(k, sets[i].question);
        if (count)
            box_draft_set(d, sets[i].name, k->ids, count);
    }
}

/* Digests that were asked for are remembered with contents that had none. */
static void draft_digests(struct box_draft *d, const struct look *k)
{
    for (size_t i = 0; i < k->s->content_count; i++) {
        const struct box_entry *e = k->entries[i];
        const struct box_content *c = &k->s->contents[i];
        if (e && e->digest.n && !e->mute && !c->digest)
            box_draft_digest(d, c->id, e->digest.p);
    }
}

/* An upstream that gives no UIDLs today may give the old ones tomorrow. */
static void draft_uidls(struct box_draft *d, const struct look *k)
{
    for (size_t i = 0; i < k->s->content_count; i++) {
        const struct box_entry *e = k->entries[i];
        const char *known = k->s->contents[i].uidl;
        if (e && e->uidl.n && !(known && slice_is(e->uidl, known)))
            box_draft_renamed(d, k->s->contents[i].id, e->uidl.p);
    }
}

static void place_entries(struct look *k)
{
    for (size_t i = 0; i < k->l->count; i++) {
        const struct box_content *c = box_state_content(k->s, k->l->entries[i].content);
        if (c)
            k->entries[c - k->s->contents] = &k->l->entries[i];
    }
}

void box_listing_draft(struct box_draft *d, const struct box_listing *l, bool *suspicious)
{
    size_t count = d->s->content_count + 1;
    struct look k = {.s = d->s, .l = l};

    k.entries = calloc(count, sizeof *k.entries);
    k.ids = calloc(count, sizeof *k.ids);
    k.sizes = calloc(count, sizeof *k.sizes);
    if (k.entries && k.ids && k.sizes) {
        place_entries(&k);
        judge(&k);
        draft_sets(d, &k);
        draft_digests(d, &k);
        draft_uidls(d, &k);
    } else {
        d->failed = true;
    }
    if (suspicious)
        *suspicious = k.suspicious;
    free(k.entries);
    free(k.ids);
    free(k.sizes);
}
