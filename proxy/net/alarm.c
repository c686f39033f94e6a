/*
 * The alarms of loop.h. Those of a loop are a pairing heap, which needs no memory of its own: each
 * has its children in a list, the first one's `prev` is their parent, the others' the one before
 * them. To set one is a step, to take one out a few, about log2 of how many there are.
 */
#include <stddef.h>

#include "proxy/net/loop.h"

/* The one of two heaps that both are then; either may be NULL. */
static struct alarm *meld(struct alarm *a, struct alarm *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->due < a->due) {
        struct alarm *earlier = b;
        b = a;
        a = earlier;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

static struct alarm *take_first(struct alarm **list)
{
    struct alarm *a = *list;

    if (a) {
        *list = a->next;
        a->next = a->prev = NULL;
    }
    return a;
}

/* One heap of a list of them: two by two, and these from the last to the first. */
static struct alarm *meld_all(struct alarm *list)
{
    struct alarm *pairs = NULL;
    struct alarm *all = NULL;

    while (list) {
        struct alarm *a = take_first(&list);
        struct alarm *pair = meld(a, take_first(&list));
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs)
        all = meld(all, take_first(&pairs));
    return all;
}

static void take_out(struct alarms *all, struct alarm *a)
{
    struct alarm *below = meld_all(a->child);

    if (a == all->first) {
        all->first = below;
    } else {
        *(a->prev->child == a ? &a->prev->child : &a->prev->next) = a->next;
        if (a->next)
            a->next->prev = a->prev;
        all->first = meld(all->first, below);
    }
    a->child = a->next = a->prev = NULL;
    a->due = UINT64_MAX;
}

static void on_timer(uv_timer_t *timer);

/* It may fire too early, when the first one was cleared; then it looks again. */
static void start_timer(struct alarms *all)
{
    uint64_t now = uv_now(all->timer.loop);

    uv_timer_start(&all->timer, on_timer, all->first->due > now ? all->first->due - now : 0, 0);
}

/* What is set by an alarm that rings waits for another round, of which a turn of the loop has two
 * at most: no two can starve the sockets, as a uv_timer_t could that is due again at once. */
static void ring_all(struct loop *l)
{
    struct alarms *all = &l->alarms;
    uint32_t round = ++all->round;

    all->ringing = true;
    while (all->first && all->first->due <= uv_now(l->uv) && all->first->round != round) {
        struct alarm *a = all->first;
        take_out(all, a);
        a->ring(a);
    }
    all->ringing = false;
    if (all->first && all->first->due <= uv_now(l->uv))
        loop_soon(l, &all->again);
    else if (all->first)
        start_timer(all);
}

static void on_timer(uv_timer_t *timer)
{
    ring_all(timer->data);
}

static void on_again(struct loop_task *again)
{
    ring_all((struct loop *)((char *)again - offsetof(struct loop, alarms.again)));
}

void alarms_init(struct loop *l)
{
    l->alarms.first = NULL;
    l->alarms.round = 0;
    l->alarms.ringing = false;
    l->alarms.again = (struct loop_task){.run = on_again};
    uv_timer_init(l->uv, &l->alarms.timer);
    l->alarms.timer.data = l;
}

void alarm_init(struct alarm *a, void (*ring)(struct alarm *a))
{
    *a = (struct alarm){.ring = ring, .due = UINT64_MAX};
}

void alarm_set(struct loop *l, struct alarm *a, uint64_t due)
{
    struct alarms *all = &l->alarms;

    if (a->due != UINT64_MAX)
        take_out(all, a);
    if (!all->first)
        uv_timer_stop(&all->timer);
    if (due == UINT64_MAX)
        return;
    a->due = due;
    a->round = all->round;
    all->first = meld(all->first, a);
    if (all->first == a && !all->ringing)
        start_timer(all);
}
