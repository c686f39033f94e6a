/*
 * An account's bodies as a whole: opening and closing, and the bound of the cache.
 */
#include "proxy/store/bodies.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/store/account_name.h"
#include "proxy/store/bodies_idle.h"
#include "proxy/store/bodies_parts.h"
#include "proxy/store/disk.h"

struct bodies {
    const struct store *store;
    uint64_t limit;
    atomic_uint_fast64_t octets; /* in the caches of all open accounts */
    struct bodies_idle *idle;    /* the other accounts' */
};

struct bodies *bodies_new(const struct store *store, uint64_t octets)
{
    struct bodies *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->store = store;
    b->limit = octets;
    b->idle = bodies_idle_new(store_accounts(store), octets, &b->octets);
    if (b->idle)
        return b;
    free(b);
    return NULL;
}

void bodies_free(struct bodies *b)
{
    if (b)
        bodies_idle_free(b->idle);
    free(b);
}

void bodies_settle(struct bodies *b)
{
    bodies_idle_settle(b->idle);
}

uint64_t bodies_account_octets(const struct bodies_account *a)
{
    return a->index.octets;
}

void bodies_failed(const struct bodies_account *a, const char *doing, const char *name,
                   struct failure *why)
{
    char path[320];
    int error = errno;

    snprintf(path, sizeof path, "accounts/%s/bodies/%s", a->name, name);
    disk_failure(why, error, doing, path);
}

int bodies_open_whole(const struct bodies_account *a, int dir, uint32_t content, const char *key)
{
    char name[BODIES_NAME];

    (void)a;
    if (key && !bodies_key_is_valid(key)) {
        errno = ENOENT;
        return -1;
    }
    bodies_name(name, content, BODIES_MAIL);
    return disk_open(dir, key ? key : name, O_RDONLY);
}

bool bodies_is_long_enough(uint64_t octets, uint64_t least, struct failure *why)
{
    if (octets >= least)
        return true;
    failure_set(why, FAILURE_PERMANENT,
                "the message has lost octets on this server: mailferry state verify tells more");
    return false;
}

ssize_t bodies_pread(int fd, void *p, size_t n, uint64_t offset)
{
    ssize_t got;

    do
        got = pread(fd, p, n, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got;
}

/* ---- files that are to go ---- */

enum { REMOVED_AT_ONCE = 64 };

struct removal {
    uv_work_t work;
    struct bodies_account *account;
    struct failure why;
    size_t count;
    char names[REMOVED_AT_ONCE][BODIES_NAME];
};

static void removal_work(uv_work_t *work)
{
    struct removal *r = work->data;
    int dir = bodies_dir_open(r->account->accounts, r->account->name, false);

    for (size_t i = 0; i < r->count && dir >= 0; i++)
        if (unlinkat(dir, r->names[i], 0) != 0 && errno != ENOENT)
            bodies_failed(r->account, "delete", r->names[i], &r->why);
    if (dir >= 0)
        close(dir);
}

static void removal_done(uv_work_t *work, int status)
{
    struct removal *r = work->data;

    (void)status; /* nobody cancels it */
    if (r->why.kind != FAILURE_NONE)
        log_message(LOG_WARNING, "bodies", "%s", r->why.text);
    bodies_let_go(r->account);
    free(r);
}

static struct removal *removal_new(struct bodies_account *a)
{
    struct removal *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->account = a;
    r->work.data = r;
    return r;
}

static void removal_start(struct removal *r)
{
    bodies_hold(r->account);
    uv_queue_work(r->account->loop->uv, &r->work, removal_work, removal_done);
}

void bodies_release(struct bodies_account *a, const char *key)
{
    struct removal *r = bodies_key_is_valid(key) ? removal_new(a) : NULL;

    if (!r) {
        log_message(LOG_WARNING, "bodies", "accounts/%s/bodies/%.40s is needed no more and stays",
                    a->name, key);
        return;
    }
    r->count = 1;
    snprintf(r->names[0], sizeof r->names[0], "%s", key);
    removal_start(r);
}

/* ---- the bound ---- */

static bool is_too_much(const struct bodies_account *a)
{
    return a->index.octets > a->limit || a->shared->octets > a->shared->limit;
}

/* Without the memory to do it now, it is done when the next file comes. */
static void make_room(struct bodies_account *a)
{
    while (is_too_much(a) && a->index.oldest != a->index.newest) {
        struct removal *r = removal_new(a);
        if (!r)
            return;
        while (r->count < REMOVED_AT_ONCE && is_too_much(a) && a->index.oldest != a->index.newest) {
            const struct bodies_entry *e = a->index.oldest;
            bodies_name(r->names[r->count++], e->content, e->kind);
            bodies_went(a, e->content, e->kind);
        }
        removal_start(r);
    }
    a->crowded = is_too_much(a);
}

/* Most accounts use few kinds, and those of which nobody reads use none. */
static struct bodies_records *records_get(struct bodies_account *a, enum bodies_kind kind)
{
    if (a->records[kind])
        return a->records[kind];
    struct bodies_records *r = malloc(sizeof *r);
    if (r)
        bodies_records_init(r, kind, a->limit);
    return a->records[kind] = r;
}

/* So that what was written last does not grow beyond the bound, it is left to be the oldest. */
struct bodies_records *bodies_begin(struct bodies_account *a, enum bodies_kind kind, int dir,
                                    struct bodies_tally *t)
{
    struct bodies_records *r = records_get(a, kind);

    if (!r)
        return NULL;
    if (a->crowded)
        bodies_records_seal(r);
    bodies_records_begin(r, dir, t);
    return r;
}

void bodies_came(struct bodies_account *a, uint32_t content, enum bodies_kind kind, uint64_t size)
{
    uint64_t before = a->index.octets;

    if (!bodies_index_put(&a->index, content, kind, size))
        return; /* it is found at the next opening */
    a->shared->octets += a->index.octets - before;
    bodies_idle_grown(a->shared->idle);
    make_room(a);
}

void bodies_went(struct bodies_account *a, uint32_t content, enum bodies_kind kind)
{
    uint64_t before = a->index.octets;

    bodies_index_drop(&a->index, content, kind);
    a->shared->octets -= before - a->index.octets;
}

void bodies_settle_tally(struct bodies_account *a, struct bodies_tally *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct bodies_tallied *item = &t->items[i];
        if (item->deed == BODIES_GREW)
            bodies_came(a, item->number, item->kind, item->size);
        else if (item->deed == BODIES_GONE)
            bodies_went(a, item->number, item->kind);
        else
            bodies_index_touch(&a->index, item->number, item->kind);
    }
    bodies_tally_clear(t);
}

