#include "proxy/session.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

bool session_client_is_open(const struct session *s)
{
    return s->client.stream && !s->client.closing;
}

size_t session_client_queued(const struct session *s)
{
    return session_client_is_open(s) ? stream_queued(s->client.stream) : 0;
}

static void session_client_close(struct session *s, bool at_once)
{
    struct session_client *client = &s->client;

    if (!session_client_is_open(s))
        return;
    client->in += stream_octets_in(client->stream);
    client->out += stream_octets_out(client->stream);
    client->closing = true;
    if (at_once)
        stream_abort(client->stream);
    else
        stream_close(client->stream);
}

uint64_t session_client_in(const struct session *s)
{
    return s->client.in + (session_client_is_open(s) ? stream_octets_in(s->client.stream) : 0);
}

uint64_t session_client_out(const struct session *s)
{
    return s->client.out + (session_client_is_open(s) ? stream_octets_out(s->client.stream) : 0);
}

void session_tell(struct session *s)
{
    s->kind->tell(s);
}

/* ---- sending and reading on ---- */

void session_flush(struct session *s)
{
    struct buf *out = s->kind->out(s);

    s->kind->flush(s);
    if (buf_size(out) == 0 || session_withholds(s))
        return;
    if (session_client_is_open(s))
        stream_write(s->client.stream, out);
    else
        buf_wipe(out);
}

/* A long listing is written piece by piece, as long as the client takes it; when it takes no more,
 * on_client_drain() goes on. */
static void session_send(struct session *s)
{
    do {
        session_flush(s);
        session_tell(s);
    } while (buf_size(s->kind->out(s)) && !session_withholds(s));
}

static bool session_wants_client(const struct session *s)
{
    return s->kind->wants(s) && !session_withholds(s);
}

static void session_resume(struct session *s)
{
    if (s->client.held && session_wants_client(s) && session_client_is_open(s)) {
        s->client.held = false;
        stream_resume(s->client.stream);
    }
    s->kind->resume(s);
}

/* Offers octets of the client's, as long as the translator takes some. */
static void session_offer(struct session *s, struct slice *in)
{
    size_t before = in->n + 1;

    s->client.held = false;
    s->client.rewrapped = false;
    while (in->n && in->n < before && session_client_is_open(s) && !s->client.rewrapped) {
        before = in->n;
        session_tell(s);
        if (!session_wants_client(s))
            break;
        s->kind->data(s, in);
        session_pump(s);
    }
    s->client.held = in->n > 0 && !s->client.rewrapped;
}

/* ---- the clock ---- */

/* Deadlines mostly move away: the alarm is left as it is then, and looks again when it rings. */
void session_arm(struct session *s)
{
    uint64_t deadline = s->alive ? s->kind->deadline(s) : UINT64_MAX;
    uint64_t due = deadline < s->due ? deadline : s->due;

    if (!s->ended && due < s->alarm.due)
        alarm_set(s->loop, &s->alarm, due);
}

static void session_overdue(struct session *s)
{
    if (s->alive)
        session_move(s);
    else
        session_end(s, "TLS handshake timed out", true);
}

static struct session *session_of(struct alarm *a)
{
    return (struct session *)((char *)a - offsetof(struct session, alarm));
}

static void on_alarm(struct alarm *a)
{
    struct session *s = session_of(a);

    if (s->due <= session_now(s)) {
        session_overdue(s);
    } else if (s->alive && s->kind->deadline(s) <= session_now(s)) {
        session_tell(s);
        s->kind->tick(s);
        session_pump(s);
    } else {
        session_arm(s);
    }
}

/* ---- what the translator asks for ---- */

void session_client_tls(struct session *s)
{
    if (!session_client_is_open(s))
        return;
    s->client.rewrapped = true;
    stream_start_tls(s->client.stream, s->settings->listeners[s->listener].tls, NULL);
}

/* False when the translator is gone. */
static bool session_is_well(struct session *s)
{
    if (s->alive && s->kind->failed(s))
        session_end(s, "out of memory", true);
    return s->alive;
}

/* What is written makes room, and with it the translator may go on and want something again. */
void session_pump(struct session *s)
{
    s->kind->act(s);
    do {
        if (!session_is_well(s))
            return;
        session_send(s);
    } while (s->kind->act(s));
    if (!session_is_well(s))
        return;
    session_resume(s);
    session_arm(s);
}

/* ---- the client ---- */

static void session_greet(struct session *s)
{
    s->due = UINT64_MAX;
    s->alive = s->kind->greet(s);
    if (s->alive)
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
        session_log_message(s, LOG_WARNING, "tls-on-plain-port", s->kind->plain);
        session_end(s, "TLS on a plain port", false);
        return;
    }
    if (s->alive)
        session_offer(s, in);
}

static void on_client_tls(void *owner, struct stream *stream)
{
    struct session *s = owner;

    (void)stream;
    session_log_tls(s);
    if (!s->alive) {
        session_greet(s);
        return;
    }
    session_tell(s);
    s->kind->tls(s);
    session_pump(s);
}

static void on_client_drain(void *owner, struct stream *stream)
{
    struct session *s = owner;

    (void)stream;
    if (!s->alive)
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
        /* An alert says to the client why its handshake failed: a reset would overtake it. */
        session_client_close(s, !stream_is_shaking_hands(stream));
    }
    if (!s->alive) {
        session_end(s, "TLS handshake failed", true);
        return;
    }
    session_tell(s);
    s->kind->closed(s, why);
    session_pump(s);
}

