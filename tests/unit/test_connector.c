/* proxy/net/connector.c: success, each way to fail in words, and cancelling at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/net/connector.h"

struct outcome {
    unsigned calls;
    int fd;
    struct failure why;
};

static void done(void *owner, int fd, const struct failure *why)
{
    struct outcome *o = owner;

    o->calls++;
    o->fd = fd;
    assert_int_equal(fd < 0, why != NULL);
    if (why)
        o->why = *why;
}

static struct outcome connect_to(const struct endpoint *e, unsigned seconds)
{
    uv_loop_t loop;
    struct outcome o = {.fd = -1};

    uv_loop_init(&loop);
    assert_non_null(connector_start(&loop, NULL, e, seconds, done, &o));
    assert_int_equal(o.calls, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(o.calls, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
    if (o.fd < 0)
        assert_int_equal(o.why.kind, FAILURE_TEMPORARY);
    return o;
}

/* A bound socket on loopback, listening when `backlog` is not negative. */
static int tcp_server(int backlog, uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    getsockname(fd, (struct sockaddr *)&a, &size);
    *port = ntohs(a.sin_port);
    return fd;
}

static void connects(void **state)
{
    char host[] = "127.0.0.1";
    struct endpoint e = {.host = host};
    int server = tcp_server(1, &e.port);
    struct outcome o = connect_to(&e, 10);

    (void)state;
    assert_true(o.fd >= 0);
    int accepted = accept(server, NULL, NULL);
    assert_int_equal(write(accepted, "+OK", 3), 3);
    char text[4] = {0};
    while (read(o.fd, text, 3) != 3) /* it does not block */
        ;
    assert_string_equal(text, "+OK");
    close(accepted);
    close(o.fd);
    close(server);
}

/* "localhost" has two addresses on most machines; the server has only the one. */
static void tries_the_next_address(void **state)
{
    char host[] = "localhost";
    struct endpoint e = {.host = host};
    int server = tcp_server(1, &e.port);
    struct outcome o = connect_to(&e, 10);

    (void)state;
    assert_true(o.fd >= 0);
    close(o.fd);
    close(server);
}

static void tells_a_refusal(void **state)
{
    char host[] = "127.0.0.1";
    char name[] = "localhost";
    struct endpoint e = {.host = host};
    int bound = tcp_server(-1, &e.port);
    char expected[200];

    (void)state;
    snprintf(expected, sizeof expected,
             "127.0.0.1 port %u refused the connection; is the server running?", e.port);
    assert_string_equal(connect_to(&e, 10).why.text, expected);
    e.host = name;
    struct outcome o = connect_to(&e, 10);
    snprintf(expected, sizeof expected,
             "localhost (%s port %u) refused the connection; is the server running?",
             strstr(o.why.text, "::1") ? "::1" : "127.0.0.1", e.port);
    assert_string_equal(o.why.text, expected);
    close(bound);
}

static void tells_an_unknown_host(void **state)
{
    char host[] = "no-such-host.invalid";
    struct endpoint e = {.host = host, .port = 143};
    struct outcome o = connect_to(&e, 10);

    (void)state;
    assert_memory_equal(o.why.text, "cannot find no-such-host.invalid: ", 34);
    assert_null(strstr(o.why.text, "unknown error"));
}

/* A full backlog makes the kernel drop what comes: the connection hangs. */
static void tells_silence(void **state)
{
    char host[] = "127.0.0.1";
    struct endpoint e = {.host = host};
    int server = tcp_server(0, &e.port);
    int fillers[4];
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(e.port)};
    char expected[100];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&a, sizeof a);
    }
    snprintf(expected, sizeof expected, "127.0.0.1 port %u did not answer within 1 s", e.port);
    assert_string_equal(connect_to(&e, 1).why.text, expected);
    for (size_t i = 0; i < 4; i++)
        close(fillers[i]);
    close(server);
}

static void connects_to_unix_sockets(void **state)
{
    char dir[] = "/tmp/mailferry-test-XXXXXX";
    char path[64];
    char expected[200];
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/imap", dir);
    strcpy(a.sun_path, path);
    struct endpoint e = {.unix_path = path};
    snprintf(expected, sizeof expected, "the unix socket %s does not exist; is the server running?",
             path);
    assert_string_equal(connect_to(&e, 10).why.text, expected);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof a), 0);
    snprintf(expected, sizeof expected,
             "the unix socket %s refused the connection; is the server running?", path);
    assert_string_equal(connect_to(&e, 10).why.text, expected);
    assert_int_equal(listen(server, 1), 0);
    struct outcome o = connect_to(&e, 10);
    assert_true(o.fd >= 0);
    close(o.fd);
    close(server);
    unlink(path);
    rmdir(dir);
}