/* ---- opening and closing ---- */

struct opening {
    uv_work_t work;
    struct bodies_account *account;
    bool newborn;
    bool sweep;
    struct bodies_keys named;
    size_t swept;
    struct failure unswept; /* costs room on the disk, and nothing else */
    size_t set_aside;
    unsigned where; /* they were set aside */
    struct bodies_scan scan;
    struct failure why;
    bodies_opened opened;
    void *owner;
};

static bool opening_sweep(struct opening *o)
{
    int dir = bodies_dir_open(o->account->accounts, o->account->name, false);

    if (dir < 0)
        return errno == ENOENT;
    bool swept = bodies_keys_sweep(dir, &o->named, &o->swept);
    int error = errno;
    close(dir);
    errno = error;
    return swept;
}

/* Octets without their state may be all that is left of somebody's mail. */
static bool opening_set_aside(struct opening *o)
{
    int dir = disk_open_dir(o->account->accounts, o->account->name);

    if (dir < 0)
        return errno == ENOENT;
    bool moved = bodies_keys_set_aside(dir, &o->where, &o->set_aside);
    int error = errno;
    close(dir);
    errno = error;
    return moved;
}

static void opening_work(uv_work_t *work)
{
    struct opening *o = work->data;
    struct bodies_account *a = o->account;

    if (!bodies_dir_scan(a->accounts, a->name, o->newborn, &o->scan))
        bodies_failed(a, "look at", "", &o->why);
    else if (o->newborn && !opening_set_aside(o))
        bodies_failed(a, "set aside what is in", "", &o->why);
    else if (o->sweep && !o->newborn && !opening_sweep(o))
        bodies_failed(a, "sweep", "", &o->unswept);
}

/* No key is given again that the state names, though its file be lost: or the message that has it
 * would become another one. */
static uint64_t opening_key_next(const struct opening *o)
{
    uint64_t last = o->named.count ? o->named.numbers[o->named.count - 1] : 0;

    return o->scan.key_next > last ? o->scan.key_next : last + 1;
}

