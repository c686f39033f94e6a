#include "proxy/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/admin/admin.h"
#include "proxy/admin/health.h"
#include "proxy/auth/gatekeeper.h"
#include "proxy/bindings.h"
#include "proxy/gate.h"
#include "proxy/homes.h"
#include "proxy/log.h"
#include "proxy/net/descriptors.h"
#include "proxy/net/worker.h"
#include "proxy/process.h"
#include "proxy/settings.h"
#include "proxy/store/bodies.h"
#include "proxy/store/store.h"
#include "translate/mime/mime_charset.h"

enum {
    SERVE_SIGNALS = 3,
    LAST_WORDS_MS = 1000,
    TRIM_MS = 10 * 1000,
    EXIT_RUNTIME = 1,
    EXIT_CONFIGURATION = 2
};

struct serve {
    uv_loop_t loop; /* of the main thread: signals and the admin socket only */
    uv_async_t worker_ended;
    uv_timer_t drain_timer;
    uv_timer_t trim_timer;
    unsigned turnover; /* of sessions, when memory was looked after last */
    bool trim_again;
    uv_signal_t signals[SERVE_SIGNALS];
    const struct serve_options *options;

    struct settings *settings;
    struct bindings bindings;
    struct store *store;
    struct bodies *bodies;
    struct descriptors *descriptors;
    struct gate *gate;
    struct homes *homes;
    struct health *health;
    struct gatekeeper *gatekeeper;
    struct admin *admin;
    struct worker **workers;
    unsigned worker_count;

    unsigned started; /* workers whose thread was started */
    atomic_uint ended;
    bool draining;
    bool failed; /* a worker could not be started */
};

static const struct config *serve_config(const struct serve *s)
{
    return s->settings->config;
}

/* ---- the end ---- */

static void each_worker(struct serve *s, void (*tell)(struct worker *w))
{
    for (unsigned i = 0; i < s->started; i++)
        tell(s->workers[i]);
}

/* From a worker's thread. */
static void on_worker_ended(void *owner)
{
    struct serve *s = owner;

    atomic_fetch_add(&s->ended, 1);
    uv_async_send(&s->worker_ended);
}

