#include "proxy/login_trial.h"

#include <stdlib.h>

#include "proxy/upstream_options.h"

struct login_trial {
    const struct config_route *route;
    struct connection *upstream;
    struct imap_client *imap; /* one of the two */
    struct pop3_client *pop3;
    uv_timer_t clock; /* for all of it: a server may stall at any word */
    unsigned seconds;
    bool over; /* `why` is known */
    struct failure why;
    login_trial_done done;
    void *owner;
};

static void clients_free(struct login_trial *t)
{
    imap_client_free(t->imap);
    pop3_client_free(t->pop3);
}

static void on_clock_closed(uv_handle_t *handle)
{
    struct login_trial *t = handle->data;

    t->done(t->owner, &t->why);
    clients_free(t);
    free(t);
}

static void on_closed(void *owner, const struct connection *c)
{
    struct login_trial *t = owner;

    (void)c;
    uv_close((uv_handle_t *)&t->clock, on_clock_closed);
}

static void end(struct login_trial *t, const struct failure *why, bool at_once)
{
    if (!t->over)
        t->why = *why;
    t->over = true;
    connection_close(t->upstream, at_once);
}

/* ---- the dialogue ------------------------------------------------------------------------ */

static void flush(struct login_trial *t)
{
    connection_write(t->upstream, t->imap ? imap_client_out(t->imap) : pop3_client_out(t->pop3));
}

static void succeed(struct login_trial *t)
{
    if (t->imap)
        imap_client_logout(t->imap);
    else
        pop3_client_quit(t->pop3);
    flush(t);
    end(t, &(struct failure){.kind = FAILURE_NONE}, false);
}

/* False when there is nothing more to be had of `in` for now. */
static bool imap_step(struct login_trial *t, struct slice *in)
{
    struct imap_client_event ev;

    imap_client_next(t->imap, in, &ev);
    switch (ev.type) {
    case IMAP_CLIENT_READY:
        succeed(t);
        return false;
    case IMAP_CLIENT_FAILED:
        end(t, &ev.failure, false);
        return false;
    case IMAP_CLIENT_TLS:
        connection_start_tls(t->upstream);
        return false;
    default:
        return ev.type != IMAP_CLIENT_MORE;
    }
}

static bool pop3_step(struct login_trial *t, struct slice *in)
{
    struct pop3_client_event ev;

    pop3_client_next(t->pop3, in, &ev);
    switch (ev.type) {
    case POP3_CLIENT_READY:
        succeed(t);
        return false;
    case POP3_CLIENT_FAILED:
        end(t, &ev.failure, false);
        return false;
    case POP3_CLIENT_TLS:
        connection_start_tls(t->upstream);
        return false;
    default:
        return ev.type != POP3_CLIENT_MORE;
    }
}

static void pump(struct login_trial *t, struct slice *in)
{
    bool more = !t->over;

    while (more)
        more = t->imap ? imap_step(t, in) : pop3_step(t, in);
    if (!t->over)
        flush(t);
}

static void give_binding(struct login_trial *t)
{
    struct sasl_binding binding;

    connection_binding(t->upstream, &binding);
    if (t->imap)
        imap_client_bind(t->imap, &binding);
    else
        pop3_client_bind(t->pop3, &binding);
}

/* ---- the connection ---------------------------------------------------------------------- */

static void on_ready(void *owner)
{
    struct slice nothing = slice_of("");

    give_binding(owner);
    pump(owner, &nothing);
}

static void on_data(void *owner, struct slice *in)
{
    pump(owner, in);
}

static void on_tls(void *owner)
{
    struct login_trial *t = owner;
    struct slice nothing = slice_of("");

    give_binding(t);
    if (t->imap)
        imap_client_tls_started(t->imap);
    else
        pop3_client_tls_started(t->pop3);
    pump(t, &nothing);
}

static void on_failed(void *owner, const struct failure *why)
{
    end(owner, why, true);
}

static void on_end(void *owner, const struct failure *ended)
{
    struct login_trial *t = owner;
    struct failure why;

    if (t->imap)
        imap_client_closed(t->imap, &why);
    else
        pop3_client_closed(t->pop3, &why);
    end(t, ended->kind == FAILURE_NONE ? &why : ended, true);
}

static void on_late(uv_timer_t *clock)
{
    struct login_trial *t = clock->data;
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "the server did not let us in within %u s", t->seconds);
    end(t, &why, true);
}

/* ---- the beginning ----------------------------------------------------------------------- */

static bool make_client(struct login_trial *t, const struct credential *credential,
                        struct failure *why)
{
    struct imap_client_options imap = {.tls_now = false};
    struct pop3_client_options pop3 = {.tls_now = false};

    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (t->route->upstream.protocol == ENDPOINT_IMAP) {
        upstream_imap_options(t->route, &imap);
        t->imap = imap_client_new(&imap);
        return t->imap && imap_client_login(t->imap, credential, why);
    }
    upstream_pop3_options(t->route, &pop3);
    t->pop3 = pop3_client_new(&pop3);
    return t->pop3 && pop3_client_login(t->pop3, credential, why);
}

struct login_trial *login_trial_start(uv_loop_t *loop, const struct settings *settings,
                                      const struct config_route *route,
                                      const struct credential *credential, login_trial_done done,
                                      void *owner, struct failure *why)
{
    static const struct connection_handler handler = {on_ready, on_failed, on_data,
                                                      on_tls,   on_end,    on_closed};
    const struct config_limits *limits = &settings->config->limits;
    struct login_trial *t = calloc(1, sizeof *t);

    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (!t)
        return NULL;
    t->route = route;
    t->done = done;
    t->owner = owner;
    t->seconds = limits->connect_seconds + limits->response_seconds;
    if (make_client(t, credential, why))
        t->upstream = connection_start(loop, settings, route, "trial", &handler, t);
    if (!t->upstream) {
        clients_free(t);
        free(t);
        return NULL;
    }
    uv_timer_init(loop, &t->clock);
    t->clock.data = t;
    uv_timer_start(&t->clock, on_late, 1000ULL * t->seconds, 0);
    return t;
}

void login_trial_cancel(struct login_trial *t)
{
    end(t, &(struct failure){.kind = FAILURE_TEMPORARY, .text = "interrupted"}, true);
}
