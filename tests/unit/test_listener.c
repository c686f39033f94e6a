/* proxy/net/listener.c and listener_bind.c: every address, every reason not to, and EMFILE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/log.h"
#include "proxy/net/listener.h"

enum { MAX_FDS = 8 };

struct door {
    int fds[16];
    int n;
    bool stop_at_once;
};

static void accepted(void *owner, struct listener *l, int fd)
{
    struct door *door = owner;

    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    door->fds[door->n++] = fd;
    if (door->stop_at_once)
        listener_stop(l);
}

static int connect_port(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static int bind_one(const char *host, uint16_t port)
{
    int fds[MAX_FDS];
    struct failure why;
    struct endpoint e = {.host = (char *)(uintptr_t)host, .port = port};

    assert_int_equal(listener_bind(&e, fds, MAX_FDS, &why), 1);
    return fds[0];
}

static void accepts(void **state)
{
    uv_loop_t loop;
    struct failure why;
    struct door door = {.n = 0};
    int fd = bind_one("127.0.0.1", 0);
    uint16_t port = listener_port(fd);

    (void)state;
    assert_true(port > 0);
    uv_loop_init(&loop);
    struct listener *l = listener_start(&loop, NULL, fd, false, accepted, &door, &why);
    assert_non_null(l);
    int clients[3] = {connect_port(port), connect_port(port), connect_port(port)};
    while (door.n < 3)
        uv_run(&loop, UV_RUN_ONCE);
    listener_stop(l);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    for (int i = 0; i < 3; i++) {
        close(clients[i]);
        close(door.fds[i]);
    }
}

static void stops_inside_accept(void **state)
{
    uv_loop_t loop;
    struct failure why;
    struct door door = {.stop_at_once = true};
    int fd = bind_one("127.0.0.1", 0);
    uint16_t port = listener_port(fd);

    (void)state;
    uv_loop_init(&loop);
    assert_non_null(listener_start(&loop, NULL, fd, false, accepted, &door, &why));
    int clients[2] = {connect_port(port), connect_port(port)};
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(door.n, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(door.fds[0]);
    close(clients[0]);
    close(clients[1]);
}

/* CASES R8: without descriptors it neither ends nor spins, and the client is served afterwards. */
static void outlives_a_lack_of_descriptors(void **state)
{
    uv_loop_t loop;
    struct failure why;
    struct door door = {.n = 0};
    struct rlimit limit;
    int fd = bind_one("127.0.0.1", 0);
    uint16_t port = listener_port(fd);

    (void)state;
    uv_loop_init(&loop);
    struct descriptors *d = descriptors_new(1, NULL);
    struct descriptor_share *share = descriptor_share_new(d, 0, &loop);
    struct listener *l = listener_start(&loop, share, fd, false, accepted, &door, &why);
    uv_run(&loop, UV_RUN_NOWAIT); /* the loop has its own descriptors by now */
    int client = connect_port(port);
    int lowest_free = dup(client);
    close(lowest_free);
    getrlimit(RLIMIT_NOFILE, &limit);
    const struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    log_setup(false, LOG_ERROR);
    for (int i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_ONCE); /* each is a pause: five turns, not five million */
    assert_int_equal(door.n, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (door.n < 1)
        uv_run(&loop, UV_RUN_ONCE);
    listener_stop(l);
    descriptor_share_close(share);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    descriptor_share_free(share);
    descriptors_free(d);
    close(client);
    close(door.fds[0]);
}

static void shares_a_port(void **state)
{
    int first = bind_one("127.0.0.1", 0);
    int second = bind_one("127.0.0.1", listener_port(first));

    (void)state;
    assert_int_equal(listener_port(first), listener_port(second));
    close(first);
    close(second);
}

static void binds_every_address(void **state)
{
    int fds[MAX_FDS];
    struct failure why;
    const char *hosts[] = {"*", "", NULL, "localhost"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct endpoint e = {.host = (char *)(uintptr_t)hosts[i]};
        int n = listener_bind(&e, fds, MAX_FDS, &why);
        assert_in_range(n, 1, 2);
        assert_int_equal(listener_port(fds[n - 1]), listener_port(fds[0]));
        for (int k = 0; k < n; k++)
            close(fds[k]);
    }
}

static void assert_bind_fails(const struct endpoint *e, const char *text)
{
    int fds[MAX_FDS];
    struct failure why = {0};

    assert_int_equal(listener_bind(e, fds, MAX_FDS, &why), -1);
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    assert_string_equal(why.text, text);
}

static void tells_a_port_in_use(void **state)
{
    char host[] = "127.0.0.1";
    char text[128];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int other = socket(AF_INET, SOCK_STREAM, 0); /* without SO_REUSEPORT */

    (void)state;
    assert_int_equal(bind(other, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(other, (struct sockaddr *)&a, &size);
    struct endpoint e = {.host = host, .port = ntohs(a.sin_port)};
    snprintf(text, sizeof text, "127.0.0.1 port %u is in use by another program", e.port);
    assert_bind_fails(&e, text);
    close(other);
}

static void tells_a_foreign_address(void **state)
{
    char host[] = "192.0.2.1";

    (void)state;
    assert_bind_fails(&(struct endpoint){.host = host},
                      "192.0.2.1 is not an address of this machine");
}

/* ---- unix sockets ---- */

static char dir[] = "/tmp/mailferry-test-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/pop3", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

/* Workers share a port by SO_REUSEPORT; another mailferry must not. */
static void tells_a_port_that_is_shared(void **state)
{
    struct endpoint e = {.host = (char *)(uintptr_t) "127.0.0.1"};
    int fds[MAX_FDS];
    struct failure why;

    (void)state;
    assert_int_equal(listener_bind(&e, fds, MAX_FDS, &why), 1);
    e.port = listener_port(fds[0]);
    assert_int_equal(listen(fds[0], 1), 0);
    assert_false(listener_is_free(&e, &why));
    assert_non_null(strstr(why.text, "in use"));
    close(fds[0]);
    assert_true(listener_is_free(&e, &why));
}

static void replaces_a_stale_socket(void **state)
{
    struct endpoint e = {.unix_path = path};
    int fds[MAX_FDS];
    struct failure why;
    struct stat st;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(listener_bind(&e, fds, MAX_FDS, &why), 1);
        assert_int_equal(listener_port(fds[0]), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0660);
        close(fds[0]);
    }
}

static void leaves_a_socket_in_use(void **state)
{
    struct endpoint e = {.unix_path = path};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char text[128];
    int other = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    strcpy(a.sun_path, path);
    assert_int_equal(bind(other, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(other, 1), 0);
    snprintf(text, sizeof text, "%s is in use by another program", path);
    assert_bind_fails(&e, text);
    assert_int_equal(access(path, F_OK), 0);
    close(other);
}

static void leaves_what_is_no_socket(void **state)
{
    struct endpoint e = {.unix_path = path};
    char text[128];

    (void)state;
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(text, sizeof text, "%s exists and is not a socket; remove it", path);
    assert_bind_fails(&e, text);
    assert_int_equal(access(path, F_OK), 0);
}

static void tells_a_missing_directory(void **state)
{
    char nowhere[] = "/nonexistent/pop3";

    (void)state;
    assert_bind_fails(&(struct endpoint){.unix_path = nowhere},
                      "cannot make the unix socket /nonexistent/pop3: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(stops_inside_accept),
        cmocka_unit_test(outlives_a_lack_of_descriptors),
        cmocka_unit_test(shares_a_port),
        cmocka_unit_test(binds_every_address),
        cmocka_unit_test(tells_a_port_in_use),
        cmocka_unit_test(tells_a_foreign_address),
        cmocka_unit_test(tells_a_port_that_is_shared),
        cmocka_unit_test_setup_teardown(replaces_a_stale_socket, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(leaves_a_socket_in_use, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(leaves_what_is_no_socket, make_dir, remove_dir),
        cmocka_unit_test(tells_a_missing_directory),
    };

    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