static void tells_a_long_path(void **state)
{
    char path[200];
    struct endpoint e = {.unix_path = path};

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_non_null(strstr(connect_to(&e, 10).why.text, "too long"));
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* After so many turns of the loop: nothing is called, nothing stays open. */
static void cancel_after(const struct endpoint *e, int turns)
{
    uv_loop_t loop;
    struct outcome o = {.fd = -1};

    uv_loop_init(&loop);
    unsigned before = open_descriptors();
    struct connector *c = connector_start(&loop, NULL, e, 10, done, &o);
    for (int i = 0; i < turns && o.calls == 0; i++)
        uv_run(&loop, UV_RUN_ONCE);
    if (o.calls)
        close(o.fd);
    else
        connector_cancel(c);
    unsigned calls = o.calls;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(o.calls, calls);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void cancels_at_any_moment(void **state)
{
    char host[] = "localhost";
    char path[] = "/nonexistent/socket";
    struct endpoint e = {.host = host};
    struct endpoint unix_endpoint = {.unix_path = path};
    int server = tcp_server(16, &e.port);

    (void)state;
    for (int turns = 0; turns < 6; turns++) {
        cancel_after(&e, turns);
        cancel_after(&unix_endpoint, turns);
    }
    close(server);
}

/* ---- where descriptors are short ---- */

struct shortage {
    uv_loop_t loop;
    struct health *health;
    struct descriptors *all;
    struct descriptor_share *share;
    struct rlimit limit;
    struct outcome outcome;
    struct connector *connector;
    struct endpoint endpoint;
    char host[16];
    int server;
};

/* There is no descriptor, and somebody who wants one waits. */
static int begin_shortage(void **state)
{
    struct shortage *s = calloc(1, sizeof *s);
    struct endpoint *e = &s->endpoint;

    log_setup(false, LOG_ERROR);
    uv_loop_init(&s->loop);
    s->health = health_new();
    s->all = descriptors_new(1, s->health);
    s->share = descriptor_share_new(s->all, 0, &s->loop);
    e->host = s->host;
    strcpy(e->host, "127.0.0.1");
    s->server = tcp_server(16, &e->port);
    int lowest_free = dup(s->server);
    close(lowest_free);
    getrlimit(RLIMIT_NOFILE, &s->limit);
    const struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = s->limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    s->connector = connector_start(&s->loop, s->share, e, 60, done, &s->outcome);
    while (!descriptors_are_awaited(s->share))
        uv_run(&s->loop, UV_RUN_ONCE);
    *state = s;
    return 0;
}

static int end_shortage(void **state)
{
    struct shortage *s = *state;

    setrlimit(RLIMIT_NOFILE, &s->limit);
    descriptor_share_close(s->share);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    descriptor_share_free(s->share);
    descriptors_free(s->all);
    health_free(s->health);
    close(s->server);
    free(s);
    return 0;
}

static void waits_for_a_descriptor(void **state)
{
    struct shortage *s = *state;
    uint64_t since = uv_now(&s->loop);

    while (uv_now(&s->loop) == since)
        uv_run(&s->loop, UV_RUN_ONCE);
    assert_int_equal(s->outcome.calls, 0);
    setrlimit(RLIMIT_NOFILE, &s->limit);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(s->outcome.calls, 1);
    assert_true(s->outcome.fd >= 0);
    close(s->outcome.fd);
}

static void cancels_while_it_waits(void **state)
{
    struct shortage *s = *state;

    connector_cancel(s->connector);
    assert_false(descriptors_are_awaited(s->share));
    setrlimit(RLIMIT_NOFILE, &s->limit);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(s->outcome.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects),
        cmocka_unit_test(tries_the_next_address),
        cmocka_unit_test(tells_a_refusal),
        cmocka_unit_test(tells_an_unknown_host),
        cmocka_unit_test(tells_silence),
        cmocka_unit_test(connects_to_unix_sockets),
        cmocka_unit_test(tells_a_long_path),
        cmocka_unit_test(cancels_at_any_moment),
        cmocka_unit_test_setup_teardown(waits_for_a_descriptor, begin_shortage, end_shortage),
        cmocka_unit_test_setup_teardown(cancels_while_it_waits, begin_shortage, end_shortage),
    };

    return cmocka_run_group_tests_name("connector", tests, NULL, NULL);
}
