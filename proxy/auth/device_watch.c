/*
 * Devices that were let in and are revoked since, or whose vault was made anew: their sessions end,
 * whoever revoked them. A token is renewed only for a device that is still there, but a password
 * from a vault is never asked for again, and a token lasts an hour.
 *
 * Every few seconds the directory of the vaults is looked at, which changes with each of them: on
 * the thread pool, and by opening it, as that makes a network's file system ask its server (inotify
 * would not hear of another machine). Only if it has changed, the files of those who are logged in
 * are looked at, and those that have changed are read. What was renamed within one tick of the file
 * system's clock looks the same: so after a change all are looked at once more, a few seconds
 * later. A grant that is new is looked at in any case: its vault was opened a while before.
 *
 * What cannot be read revokes nobody, nor does a directory that is not there: a volume that is not
 * mounted is no decision of anybody's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/auth/gatekeeper_parts.h"
#include "proxy/log.h"

enum { LOOK_MS = 2000 };

bool grant_is_revoked(const struct grant *g)
{
    return atomic_load(&g->revoked);
}

/* ---- the houses are told ------------------------------------------------------------------ */

static void arrive(struct session_house *house, struct house_message *m)
{
    free(m);
    session_house_revoked(house);
}

/* False when memory is out. One that is ending has nobody to tell. */
static bool tell_house(struct session_house *house, size_t number)
{
    struct house_message *m = calloc(1, sizeof *m);

    if (!m)
        return false;
    m->run = arrive;
    if (!house->send(house->owner, number, m))
        free(m);
    return true;
}

/* A house that could not be told is told the next time. */
static void tell_if_untold(struct device_watch *w, struct session_house *any)
{
    bool untold = w->untold;

    w->untold = false;
    for (size_t i = 0; untold && i < any->count; i++)
        w->untold = !tell_house(any, i) || w->untold;
}

void device_watch_revoked(struct gatekeeper *g, struct grant *grant)
{
    atomic_store(&grant->revoked, true);
    g->devices.untold = true;
    tell_if_untold(&g->devices, grant->house);
}

/* ---- the look, on the thread pool ---------------------------------------------------------- */

static void look_at(struct device_watch *w, int vaults, struct grant *grant)
{
    const char *state_dir = grant->gatekeeper->state_dir;
    struct slice login = slice_of(holding_login(grant->holding));
    struct file_stamp now;
    struct failure why;

    if (!vault_stamp(vaults, login, &now))
        w->again = true;
    else if (now.there && file_stamp_equal(&now, &grant->seen))
        return;
    else if (vault_has(state_dir, login, &grant->entered, &why))
        grant->seen = now;
    else if (why.kind == FAILURE_AUTH)
        atomic_store(&grant->revoked, true);
    else
        w->again = true;
}

/* The directory; negative when it cannot be had, which is told of once. */
static int open_vaults(struct device_watch *w, struct file_stamp *now)
{
    const char *state_dir = w->looking->gatekeeper->state_dir;
    int vaults = vaults_open(state_dir);
    bool blind = vaults < 0 || !file_stamp_take(now, vaults, ".", 0);

    if (blind && !w->blind)
        log_message(LOG_ERROR, "vault",
                    "cannot look at %s/vault: %s; the sessions of a device that is revoked go on "
                    "until it can",
                    state_dir, strerror(errno));
    w->blind = blind;
    if (blind && vaults >= 0)
        close(vaults);
    return blind ? -1 : vaults;
}

static void look(uv_work_t *work)
{
    struct device_watch *w = work->data;
    struct file_stamp now;
    int vaults = open_vaults(w, &now);

    if (vaults < 0)
        return;
    bool changed = !file_stamp_equal(&now, &w->seen);
    bool all = changed || w->again;
    w->again = changed;
    w->seen = now;
    for (struct grant *grant = w->looking; grant; grant = grant->looked)
        if (all || !grant->seen.there)
            look_at(w, vaults, grant);
    close(vaults);
}

/* All together: a house looks at all of its sessions. */
static void on_looked(uv_work_t *work, int status)
{
    struct device_watch *w = work->data;
    struct session_house *any = w->looking->house;
    struct grant *next;

    (void)status; /* nobody cancels it */
    for (struct grant *grant = w->looking; grant; grant = next) {
        next = grant->looked;
        w->untold = w->untold || grant_is_revoked(grant);
        grant_release(grant);
    }
    w->looking = NULL;
    tell_if_untold(w, any);
}

/* ---- who is looked at --------------------------------------------------------------------- */

/* Not one that nobody holds any more, which is on its way to its end. */
static bool hold_again(struct grant *g)
{
    unsigned references = atomic_load(&g->references);

    while (references && !atomic_compare_exchange_weak(&g->references, &references, references + 1))
        continue;
    return references;
}

static void collect(struct device_watch *w)
{
    for (struct grant *grant = w->grants; grant; grant = grant->next) {
        if (grant_is_revoked(grant) || !hold_again(grant))
            continue;
        grant->looked = w->looking;
        w->looking = grant;
    }
}

static void on_look(uv_timer_t *timer)
{
    struct gatekeeper *g = timer->data;
    struct device_watch *w = &g->devices;

    if (w->looking || !w->grants || g->ending)
        return;
    tell_if_untold(w, w->grants->house);
    collect(w);
    if (w->looking)
        uv_queue_work(&g->loop, &w->work, look, on_looked);
}

void device_watch_add(struct gatekeeper *g, struct grant *grant)
{
    struct device_watch *w = &g->devices;

    grant->next = w->grants;
    if (grant->next)
        grant->next->prev = grant;
    w->grants = grant;
}

void device_watch_remove(struct gatekeeper *g, struct grant *grant)
{
    *(grant->prev ? &grant->prev->next : &g->devices.grants) = grant->next;
    if (grant->next)
        grant->next->prev = grant->prev;
}

bool device_watch_begin(struct gatekeeper *g)
{
    uv_timer_init(&g->loop, &g->devices.timer);
    g->devices.timer.data = g;
    g->devices.work.data = &g->devices;
    return uv_timer_start(&g->devices.timer, on_look, LOOK_MS, LOOK_MS) == 0;
}

void device_watch_stop(struct gatekeeper *g)
{
    uv_close((uv_handle_t *)&g->devices.timer, NULL);
}