static void on_client_closed(void *owner, struct stream *stream)
{
    struct session *s = owner;

    if (s->client.stream == stream)
        s->client.stream = NULL;
    descriptor_freed(s->house->descriptors);
    session_release(s);
}

/* ---- the beginning ---- */

static const struct session_kind *kind_of(const struct settings *settings, size_t listener)
{
    return settings->config->listeners[listener].endpoint.protocol == ENDPOINT_POP3
               ? &session_of_maildrop
               : &session_of_mailbox;
}

/* A client that cannot be served is told why, if it can be told without a handshake. */
static void refuse(const struct settings *settings, size_t listener, int fd,
                   const struct gate_address *from, const struct failure *why)
{
    char peer[64];
    char line[300];
    int n =
        snprintf(line, sizeof line, "%s%s\r\n", kind_of(settings, listener)->refusal, why->text);

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

const struct stream_handler session_client_handler = {
    .on_data = on_client_data,
    .on_tls = on_client_tls,
    .on_drain = on_client_drain,
    .on_end = on_client_end,
    .on_closed = on_client_closed,
};

static bool session_open_client(struct session *s, int fd)
{
    bool is_unix = s->settings->config->listeners[s->listener].endpoint.unix_path != NULL;
    struct stream_options options = {.write_seconds = session_limits(s)->write_seconds};

    s->client.stream =
        stream_open(s->house->loop, fd, is_unix, &options, &session_client_handler, s);
    return s->client.stream != NULL;
}

void session_enlist(struct session *s)
{
    s->next = s->house->sessions;
    if (s->next)
        s->next->prev = s;
    s->house->sessions = s;
    atomic_fetch_add(&s->house->load, 1);
}

void session_delist(struct session *s)
{
    if (s->next)
        s->next->prev = s->prev;
    *(s->prev ? &s->prev->next : &s->house->sessions) = s->next;
    atomic_fetch_sub(&s->house->load, 1);
}

void session_start_timer(struct session *s)
{
    s->loop = loop_acquire(s->house->loop); /* the stream has made it */
    alarm_init(&s->alarm, on_alarm);
    s->due = UINT64_MAX;
}

/* From here on it ends by session_end() only. */
static void session_begin(struct session *s)
{
    session_start_timer(s);
    s->began = session_now(s);
    s->pending = 2; /* the client's stream and the alarm */
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

/* NULL when memory is out. */
static struct session *session_new(void)
{
    struct session *s = calloc(1, sizeof *s);

    if (s)
        s->entry = calloc(1, sizeof *s->entry);
    if (s && s->entry)
        return s;
    free(s);
    return NULL;
}

void session_start(struct session_house *house, struct settings *settings, size_t listener, int fd)
{
    struct gate_client client = {.address = gate_address_of(fd)};
    bool trusted = throttle_trusts(&settings->auth.throttle, &client.address);
    struct failure why;

    if (!gate_enter(house->gate, &client, &settings->config->limits, trusted, &why)) {
        refuse(settings, listener, fd, &client.address, &why);
        return;
    }
    struct session *s = session_new();
    if (!s) {
        failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
        refuse(settings, listener, fd, &client.address, &why);
        gate_leave(house->gate, &client);
        return;
    }
    s->kind = kind_of(settings, listener);
    s->house = house;
    s->listener = listener;
    s->counted = client;
    s->settings = settings_hold(settings);
    if (session_open_client(s, fd)) {
        session_begin(s);
        return;
    }
    log_message(LOG_ERROR, "refused", "out of memory or descriptors");
    gate_leave(house->gate, &client);
    settings_release(s->settings);
    free(s->entry);
    free(s);
}

/* ---- the end ---- */

static void on_end(struct alarm *a)
{
    session_release(session_of(a));
}

void session_vanish(struct session *s)
{
    s->ended = true;
    s->alarm.ring = on_end;
    alarm_set(s->loop, &s->alarm, session_now(s));
}

void session_end(struct session *s, const char *cause, bool at_once)
{
    if (s->ended)
        return;
    s->ended = true;
    if (s->alive && !at_once)
        session_flush(s);
    session_admission_cancel(s);
    s->kind->log_end(s, cause);
    s->kind->end(s);
    s->alive = false;
    session_client_close(s, at_once);
    session_vanish(s);
    health_session_ended(s->house->health);
}

void session_release(struct session *s)
{
    if (--s->pending > 0)
        return;
    session_delist(s);
    session_free(s);
}

void session_free(struct session *s)
{
    struct session_house *house = s->house;

    if (s->settings) /* else it has moved, and this with it */
        gate_leave(house->gate, &s->counted);
    settings_release(s->settings);
    free(s->login);
    free(s->account);
    place_clear(&s->place);
    session_entry_free(s);
    session_challenge_free(s);
    if (s->loop)
        loop_release(s->loop);
    free(s);
    house->on_ended(house->owner);
}

struct session *session_next(const struct session *s)
{
    return s->next;
}

void session_drain(struct session *s)
{
    if (s->alive) {
        session_tell(s);
        s->kind->drain(s);
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
    s->kind->abort(s);
}
