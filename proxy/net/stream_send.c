/*
 * See stream_state.h. Octets go to the socket at once while it takes them; then they wait in one
 * buffer until it does again.
 */
#include <errno.h>
#include <sys/socket.h>

#include "proxy/net/stream_state.h"

void stream_send(struct stream *s)
{
    if (buf_failed(&s->out))
        stream_break(s, ENOMEM);
    while (buf_size(&s->out)) {
        struct slice octets = buf_slice(&s->out);
        ssize_t n = send(s->fd, octets.p, octets.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            stream_break(s, errno);
            break;
        }
        buf_drop(&s->out, (size_t)n);
        if (s->state == STREAM_OPEN)
            loop_forget(&s->deadline); /* set anew when something is left */
    }
}

/* Sends what can be sent, and sees to the rest. */
void stream_flush(struct stream *s)
{
    stream_send(s);
    if (s->state == STREAM_OPEN && buf_size(&s->out) && s->write_seconds && !s->deadline.next)
        loop_at(s->loop, &s->deadline, s->write_seconds * 1000ULL);
    stream_watch(s);
}

void stream_write(struct stream *s, struct buf *out)
{
    struct buf compressed = BUF_INIT;
    bool was_idle = buf_size(&s->out) == 0;

    if (s->state != STREAM_OPEN || s->broken) {
        buf_wipe(out);
        return;
    }
    s->octets_out += buf_size(out);
    if (s->deflate) {
        compressed.failed = buf_failed(out);
        stream_deflate_write(s->deflate, buf_slice(out), &compressed);
        buf_wipe(out);
        out = &compressed;
    }
    if (s->tls) {
        s->out.failed |= buf_failed(out);
        stream_tls_write(s->tls, buf_slice(out));
        buf_wipe(out);
    } else {
        buf_move(&s->out, out);
    }
    if (was_idle || buf_failed(&s->out))
        stream_flush(s);
    s->draining |= stream_queued(s) > 0 || s->broken;
}

size_t stream_queued(const struct stream *s)
{
    return buf_size(&s->out) + (s->tls ? stream_tls_queued(s->tls) : 0);
}

void stream_drained(struct stream *s)
{
    if (!s->draining || stream_queued(s) || s->state != STREAM_OPEN)
        return;
    s->draining = false;
    if (!s->broken || s->ended)
        s->handler->on_drain(s->owner, s);
}
