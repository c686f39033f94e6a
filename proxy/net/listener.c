/*
 * See listener.h; binding is in listener_bind.c.
 */
#include "proxy/net/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/log.h"

enum {
    ACCEPTS_PER_TURN = 32, /* then the clients who are in have theirs */
    RETRY_MS = 100,
    COMPLAINT_MS = 60 * 1000,
};

struct listener {
    uv_poll_t poll;
    uv_timer_t retry;
    unsigned handles; /* not yet closed */
    int fd;
    listener_accept accept;
    void *owner;
    bool stopped;
    bool complained;
    uint64_t complained_at; /* loop time in ms */
};

static void listener_ready(uv_poll_t *poll, int status, int events);

static void retry_accept(uv_timer_t *timer)
{
    struct listener *l = timer->data;

    uv_poll_start(&l->poll, UV_READABLE, listener_ready);
}

/* Clients wait in the kernel's queue meanwhile; polling on would only burn the processor. */
static void rest(struct listener *l, int error)
{
    uint64_t now = uv_now(l->poll.loop);

    uv_poll_stop(&l->poll);
    uv_timer_start(&l->retry, retry_accept, RETRY_MS, 0);
    if (l->complained && now - l->complained_at < COMPLAINT_MS)
        return;
    l->complained = true;
    l->complained_at = now;
    log_message(LOG_ERROR, "accept-paused", "cannot accept clients: %s%s", strerror(error),
                error == EMFILE ? "; raise the limit (ulimit -n, LimitNOFILE=)" : "");
}

static bool is_exhaustion(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;

    (void)events;
    if (status < 0) {
        rest(l, -status);
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_TURN && !l->stopped; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            l->accept(l->owner, l, fd);
        else if (is_exhaustion(errno))
            rest(l, errno);
        /* Any other error is the fate of one client who has gone away (accept(2)). */
        if (fd < 0)
            return;
    }
}

static struct listener *fail(struct listener *l, int fd, bool is_unix, int error,
                             struct failure *why)
{
    if (error == EADDRINUSE && !is_unix)
        failure_set(why, FAILURE_PERMANENT, "port %u is in use by another program",
                    listener_port(fd));
    else
        failure_set(why, FAILURE_PERMANENT, "cannot listen: %s", strerror(error));
    close(fd);
    free(l);
    return NULL;
}

struct listener *listener_start(uv_loop_t *loop, int fd, bool is_unix, listener_accept accept,
                                void *owner, struct failure *why)
{
    struct listener *l = calloc(1, sizeof *l);

    if (!l)
        return fail(l, fd, is_unix, ENOMEM, why);
    if (listen(fd, SOMAXCONN) != 0)
        return fail(l, fd, is_unix, errno, why);
    int error = uv_poll_init(loop, &l->poll, fd);
    if (error)
        return fail(l, fd, is_unix, -error, why);
    uv_timer_init(loop, &l->retry);
    l->poll.data = l->retry.data = l;
    l->handles = 2;
    l->fd = fd;
    l->accept = accept;
    l->owner = owner;
    uv_poll_start(&l->poll, UV_READABLE, listener_ready);
    return l;
}

static void handle_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;

    if (--l->handles == 0)
        free(l);
}

void listener_stop(struct listener *l)
{
    l->stopped = true;
    uv_close((uv_handle_t *)&l->poll, handle_closed);
    uv_close((uv_handle_t *)&l->retry, handle_closed);
    close(l->fd);
}
