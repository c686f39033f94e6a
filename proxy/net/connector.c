/*
 * See connector.h. One attempt after the other; an attempt's poll handle is closed before the next
 * step is taken (`next`), as libuv wants its memory until then.
 */
#include "proxy/net/connector.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct connector {
    uv_loop_t *loop;
    struct descriptor_share *descriptors;
    const struct endpoint *endpoint;
    connector_done done; /* NULL once it was called or cancelled */
    void *owner;
    uv_getaddrinfo_t lookup;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned pending; /* of the three above, what libuv still holds */
    bool looking;
    bool polling; /* `poll` is open */
    int fd;
    struct descriptor_wait wait;
    uint64_t waited;             /* in ms */
    uint64_t counted;            /* loop time until which `waited` is */
    uint64_t deadline;           /* loop time in ms */
    unsigned seconds;            /* for all attempts */
    unsigned share;              /* of this attempt, in ms */
    struct addrinfo *list;       /* owned */
    const struct addrinfo *next; /* address to try */
    struct sockaddr_un unix_address;
    struct addrinfo unix_info;
    char peer[160]; /* who is being tried, in words */
    struct failure why;
};

static void attempt_next(struct connector *c);

static void connector_unref(struct connector *c)
{
    if (--c->pending)
        return;
    uv_freeaddrinfo(c->list);
    free(c);
}

static void handle_closed(uv_handle_t *handle)
{
    connector_unref(handle->data);
}

/* Gives the result, if somebody still wants it, and gives up what is in the way of freeing. */
static void connector_finish(struct connector *c, int fd)
{
    connector_done done = c->done;

    c->done = NULL;
    if (c->looking)
        uv_cancel((uv_req_t *)&c->lookup);
    uv_close((uv_handle_t *)&c->timer, handle_closed);
    if (done)
        done(c->owner, fd, fd < 0 ? &c->why : NULL);
}

static uint64_t time_left(const struct connector *c)
{
    uint64_t now = uv_now(c->loop);

    return c->deadline > now ? c->deadline - now : 0;
}

/* ---- one attempt ---- */

static void explain_error(struct connector *c, int error)
{
    if (error == ECONNREFUSED)
        failure_set(&c->why, FAILURE_TEMPORARY, "%s refused the connection; is the server running?",
                    c->peer);
    else if (error == ENOENT)
        failure_set(&c->why, FAILURE_TEMPORARY, "%s does not exist; is the server running?",
                    c->peer);
    else if (error == EACCES || error == EPERM)
        failure_set(&c->why, FAILURE_TEMPORARY,
                    "not allowed to connect to %s; check its permissions or the firewall", c->peer);
    else if (error == EMFILE || error == ENFILE)
        failure_set(&c->why, FAILURE_TEMPORARY,
                    "cannot connect to %s: out of file descriptors; raise the limit (ulimit -n)",
                    c->peer);
    else
        failure_set(&c->why, FAILURE_TEMPORARY, "cannot connect to %s: %s", c->peer,
                    strerror(error));
}

static void attempt_closed(uv_handle_t *handle)
{
    struct connector *c = handle->data;
    int fd = c->fd;

    c->fd = -1;
    if (!c->done)
        assert(fd < 0);
    else if (fd >= 0)
        connector_finish(c, fd);
    else
        attempt_next(c);
    connector_unref(c);
}

/* Ends the attempt: with its socket left in `fd` it was successful. */
static void attempt_end(struct connector *c, bool connected)
{
    c->polling = false;
    uv_timer_stop(&c->timer);
    uv_close((uv_handle_t *)&c->poll, attempt_closed);
    if (connected)
        return;
    close(c->fd);
    c->fd = -1;
}

static void attempt_ready(uv_poll_t *poll, int status, int events)
{
    struct connector *c = poll->data;
    int error = 0;
    socklen_t size = sizeof error;

    (void)events;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (status < 0 && error == 0)
        error = ECONNRESET;
    if (error)
        explain_error(c, error);
    attempt_end(c, error == 0);
}

