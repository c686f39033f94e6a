#include "proxy/login_trial.h"

#include <stdlib.h>

#include "proxy/auth/auth_http.h"
#include "proxy/upstream_options.h"

struct login_trial {
    uv_loop_t *loop;
    const struct settings *settings;
    const struct config_route *route;
    struct credential credential;
    struct place place;
    struct auth_http *asked;     /* the routing service has not answered */
    struct connection *upstream; /* NULL: not begun */
    struct imap_client *imap;    /* one of the two, once the connection is ready */
    struct pop3_client *pop3;
    uv_timer_t clock; /* for all of it: a server may stall at any word */
    unsigned seconds;
    bool over; /* `why` is known */
    struct failure why;
    login_trial_done done;
    void *owner;
};

static void trial_free(struct login_trial *t)
{
    imap_client_free(t->imap);
    pop3_client_free(t->pop3);
    credential_clear(&t->credential);
    place_clear(&t->place);
    free(t);
}

static void on_clock_closed(uv_handle_t *handle)
{
    struct login_trial *t = handle->data;

    t->done(t->owner, &t->why);
    trial_free(t);
}

static void close_clock(struct login_trial *t)
{
    if (!uv_is_closing((uv_handle_t *)&t->clock))
        uv_close((uv_handle_t *)&t->clock, on_clock_closed);
}

static void on_closed(void *owner, const struct connection *c)
{
    struct login_trial *t = owner;

    (void)c;
    t->upstream = NULL;
    close_clock(t);
}

static void end(struct login_trial *t, const struct failure *why, bool at_once)
{
    if (!t->over)
        t->why = *why;
    t->over = true;
    if (t->asked)
        auth_http_cancel(t->asked);
    t->asked = NULL;
    if (t->upstream)
        connection_close(t->upstream, at_once);
    else
        close_clock(t);
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

/* As what was reached wants it. */
static bool make_client(struct login_trial *t, struct failure *why)
{
    const struct endpoint *at = connection_endpoint(t->upstream);
    const char *host = place_reach(&t->place, at);
    struct imap_client_options imap = {.tls_now = false};
    struct pop3_client_options pop3 = {.tls_now = false};

    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (t->place.protocol == ENDPOINT_IMAP) {
        upstream_imap_options(t->route, at, host, &imap);
        t->imap = imap_client_new(&imap);
        return t->imap && imap_client_login(t->imap, &t->credential, why);
    }
    upstream_pop3_options(t->route, at, host, &pop3);
    t->pop3 = pop3_client_new(&pop3);
    return t->pop3 && pop3_client_login(t->pop3, &t->credential, why);
}

static void on_ready(void *owner)
{
    struct login_trial *t = owner;
    struct slice nothing = slice_of("");
    struct failure why;

    if (!make_client(t, &why)) {
        end(t, &why, true);
        return;
    }
    give_binding(t);
    pump(t, &nothing);
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

static bool connect_upstream(struct login_trial *t, struct failure *why)
{
    static const struct connection_handler handler = {on_ready, on_failed, on_data,
                                                      on_tls,   on_end,    on_closed};

    t->upstream =
        connection_start(t->loop, NULL, t->settings, t->route, &t->place, "trial", &handler, t);
    if (!t->upstream)
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return t->upstream != NULL;
}

/* ---- the routing service ----------------------------------------------------------------- */

static bool take(struct login_trial *t, const struct auth_http_answer *a, struct failure *why)
{
    struct slice given = buf_slice(&t->credential.user);
    struct credential upstream = {.kind = CREDENTIAL_PASSWORD};

    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (buf_failed(&a->user) || buf_failed(&a->password) ||
        !place_set_address(&t->place, slice_of(a->host), a->port) ||
        !credential_set(&upstream, CREDENTIAL_PASSWORD,
                        buf_size(&a->user) ? buf_slice(&a->user) : given, buf_slice(&a->password)))
        return false;
    credential_clear(&t->credential);
    credential_move(&t->credential, &upstream);
    return true;
}

static void on_answer(void *owner, struct auth_http_answer *answer)
{
    struct login_trial *t = owner;
    struct failure why = answer->why;

    t->asked = NULL;
    if (why.kind == FAILURE_NONE && take(t, answer, &why) && connect_upstream(t, &why))
        return;
    end(t, &why, true);
}

/* There is no client yet: it is this machine that asks. */
static bool ask_service(struct login_trial *t, struct http *http, struct failure *why)
{
    size_t route = (size_t)(t->route - t->settings->config->routes);
    enum endpoint_protocol client =
        t->place.protocol == ENDPOINT_IMAP ? ENDPOINT_POP3 : ENDPOINT_IMAP;
    enum endpoint_protocol told = t->route->auth_http.client_protocol ? client : t->place.protocol;
    struct auth_http_request request = {
        .user = buf_slice(&t->credential.user),
        .password = buf_slice(&t->credential.secret),
        .pop3 = told == ENDPOINT_POP3,
        .attempt = 1,
        .client = slice_of("127.0.0.1"),
        .tls = slice_of(""),
        .seconds = t->settings->config->limits.connect_seconds,
    };

    t->asked = auth_http_start(http, &t->settings->auth.services[route], &request, on_answer, t);
    if (!t->asked)
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return t->asked != NULL;
}

/* ---- the beginning ----------------------------------------------------------------------- */

static struct login_trial *trial_new(const struct login_trial_request *r, login_trial_done done,
                                     void *owner)
{
    const struct config_limits *limits = &r->settings->config->limits;
    struct login_trial *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->loop = http_loop(r->http);
    t->settings = r->settings;
    t->route = r->route;
    t->done = done;
    t->owner = owner;
    t->seconds = limits->connect_seconds + limits->response_seconds;
    return t;
}

static void start_clock(struct login_trial *t)
{
    uv_timer_init(t->loop, &t->clock);
    t->clock.data = t;
    uv_timer_start(&t->clock, on_late, 1000ULL * t->seconds, 0);
}

struct login_trial *login_trial_start(const struct login_trial_request *r, login_trial_done done,
                                      void *owner, struct failure *why)
{
    struct login_trial *t = trial_new(r, done, owner);

    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (!t)
        return NULL;
    if (credential_copy(&t->credential, r->credential) &&
        place_of_user(&t->place, r->route, r->protocol, r->user, why) &&
        (r->route->auth_http.url ? ask_service(t, r->http, why) : connect_upstream(t, why))) {
        start_clock(t);
        return t;
    }
    trial_free(t);
    return NULL;
}

void login_trial_cancel(struct login_trial *t)
{
    end(t, &(struct failure){.kind = FAILURE_TEMPORARY, .text = "interrupted"}, true);
}
