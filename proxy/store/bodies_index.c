#include "proxy/store/bodies_index.h"

#include <stdlib.h>

enum { BUCKETS_FIRST = 16 };

static size_t bucket_of(size_t count, uint32_t content, enum bodies_kind kind)
{
    return (content * 2654435761U + (uint32_t)kind * 40503U) & (count - 1);
}

static struct bodies_entry **find(const struct bodies_index *x, uint32_t content,
                                  enum bodies_kind kind)
{
    struct bodies_entry **slot = &x->buckets[bucket_of(x->bucket_count, content, kind)];

    while (*slot && ((*slot)->content != content || (*slot)->kind != kind))
        slot = &(*slot)->chain;
    return slot;
}

static bool grow(struct bodies_index *x)
{
    size_t count = x->bucket_count ? 2 * x->bucket_count : BUCKETS_FIRST;
    struct bodies_entry **buckets = calloc(count, sizeof(struct bodies_entry *));

    if (!buckets)
        return false;
    for (struct bodies_entry *e = x->oldest; e; e = e->newer) {
        struct bodies_entry **slot = &buckets[bucket_of(count, e->content, e->kind)];
        e->chain = *slot;
        *slot = e;
    }
    free(x->buckets);
    x->buckets = buckets;
    x->bucket_count = count;
    return true;
}

static void leave_line(struct bodies_index *x, struct bodies_entry *e)
{
    *(e->newer ? &e->newer->older : &x->newest) = e->older;
    *(e->older ? &e->older->newer : &x->oldest) = e->newer;
}

static void join_line(struct bodies_index *x, struct bodies_entry *e)
{
    e->newer = NULL;
    e->older = x->newest;
    *(e->older ? &e->older->newer : &x->oldest) = e;
    x->newest = e;
}

static struct bodies_entry *add(struct bodies_index *x, uint32_t content, enum bodies_kind kind)
{
    if (x->count >= x->bucket_count && !grow(x))
        return NULL;
    struct bodies_entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->content = content;
    e->kind = kind;
    *find(x, content, kind) = e;
    join_line(x, e);
    x->count++;
    x->counts[kind]++;
    return e;
}

bool bodies_index_put(struct bodies_index *x, uint32_t content, enum bodies_kind kind,
                      uint64_t size)
{
    struct bodies_entry *e = x->count ? *find(x, content, kind) : NULL;

    if (!e)
        e = add(x, content, kind);
    if (!e)
        return false;
    x->octets = x->octets - e->size + size;
    e->size = size;
    leave_line(x, e);
    join_line(x, e);
    return true;
}

bool bodies_index_has(const struct bodies_index *x, uint32_t content, enum bodies_kind kind)
{
    return x->count && *find(x, content, kind);
}

void bodies_index_touch(struct bodies_index *x, uint32_t content, enum bodies_kind kind)
{
    struct bodies_entry *e = x->count ? *find(x, content, kind) : NULL;

    if (!e)
        return;
    leave_line(x, e);
    join_line(x, e);
}

void bodies_index_drop(struct bodies_index *x, uint32_t content, enum bodies_kind kind)
{
    struct bodies_entry **slot = x->count ? find(x, content, kind) : NULL;

    if (!slot || !*slot)
        return;
    struct bodies_entry *e = *slot;
    *slot = e->chain;
    leave_line(x, e);
    x->octets -= e->size;
    x->count--;
    x->counts[kind]--;
    free(e);
}

void bodies_index_clear(struct bodies_index *x)
{
    while (x->oldest) {
        struct bodies_entry *e = x->oldest;
        x->oldest = e->newer;
        free(e);
    }
    free(x->buckets);
    *x = (struct bodies_index){0};
}
