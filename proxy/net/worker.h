/*
 * One loop on one thread, with listeners of its own. The kernel gives each client to any of the
 * workers, by chance: the one that gets it hands it on to a worker that has fewer sessions, before
 * anything is read of it. So few clients use all cores too. Later a session leaves its loop only
 * whole, as a message to another worker, so none of its memory is shared.
 *
 * The functions that are marked so may be called from any thread; what they ask for is done on the
 * loop.
 */
#ifndef PROXY_NET_WORKER_H
#define PROXY_NET_WORKER_H

#include "proxy/admin/health.h"
#include "proxy/gate.h"
#include "proxy/settings.h"
#include "proxy/store/store.h"

struct worker;

struct worker_options {
    struct settings *settings; /* held until it is replaced */
    struct store *store;       /* these seven outlive the worker */
    struct bodies *bodies;
    struct descriptors *descriptors;
    struct gate *gate;
    struct homes *homes;
    struct health *health;
    struct gatekeeper *gatekeeper;
    struct worker *const *peers; /* all `count` workers, this one as number `number`; filled before
                                    any is started */
    size_t number;
    size_t count;
    void (*on_ended)(void *owner); /* from the worker's thread, as its last act */
    void *owner;
};

/* NULL with the reason when descriptors or memory are out. */
struct worker *worker_new(const struct worker_options *options, struct failure *why);

/* Before worker_start(): listens on a bound descriptor, which it owns from then on, for listener
 * number `listener` of the settings. */
bool worker_listen(struct worker *w, size_t listener, int fd, bool is_unix, struct failure *why);

/* Starts the thread. */
bool worker_start(struct worker *w, struct failure *why);

/* Any thread: sessions that begin from now on use `settings`, which the worker holds. */
void worker_reload(struct worker *w, struct settings *settings);

/* Any thread: accepts no more, lets sessions end by themselves, then ends. When it is called again,
 * the sessions that are left are told that they have to end now. */
void worker_drain(struct worker *w);

/* Any thread: accepts no more, ends all sessions at once, then ends. */
void worker_stop(struct worker *w);

/* Waits for its thread, which was started, and drained or stopped. */
void worker_join(struct worker *w);

/* Waits for its thread, if it was started, and frees it. Drained or stopped before. NULL is fine.
 */
void worker_free(struct worker *w);

#endif