/* When the last worker has ended, everything of the main loop is closed, which ends it too. */
static void on_workers_ended(uv_async_t *async)
{
    struct serve *s = async->data;

    if (s->ended < s->started || uv_is_closing((uv_handle_t *)async))
        return;
    admin_stop(s->admin);
    s->admin = NULL;
    uv_close((uv_handle_t *)&s->worker_ended, NULL);
    uv_close((uv_handle_t *)&s->drain_timer, NULL);
    uv_close((uv_handle_t *)&s->trim_timer, NULL);
    for (int i = 0; i < SERVE_SIGNALS; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
}

static void on_last_words_said(uv_timer_t *timer)
{
    each_worker(timer->data, worker_stop);
}

static void on_drained_enough(uv_timer_t *timer)
{
    struct serve *s = timer->data;

    log_message(LOG_WARNING, "stop", "sessions that have not ended by themselves are ended now");
    each_worker(s, worker_drain);
    uv_timer_start(timer, on_last_words_said, LAST_WORDS_MS, 0);
}

static void serve_end(struct serve *s)
{
    unsigned seconds = serve_config(s)->limits.drain_seconds;

    if (s->draining) {
        log_message(LOG_INFO, "stop", "told to end again: ending at once");
        each_worker(s, worker_stop);
        return;
    }
    s->draining = true;
    log_message(LOG_INFO, "drain", "accepting no more, waiting up to %u s for sessions to end",
                seconds);
    uv_timer_start(&s->drain_timer, on_drained_enough, seconds * 1000ULL, 0);
    each_worker(s, worker_drain);
}

/* ---- memory ---- */

/* What logins and TLS handshakes have freed lies between what sessions keep, and the allocator
 * gives none of it back by itself. Once more when it is quiet: a login may have been under way. */
static void on_trim(uv_timer_t *timer)
{
    struct serve *s = timer->data;
    unsigned turnover = health_turnover(s->health);
    bool changed = turnover != s->turnover;

    if (changed || s->trim_again)
        process_trim();
    s->turnover = turnover;
    s->trim_again = changed;
}

/* ---- reload ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_place(const struct endpoint *a, const struct endpoint *b)
{
    return a->protocol == b->protocol && a->tls == b->tls && a->port == b->port &&
           same_text(a->host, b->host) && same_text(a->unix_path, b->unix_path);
}

/* What is bound or opened once cannot change while the process lives. NULL: nothing of it does. */
static const char *needs_restart(const struct config *old, const struct config *new)
{
    if (old->listener_count != new->listener_count)
        return "the listeners have changed";
    for (size_t i = 0; i < old->listener_count; i++)
        if (!same_place(&old->listeners[i].endpoint, &new->listeners[i].endpoint))
            return "the listeners have changed";
    if (!same_text(old->state_dir, new->state_dir))
        return "the state directory has changed";
    if (!same_text(old->held_key, new->held_key))
        return "the file of the key of held passwords has changed";
    if (old->workers != new->workers)
        return "the number of workers has changed";
    return NULL;
}

static void serve_use(struct serve *s, struct settings *settings)
{
    settings_release(s->settings);
    s->settings = settings;
    for (unsigned i = 0; i < s->started; i++)
        worker_reload(s->workers[i], settings);
    log_message(LOG_INFO, "reload", "done: %zu routes; sessions that are open keep the old ones",
                settings->config->route_count);
}

static void serve_reload(struct serve *s)
{
    struct config *new = s->options->reload ? s->options->reload(s->options->owner) : NULL;

    if (!new) {
        log_message(LOG_ERROR, "reload", "no valid configuration: the old one stays in force");
        return;
    }
    const char *why = needs_restart(serve_config(s), new);
    if (why) {
        log_message(LOG_ERROR, "reload", "%s: that takes a restart; the old one stays in force",
                    why);
        config_free(new);
        return;
    }
    struct settings *settings = settings_new(new, s->settings, stderr);
    if (settings)
        serve_use(s, settings);
    else
        log_message(LOG_ERROR, "reload",
                    "certificates or keys are unusable: the old configuration stays in force");
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct serve *s = handle->data;

    if (number != SIGHUP)
        serve_end(s);
    else if (!s->draining)
        serve_reload(s);
}

/* ---- the beginning ---- */

static bool fault(const char *what, const struct failure *why)
{
    log_message(LOG_ERROR, "start", "%s%s%s", what, *what ? ": " : "", why->text);
    return false;
}

static bool serve_init_loop(struct serve *s)
{
    static const int numbers[SERVE_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    if (uv_loop_init(&s->loop) < 0)
        return false;
    uv_timer_init(&s->loop, &s->drain_timer);
    s->drain_timer.data = s;
    uv_timer_init(&s->loop, &s->trim_timer);
    s->trim_timer.data = s;
    int rc = uv_async_init(&s->loop, &s->worker_ended, on_workers_ended);
    s->worker_ended.data = s;
    for (int i = 0; i < SERVE_SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        if (rc == 0)
            rc = uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
    return rc == 0;
}

/* Comes from a thread of the pool; a line of the log may be written from any. */
static void on_store_notice(void *owner, const struct failure *what)
{
    (void)owner;
    log_message(LOG_WARNING, "state", "%s", what->text);
}

static bool serve_open(struct serve *s)
{
    const struct config *c = serve_config(s);
    struct failure why;

    bool bound = bindings_open(&s->bindings, c, s->worker_count, stderr);
    s->store = store_open(c->state_dir, &why);
    if (s->store)
        store_on_notice(s->store, on_store_notice, NULL);
    else
        fault("", &why);
    s->bodies = s->store ? bodies_new(s->store, (uint64_t)c->cache_mib << 20) : NULL;
    s->gate = gate_new();
    s->homes = homes_new(s->worker_count);
    s->health = health_new();
    s->descriptors = s->health ? descriptors_new(s->worker_count, s->health) : NULL;
    s->workers = calloc(s->worker_count, sizeof(struct worker *));
    if ((s->store && !s->bodies) || !s->gate || !s->homes || !s->descriptors || !s->workers)
        log_message(LOG_ERROR, "start", "out of memory");
    s->gatekeeper = gatekeeper_new(c->state_dir, c->held_key, &why);
    if (!s->gatekeeper)
        fault("", &why);
    return bound && s->bodies && s->gate && s->homes && s->descriptors && s->workers &&
           s->gatekeeper;
}

static bool serve_make_workers(struct serve *s)
{
    struct worker_options options = {
        .settings = s->settings,
        .store = s->store,
        .bodies = s->bodies,
        .peers = s->workers,
        .count = s->worker_count,
        .descriptors = s->descriptors,
        .gate = s->gate,
        .homes = s->homes,
        .health = s->health,
        .gatekeeper = s->gatekeeper,
        .on_ended = on_worker_ended,
        .owner = s,
    };
    struct failure why;

    for (unsigned i = 0; i < s->worker_count; i++) {
        options.number = i;
        s->workers[i] = worker_new(&options, &why);
        if (!s->workers[i])
            return fault("", &why);
    }
    return true;
}

static bool serve_listen(struct serve *s)
{
    struct failure why;

    for (size_t i = 0; i < s->bindings.count; i++) {
        struct binding *b = &s->bindings.all[i];
        if (!worker_listen(s->workers[b->worker], b->listener, binding_take(b), b->is_unix, &why))
            return fault("", &why);
    }
    return true;
}

/* A process that cannot be asked for its health still serves. */
static void serve_open_admin(struct serve *s)
{
    struct failure why;

    s->admin = admin_start(&s->loop, serve_config(s)->state_dir, s->health, &why);
    if (!s->admin)
        log_message(LOG_WARNING, "admin", "no health checks: %s", why.text);
}

/* Where a listener leads, for the line that tells of it. */
static void describe_routes(const struct config *c, size_t listener, char *out, size_t cap)
{
    size_t count = 0;

    snprintf(out, cap, "no route");
    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *r = &c->routes[i];
        if (r->listener >= 0 && (size_t)r->listener != listener)
            continue;
        if (count++ == 0)
            endpoint_print(&r->upstream, out, cap);
    }
    size_t used = strlen(out);
    if (count > 1)
        snprintf(out + used, cap - used, " and %zu more", count - 1);
}

static void serve_announce(const struct serve *s)
{
    const struct config *c = serve_config(s);
    char where[300];
    char upstream[300];

    for (size_t i = 0; i < c->listener_count; i++) {
        struct endpoint e = c->listeners[i].endpoint;
        e.port = e.unix_path ? 0 : s->bindings.ports[i];
        endpoint_print(&e, where, sizeof where);
        describe_routes(c, i, upstream, sizeof upstream);
        log_message(LOG_INFO, "listening", "listening on %s -> %s", where, upstream);
    }
}

static void serve_start(struct serve *s)
{
    struct failure why;

    while (s->started < s->worker_count && worker_start(s->workers[s->started], &why))
        s->started++;
    s->failed = s->started < s->worker_count;
    uv_timer_start(&s->trim_timer, on_trim, TRIM_MS, TRIM_MS);
    if (s->failed) {
        fault("", &why);
        each_worker(s, worker_stop);
    }
    if (s->started == 0)
        on_workers_ended(&s->worker_ended);
}

/* Everything in the order in which a fault of it should be told; false when it cannot begin. */
static bool serve_begin(struct serve *s)
{
    if (!serve_open(s) || !serve_make_workers(s) || !serve_listen(s))
        return false;
    serve_open_admin(s);
    serve_announce(s);
    return true;
}

static void serve_close(struct serve *s)
{
    /* The gatekeeper answers to workers: their loops have ended, and they are still there. */
    for (unsigned i = 0; i < s->started; i++)
        worker_join(s->workers[i]);
    gatekeeper_free(s->gatekeeper);
    for (unsigned i = 0; s->workers && i < s->worker_count; i++)
        worker_free(s->workers[i]);
    free(s->workers);
    bindings_close(&s->bindings);
    bodies_free(s->bodies);
    if (s->store)
        store_close(s->store);
    gate_free(s->gate);
    homes_free(s->homes);
    descriptors_free(s->descriptors);
    health_free(s->health);
    settings_release(s->settings);
    mime_teardown();
    if (uv_loop_close(&s->loop) < 0)
        log_message(LOG_ERROR, "stop", "the main loop ended with something still open");
}

int serve_run(struct config *c, const struct serve_options *options)
{
    struct serve s = {.options = options};

    mime_setup();
    s.settings = settings_new(c, NULL, stderr);
    if (!s.settings)
        return EXIT_CONFIGURATION;
    s.worker_count = serve_config(&s)->workers ? serve_config(&s)->workers : process_cores();
    log_setup(serve_config(&s)->log_json, (enum log_level)serve_config(&s)->log_level);
    if (!serve_init_loop(&s)) {
        log_message(LOG_ERROR, "start", "no descriptors or memory for the main loop");
        settings_release(s.settings);
        return EXIT_RUNTIME;
    }
    bool begun = serve_begin(&s);
    if (begun)
        serve_start(&s);
    else
        on_workers_ended(&s.worker_ended);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    serve_close(&s);
    if (begun && !s.failed)
        log_message(LOG_INFO, "stop", "ended");
    return begun && !s.failed ? EXIT_SUCCESS : EXIT_RUNTIME;
}
