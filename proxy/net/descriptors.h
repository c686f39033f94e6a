/*
 * What is done where the process's descriptors are short (RLIMIT_NOFILE, CASES R8). Some are kept
 * only for speed: upstream sessions that nobody uses just now. They are let go of, the oldest
 * first, whichever loop has it, and whoever wants to connect waits until a descriptor is free
 * instead of failing.
 *
 * They are short before there are none: a reserve is left to what cannot wait, the files of the
 * state, DNS and libcurl; and clients are let in only as long as some are left to connect upstream
 * with. How many are in use is told by the number of a descriptor that was just opened, for the
 * system gives the lowest that is free. So nothing is counted, and what others open counts too.
 *
 * `descriptors` is the process's, a `descriptor_share` is a loop's part of it and is used on its
 * loop's thread only. A share that is NULL keeps nothing back: there is always room, as far as the
 * system gives some.
 */
#ifndef PROXY_NET_DESCRIPTORS_H
#define PROXY_NET_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "proxy/admin/health.h"

struct descriptors;
struct descriptor_share;

enum descriptor_use {
    DESCRIPTOR_CLIENT,
    DESCRIPTOR_UPSTREAM,
};

/* Of a process with so many loops. `health`, which outlives it, counts what is let go of and who
 * waits. NULL when memory is out. */
struct descriptors *descriptors_new(size_t loops, struct health *health);

/* When all shares are closed. NULL is fine. */
void descriptors_free(struct descriptors *d);

/* The share of loop `number`, which it does not keep running. NULL when memory is out. */
struct descriptor_share *descriptor_share_new(struct descriptors *d, size_t number,
                                              uv_loop_t *loop);

/* When nothing is kept and nobody waits any more. */
void descriptor_share_close(struct descriptor_share *s);

/* When it was closed and its loop has run out. NULL is fine. */
void descriptor_share_free(struct descriptor_share *s);

/* ---- who has one for speed only ---------------------------------------------------------- */

/* Embedded in who keeps it, zero but `let_go` before descriptor_keep(). */
struct descriptor_kept {
    struct descriptor_kept *prev, *next; /* private */
    struct descriptor_share *share;      /* private; NULL: it is not kept */
    uint64_t since;                      /* private; loop time */
    /* From the loop: it is wanted elsewhere, and is not kept any more. */
    void (*let_go)(struct descriptor_kept *k);
};

/* From now on it may be let go of, not before this returns. Nothing changes where it is kept. */
void descriptor_keep(struct descriptor_share *s, struct descriptor_kept *k);

/* It is in use, or closed. Nothing changes where it is not kept. */
void descriptor_use(struct descriptor_kept *k);

/* ---- who wants one ----------------------------------------------------------------------- */

/* Whether `fd`, which was just opened, leaves enough for others. Where it leaves few, one that is
 * kept is let go of for it; whoever gets none is to wait. */
bool descriptor_affords(struct descriptor_share *s, enum descriptor_use use, int fd);

/* Has the one that was kept for longest let go of. False when none is kept that was not asked for
 * already. */
bool descriptor_let_go(struct descriptor_share *s);

/* Embedded in who waits, all private zero. The functions are called from the loop. */
struct descriptor_wait {
    struct descriptor_wait *prev, *next; /* private */
    struct descriptor_share *share;      /* private; NULL: it does not wait */
    uint64_t since;                      /* private; loop time */
    enum descriptor_use use;             /* for an upstream comes before for a client */
    /* There may be one: takes it. False: there was none; it waits on. */
    bool (*take)(struct descriptor_wait *w);
    /* For an upstream: during `patience_ms` nobody got one, and it does not wait any more. */
    void (*give_up)(struct descriptor_wait *w);
    uint64_t patience_ms;
};

/* Waits behind those who do so already, and has one that is kept let go of. Neither function comes
 * before this returns. */
void descriptor_wait(struct descriptor_share *s, struct descriptor_wait *w);

/* Whether any upstream of this loop waits, and is to be served first. */
bool descriptors_are_awaited(const struct descriptor_share *s);

/* It does not wait any more. Nothing changes where it does not. */
void descriptor_wait_cancel(struct descriptor_wait *w);

/* A descriptor was closed, of which somebody may have waited. */
void descriptor_freed(struct descriptor_share *s);

#endif