static void attempt_timeout(uv_timer_t *timer)
{
    struct connector *c = timer->data;

    failure_set(&c->why, FAILURE_TEMPORARY, "%s did not answer within %u s", c->peer,
                (c->share + 999) / 1000);
    attempt_end(c, false);
}

static void name_peer(struct connector *c, const struct addrinfo *a)
{
    char address[INET6_ADDRSTRLEN + IF_NAMESIZE];
    const struct endpoint *e = c->endpoint;

    if (e->unix_path)
        snprintf(c->peer, sizeof c->peer, "the unix socket %s", e->unix_path);
    else if (getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof address, NULL, 0,
                         NI_NUMERICHOST) != 0 ||
             strcmp(address, e->host) == 0)
        snprintf(c->peer, sizeof c->peer, "%s port %u", e->host, e->port);
    else
        snprintf(c->peer, sizeof c->peer, "%s (%s port %u)", e->host, address, e->port);
}

/* Each address still to try has the same share of what is left. */
static unsigned attempt_share(const struct connector *c, const struct addrinfo *a)
{
    unsigned addresses = 0;

    for (; a; a = a->ai_next)
        addresses++;
    return (unsigned)(time_left(c) / addresses);
}

/* 0 or an errno; then there is no socket. */
static int attempt_open(struct connector *c, int family)
{
    c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return errno;
    if (descriptor_affords(c->descriptors, DESCRIPTOR_UPSTREAM, c->fd))
        return 0;
    close(c->fd);
    c->fd = -1;
    return EMFILE;
}

/* As attempt_open(). */
static int attempt_connect(struct connector *c, const struct addrinfo *a)
{
    int error = attempt_open(c, a->ai_family);
    if (error)
        return error;
    if (connect(c->fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)
        error = -uv_poll_init(c->loop, &c->poll, c->fd);
    else
        error = errno;
    if (error) {
        close(c->fd);
        c->fd = -1;
    }
    return error;
}

/* 0 or an errno. */
static int attempt_start(struct connector *c, const struct addrinfo *a)
{
    name_peer(c, a);
    c->share = attempt_share(c, a);
    int error = attempt_connect(c, a);
    if (error) {
        explain_error(c, error);
        return error;
    }
    c->pending++;
    c->polling = true;
    c->poll.data = c;
    uv_poll_start(&c->poll, UV_WRITABLE, attempt_ready);
    uv_timer_start(&c->timer, attempt_timeout, c->share, 0);
    return 0;
}

/* False: there is no descriptor for it now. */
static bool attempt_some(struct connector *c)
{
    while (c->next) {
        const struct addrinfo *a = c->next;
        int error = attempt_start(c, a);
        if (c->descriptors && (error == EMFILE || error == ENFILE))
            return false;
        c->next = a->ai_next;
        if (!error)
            return true;
    }
    connector_finish(c, -1);
    return true;
}

static void attempt_next(struct connector *c)
{
    if (!(c->next && descriptors_are_awaited(c->descriptors)) && attempt_some(c))
        return;
    c->counted = uv_now(c->loop);
    descriptor_wait(c->descriptors, &c->wait);
}

/* ---- waiting for a descriptor ---- */

static struct connector *waiting(struct descriptor_wait *w)
{
    return (struct connector *)((char *)w - offsetof(struct connector, wait));
}

/* The time that it took is not the server's. */
static bool wait_take(struct descriptor_wait *w)
{
    struct connector *c = waiting(w);
    uint64_t waited = uv_now(c->loop) - c->counted;

    c->deadline += waited;
    c->waited += waited;
    c->counted += waited;
    return attempt_some(c);
}

static void wait_give_up(struct descriptor_wait *w)
{
    struct connector *c = waiting(w);

    name_peer(c, c->next);
    explain_error(c, EMFILE);
    connector_finish(c, -1);
}

/* ---- finding the addresses ---- */

/* The resolver's own words, which administrators know. */
static const char *lookup_error(int status)
{
    switch (status) {
    case UV_EAI_NONAME:
        return gai_strerror(EAI_NONAME);
    case UV_EAI_AGAIN:
        return gai_strerror(EAI_AGAIN);
    case UV_EAI_FAIL:
        return gai_strerror(EAI_FAIL);
    default:
        return uv_strerror(status);
    }
}

static void lookup_done(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list)
{
    struct connector *c = lookup->data;

    c->looking = false;
    c->list = list;
    if (c->done) {
        uv_timer_stop(&c->timer);
        c->next = list;
        if (status != 0)
            failure_set(&c->why, FAILURE_TEMPORARY,
                        "cannot find %s: %s; check the upstream's name and this machine's DNS",
                        c->endpoint->host, lookup_error(status));
        attempt_next(c);
    }
    connector_unref(c);
}

static void lookup_timeout(uv_timer_t *timer)
{
    struct connector *c = timer->data;

    failure_set(&c->why, FAILURE_TEMPORARY,
                "cannot find %s: the name service did not answer within %u s", c->endpoint->host,
                c->seconds);
    connector_finish(c, -1);
}

static bool lookup_start(struct connector *c)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];

    snprintf(port, sizeof port, "%u", c->endpoint->port);
    c->lookup.data = c;
    if (uv_getaddrinfo(c->loop, &c->lookup, lookup_done, c->endpoint->host, port, &hints) != 0)
        return false;
    c->looking = true;
    c->pending++;
    uv_timer_start(&c->timer, lookup_timeout, time_left(c), 0);
    return true;
}

