#include "proxy/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

enum { TLS_HANDSHAKE_RECORD = 0x16 }; /* RFC 8446 section 5.1; no POP3 command begins so */

static uint64_t session_now(const struct session *s)
{
    return uv_now(s->house->loop);
}

static const struct config_limits *session_limits(const struct session *s)
{
    return &s->settings->config->limits;
}

static bool side_is_open(const struct session_side *side)
{
    return side->stream && !side->closing;
}

static size_t client_queued(const struct session *s)
{
    return side_is_open(&s->client) ? stream_queued(s->client.stream) : 0;
}

void session_tell(struct session *s)
{
    maildrop_now(s->maildrop, session_now(s), (int64_t)time(NULL));
    maildrop_client_queued(s->maildrop, client_queued(s));
}

/* ---- sending and reading on ---- */

static void side_flush(struct session_side *side, struct buf *out)
{
    if (buf_size(out) == 0)
        return;
    if (side_is_open(side))
        stream_write(side->stream, out);
    else
        buf_wipe(out);
}

void session_flush(struct session *s)
{
    side_flush(&s->upstream, maildrop_upstream_out(s->maildrop));
    side_flush(&s->client, maildrop_client_out(s->maildrop));
}

static void side_resume(struct session_side *side, bool wanted)
{
    if (!wanted || !side->held || !side_is_open(side))
        return;
    side->held = false;
    stream_resume(side->stream);
}

/* A long listing is written piece by piece, as long as the client takes it; when it takes no more,
 * on_client_drain() goes on. */
static void session_send(struct session *s)
{
    do {
        session_flush(s);
        maildrop_client_queued(s->maildrop, client_queued(s));
    } while (buf_size(maildrop_client_out(s->maildrop)));
}

static void session_resume(struct session *s)
{
    side_resume(&s->client, maildrop_wants_client(s->maildrop));
    side_resume(&s->upstream, maildrop_wants_upstream(s->maildrop));
}

void session_offer(struct session *s, struct session_side *side, struct slice *in,
                   void (*feed)(struct maildrop *m, struct slice *in),
                   bool (*wants)(const struct maildrop *m))
{
    size_t before = in->n + 1;

    side->held = false;
    side->rewrapped = false;
    while (in->n && in->n < before && side_is_open(side) && !side->rewrapped) {
        before = in->n;
        session_tell(s);
        if (!wants(s->maildrop))
            break;
        feed(s->maildrop, in);
        session_pump(s);
    }
    side->held = in->n > 0 && !side->rewrapped;
}

/* ---- the clock ---- */

static void on_timer(uv_timer_t *timer);

/* Deadlines mostly move away: the timer is left as it is then, and looks again when it fires. */
void session_arm(struct session *s)
{
    uint64_t deadline = s->maildrop ? maildrop_deadline(s->maildrop) : UINT64_MAX;
    uint64_t due = deadline < s->due ? deadline : s->due;
    uint64_t now = session_now(s);

    if (s->ended || due >= s->timer_due)
        return;
    s->timer_due = due;
    uv_timer_start(&s->timer, on_timer, due > now ? due - now : 0, 0);
}

static void session_overdue(struct session *s)
{
    if (s->maildrop)
        session_handshake_overdue(s);
    else
        session_end(s, "TLS handshake timed out", true);
}

static void on_timer(uv_timer_t *timer)
{
    struct session *s = timer->data;

    s->timer_due = UINT64_MAX;
    if (s->due <= session_now(s)) {
        session_overdue(s);
    } else if (s->maildrop && maildrop_deadline(s->maildrop) <= session_now(s)) {
        session_tell(s);
        maildrop_tick(s->maildrop);
        session_pump(s);
    } else {
        session_arm(s);
    }
}

/* ---- what the maildrop asks for ---- */

static void session_client_tls(struct session *s)
{
    if (!side_is_open(&s->client))
        return;
    s->client.rewrapped = true;
    stream_start_tls(s->client.stream, s->settings->listeners[s->listener].tls, NULL);
}

static void session_upstream_deflate(struct session *s)
{
    if (!side_is_open(&s->upstream))
        return;
    s->upstream.rewrapped = true;
    if (stream_start_deflate(s->upstream.stream))
        maildrop_upstream_deflate(s->maildrop);
    else
        session_end(s, "out of memory", true);
}

static void session_log(struct session *s, const struct maildrop_action *action)
{
    const char *route = s->route ? s->route->name : NULL;
    struct failure why;

    session_log_action(s, action);
    if (strcmp(action->event, "login") == 0 && route) {
        health_login(s->house->health, route);
    } else if (strcmp(action->event, "login-refused") == 0) {
        health_login_refused(s->house->health, route, action->kind);
        failure_set(&why, action->kind, "%s", action->text);
        if (route && action->kind == FAILURE_TEMPORARY && !s->failure_counted)
            health_upstream_failed(s->house->health, route, &why);
    }
}

