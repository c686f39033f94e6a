#include "proxy/store/bodies_idle.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/log.h"
#include "proxy/store/bodies_dir.h"
#include "proxy/store/disk.h"
#include "translate/text/slice.h"

enum { BUCKETS = 1024 };

/* An account whose cache was seen. */
struct idle_account {
    struct idle_account *next; /* in its bucket */
    uint64_t octets;           /* 0 while it is open */
    int64_t used;              /* ns since 1970: when it was closed, or its cache last changed */
    bool open;
    char name[];
};

struct bodies_idle {
    int accounts;
    uint64_t limit;
    const atomic_uint_fast64_t *open;
    uv_thread_t thread;
    uv_mutex_t mutex; /* guards everything below */
    uv_cond_t wake;   /* for the thread: there is too much, or it is to end */
    uv_cond_t calm;   /* for who waits: the thread goes to sleep */
    struct idle_account *buckets[BUCKETS];
    atomic_uint_fast64_t octets; /* of all that are not open */
    bool asleep;
    atomic_bool ending;
};

/* ---- the table, under the mutex ---- */

static struct idle_account **slot_of(struct bodies_idle *i, const char *name)
{
    struct idle_account **slot = &i->buckets[slice_hash(slice_of(name), 0) % BUCKETS];

    while (*slot && strcmp((*slot)->name, name) != 0)
        slot = &(*slot)->next;
    return slot;
}

/* Without memory for an account its cache is not counted. */
static struct idle_account *account_get(struct bodies_idle *i, const char *name)
{
    struct idle_account **slot = slot_of(i, name);
    size_t n = strlen(name) + 1;

    if (!*slot && (*slot = calloc(1, sizeof **slot + n)) != NULL)
        memcpy((*slot)->name, name, n);
    return *slot;
}

static void account_drop(struct bodies_idle *i, struct idle_account **slot)
{
    struct idle_account *a = *slot;

    if (!a)
        return;
    i->octets -= a->octets;
    *slot = a->next;
    free(a);
}

static void account_count(struct bodies_idle *i, const char *name, uint64_t octets, int64_t used)
{
    struct idle_account *a = account_get(i, name);

    if (!a)
        return;
    i->octets += octets - a->octets;
    a->octets = octets;
    a->used = used;
    a->open = false;
    if (octets == 0)
        account_drop(i, slot_of(i, name));
}

static bool is_too_much(const struct bodies_idle *i)
{
    return i->octets && i->octets + *i->open > i->limit;
}

static const struct idle_account *oldest(const struct bodies_idle *i)
{
    const struct idle_account *found = NULL;

    for (size_t b = 0; b < BUCKETS; b++)
        for (const struct idle_account *a = i->buckets[b]; a; a = a->next)
            if (!a->open && (!found || a->used < found->used))
                found = a;
    return found;
}

/* ---- the thread ---- */

/* Out of the table first: who opens it meanwhile counts what is found then. */
static void evict(struct bodies_idle *i)
{
    const struct idle_account *a = oldest(i);
    char *name = strdup(a->name);
    struct bodies_cache cache;

    account_drop(i, slot_of(i, a->name));
    uv_mutex_unlock(&i->mutex);
    if (name && bodies_dir_cache(i->accounts, name, true, &cache))
        log_message(LOG_DEBUG, "bodies", "accounts/%s: deleted %llu octets of its cache", name,
                    (unsigned long long)cache.octets);
    else
        log_message(LOG_WARNING, "bodies", "accounts/%s: its cache cannot be deleted: %s",
                    name ? name : "?", strerror(errno));
    free(name);
    uv_mutex_lock(&i->mutex);
}

static bool is_known(struct bodies_idle *i, const char *name)
{
    uv_mutex_lock(&i->mutex);
    bool known = *slot_of(i, name) != NULL;
    uv_mutex_unlock(&i->mutex);
    return known;
}

