#include "proxy/net/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "proxy/account_host.h"
#include "proxy/log.h"
#include "proxy/net/http.h"
#include "proxy/net/listener.h"
#include "proxy/session.h"
#include "proxy/warm.h"

/* A listening descriptor and what its clients come in for. */
struct worker_port {
    struct worker_port *next;
    struct worker *worker;
    size_t number;
    struct listener *listener;
};

struct worker {
    uv_loop_t loop;
    uv_async_t wake;
    uv_thread_t thread;
    bool started, joined;

    /* Used on the loop only. */
    struct session_house house;
    struct settings *settings;
    struct worker_port *ports;
    bool draining;

    uv_mutex_t lock; /* of what other threads ask for */
    struct settings *new_settings;
    bool drain_asked;
    bool stop_asked;
    bool closed; /* takes no more messages */
    struct house_message *messages;
    struct house_message **last_message;

    struct worker *const *peers;
    void (*on_ended)(void *owner);
    void *owner;
};

/* ---- clients ---- */

/* A client on its way to the worker that is to serve it. */
struct handover {
    struct house_message message;
    size_t listener;
    int fd;
};

/* The one with the fewest sessions: this one, if no other has fewer. */
static struct worker *worker_least_loaded(struct worker *w)
{
    struct worker *least = w;
    unsigned load = atomic_load(&w->house.load);

    for (size_t i = 0; load > 0 && i < w->house.count; i++) {
        unsigned its = atomic_load(&w->peers[i]->house.load);
        if (its >= load)
            continue;
        least = w->peers[i];
        load = its;
    }
    return least;
}

/* On the loop that it was handed to. When that one ends meanwhile, the connection is closed, like
 * those that nobody has accepted yet. */
static void handover_arrive(struct session_house *house, struct house_message *m)
{
    struct handover *h = (struct handover *)m;
    struct worker *w = house->owner;

    if (house->draining)
        close(h->fd);
    else
        session_start(house, w->settings, h->listener, h->fd);
    atomic_fetch_sub(&house->load, 1);
    free(h);
}

/* False when that cannot be: then the client is still the caller's. */
static bool worker_hand_over(struct worker *w, struct worker *to, size_t listener, int fd)
{
    struct handover *h = malloc(sizeof *h);

    if (!h)
        return false;
    *h = (struct handover){.message = {.run = handover_arrive}, .listener = listener, .fd = fd};
    /* Counted before it is there: clients that come at once are not all handed to the same one. */
    atomic_fetch_add(&to->house.load, 1);
    if (w->house.send(w, to->house.number, &h->message))
        return true;
    atomic_fetch_sub(&to->house.load, 1);
    free(h);
    return false;
}

static void on_accept(void *owner, struct listener *listener, int fd)
{
    struct worker_port *port = owner;
    struct worker *w = port->worker;
    struct worker *to = worker_least_loaded(w);

    (void)listener;
    if (to == w || !worker_hand_over(w, to, port->number, fd))
        session_start(&w->house, w->settings, port->number, fd);
}

/* ---- the end ---- */

static void worker_close_ports(struct worker *w)
{
    while (w->ports) {
        struct worker_port *port = w->ports;
        w->ports = port->next;
        listener_stop(port->listener);
        free(port);
    }
}

/* With the last session of a worker that takes no more, nothing is left to wake it up for, and its
 * loop ends. */
static void worker_end_if_empty(void *owner)
{
    struct worker *w = owner;

    if (!w->draining || w->house.sessions || w->house.hosts ||
        uv_is_closing((uv_handle_t *)&w->wake))
        return;
    uv_mutex_lock(&w->lock);
    w->closed = w->messages == NULL;
    uv_mutex_unlock(&w->lock);
    if (!w->closed)
        return;
    if (w->house.http)
        http_close(w->house.http, NULL, NULL);
    w->house.http = NULL;
    descriptor_share_close(w->house.descriptors);
    uv_close((uv_handle_t *)&w->wake, NULL);
}

static void worker_take_settings(struct worker *w, struct settings *settings)
{
    if (!settings)
        return;
    settings_release(w->settings);
    w->settings = settings;
}

/* For the second time it tells the sessions that patience is over. */
static void worker_drain_sessions(struct worker *w)
{
    w->draining = w->house.draining = true;
    worker_close_ports(w);
    for (struct session *s = w->house.sessions; s; s = session_next(s))
        session_drain(s);
    warm_drain(w->house.warm);
    account_hosts_drain(&w->house);
}

static void worker_stop_sessions(struct worker *w)
{
    w->draining = w->house.draining = true;
    worker_close_ports(w);
    for (struct session *s = w->house.sessions; s; s = session_next(s))
        session_stop(s);
    warm_stop(w->house.warm);
    account_hosts_stop(&w->house);
}

static void worker_run_messages(struct worker *w, struct house_message *m)
{
    while (m) {
        struct house_message *next = m->next;
        m->run(&w->house, m);
        m = next;
    }
}

/* Other threads asked for something. */
static void on_wake(uv_async_t *async)
{
    struct worker *w = async->data;

    uv_mutex_lock(&w->lock);
    struct settings *settings = w->new_settings;
    bool drain = w->drain_asked;
    bool stop = w->stop_asked;
    w->new_settings = NULL;
    w->drain_asked = false;
    w->stop_asked = false;
    struct house_message *messages = w->messages;
    w->messages = NULL;
    w->last_message = &w->messages;
    uv_mutex_unlock(&w->lock);

    worker_take_settings(w, settings);
    worker_run_messages(w, messages);
    if (drain)
        worker_drain_sessions(w);
    if (stop)
        worker_stop_sessions(w);
    worker_end_if_empty(w);
}

