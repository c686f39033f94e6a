#include "proxy/auth/gatekeeper_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char gatekeeper_ending[] = "the server is being shut down, try again later";

/* ---- messages ---------------------------------------------------------------------------- */

void gatekeeper_send(struct gatekeeper *g, struct gatekeeper_message *m)
{
    uv_mutex_lock(&g->lock);
    m->next = NULL;
    *g->last = m;
    g->last = &m->next;
    uv_mutex_unlock(&g->lock);
    uv_async_send(&g->wake);
}

static struct gatekeeper_message *take_all(struct gatekeeper *g, bool *stopping)
{
    uv_mutex_lock(&g->lock);
    struct gatekeeper_message *first = g->first;
    g->first = NULL;
    g->last = &g->first;
    *stopping = g->stopping;
    uv_mutex_unlock(&g->lock);
    return first;
}

static void close_handles(struct gatekeeper *g)
{
    device_watch_stop(g);
    held_watch_stop(g);
    uv_close((uv_handle_t *)&g->wake, NULL);
    uv_close((uv_handle_t *)&g->forgetting, NULL);
}

/* Whoever waits is sent away; what is on the thread pool comes back yet, and with the last of it
 * everything ends. */
static void stop(struct gatekeeper *g)
{
    if (!g->ending) {
        g->ending = true;
        admissions_stop(g);
        holdings_stop(g);
    }
    if (g->admissions || g->holding_count || uv_is_closing((uv_handle_t *)&g->wake))
        return;
    http_close(g->http, NULL, NULL);
    close_handles(g);
}

static void on_wake(uv_async_t *wake)
{
    struct gatekeeper *g = wake->data;
    bool stopping;

    for (struct gatekeeper_message *m = take_all(g, &stopping), *next; m; m = next) {
        next = m->next;
        m->run(g, m);
    }
    if (stopping)
        stop(g);
}

void gatekeeper_look(struct gatekeeper *g)
{
    if (g->ending)
        uv_async_send(&g->wake);
}

static void run(void *owner)
{
    struct gatekeeper *g = owner;

    uv_run(&g->loop, UV_RUN_DEFAULT);
}

/* ---- beginning and end ------------------------------------------------------------------- */

static void loop_end(struct gatekeeper *g)
{
    uv_run(&g->loop, UV_RUN_DEFAULT);
    uv_loop_close(&g->loop);
}

/* False: nothing is left of it. */
static bool loop_begin(struct gatekeeper *g, const char *held_key)
{
    if (uv_loop_init(&g->loop) < 0)
        return false;
    if (uv_async_init(&g->loop, &g->wake, on_wake) < 0) {
        uv_loop_close(&g->loop);
        return false;
    }
    uv_timer_init(&g->loop, &g->forgetting);
    g->wake.data = g->forgetting.data = g;
    g->http = http_new(&g->loop);
    bool watched = device_watch_begin(g);
    watched = held_watch_begin(g, held_key) && watched;
    if (g->http && watched && uv_thread_create(&g->thread, run, g) == 0)
        return true;
    if (g->http)
        http_close(g->http, NULL, NULL);
    close_handles(g);
    loop_end(g);
    return false;
}

static void release(struct gatekeeper *g)
{
    throttle_free(g->throttle);
    held_watch_free(g);
    free(g->state_dir);
    uv_mutex_destroy(&g->lock);
    free(g);
}

struct gatekeeper *gatekeeper_new(const char *state_dir, const char *held_key, struct failure *why)
{
    struct gatekeeper *g = calloc(1, sizeof *g);

    failure_set(why, FAILURE_TEMPORARY,
                "no memory or descriptors for the gatekeeper; raise the limits");
    if (!g)
        return NULL;
    if (uv_mutex_init(&g->lock) < 0) {
        free(g);
        return NULL;
    }
    g->last = &g->first;
    g->waiting_last = &g->waiting;
    g->state_dir = strdup(state_dir);
    g->throttle = throttle_new();
    if (g->state_dir && g->throttle && loop_begin(g, held_key))
        return g;
    release(g);
    return NULL;
}

void gatekeeper_free(struct gatekeeper *g)
{
    if (!g)
        return;
    uv_mutex_lock(&g->lock);
    g->stopping = true;
    uv_mutex_unlock(&g->lock);
    uv_async_send(&g->wake);
    uv_thread_join(&g->thread);
    assert(!g->holding_count);
    uv_loop_close(&g->loop);
    release(g);
}

/* ---- grants ------------------------------------------------------------------------------ */

struct grant *grant_hold(struct grant *g)
{
    atomic_fetch_add(&g->references, 1);
    return g;
}

static void grant_gone(struct gatekeeper *g, struct gatekeeper_message *m)
{
    struct grant *grant = (struct grant *)((char *)m - offsetof(struct grant, gone));

    if (*grant->entered.device)
        device_watch_remove(g, grant);
    holding_release(grant->holding);
    credential_clear(&grant->gateway);
    free(grant->upstream);
    free(grant);
}

void grant_release(struct grant *g)
{
    if (!g || atomic_fetch_sub(&g->references, 1) > 1)
        return;
    g->gone.run = grant_gone;
    gatekeeper_send(g->gatekeeper, &g->gone);
}

struct refusal {
    struct gatekeeper_message message;
    struct grant *grant;
    uint64_t generation;
};

static void take_refusal(struct gatekeeper *g, struct gatekeeper_message *m)
{
    struct refusal *r = (struct refusal *)m;

    (void)g;
    holding_refused(r->grant->holding, r->generation);
    grant_release(r->grant);
    free(r);
}

/* Without memory the upstream is asked once more. */
void gatekeeper_refused(struct grant *grant, uint64_t generation)
{
    struct refusal *r = calloc(1, sizeof *r);

    if (!r)
        return;
    r->message.run = take_refusal;
    r->grant = grant_hold(grant);
    r->generation = generation;
    gatekeeper_send(grant->gatekeeper, &r->message);
}

void gatekeeper_report(struct gatekeeper *g, const struct throttle_options *options,
                       const struct gate_address *from, struct slice login, bool admitted)
{
    uint64_t now_ms = uv_hrtime() / 1000000;

    if (admitted)
        throttle_admitted(g->throttle, options, from, login, now_ms);
    else
        throttle_refused(g->throttle, options, from, login, now_ms);
}