static void walk_to(struct bodies_idle *i, const char *name)
{
    struct bodies_cache cache;

    if (is_known(i, name) || !bodies_dir_cache(i->accounts, name, false, &cache))
        return;
    uv_mutex_lock(&i->mutex);
    if (!*slot_of(i, name)) /* it was not opened meanwhile */
        account_count(i, name, cache.octets, cache.changed);
    uv_mutex_unlock(&i->mutex);
}

static void walk(struct bodies_idle *i)
{
    int fd = disk_open_dir(i->accounts, ".");
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!entries) {
        log_message(LOG_WARNING, "bodies", "accounts: cannot be looked through: %s",
                    strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    while (!i->ending && (entry = readdir(entries)) != NULL)
        if (entry->d_name[0] != '.')
            walk_to(i, entry->d_name);
    closedir(entries);
}

static void thread_run(void *owner)
{
    struct bodies_idle *i = owner;

    walk(i);
    uv_mutex_lock(&i->mutex);
    while (!i->ending) {
        if (is_too_much(i)) {
            evict(i);
            continue;
        }
        i->asleep = true;
        uv_cond_broadcast(&i->calm);
        uv_cond_wait(&i->wake, &i->mutex);
        i->asleep = false;
    }
    uv_mutex_unlock(&i->mutex);
}

/* ---- the door ---- */

static bool idle_start(struct bodies_idle *i)
{
    if (uv_mutex_init(&i->mutex) != 0)
        return false;
    if (uv_cond_init(&i->wake) == 0) {
        if (uv_cond_init(&i->calm) == 0) {
            if (uv_thread_create(&i->thread, thread_run, i) == 0)
                return true;
            uv_cond_destroy(&i->calm);
        }
        uv_cond_destroy(&i->wake);
    }
    uv_mutex_destroy(&i->mutex);
    return false;
}

struct bodies_idle *bodies_idle_new(int accounts, uint64_t limit, const atomic_uint_fast64_t *open)
{
    struct bodies_idle *i = calloc(1, sizeof *i);

    if (!i)
        return NULL;
    i->accounts = accounts;
    i->limit = limit;
    i->open = open;
    if (idle_start(i))
        return i;
    free(i);
    return NULL;
}

void bodies_idle_free(struct bodies_idle *i)
{
    if (!i)
        return;
    uv_mutex_lock(&i->mutex);
    i->ending = true;
    uv_cond_signal(&i->wake);
    uv_mutex_unlock(&i->mutex);
    uv_thread_join(&i->thread);
    for (size_t b = 0; b < BUCKETS; b++)
        while (i->buckets[b])
            account_drop(i, &i->buckets[b]);
    uv_cond_destroy(&i->wake);
    uv_cond_destroy(&i->calm);
    uv_mutex_destroy(&i->mutex);
    free(i);
}

void bodies_idle_opened(struct bodies_idle *i, const char *name)
{
    uv_mutex_lock(&i->mutex);
    struct idle_account *a = account_get(i, name);
    if (a) {
        i->octets -= a->octets;
        a->octets = 0;
        a->open = true;
    }
    uv_mutex_unlock(&i->mutex);
}

void bodies_idle_closed(struct bodies_idle *i, const char *name, uint64_t octets)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    uv_mutex_lock(&i->mutex);
    account_count(i, name, octets, now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
    uv_cond_signal(&i->wake);
    uv_mutex_unlock(&i->mutex);
}

void bodies_idle_grown(struct bodies_idle *i)
{
    if (!is_too_much(i))
        return;
    uv_mutex_lock(&i->mutex);
    uv_cond_signal(&i->wake);
    uv_mutex_unlock(&i->mutex);
}

void bodies_idle_settle(struct bodies_idle *i)
{
    uv_mutex_lock(&i->mutex);
    while (!i->asleep || is_too_much(i)) {
        uv_cond_signal(&i->wake);
        uv_cond_wait(&i->calm, &i->mutex);
    }
    uv_mutex_unlock(&i->mutex);
}
