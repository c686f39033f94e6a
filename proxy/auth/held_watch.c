/*
 * The key of held passwords, as the gatekeeper knows it: read when it starts, and again when the
 * file has become another one, so that the first `mailferry passwd --held` is all that it takes to
 * be offered SCRAM and APOP. What is there is looked at every few seconds, not at each connection.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/gatekeeper_parts.h"
#include "proxy/log.h"

enum { LOOK_MS = 2000 };

bool gatekeeper_holds(struct gatekeeper *g, struct held_key *key)
{
    uv_mutex_lock(&g->lock);
    bool there = g->held.there;
    if (there && key)
        *key = g->held.key;
    uv_mutex_unlock(&g->lock);
    return there;
}

bool gatekeeper_offers_proof(struct gatekeeper *g, unsigned char key[SASL_SERVER_KEY])
{
    struct held_key held;
    bool there = gatekeeper_holds(g, &held);

    if (there)
        memcpy(key, held.decoy, SASL_SERVER_KEY);
    held_key_wipe(&held);
    return there;
}

static void take(struct gatekeeper *g, const struct held_key *key)
{
    uv_mutex_lock(&g->lock);
    g->held.there = key != NULL;
    held_key_wipe(&g->held.key);
    if (key)
        g->held.key = *key;
    uv_mutex_unlock(&g->lock);
}

/* One that was never there is nothing to tell of: nobody wanted to have a password held. One that
 * cannot be read is told of once. */
static void tell(const struct gatekeeper *g, bool was_there, const struct failure *why)
{
    if (why->kind == FAILURE_NONE)
        log_message(LOG_INFO, "held-key", "%s is there: APOP, CRAM-MD5 and SCRAM are offered",
                    g->held.path);
    else if (was_there || (why->kind != FAILURE_AUTH && !g->held.unread))
        log_message(LOG_ERROR, "held-key", "%s", why->text);
}

static void read_key(struct gatekeeper *g)
{
    struct failure why = {.kind = FAILURE_NONE};
    bool was_there = g->held.there;
    struct held_key key;

    take(g, held_key_read(&key, g->held.path, &why) ? &key : NULL);
    held_key_wipe(&key);
    tell(g, was_there, &why);
    g->held.unread = why.kind == FAILURE_TEMPORARY;
}

/* One that cannot be looked at is not there. It may be a link, as mounted secrets are. */
static struct file_stamp look(const struct gatekeeper *g)
{
    struct file_stamp seen;

    file_stamp_take(&seen, AT_FDCWD, g->held.path, 0);
    return seen;
}

static void on_look(uv_timer_t *timer)
{
    struct gatekeeper *g = timer->data;
    struct file_stamp now = look(g);

    if (file_stamp_equal(&now, &g->held.seen) && !g->held.unread)
        return;
    g->held.seen = now;
    read_key(g);
}

bool held_watch_begin(struct gatekeeper *g, const char *held_key)
{
    uv_timer_init(&g->loop, &g->held.timer);
    g->held.timer.data = g;
    g->held.path = held_key_path(g->state_dir, held_key);
    if (!g->held.path)
        return false;
    g->held.seen = look(g);
    read_key(g);
    return uv_timer_start(&g->held.timer, on_look, LOOK_MS, LOOK_MS) == 0;
}

void held_watch_stop(struct gatekeeper *g)
{
    uv_close((uv_handle_t *)&g->held.timer, NULL);
}

void held_watch_free(struct gatekeeper *g)
{
    held_key_wipe(&g->held.key);
    free(g->held.path);
}
