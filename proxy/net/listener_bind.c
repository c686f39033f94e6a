/*
 * Binding the addresses of an endpoint, and saying in words why one cannot be had. See listener.h.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/net/listener.h"

enum {
    FREE_PORT_TRIES = 16,
    UNIX_MODE = 0660, /* its group may connect */
};

uint16_t listener_port(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;

    getsockname(fd, (struct sockaddr *)&address, &size);
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
    return 0;
}

static bool is_any(const char *host)
{
    return !host || !*host || strcmp(host, "*") == 0;
}

static void explain_tcp(const struct endpoint *e, int error, struct failure *why)
{
    const char *host = is_any(e->host) ? "*" : e->host;

    if (error == EACCES)
        failure_set(why, FAILURE_PERMANENT, "port %u needs root or CAP_NET_BIND_SERVICE", e->port);
    else if (error == EADDRINUSE)
        failure_set(why, FAILURE_PERMANENT, "%s port %u is in use by another program", host,
                    e->port);
    else if (error == EADDRNOTAVAIL)
        failure_set(why, FAILURE_PERMANENT, "%s is not an address of this machine", host);
    else
        failure_set(why, FAILURE_PERMANENT, "cannot listen on %s port %u: %s", host, e->port,
                    strerror(error));
}

/* ---- TCP ---- */

static void set_port(struct sockaddr *address, uint16_t port)
{
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
}

/* A bound socket, or -1 with errno. One that is not shared can only be had when nobody, not even
 * another mailferry, has the port. */
static int bind_address(const struct addrinfo *a, uint16_t port, bool shared)
{
    int on = 1;
    int share = shared;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_port(a->ai_addr, port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof share) == 0 &&
        (a->ai_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
        bind(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void close_all(const int *fds, int n)
{
    for (int i = 0; i < n; i++)
        close(fds[i]);
}

/* A machine without IPv6 has still a "localhost" of two addresses. */
static bool is_missing_family(int error)
{
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* Binds all of them to one port. The number of sockets, 0 or less with errno when there is none. */
static int bind_all(const struct addrinfo *list, uint16_t port, bool shared, int *fds, int max)
{
    int n = 0;
    int skipped = EADDRNOTAVAIL;

    for (const struct addrinfo *a = list; a && n < max; a = a->ai_next) {
        int fd = bind_address(a, port, shared);
        if (fd < 0 && is_missing_family(errno)) {
            skipped = errno;
            continue;
        }
        if (fd < 0) {
            int error = errno;
            close_all(fds, n);
            errno = error;
            return -1;
        }
        fds[n++] = fd;
        port = listener_port(fd);
    }
    errno = skipped;
    return n;
}

/* A port that is free on the first address may be taken on the next: then another one is tried. */
static int bind_tcp(const struct endpoint *e, const struct addrinfo *list, bool shared, int *fds,
                    int max, struct failure *why)
{
    for (int i = 0; i < FREE_PORT_TRIES; i++) {
        int n = bind_all(list, e->port, shared, fds, max);
        if (n > 0)
            return n;
        if (e->port || errno != EADDRINUSE)
            break;
    }
    explain_tcp(e, errno, why);
    return -1;
}

static int bind_host(const struct endpoint *e, bool shared, int *fds, int max, struct failure *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list;
    char port[8];

    snprintf(port, sizeof port, "%u", e->port);
    int error = getaddrinfo(is_any(e->host) ? NULL : e->host, port, &hints, &list);
    if (error) {
        failure_set(why, FAILURE_PERMANENT, "cannot find %s: %s", e->host, gai_strerror(error));
        return -1;
    }
    int n = bind_tcp(e, list, shared, fds, max, why);
    freeaddrinfo(list);
    return n;
}

/* ---- unix sockets ---- */

/* Whether a server listens there. Then, and in doubt, the file is not ours to remove. */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return true;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return !refused;
}

/* Removes what a process that died has left. */
static bool clear_path(const struct sockaddr_un *address, struct failure *why)
{
    const char *path = address->sun_path;
    struct stat st;

    if (lstat(path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        failure_set(why, FAILURE_PERMANENT, "%s exists and is not a socket; remove it", path);
    else if (is_answered(address))
        failure_set(why, FAILURE_PERMANENT, "%s is in use by another program", path);
    else if (unlink(path) != 0)
        failure_set(why, FAILURE_PERMANENT, "cannot remove the stale socket %s: %s", path,
                    strerror(errno));
    else
        return true;
    return false;
}

static int bind_path(const struct sockaddr_un *address, struct failure *why)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    /* Nobody can connect before listen(), so the mode is in place in time. */
    if (fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
        chmod(address->sun_path, UNIX_MODE) == 0)
        return fd;
    failure_set(why, FAILURE_PERMANENT, "cannot make the unix socket %s: %s", address->sun_path,
                strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int bind_unix(const char *path, int *fds, struct failure *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path) {
        failure_set(why, FAILURE_PERMANENT, "the path %s is too long for a unix socket (%zu)", path,
                    sizeof address.sun_path - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    if (!clear_path(&address, why))
        return -1;
    fds[0] = bind_path(&address, why);
    return fds[0] < 0 ? -1 : 1;
}

int listener_bind(const struct endpoint *e, int *fds, int max, struct failure *why)
{
    return e->unix_path ? bind_unix(e->unix_path, fds, why) : bind_host(e, true, fds, max, why);
}

bool listener_is_free(const struct endpoint *e, struct failure *why)
{
    int fds[LISTENER_ADDRESSES_MAX];
    int n = e->unix_path ? 0 : bind_host(e, false, fds, LISTENER_ADDRESSES_MAX, why);

    close_all(fds, n);
    return n >= 0;
}
