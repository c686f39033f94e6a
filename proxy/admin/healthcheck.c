#include "proxy/admin/healthcheck.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/admin/admin.h"
#include "translate/text/buf.h"

enum {
    HEALTHCHECK_MS = 3000,
    HEALTHCHECK_FAILURES = 3,
    HEALTHCHECK_RECENT_S = 600, /* an old failure that nobody ran into again is no illness */
    HEALTHCHECK_ANSWER_MAX = 16 << 20,
};

/* What can be waited, in ms, until the deadline. */
static int healthcheck_left(uint64_t deadline)
{
    uint64_t now = uv_hrtime() / 1000000;

    return now < deadline ? (int)(deadline - now) : 0;
}

/* Reads to the end of the answer. False with errno set. */
static bool healthcheck_read(int fd, uint64_t deadline, struct buf *answer)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, healthcheck_left(deadline));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            errno = ETIMEDOUT;
        char *room = ready > 0 ? buf_reserve(answer, 4096) : NULL;
        ssize_t n = room ? read(fd, room, 4096) : -1;
        if (n <= 0)
            return n == 0;
        buf_added(answer, (size_t)n);
        if (buf_size(answer) > HEALTHCHECK_ANSWER_MAX) {
            errno = EMSGSIZE;
            return false;
        }
    }
}

/* The answer, whole; false with errno set. A backlog that is full fails at once (EAGAIN), which is
 * as good a sign of illness as any. */
static bool healthcheck_ask(const char *path, struct buf *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint64_t deadline = uv_hrtime() / 1000000 + HEALTHCHECK_MS;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    bool good = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                healthcheck_read(fd, deadline, answer);
    int error = errno;
    close(fd);
    errno = error;
    return good;
}

static bool healthcheck_route_ill(const json_t *route)
{
    const json_t *ago = json_object_get(route, "last_failure_s_ago");

    return json_integer_value(json_object_get(route, "failures_in_a_row")) >=
               HEALTHCHECK_FAILURES &&
           json_is_integer(ago) && json_integer_value(ago) <= HEALTHCHECK_RECENT_S;
}

bool healthcheck_judge(const json_t *answer, char *text, size_t cap)
{
    const json_t *upstream = json_object_get(answer, "upstream");
    size_t i;
    json_t *route;

    if (!json_is_array(upstream)) {
        snprintf(text, cap, "the answer is not mailferry's");
        return false;
    }
    json_array_foreach(upstream, i, route)
    {
        const char *name = json_string_value(json_object_get(route, "route"));
        const char *error = json_string_value(json_object_get(route, "last_error"));
        if (!healthcheck_route_ill(route))
            continue;
        snprintf(text, cap, "the last %" JSON_INTEGER_FORMAT " logins by route %s failed: %s",
                 json_integer_value(json_object_get(route, "failures_in_a_row")), name ? name : "?",
                 error ? error : "?");
        return false;
    }
    snprintf(text, cap,
             "%" JSON_INTEGER_FORMAT " sessions, %" JSON_INTEGER_FORMAT " logins since the start",
             json_integer_value(json_object_get(answer, "sessions")),
             json_integer_value(json_object_get(answer, "logins")));
    return true;
}

int healthcheck_run(const char *state_dir)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct buf line = BUF_INIT;
    char text[600];
    bool well = false;

    if (!admin_path(state_dir, path, sizeof path)) {
        snprintf(text, sizeof text, "%s is too long a path for a unix socket in it", state_dir);
    } else if (!healthcheck_ask(path, &line)) {
        snprintf(text, sizeof text, "%s: %s; is mailferry running with this state directory?", path,
                 strerror(errno));
    } else {
        struct slice octets = buf_slice(&line);
        json_t *answer = json_loadb(octets.p, octets.n, 0, NULL);
        well = healthcheck_judge(answer, text, sizeof text);
        json_decref(answer);
    }
    buf_clear(&line);
    fprintf(well ? stdout : stderr, "%s: %s\n", well ? "healthy" : "unhealthy", text);
    return well ? 0 : 1;
}
