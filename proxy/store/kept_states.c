#include "proxy/store/kept_states.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "translate/text/slice.h"

enum { BUCKETS = 1024 };

struct kept {
    struct kept *next;          /* in the bucket */
    struct kept **at;           /* what points to this in the bucket */
    struct kept *newer, *older; /* by when it was put here */
    const struct state_kind *kind;
    struct account_stamp stamp;
    void *state;
    size_t octets;
    char name[]; /* of the account's directory */
};

struct kept_states {
    uv_mutex_t mutex; /* guards all of it */
    size_t octets_max;
    size_t octets;
    size_t count;
    struct kept *newest, *oldest;
    struct kept *buckets[BUCKETS];
};

struct kept_states *kept_states_new(size_t octets_max)
{
    struct kept_states *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    k->octets_max = octets_max;
    if (uv_mutex_init(&k->mutex) == 0)
        return k;
    free(k);
    return NULL;
}

static void kept_free(struct kept *kept)
{
    kept->kind->free(kept->state);
    free(kept);
}

void kept_states_free(struct kept_states *k)
{
    if (!k)
        return;
    while (k->newest) {
        struct kept *kept = k->newest;
        k->newest = kept->older;
        kept_free(kept);
    }
    uv_mutex_destroy(&k->mutex);
    free(k);
}

/* Where the account is, or would be. */
static struct kept **slot_of(struct kept_states *k, const char *name)
{
    struct kept **slot = &k->buckets[slice_hash(slice_of(name), 0) % BUCKETS];

    while (*slot && strcmp((*slot)->name, name) != 0)
        slot = &(*slot)->next;
    return slot;
}

static void unlink_kept(struct kept_states *k, struct kept *kept)
{
    *kept->at = kept->next;
    if (kept->next)
        kept->next->at = kept->at;
    *(kept->newer ? &kept->newer->older : &k->newest) = kept->older;
    *(kept->older ? &kept->older->newer : &k->oldest) = kept->newer;
    k->octets -= kept->octets;
    k->count--;
}

static void link_kept(struct kept_states *k, struct kept *kept)
{
    struct kept **slot = slot_of(k, kept->name);

    kept->next = *slot;
    kept->at = slot;
    if (kept->next)
        kept->next->at = &kept->next;
    *slot = kept;
    kept->newer = NULL;
    kept->older = k->newest;
    *(k->newest ? &k->newest->newer : &k->oldest) = kept;
    k->newest = kept;
    k->octets += kept->octets;
    k->count++;
}

static struct kept *take_out(struct kept_states *k, const char *name)
{
    struct kept *kept = *slot_of(k, name);

    if (kept)
        unlink_kept(k, kept);
    return kept;
}

bool kept_states_take(struct kept_states *k, const struct state_kind *kind, const char *name,
                      const struct account_stamp *stamp, void **state)
{
    *state = NULL;
    uv_mutex_lock(&k->mutex);
    struct kept *kept = take_out(k, name);
    uv_mutex_unlock(&k->mutex);
    if (!kept)
        return false;
    bool fits = kept->kind == kind && account_stamp_equal(&kept->stamp, stamp);
    if (fits) {
        *state = kept->state;
        kept->state = NULL;
    }
    kept_free(kept);
    return fits;
}

/* Takes out as many as are too many: a list by `newer`. */
static struct kept *make_room(struct kept_states *k)
{
    struct kept *out = k->oldest;
    struct kept *last = NULL;

    while (k->oldest && k->octets > k->octets_max) {
        last = k->oldest;
        unlink_kept(k, last);
    }
    if (!last)
        return NULL;
    last->newer = NULL;
    return out;
}

static struct kept *kept_new(const struct state_kind *kind, const char *name,
                             const struct account_stamp *stamp)
{
    size_t length = strlen(name) + 1;
    struct kept *kept = malloc(sizeof *kept + length);

    if (!kept)
        return NULL;
    *kept = (struct kept){.kind = kind, .stamp = *stamp, .octets = sizeof *kept + length};
    memcpy(kept->name, name, length);
    return kept;
}

/* With the mutex, which is let go of. */
static void put_in(struct kept_states *k, struct kept *kept, void *state)
{
    kept->state = state;
    kept->octets += state ? kept->kind->octets(state) : 0;
    link_kept(k, kept);
    struct kept *out = make_room(k);
    uv_mutex_unlock(&k->mutex);
    while (out) {
        struct kept *newer = out->newer;
        kept_free(out);
        out = newer;
    }
}

static bool is_worth_it(const struct kept_states *k, const struct state_kind *kind,
                        const void *state)
{
    size_t octets = kind->octets(state);

    return octets >= KEPT_STATE_MIN && octets <= k->octets_max;
}

void kept_states_put(struct kept_states *k, const struct state_kind *kind, const char *name,
                     const struct account_stamp *stamp, void *state)
{
    bool worth = !state || is_worth_it(k, kind, state);
    struct kept *kept = worth ? kept_new(kind, name, stamp) : NULL;

    if (!kept) {
        kind->free(state);
        return;
    }
    uv_mutex_lock(&k->mutex);
    put_in(k, kept, state);
}

void kept_states_give(struct kept_states *k, const struct state_kind *kind, const char *name,
                      void *state)
{
    uv_mutex_lock(&k->mutex);
    struct kept *kept = take_out(k, name);
    if (kept && kept->kind == kind && !kept->state && is_worth_it(k, kind, state)) {
        put_in(k, kept, state);
        return;
    }
    uv_mutex_unlock(&k->mutex);
    if (kept)
        kept_free(kept);
    kind->free(state);
}

size_t kept_states_count(struct kept_states *k, size_t *octets)
{
    uv_mutex_lock(&k->mutex);
    size_t count = k->count;
    *octets = k->octets;
    uv_mutex_unlock(&k->mutex);
    return count;
}
