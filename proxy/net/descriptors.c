/*
 * See descriptors.h. Loops tell each other two things only, in their slots: since when their oldest
 * waits, and how many they keep, since when. Who wants something of another loop notes how much and
 * wakes it. None of it is exact at any moment; a tick makes up for what is missed, and for what
 * nobody tells: files that were closed, a limit that was raised.
 */
#include "proxy/net/descriptors.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "proxy/log.h"

enum {
    RESERVE_MOST = 64, /* the thread pool's, four for each thread */
    TICK_MS = 100,
    COMPLAINT_MS = 60 * 1000,
    USES = DESCRIPTOR_UPSTREAM + 1,
};

#define NEVER UINT64_MAX

/* What other loops may see of a share. */
struct slot {
    atomic_uint_fast64_t kept_since; /* NEVER: nothing is kept */
    atomic_uint_fast64_t awaited_since;
    atomic_uint kept;               /* how many */
    atomic_uint asked;              /* how many of them are to be let go of */
    struct descriptor_share *share; /* under the lock; NULL: the loop has none (any more) */
};

struct descriptors {
    struct health *health;
    uv_mutex_t lock;
    atomic_uint waiting;            /* on all loops */
    atomic_uint_fast64_t served;    /* loop time when somebody who had waited got one */
    atomic_uint_fast64_t complaint; /* loop time of the last line in the log; 0: none */
    size_t count;
    struct slot slots[];
};

struct wait_queue {
    struct descriptor_wait *first, *last;
};

struct descriptor_share {
    struct descriptors *all;
    struct slot *slot;
    uv_loop_t *loop;
    uv_async_t wake;
    uv_timer_t tick;                                /* runs while anybody waits */
    struct descriptor_kept *first_kept, *last_kept; /* the oldest first */
    struct wait_queue queues[USES];
};

/* ---- the process ---- */

struct descriptors *descriptors_new(size_t loops, struct health *health)
{
    struct descriptors *d = calloc(1, sizeof *d + loops * sizeof d->slots[0]);

    if (!d)
        return NULL;
    if (uv_mutex_init(&d->lock) < 0) {
        free(d);
        return NULL;
    }
    d->health = health;
    d->count = loops;
    for (size_t i = 0; i < loops; i++) {
        atomic_init(&d->slots[i].kept_since, NEVER);
        atomic_init(&d->slots[i].awaited_since, NEVER);
    }
    return d;
}

void descriptors_free(struct descriptors *d)
{
    if (!d)
        return;
    uv_mutex_destroy(&d->lock);
    free(d);
}

static void slot_wake(struct descriptors *d, struct slot *slot)
{
    uv_mutex_lock(&d->lock);
    if (slot->share)
        uv_async_send(&slot->share->wake);
    uv_mutex_unlock(&d->lock);
}

/* Where all are asked for already there is nothing for anybody else. */
static uint64_t kept_since_of(const struct slot *slot)
{
    return slot->asked < slot->kept ? slot->kept_since : NEVER;
}

static uint64_t awaited_since_of(const struct slot *slot)
{
    return slot->awaited_since;
}

/* NULL: none has any. */
static struct slot *oldest(struct descriptors *d, uint64_t (*since_of)(const struct slot *slot))
{
    struct slot *oldest = NULL;
    uint64_t least = NEVER;

    for (size_t i = 0; i < d->count; i++) {
        uint64_t since = since_of(&d->slots[i]);
        if (since < least) {
            oldest = &d->slots[i];
            least = since;
        }
    }
    return oldest;
}

/* ---- how many there are ---- */

/* The first descriptor that is not for this use. The limit may change while the process lives. */
static rlim_t line(enum descriptor_use use)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return RLIM_INFINITY;
    rlim_t reserve = limit.rlim_cur / 10 < RESERVE_MOST ? limit.rlim_cur / 10 : RESERVE_MOST;
    rlim_t clients = use == DESCRIPTOR_CLIENT ? reserve / 2 : 0;
    return limit.rlim_cur - reserve - clients;
}