static void session_act(struct session *s, const struct maildrop_action *action)
{
    switch (action->type) {
    case MAILDROP_CONNECT:
        session_connect(s, action);
        break;
    case MAILDROP_DISCONNECT:
        session_flush(s);
        session_disconnect(s);
        break;
    case MAILDROP_CLIENT_TLS:
        session_flush(s);
        session_client_tls(s);
        break;
    case MAILDROP_UPSTREAM_TLS:
        session_flush(s);
        if (side_is_open(&s->upstream))
            session_upstream_tls(s);
        break;
    case MAILDROP_UPSTREAM_DEFLATE:
        session_flush(s);
        session_upstream_deflate(s);
        break;
    case MAILDROP_LOAD_STATE:
        session_load(s);
        break;
    case MAILDROP_SAVE_STATE:
        session_save(s, action);
        break;
    case MAILDROP_LOG:
        session_log(s, action);
        break;
    case MAILDROP_END:
        session_end(s, NULL, false);
        break;
    case MAILDROP_ABORT:
        session_end(s, NULL, true);
        break;
    }
}

/* False when there was nothing to do. Nothing is done for a session that ran out of memory: an
 * action may be missing in what it asks for. */
static bool session_act_all(struct session *s)
{
    struct maildrop_action action;
    bool acted = false;

    while (s->maildrop && !maildrop_failed(s->maildrop) &&
           maildrop_next_action(s->maildrop, &action)) {
        session_act(s, &action);
        acted = true;
    }
    if (s->maildrop && maildrop_failed(s->maildrop))
        session_end(s, "out of memory", true);
    return acted;
}

/* Sending lets a long listing come to its end, and with it the session of a client that has closed
 * behind its last command: so there may be something to do again. */
void session_pump(struct session *s)
{
    session_act_all(s);
    do {
        if (s->maildrop)
            session_send(s);
    } while (session_act_all(s));
    if (!s->maildrop)
        return;
    session_resume(s);
    session_arm(s);
}

/* ---- the client ---- */

static void session_greet(struct session *s)
{
    const struct config_listener *l = &s->settings->config->listeners[s->listener];
    const struct settings_listener *made = &s->settings->listeners[s->listener];
    const struct config_limits *limits = session_limits(s);
    bool tls = stream_is_tls(s->client.stream);
    struct maildrop_settings settings = {
        .tls = tls,
        .stls = made->tls && !tls,
        .require_tls = l->endpoint.tls == ENDPOINT_TLS_STARTTLS,
        .allow_cleartext = l->allow_cleartext || stream_peer_is_loopback(s->client.stream),
        .login_delay = made->login_delay,
        .login_seconds = limits->login_seconds,
        .idle_seconds = limits->idle_seconds,
        .response_seconds = limits->response_seconds,
        .errors = limits->errors,
        .login_attempts = limits->login_attempts,
    };

    s->due = UINT64_MAX;
    s->maildrop = maildrop_new(&settings, session_now(s), (int64_t)time(NULL));
    if (s->maildrop)
        session_pump(s);
    else
        session_end(s, "out of memory", true);
}

/* True when the first octets of a client in the clear are TLS (CASES T5): a program that is set to
 * TLS on the wrong port shows nothing but a timeout to its user, so the log says it. */
static bool session_is_tls_by_mistake(struct session *s, struct slice in)
{
    bool first = !s->client_spoke;

    s->client_spoke = true;
    return first && !stream_is_tls(s->client.stream) && in.n && in.p[0] == TLS_HANDSHAKE_RECORD &&
           (in.n < 2 || in.p[1] == 3);
}

static void on_client_data(void *owner, struct stream *stream, struct slice *in)
{
    struct session *s = owner;

    (void)stream;
    if (session_is_tls_by_mistake(s, *in)) {
        session_log_message(s, LOG_WARNING, "tls-on-plain-port",
                            "the client began TLS on a port that speaks POP3 in the clear: it must "
                            "use STARTTLS (STLS), or the port of a pop3s:// listener");
        session_end(s, "TLS on a plain port", false);
        return;
    }
    session_offer(s, &s->client, in, maildrop_client_data, maildrop_wants_client);
}

static void on_client_tls(void *owner, struct stream *stream)
{
    struct session *s = owner;

    (void)stream;
    session_log_tls(s, "client-tls", &s->client);
    if (!s->maildrop) {
        session_greet(s);
        return;
    }
    session_tell(s);
    maildrop_client_tls(s->maildrop);
    session_pump(s);
}

static void on_client_drain(void *owner, struct stream *stream)
{
    struct session *s = owner;

    (void)stream;
    if (!s->maildrop)
        return;
    session_tell(s);
    session_pump(s);
}

static void on_client_end(void *owner, struct stream *stream, const struct failure *why)
{
    struct session *s = owner;

    (void)stream;
    if (why->kind != FAILURE_NONE) { /* else it may still be listening */
        session_log_message(s, LOG_INFO, "client-lost", why->text);
        session_side_close(&s->client, true);
    }
    if (!s->maildrop) {
        session_end(s, "TLS handshake failed", true);
        return;
    }
    session_tell(s);
    maildrop_client_closed(s->maildrop, why);
    session_pump(s);
}

