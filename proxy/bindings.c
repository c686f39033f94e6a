#include "proxy/bindings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/net/listener.h"

static bool bindings_add(struct bindings *b, size_t listener, unsigned worker, int fd, bool is_unix)
{
    struct binding *all = realloc(b->all, (b->count + 1) * sizeof *all);

    if (!all) {
        close(fd);
        return false;
    }
    b->all = all;
    b->all[b->count++] =
        (struct binding){.listener = listener, .worker = worker, .fd = fd, .is_unix = is_unix};
    return true;
}

static bool bind_fault(const struct endpoint *e, const char *text, FILE *errors)
{
    char name[300];

    endpoint_print(e, name, sizeof name);
    fprintf(errors, "%s: %s\n", name, text);
    return false;
}

/* A unix socket has one descriptor, of which each worker gets a copy. */
static bool bind_unix(struct bindings *b, const struct endpoint *e, size_t listener,
                      unsigned workers, FILE *errors)
{
    struct failure why;
    int fd;

    if (listener_bind(e, &fd, 1, &why) < 0)
        return bind_fault(e, why.text, errors);
    if (!bindings_add(b, listener, 0, fd, true))
        return bind_fault(e, "out of memory", errors);
    for (unsigned worker = 1; worker < workers; worker++) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return bind_fault(e, strerror(errno), errors);
        if (!bindings_add(b, listener, worker, copy, true))
            return bind_fault(e, "out of memory", errors);
    }
    return true;
}

/* Every worker binds the same addresses, the first one's port where any would do. */
static bool bind_tcp(struct bindings *b, const struct endpoint *e, size_t listener,
                     unsigned workers, FILE *errors)
{
    struct endpoint same = *e;
    struct failure why;
    int fds[LISTENER_ADDRESSES_MAX];
    bool added = true;

    if (!listener_is_free(e, &why))
        return bind_fault(e, why.text, errors);
    for (unsigned worker = 0; worker < workers; worker++) {
        int n = listener_bind(&same, fds, LISTENER_ADDRESSES_MAX, &why);
        if (n < 0)
            return bind_fault(e, why.text, errors);
        for (int i = 0; i < n; i++)
            added = bindings_add(b, listener, worker, fds[i], false) && added;
        if (!added)
            return bind_fault(e, "out of memory", errors);
        if (worker == 0 && n > 0)
            b->ports[listener] = same.port = listener_port(fds[0]);
    }
    return true;
}

bool bindings_open(struct bindings *b, const struct config *c, unsigned workers, FILE *errors)
{
    bool good = true;

    *b = (struct bindings){.ports = calloc(c->listener_count + 1, sizeof *b->ports)};
    if (!b->ports) {
        fputs("out of memory\n", errors);
        return false;
    }
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct endpoint *e = &c->listeners[i].endpoint;
        good = (e->unix_path ? bind_unix(b, e, i, workers, errors)
                             : bind_tcp(b, e, i, workers, errors)) &&
               good;
    }
    return good;
}

int binding_take(struct binding *b)
{
    int fd = b->fd;

    b->fd = -1;
    return fd;
}

void bindings_close(struct bindings *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->all[i].fd >= 0)
            close(b->all[i].fd);
    free(b->all);
    free(b->ports);
    *b = (struct bindings){0};
}
