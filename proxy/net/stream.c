/*
 * See stream.h and stream_state.h.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/net/stream_peer.h"
#include "proxy/net/stream_state.h"

enum {
    LINGER_SECONDS = 5,
    CLOSE_SECONDS = 60, /* when there is no limit for writing */
};

static void stream_ready(uv_poll_t *poll, int status, int events);

void stream_watch(struct stream *s)
{
    int events = (stream_wants_octets(s) ? UV_READABLE : 0) | (buf_size(&s->out) ? UV_WRITABLE : 0);

    if (s->state == STREAM_CLOSED || events == s->events ||
        (s->offering && s->state == STREAM_OPEN))
        return;
    s->events = events;
    if (events)
        uv_poll_start(&s->poll, events, stream_ready);
    else
        uv_poll_stop(&s->poll);
}

void stream_ask_turn(struct stream *s)
{
    loop_soon(s->loop, &s->turn);
}

static void stream_free(uv_handle_t *handle)
{
    struct stream *s = handle->data;

    s->handler->on_closed(s->owner, s);
    stream_tls_free(s->tls);
    stream_deflate_free(s->deflate);
    stream_input_clear(&s->data);
    buf_wipe(&s->out);
    loop_release(s->loop);
    free(s->peer);
    free(s);
}

void stream_finish(struct stream *s)
{
    s->state = STREAM_CLOSED;
    loop_forget(&s->turn);
    loop_forget(&s->deadline);
    uv_close((uv_handle_t *)&s->poll, stream_free);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void stream_abort(struct stream *s)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    if (s->state == STREAM_CLOSED)
        return;
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    stream_finish(s);
}

void stream_end(struct stream *s, const struct failure *why)
{
    if (s->ended || s->state != STREAM_OPEN)
        return;
    s->ended = true;
    s->handler->on_end(s->owner, s, why);
}

static void explain_broken(int cause, unsigned write_seconds, struct failure *why)
{
    if (cause == STREAM_STALLED)
        failure_set(why, FAILURE_TEMPORARY, "the peer took no data for %u s", write_seconds);
    else if (cause == ENOMEM)
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
    else if (cause == ECONNRESET || cause == EPIPE)
        failure_set(why, FAILURE_TEMPORARY, "the peer reset the connection");
    else
        failure_set(why, FAILURE_TEMPORARY, "the connection was lost: %s", strerror(cause));
}

void stream_end_broken(struct stream *s)
{
    struct failure why;

    explain_broken(s->broken, s->write_seconds, &why);
    stream_end(s, &why);
}

/* Nothing can be sent any more. What the peer said before may still be read: often it is the
 * reason. */
void stream_break(struct stream *s, int cause)
{
    if (!s->broken)
        s->broken = cause;
    buf_wipe(&s->out);
    loop_forget(&s->deadline);
    stream_ask_turn(s);
}

static void stream_linger(struct stream *s)
{
    if (s->broken || s->eof || shutdown(s->fd, SHUT_WR) != 0) {
        stream_finish(s);
        return;
    }
    s->state = STREAM_LINGER;
    loop_at(s->loop, &s->deadline, LINGER_SECONDS * 1000);
    stream_watch(s);
}

void stream_close_step(struct stream *s)
{
    stream_send(s);
    if (buf_size(&s->out))
        stream_watch(s);
    else
        stream_linger(s);
}

void stream_close(struct stream *s)
{
    unsigned seconds = s->write_seconds ? s->write_seconds : CLOSE_SECONDS;

    if (s->state != STREAM_OPEN)
        return;
    s->state = STREAM_CLOSING;
    if (s->tls && !s->broken && s->starting != START_TLS)
        stream_tls_shutdown(s->tls);
    loop_at(s->loop, &s->deadline, seconds * 1000ULL);
    stream_close_step(s);
    loop_forget(&s->turn);
}

static void write_ready(struct stream *s)
{
    if (s->state == STREAM_CLOSING) {
        stream_close_step(s);
        return;
    }
    stream_flush(s);
    stream_drained(s);
}