static void on_client_closed(void *owner, struct stream *stream)
{
    struct session *s = owner;

    (void)stream;
    s->client.stream = NULL;
    session_release(s);
}

/* ---- the beginning ---- */

/* A client that cannot be served is told why, if it can be told without a handshake. */
static void refuse(const struct settings *settings, size_t listener, int fd,
                   const struct gate_address *from, const struct failure *why)
{
    char peer[64];
    char line[300];
    int n = snprintf(line, sizeof line, "-ERR [SYS/TEMP] %s\r\n", why->text);

    gate_address_print(from, peer, sizeof peer);
    log_event(LOG_WARNING, NULL, "refused",
              (struct log_field[]){LOG_FIELD("peer", slice_of(peer)),
                                   LOG_FIELD("message", slice_of(why->text)), LOG_FIELD_END});
    bool told = settings->config->listeners[listener].endpoint.tls != ENDPOINT_TLS_IMPLICIT &&
                send(fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n;
    if (told)
        shutdown(fd, SHUT_WR);
    close(fd);
}

static bool session_open_client(struct session *s, int fd)
{
    static const struct stream_handler handler = {
        .on_data = on_client_data,
        .on_tls = on_client_tls,
        .on_drain = on_client_drain,
        .on_end = on_client_end,
        .on_closed = on_client_closed,
    };
    bool is_unix = s->settings->config->listeners[s->listener].endpoint.unix_path != NULL;
    struct stream_options options = {.write_seconds = session_limits(s)->write_seconds};

    s->client.stream = stream_open(s->house->loop, fd, is_unix, &options, &handler, s);
    return s->client.stream != NULL;
}

static void session_enlist(struct session *s)
{
    s->next = s->house->sessions;
    if (s->next)
        s->next->prev = s;
    s->house->sessions = s;
}

static void session_delist(struct session *s)
{
    if (s->next)
        s->next->prev = s->prev;
    *(s->prev ? &s->prev->next : &s->house->sessions) = s->next;
}

/* From here on it ends by session_end() only. */
static void session_begin(struct session *s)
{
    uv_timer_init(s->house->loop, &s->timer);
    s->timer.data = s;
    s->timer_due = UINT64_MAX;
    s->due = UINT64_MAX;
    s->began = session_now(s);
    s->pending = 2; /* the client's stream and the timer */
    session_make_id(s->id);
    session_enlist(s);
    health_session_began(s->house->health);
    session_log_connect(s);
    if (s->settings->config->listeners[s->listener].endpoint.tls != ENDPOINT_TLS_IMPLICIT) {
        session_greet(s);
        return;
    }
    s->due = s->began + session_limits(s)->login_seconds * 1000U;
    session_client_tls(s);
    session_arm(s);
}

void session_start(struct session_house *house, struct settings *settings, size_t listener, int fd)
{
    struct gate_address from = gate_address_of(fd);
    struct failure why;

    if (!gate_enter(house->gate, &from, &settings->config->limits, &why)) {
        refuse(settings, listener, fd, &from, &why);
        return;
    }
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
        refuse(settings, listener, fd, &from, &why);
        gate_leave(house->gate, &from);
        return;
    }
    s->house = house;
    s->listener = listener;
    s->address = from;
    s->settings = settings_hold(settings);
    if (session_open_client(s, fd)) {
        session_begin(s);
        return;
    }
    log_message(LOG_ERROR, "refused", "out of memory or descriptors");
    gate_leave(house->gate, &from);
    settings_release(s->settings);
    free(s);
}

/* ---- the end ---- */

void session_side_close(struct session_side *side, bool at_once)
{
    if (!side_is_open(side))
        return;
    side->closing = true;
    side->in += stream_octets_in(side->stream);
    side->out += stream_octets_out(side->stream);
    if (at_once)
        stream_abort(side->stream);
    else
        stream_close(side->stream);
}

static void on_timer_closed(uv_handle_t *handle)
{
    session_release(handle->data);
}

void session_end(struct session *s, const char *cause, bool at_once)
{
    if (s->ended)
        return;
    s->ended = true;
    if (s->maildrop && !at_once)
        session_flush(s);
    session_log_end(s, cause);
    session_disconnect(s);
    session_side_close(&s->client, at_once);
    maildrop_free(s->maildrop);
    s->maildrop = NULL;
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
    health_session_ended(s->house->health);
}

void session_release(struct session *s)
{
    struct session_house *house = s->house;

    if (--s->pending > 0)
        return;
    session_delist(s);
    gate_leave(house->gate, &s->address);
    settings_release(s->settings);
    free(s->login);
    free(s->account);
    free(s);
    house->on_ended(house->owner);
}

struct session *session_next(const struct session *s)
{
    return s->next;
}

void session_drain(struct session *s)
{
    if (s->maildrop) {
        session_tell(s);
        maildrop_drain(s->maildrop);
        session_pump(s);
    } else {
        session_end(s, "shutdown", true);
    }
}

void session_stop(struct session *s)
{
    session_end(s, "shutdown", true);
    if (s->client.stream)
        stream_abort(s->client.stream);
    if (s->upstream.stream)
        stream_abort(s->upstream.stream);
}
