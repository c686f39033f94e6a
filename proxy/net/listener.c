/*
 * See listener.h; binding is in listener_bind.c.
 */
#include "proxy/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/log.h"

enum {
    ACCEPTS_PER_TURN = 32, /* then the clients who are in have theirs */
    COMPLAINT_MS = 60 * 1000,
};

struct listener {
    uv_poll_t poll;
    int fd;
    struct descriptor_share *descriptors;
    struct descriptor_wait wait; /* while it does not poll */
    listener_accept accept;
    void *owner;
    bool stopped;
    bool complained;
    uint64_t complained_at; /* loop time in ms */
};

static void listener_ready(uv_poll_t *poll, int status, int events);

/* It is asked before a client is accepted, who could not be put back into the queue. */
static bool has_room(const struct listener *l)
{
    int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
    bool room = fd >= 0 && descriptor_affords(l->descriptors, DESCRIPTOR_CLIENT, fd);

    if (fd >= 0)
        close(fd);
    return room;
}

static bool try_again(struct descriptor_wait *wait)
{
    struct listener *l = (struct listener *)((char *)wait - offsetof(struct listener, wait));

    if (has_room(l))
        uv_poll_start(&l->poll, UV_READABLE, listener_ready);
    return uv_is_active((uv_handle_t *)&l->poll);
}

/* Clients wait in the kernel's queue meanwhile; polling on would only burn the processor. */
static void rest(struct listener *l, int error)
{
    uint64_t now = uv_now(l->poll.loop);

    uv_poll_stop(&l->poll);
    descriptor_wait(l->descriptors, &l->wait);
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

/* False: there is nobody else, or no room. */
static bool accept_one(struct listener *l)
{
    if (!has_room(l)) {
        rest(l, EMFILE);
        return false;
    }
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        l->accept(l->owner, l, fd);
    else if (is_exhaustion(errno))
        rest(l, errno);
    /* Any other error is the fate of one client who has gone away (accept(2)). */
    return fd >= 0;
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;

    (void)events;
    if (status < 0) {
        rest(l, -status);
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_TURN && !l->stopped && accept_one(l); i++)
        continue;
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

struct listener *listener_start(uv_loop_t *loop, struct descriptor_share *descriptors, int fd,
                                bool is_unix, listener_accept accept, void *owner,
                                struct failure *why)
{
    struct listener *l = calloc(1, sizeof *l);

    if (!l)
        return fail(l, fd, is_unix, ENOMEM, why);
    if (listen(fd, SOMAXCONN) != 0)
        return fail(l, fd, is_unix, errno, why);
    int error = uv_poll_init(loop, &l->poll, fd);
    if (error)
        return fail(l, fd, is_unix, -error, why);
    l->poll.data = l;
    l->fd = fd;
    l->descriptors = descriptors;
    l->wait = (struct descriptor_wait){.use = DESCRIPTOR_CLIENT, .take = try_again};
    l->accept = accept;
    l->owner = owner;
    uv_poll_start(&l->poll, UV_READABLE, listener_ready);
    return l;
}

static void poll_closed(uv_handle_t *poll)
{
    free(poll->data);
}

void listener_stop(struct listener *l)
{
    l->stopped = true;
    descriptor_wait_cancel(&l->wait);
    uv_close((uv_handle_t *)&l->poll, poll_closed);
    close(l->fd);
}