static void complain(struct descriptor_share *s)
{
    struct rlimit limit = {0};
    uint64_t now = uv_now(s->loop);
    uint_fast64_t last = s->all->complaint;

    if ((last && now < last + COMPLAINT_MS) ||
        !atomic_compare_exchange_strong(&s->all->complaint, &last, now))
        return;
    getrlimit(RLIMIT_NOFILE, &limit);
    log_message(LOG_WARNING, "descriptors",
                "nearly all of %llu descriptors are in use: upstream sessions that are kept for "
                "speed are let go of, new ones wait; raise the limit (ulimit -n, LimitNOFILE=), or "
                "lower limits.connections",
                (unsigned long long)limit.rlim_cur);
}

/* ---- letting go ---- */

static void kept_unlink(struct descriptor_kept *k)
{
    struct descriptor_share *s = k->share;

    *(k->prev ? &k->prev->next : &s->first_kept) = k->next;
    *(k->next ? &k->next->prev : &s->last_kept) = k->prev;
    k->prev = k->next = NULL;
    k->share = NULL;
    s->slot->kept--;
    s->slot->kept_since = s->first_kept ? s->first_kept->since : NEVER;
}

bool descriptor_let_go(struct descriptor_share *s)
{
    if (!s)
        return false;
    complain(s);
    struct slot *slot = oldest(s->all, kept_since_of);
    if (!slot)
        return false;
    atomic_fetch_add(&slot->asked, 1);
    slot_wake(s->all, slot);
    return true;
}

void descriptor_keep(struct descriptor_share *s, struct descriptor_kept *k)
{
    if (!s || k->share)
        return;
    k->share = s;
    k->since = uv_now(s->loop);
    k->prev = s->last_kept;
    *(k->prev ? &k->prev->next : &s->first_kept) = k;
    s->last_kept = k;
    s->slot->kept++;
    s->slot->kept_since = s->first_kept->since;
    if (s->all->waiting)
        descriptor_let_go(s);
}

void descriptor_use(struct descriptor_kept *k)
{
    if (k->share)
        kept_unlink(k);
}

bool descriptor_affords(struct descriptor_share *s, enum descriptor_use use, int fd)
{
    if (!s || (rlim_t)fd < line(DESCRIPTOR_CLIENT))
        return true;
    if ((rlim_t)fd >= line(DESCRIPTOR_UPSTREAM))
        return false;
    return descriptor_let_go(s) || use == DESCRIPTOR_UPSTREAM;
}

static void let_go_of(struct descriptor_share *s, unsigned count)
{
    while (count-- && s->first_kept) {
        struct descriptor_kept *k = s->first_kept;
        kept_unlink(k);
        health_let_go(s->all->health);
        k->let_go(k);
    }
}

/* ---- waiting ---- */

static void on_tick(uv_timer_t *timer);

static struct wait_queue *queue_of(struct descriptor_share *s, const struct descriptor_wait *w)
{
    return &s->queues[w->use];
}

static bool is_awaited(const struct descriptor_share *s)
{
    return s->queues[DESCRIPTOR_UPSTREAM].first || s->queues[DESCRIPTOR_CLIENT].first;
}

static void waits_changed(struct descriptor_share *s)
{
    uint64_t since = NEVER;

    for (size_t i = 0; i < USES; i++)
        if (s->queues[i].first && s->queues[i].first->since < since)
            since = s->queues[i].first->since;
    s->slot->awaited_since = since;
    if (since == NEVER)
        uv_timer_stop(&s->tick);
    else if (!uv_is_active((uv_handle_t *)&s->tick))
        uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
}

/* Before `next`; NULL: behind all. */
static void wait_link(struct descriptor_share *s, struct descriptor_wait *w,
                      struct descriptor_wait *next)
{
    struct wait_queue *q = queue_of(s, w);

    w->share = s;
    w->next = next;
    w->prev = next ? next->prev : q->last;
    *(w->prev ? &w->prev->next : &q->first) = w;
    *(next ? &next->prev : &q->last) = w;
    atomic_fetch_add(&s->all->waiting, 1);
    waits_changed(s);
}