static void opening_tell(const struct opening *o)
{
    const char *name = o->account->name;

    if (o->why.kind != FAILURE_NONE)
        return;
    if (o->set_aside)
        log_message(LOG_WARNING, "bodies",
                    "accounts/%s: its state was lost, and %zu messages that it kept were moved to "
                    "damaged-%u/bodies: mailferry state import --bodies takes them back",
                    name, o->set_aside, o->where);
    if (o->unswept.kind != FAILURE_NONE)
        log_message(LOG_WARNING, "bodies", "%s", o->unswept.text);
    else if (o->swept)
        log_message(LOG_INFO, "bodies",
                    "accounts/%s: deleted %zu messages that a crash had left half-stored", name,
                    o->swept);
}

/* Without memory for it a pack is not read, and goes when it is the one used longest ago. */
static void account_found(struct bodies_account *a, const struct bodies_found *found)
{
    if (bodies_is_pack(found->kind))
        (void)bodies_records_found(records_get(a, found->kind), found->content);
    bodies_came(a, found->content, found->kind, found->size);
}

static void opening_done(uv_work_t *work, int status)
{
    struct opening *o = work->data;
    struct bodies_account *a = o->account;

    (void)status; /* nobody cancels it */
    opening_tell(o);
    a->key_next = opening_key_next(o);
    for (size_t i = 0; i < o->scan.count; i++)
        account_found(a, &o->scan.files[i]);
    if (!a->closing)
        o->opened(o->owner, &o->why);
    bodies_keys_clear(&o->named);
    free(o->scan.files);
    free(o);
    bodies_let_go(a);
}

static struct bodies_account *account_make(struct bodies *b, uv_loop_t *loop,
                                           const struct bodies_options *options)
{
    struct bodies_account *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->name = account_name(options->account);
    if (!a->name) {
        free(a);
        return NULL;
    }
    a->shared = b;
    a->accounts = store_accounts(b->store);
    a->limit = options->octets;
    a->told = options->told;
    a->loop = loop_acquire(loop);
    if (!a->loop || uv_mutex_init(&a->records_lock) != 0) {
        if (a->loop)
            loop_release(a->loop);
        free(a->name);
        free(a);
        return NULL;
    }
    a->users = 1;
    bodies_idle_opened(b->idle, a->name);
    return a;
}

static struct bodies_account *account_of(struct loop_task *soon)
{
    return (struct bodies_account *)((char *)soon - offsetof(struct bodies_account, soon));
}

static void on_account_end(struct loop_task *soon)
{
    struct bodies_account *a = account_of(soon);

    a->shared->octets -= a->index.octets;
    bodies_idle_closed(a->shared->idle, a->name, a->index.octets);
    /* From here on another loop may open it. */
    if (a->closed)
        a->closed(a->closed_owner);
    bodies_index_clear(&a->index);
    bodies_missed_clear(&a->missed);
    for (int kind = BODIES_HEADS; kind < BODIES_KINDS; kind++) {
        bodies_records_clear(a->records[kind]);
        free(a->records[kind]);
    }
    uv_mutex_destroy(&a->records_lock);
    loop_release(a->loop);
    free(a->name);
    free(a);
}

struct bodies_account *bodies_account_open(struct bodies *b, uv_loop_t *loop,
                                           const struct bodies_options *options,
                                           bodies_opened opened, void *owner)
{
    struct opening *o = calloc(1, sizeof *o);
    struct bodies_account *a = o ? account_make(b, loop, options) : NULL;

    if (!a) {
        free(o);
        return NULL;
    }
    a->told_owner = owner;
    *o = (struct opening){
        .account = a, .newborn = options->newborn, .opened = opened, .owner = owner};
    if (options->named) {
        o->sweep = true;
        o->named = *options->named;
        *options->named = (struct bodies_keys){0};
    }
    o->work.data = o;
    bodies_hold(a);
    uv_queue_work(loop, &o->work, opening_work, opening_done);
    return a;
}

void bodies_told(const struct bodies_account *a)
{
    if (a->told && !a->closing)
        a->told(a->told_owner);
}

static void on_soon(struct loop_task *soon)
{
    struct bodies_account *a = account_of(soon);

    bodies_packing_begin(a);
    bodies_small_begin(a);
    bodies_recall_begin(a);
}

void bodies_soon(struct bodies_account *a)
{
    a->soon.run = on_soon;
    loop_soon(a->loop, &a->soon);
}

void bodies_hold(struct bodies_account *a)
{
    a->users++;
}

void bodies_let_go(struct bodies_account *a)
{
    if (--a->users > 0)
        return;
    a->soon.run = on_account_end;
    loop_soon(a->loop, &a->soon);
}

void bodies_account_close(struct bodies_account *a, void (*closed)(void *owner), void *owner)
{
    a->closed = closed;
    a->closed_owner = owner;
    a->closing = true;
    bodies_let_go(a);
}