static void unix_turn(uv_timer_t *timer)
{
    attempt_next(timer->data);
}

static void unix_fault(uv_timer_t *timer)
{
    connector_finish(timer->data, -1);
}

/* A unix socket needs no looking up, but no callback may come before connector_start() is over. */
static void unix_start(struct connector *c)
{
    const char *path = c->endpoint->unix_path;

    if (strlen(path) >= sizeof c->unix_address.sun_path) {
        failure_set(&c->why, FAILURE_TEMPORARY, "the path of the unix socket %s is too long", path);
        uv_timer_start(&c->timer, unix_fault, 0, 0);
        return;
    }
    c->unix_address.sun_family = AF_UNIX;
    strcpy(c->unix_address.sun_path, path);
    c->unix_info = (struct addrinfo){.ai_family = AF_UNIX,
                                     .ai_addr = (struct sockaddr *)&c->unix_address,
                                     .ai_addrlen = sizeof c->unix_address};
    c->next = &c->unix_info;
    uv_timer_start(&c->timer, unix_turn, 0, 0);
}

/* ---- the owner's side ---- */

struct connector *connector_start(uv_loop_t *loop, struct descriptor_share *descriptors,
                                  const struct endpoint *e, unsigned seconds, connector_done done,
                                  void *owner)
{
    struct connector *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->loop = loop;
    c->descriptors = descriptors;
    c->wait = (struct descriptor_wait){.use = DESCRIPTOR_UPSTREAM,
                                       .patience_ms = seconds * 1000ULL,
                                       .take = wait_take,
                                       .give_up = wait_give_up};
    c->endpoint = e;
    c->done = done;
    c->owner = owner;
    c->fd = -1;
    c->seconds = seconds;
    c->deadline = uv_now(loop) + seconds * 1000ULL;
    c->pending = 1;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    if (e->unix_path) {
        unix_start(c);
    } else if (!lookup_start(c)) {
        uv_close((uv_handle_t *)&c->timer, handle_closed);
        return NULL;
    }
    return c;
}

uint64_t connector_waited(const struct connector *c)
{
    return c->waited;
}

void connector_cancel(struct connector *c)
{
    c->done = NULL;
    descriptor_wait_cancel(&c->wait);
    if (c->polling)
        attempt_end(c, false);
    else if (c->fd >= 0)
        close(c->fd); /* connected, but not told yet */
    c->fd = -1;
    connector_finish(c, -1);
}