/* False with the loop empty. */
static bool worker_fill_loop(struct worker *w, const struct worker_options *options)
{
    if (uv_async_init(&w->loop, &w->wake, on_wake) < 0)
        return false;
    w->house.descriptors = descriptor_share_new(options->descriptors, options->number, &w->loop);
    if (w->house.descriptors)
        w->house.warm = warm_new(&w->loop, w->house.descriptors);
    if (w->house.warm)
        return true;
    if (w->house.descriptors)
        descriptor_share_close(w->house.descriptors);
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    descriptor_share_free(w->house.descriptors);
    return false;
}

static bool worker_init(struct worker *w, const struct worker_options *options)
{
    if (uv_mutex_init(&w->lock) < 0)
        return false;
    if (uv_loop_init(&w->loop) < 0) {
        uv_mutex_destroy(&w->lock);
        return false;
    }
    if (!worker_fill_loop(w, options)) {
        uv_loop_close(&w->loop);
        uv_mutex_destroy(&w->lock);
        return false;
    }
    return true;
}

/* A house's `send`. */
static bool worker_send(void *owner, size_t number, struct house_message *m)
{
    const struct worker *from = owner;
    struct worker *to = from->peers[number];

    uv_mutex_lock(&to->lock);
    bool taken = !to->closed;
    m->next = NULL;
    if (taken) {
        *to->last_message = m;
        to->last_message = &m->next;
        uv_async_send(&to->wake);
    }
    uv_mutex_unlock(&to->lock);
    return taken;
}

struct worker *worker_new(const struct worker_options *options, struct failure *why)
{
    struct worker *w = calloc(1, sizeof *w);

    if (!w || !worker_init(w, options)) {
        free(w);
        failure_set(why, FAILURE_TEMPORARY,
                    "no memory or descriptors for a worker; raise the limits or use fewer");
        return NULL;
    }
    w->wake.data = w;
    w->last_message = &w->messages;
    w->peers = options->peers;
    w->settings = settings_hold(options->settings);
    w->on_ended = options->on_ended;
    w->owner = options->owner;
    w->house = (struct session_house){
        .loop = &w->loop,
        .number = options->number,
        .count = options->count,
        .send = worker_send,
        .store = options->store,
        .bodies = options->bodies,
        .descriptors = w->house.descriptors,
        .warm = w->house.warm,
        .gate = options->gate,
        .homes = options->homes,
        .health = options->health,
        .gatekeeper = options->gatekeeper,
        .on_ended = worker_end_if_empty,
        .owner = w,
    };
    return w;
}

bool worker_listen(struct worker *w, size_t listener, int fd, bool is_unix, struct failure *why)
{
    struct worker_port *port = calloc(1, sizeof *port);

    if (!port) {
        close(fd);
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
        return false;
    }
    port->worker = w;
    port->number = listener;
    port->listener =
        listener_start(&w->loop, w->house.descriptors, fd, is_unix, on_accept, port, why);
    if (!port->listener) {
        free(port);
        return false;
    }
    port->next = w->ports;
    w->ports = port;
    return true;
}

static void worker_run(void *owner)
{
    struct worker *w = owner;

    uv_run(&w->loop, UV_RUN_DEFAULT);
    w->on_ended(w->owner);
}

bool worker_start(struct worker *w, struct failure *why)
{
    int rc = uv_thread_create(&w->thread, worker_run, w);

    w->started = rc == 0;
    if (!w->started)
        failure_set(why, FAILURE_TEMPORARY, "no thread for a worker: %s", uv_strerror(rc));
    return w->started;
}

/* The loop itself is closed by worker_free() only, so one that has run out meanwhile can still be
 * woken. */
void worker_reload(struct worker *w, struct settings *settings)
{
    uv_mutex_lock(&w->lock);
    settings_release(w->new_settings);
    w->new_settings = settings_hold(settings);
    uv_mutex_unlock(&w->lock);
    uv_async_send(&w->wake);
}

static void worker_ask(struct worker *w, bool *what)
{
    uv_mutex_lock(&w->lock);
    *what = true;
    uv_mutex_unlock(&w->lock);
    uv_async_send(&w->wake);
}

void worker_drain(struct worker *w)
{
    worker_ask(w, &w->drain_asked);
}

void worker_stop(struct worker *w)
{
    worker_ask(w, &w->stop_asked);
}

/* A loop whose thread never ran is emptied here. */
static void worker_unwind(struct worker *w)
{
    worker_close_ports(w);
    warm_stop(w->house.warm);
    descriptor_share_close(w->house.descriptors);
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

void worker_join(struct worker *w)
{
    if (!w->joined)
        uv_thread_join(&w->thread);
    w->joined = true;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (w->started)
        worker_join(w);
    else
        worker_unwind(w);
    if (uv_loop_close(&w->loop) < 0)
        log_message(LOG_ERROR, "worker", "a worker ended with something still open");
    warm_free(w->house.warm);
    descriptor_share_free(w->house.descriptors);
    settings_release(w->new_settings);
    settings_release(w->settings);
    uv_mutex_destroy(&w->lock);
    free(w);
}
