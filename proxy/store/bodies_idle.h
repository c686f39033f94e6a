/*
 * The caches of accounts that nobody has open. Together with those of open accounts they are held
 * within one bound: when there is too much, the cache that was used longest ago goes whole. (An
 * open account makes room in its own.)
 *
 * One thread sees to it, apart from the loops and the pool: it begins with a walk through all
 * accounts, and then sleeps until there is too much. Nobody waits for it; so the bound may be
 * exceeded for as long as the walk, or a deletion, takes.
 *
 * An account that is opened while its cache is being deleted may find files that go: then they are
 * absent, and fetched again.
 */
#ifndef PROXY_STORE_BODIES_IDLE_H
#define PROXY_STORE_BODIES_IDLE_H

#include <stdatomic.h>
#include <stdint.h>

struct bodies_idle;

/* `accounts` is the directory of all accounts, `limit` the bound; `open` counts the octets of those
 * that are open. Both outlive it. NULL when memory or threads are out. */
struct bodies_idle *bodies_idle_new(int accounts, uint64_t limit, const atomic_uint_fast64_t *open);
void bodies_idle_free(struct bodies_idle *i); /* NULL is fine */

/* Any thread. The account `name` (of its directory) is open: its cache is no longer counted here.
 */
void bodies_idle_opened(struct bodies_idle *i, const char *name);

/* Any thread. It was closed, with so many octets in its cache. */
void bodies_idle_closed(struct bodies_idle *i, const char *name, uint64_t octets);

/* Any thread. `open` has grown. */
void bodies_idle_grown(struct bodies_idle *i);

/* Waits until the walk is over and the caches are within the bound, as far as they can be. */
void bodies_idle_settle(struct bodies_idle *i);

#endif
