/*
 * Which message has which number. A whole listing says it of all; it is remembered when the
 * connection ends, so that the next one can be asked whether it still holds (account_glance.c), and
 * nothing is fetched by a number that its own connection has not confirmed (CASES D10).
 */
#include <stdlib.h>

#include "translate/mailbox/account_internal.h"
#include "translate/text/array.h"

/* A command and its answer cost as much as some lines of a listing. */
enum { CONFIRM_LEAST = 16, CONFIRM_SHARE = 16 };

static int number_order(const void *left, const void *right)
{
    uint32_t x = ((const struct numbered *)left)->content;
    uint32_t y = ((const struct numbered *)right)->content;

    return x < y ? -1 : x > y;
}

static struct numbered *find(const struct numbers *n, uint32_t content)
{
    struct numbered key = {.content = content};

    return n->count ? bsearch(&key, n->list, n->count, sizeof key, number_order) : NULL;
}

const struct numbered *numbers_find(const struct account *a, uint32_t content)
{
    return find(&a->numbers, content);
}

bool numbers_are_whole(const struct account *a)
{
    return a->numbers.whole == a->link.ended;
}

bool numbers_confirmed(const struct account *a, const struct numbered *n)
{
    return n->seen == a->link.ended;
}

bool numbers_are_cheaper_whole(const struct account *a)
{
    return a->numbers.asked > CONFIRM_LEAST + a->numbers.count / CONFIRM_SHARE;
}

bool numbers_confirm(struct account *a, uint32_t content, struct slice uidl)
{
    struct numbered *n = find(&a->numbers, content);
    const struct box_content *c = box_state_content(a->state, content);

    if (!n || !c || !c->uidl || !slice_is(uidl, c->uidl))
        return false;
    n->seen = a->link.ended;
    return true;
}

void numbers_clear(struct account *a)
{
    free(a->numbers.list);
    a->numbers = (struct numbers){.list = NULL};
}

/* Just enough: most accounts wait long until there are more. */
static void numbers_reserve(struct account *a, size_t count)
{
    struct numbers *n = &a->numbers;
    void *list = array_reserve(n->list, &n->cap, count, sizeof *n->list);

    a->failed = a->failed || (count && !list);
    if (list)
        n->list = list;
}

/* The messages that the listing has, from the first on; what is not recognised has no place. */
static void numbers_add(struct account *a)
{
    const struct listing *l = a->listing;
    struct numbers *n = &a->numbers;

    for (size_t i = 0; i < l->list.count; i++) {
        const struct box_entry *e = &l->list.entries[i];
        struct numbered *item = NULL;
        n->octets += e->size;
        if (e->content)
            item = account_grow(a, (void **)&n->list, &n->count, &n->cap, sizeof *item);
        if (!item)
            continue;
        *item = (struct numbered){e->content, e->number, a->link.ended};
        n->last = e->content;
    }
}

/* Whether the entries are numbered from 1 on, and each is known by a UIDL that is its own: where a
 * digest was asked for there was doubt. */
static bool is_plain(const struct listing *l)
{
    for (size_t i = 0; i < l->list.count; i++) {
        const struct box_entry *e = &l->list.entries[i];
        if (e->number != i + 1 || !e->content || !e->uidl.n || l->beside[i].tried)
            return false;
    }
    return l->list.count && !l->list.doubtful && !l->suspicious;
}

static bool are_same(const struct numbers *x, const struct numbers *y)
{
    if (x->count != y->count || x->octets != y->octets)
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (x->list[i].content != y->list[i].content || x->list[i].number != y->list[i].number)
            return false;
    return true;
}

void numbers_learn(struct account *a)
{
    const struct listing *l = a->listing;
    struct numbers *n = &a->numbers;
    struct numbers before = *n;

    *n = (struct numbers){
        .usable = is_plain(l),
        .whole = a->link.ended,
        .listed_at = a->now_ms,
        .refuted = before.refuted,
    };
    numbers_reserve(a, l->list.count);
    numbers_add(a);
    if (n->count) {
        n->first = n->list[0].content;
        qsort(n->list, n->count, sizeof *n->list, number_order);
    }
    if (before.doubted && are_same(&before, n))
        n->refuted++;
    free(before.list);
    uidls_clear(a);
}

void numbers_extend(struct account *a)
{
    numbers_add(a);
    a->numbers.refuted = 0;
}

void numbers_forget(struct account *a)
{
    a->numbers.usable = false;
}