static void stream_ready(uv_poll_t *poll, int status, int events)
{
    struct stream *s = poll->data;

    if (status < 0) {
        int cause = 0;
        socklen_t size = sizeof cause;
        getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &cause, &size);
        s->events = 0; /* libuv has stopped the handle */
        stream_break(s, cause ? cause : ECONNRESET);
        if (s->state != STREAM_OPEN)
            stream_finish(s);
        return;
    }
    if (events & UV_WRITABLE && buf_size(&s->out))
        write_ready(s);
    if (events & UV_READABLE && stream_wants_octets(s))
        stream_read(s);
}

void stream_start_tls(struct stream *s, struct tls_context *ctx, const char *server_name)
{
    if (s->state != STREAM_OPEN || s->ended)
        return;
    assert(!s->tls && !s->deflate);
    s->tls = stream_tls_new(ctx, server_name, &s->out);
    if (s->tls)
        s->starting = START_TLS;
    else
        stream_break(s, ENOMEM);
    stream_resume(s);
}

bool stream_start_deflate(struct stream *s)
{
    assert(!s->deflate);
    s->deflate = stream_deflate_new();
    if (!s->deflate)
        return false;
    s->starting = START_DEFLATE;
    stream_resume(s);
    return true;
}

void stream_resume(struct stream *s)
{
    if (s->state != STREAM_OPEN)
        return;
    s->stopped = false;
    s->resumed = true;
    if (s->starting || stream_holds_octets(s))
        stream_ask_turn(s);
    stream_watch(s);
}

void stream_pause(struct stream *s)
{
    s->stopped = true;
    s->resumed = false;
    stream_watch(s);
}

bool stream_is_tls(const struct stream *s)
{
    return s->tls && stream_tls_is_up(s->tls);
}

bool stream_is_shaking_hands(const struct stream *s)
{
    return s->tls && !stream_tls_is_up(s->tls);
}

const char *stream_tls_description(const struct stream *s)
{
    return s->tls ? stream_tls_text(s->tls) : "";
}

bool stream_client_name(const struct stream *s, enum tls_name which, struct buf *name)
{
    return s->tls && stream_tls_client_name(s->tls, which, name);
}

void stream_binding(const struct stream *s, struct sasl_binding *binding)
{
    *binding = (struct sasl_binding){.type = SASL_BINDING_NONE};
    if (s->tls)
        stream_tls_binding(s->tls, binding);
}

uint64_t stream_octets_in(const struct stream *s)
{
    return s->octets_in;
}

uint64_t stream_octets_out(const struct stream *s)
{
    return s->octets_out;
}

const char *stream_peer(const struct stream *s)
{
    return s->peer;
}

bool stream_peer_is_loopback(const struct stream *s)
{
    return s->is_loopback;
}

static void run_turn(struct loop_task *task)
{
    stream_turn((struct stream *)((char *)task - offsetof(struct stream, turn)));
}

static void stream_expired(struct loop_task *task)
{
    struct stream *s = (struct stream *)((char *)task - offsetof(struct stream, deadline));

    if (s->state == STREAM_OPEN)
        stream_break(s, STREAM_STALLED);
    else if (s->state == STREAM_CLOSING)
        stream_abort(s);
    else
        stream_finish(s);
}

bool stream_settle_on(struct stream *s, uv_loop_t *loop, int fd)
{
    s->loop = loop_acquire(loop);
    if (!s->loop)
        return false;
    if (uv_poll_init(loop, &s->poll, fd) != 0) {
        loop_release(s->loop);
        return false;
    }
    s->poll.data = s;
    s->fd = fd;
    s->turn.run = run_turn;
    s->deadline.run = stream_expired;
    return true;
}

static bool stream_init(struct stream *s, uv_loop_t *loop, int fd, bool is_unix)
{
    int on = 1;

    s->peer = is_unix ? strdup("unix") : stream_peer_of(fd, &s->is_loopback);
    s->is_loopback |= is_unix;
    if (!s->peer || !stream_settle_on(s, loop, fd))
        return false;
    if (!is_unix)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

struct stream *stream_open(uv_loop_t *loop, int fd, bool is_unix,
                           const struct stream_options *options,
                           const struct stream_handler *handler, void *owner)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s || !stream_init(s, loop, fd, is_unix)) {
        close(fd);
        if (s)
            free(s->peer);
        free(s);
        return NULL;
    }
    s->handler = handler;
    s->owner = owner;
    s->write_seconds = options->write_seconds;
    stream_watch(s);
    return s;
}