static void wait_unlink(struct descriptor_wait *w)
{
    struct descriptor_share *s = w->share;
    struct wait_queue *q = queue_of(s, w);

    *(w->prev ? &w->prev->next : &q->first) = w->next;
    *(w->next ? &w->next->prev : &q->last) = w->prev;
    w->prev = w->next = NULL;
    w->share = NULL;
    atomic_fetch_sub(&s->all->waiting, 1);
    waits_changed(s);
}

/* In their order, until there is none for the next one. Who takes one may be gone then. */
static void serve_queue(struct descriptor_share *s, const struct wait_queue *q)
{
    while (q->first) {
        struct descriptor_wait *w = q->first;
        wait_unlink(w);
        if (!w->take(w)) {
            wait_link(s, w, q->first);
            return;
        }
        s->all->served = uv_now(s->loop);
    }
}

/* Whoever is in already comes first. */
static void serve(struct descriptor_share *s)
{
    serve_queue(s, &s->queues[DESCRIPTOR_UPSTREAM]);
    serve_queue(s, &s->queues[DESCRIPTOR_CLIENT]);
}

static void give_up(struct descriptor_share *s)
{
    const struct wait_queue *q = &s->queues[DESCRIPTOR_UPSTREAM];
    uint64_t now = uv_now(s->loop);
    uint64_t served = s->all->served;

    while (q->first) {
        struct descriptor_wait *w = q->first;
        uint64_t from = served > w->since ? served : w->since;
        if (now < from + w->patience_ms)
            return;
        wait_unlink(w);
        w->give_up(w);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct descriptor_share *s = timer->data;

    serve(s);
    if (is_awaited(s))
        descriptor_let_go(s);
    give_up(s);
}

void descriptor_wait(struct descriptor_share *s, struct descriptor_wait *w)
{
    w->since = uv_now(s->loop);
    wait_link(s, w, NULL);
    if (w->use == DESCRIPTOR_UPSTREAM)
        health_waited(s->all->health);
    descriptor_let_go(s);
}

bool descriptors_are_awaited(const struct descriptor_share *s)
{
    return s && s->queues[DESCRIPTOR_UPSTREAM].first;
}

void descriptor_wait_cancel(struct descriptor_wait *w)
{
    if (w->share)
        wait_unlink(w);
}

void descriptor_freed(struct descriptor_share *s)
{
    struct slot *slot = s && s->all->waiting ? oldest(s->all, awaited_since_of) : NULL;

    if (slot)
        slot_wake(s->all, slot);
}

/* ---- a loop's share ---- */

static void on_wake(uv_async_t *async)
{
    struct descriptor_share *s = async->data;

    let_go_of(s, atomic_exchange(&s->slot->asked, 0));
    serve(s);
}

static void slot_occupy(struct descriptors *d, struct slot *slot, struct descriptor_share *s)
{
    uv_mutex_lock(&d->lock);
    slot->share = s;
    uv_mutex_unlock(&d->lock);
}

struct descriptor_share *descriptor_share_new(struct descriptors *d, size_t number, uv_loop_t *loop)
{
    struct descriptor_share *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    if (uv_async_init(loop, &s->wake, on_wake) < 0) {
        free(s);
        return NULL;
    }
    uv_timer_init(loop, &s->tick);
    uv_unref((uv_handle_t *)&s->wake);
    s->wake.data = s->tick.data = s;
    s->all = d;
    s->slot = &d->slots[number];
    s->loop = loop;
    slot_occupy(d, s->slot, s);
    return s;
}

void descriptor_share_close(struct descriptor_share *s)
{
    slot_occupy(s->all, s->slot, NULL);
    uv_close((uv_handle_t *)&s->wake, NULL);
    uv_close((uv_handle_t *)&s->tick, NULL);
}

void descriptor_share_free(struct descriptor_share *s)
{
    free(s);
}
