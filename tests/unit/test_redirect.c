/* Where a browser comes back to: what is asked of it by TCP, and which addresses are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proxy/auth/redirect.h"
#include "translate/text/buf.h"

static uv_loop_t loop;
static struct redirect *redirect;
static struct buf came;   /* the last target */
static bool welcome;      /* what the owner says to it */
static struct buf answer; /* to the browser */
static bool ended;
static char octets[4096];

static int begin(void **state)
{
    (void)state;
    welcome = true;
    ended = false;
    return uv_loop_init(&loop);
}

static int end(void **state)
{
    (void)state;
    redirect_close(redirect);
    redirect = NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    buf_clear(&came);
    buf_clear(&answer);
    return uv_loop_close(&loop);
}

static bool on_came(void *owner, struct slice target)
{
    (void)owner;
    buf_clear(&came);
    buf_put(&came, target);
    return welcome;
}

static void open_at(const char *wanted)
{
    struct failure why;

    redirect = redirect_open(&loop, wanted, on_came, NULL, &why);
    assert_non_null(redirect);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    (void)handle;
    (void)wanted;
    *out = uv_buf_init(octets, sizeof octets);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *out)
{
    if (n > 0) {
        buf_put(&answer, slice_make(out->base, (size_t)n));
        return;
    }
    ended = true;
    uv_close((uv_handle_t *)stream, NULL);
}

static uint16_t port(void)
{
    const char *colon = strrchr(redirect_address(redirect), ':');

    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

static void on_written(uv_write_t *write, int status)
{
    (void)write;
    (void)status;
}

static uv_write_t writes[8];

static void on_connected(uv_connect_t *connect, int status)
{
    const char *const *pieces = connect->data;

    assert_int_equal(status, 0);
    uv_read_start(connect->handle, on_alloc, on_read);
    for (size_t i = 0; pieces[i]; i++) {
        uv_buf_t out = uv_buf_init((char *)(uintptr_t)pieces[i], (unsigned)strlen(pieces[i]));
        uv_write(&writes[i], connect->handle, &out, 1, on_written);
    }
}

/* Says the pieces and waits for all of the answer. */
static void ask(const char *const *pieces)
{
    struct sockaddr_in address;
    uv_connect_t connect = {.data = (void *)(uintptr_t)pieces};
    uv_tcp_t tcp;

    buf_clear(&answer);
    ended = false;
    uv_tcp_init(&loop, &tcp);
    uv_ip4_addr("127.0.0.1", port(), &address);
    uv_tcp_connect(&connect, &tcp, (struct sockaddr *)&address, on_connected);
    while (!ended || uv_is_active((uv_handle_t *)&tcp))
        uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_NOWAIT); /* its handle is given back */
}

#define ASK(...) ask((const char *const[]){__VA_ARGS__, NULL})

static void assert_answer(const char *text)
{
    buf_putc(&answer, '\0');
    assert_non_null(strstr(buf_slice(&answer).p, text));
}

static void test_the_answer(void **state)
{
    (void)state;
    open_at("http://127.0.0.1/");
    ASK("GET /?code=c&state=s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_true(slice_is(buf_slice(&came), "/?code=c&state=s"));
    assert_answer("HTTP/1.1 200 ");
}

static void test_in_pieces(void **state)
{
    (void)state;
    open_at("http://localhost/back");
    assert_int_equal(strncmp(redirect_address(redirect), "http://localhost:", 17), 0);
    assert_non_null(strstr(redirect_address(redirect), "/back"));
    ASK("GET /back?co", "de=c HTTP/1.1\r\n", "Host: x\r\n\r", "\n");
    assert_true(slice_is(buf_slice(&came), "/back?code=c"));
}

static void test_another_answer(void **state)
{
    (void)state;
    welcome = false;
    open_at("http://127.0.0.1/");
    ASK("GET /?code=c&state=other HTTP/1.1\r\n\r\n");
    assert_answer("HTTP/1.1 400 ");
}

static void test_what_else_browsers_ask_for(void **state)
{
    (void)state;
    open_at("http://127.0.0.1/back");
    ASK("GET /favicon.ico HTTP/1.1\r\n\r\n");
    assert_answer("HTTP/1.1 404 ");
    ASK("GET /backwards?code=c HTTP/1.1\r\n\r\n");
    assert_answer("HTTP/1.1 404 ");
    ASK("POST /back?code=c HTTP/1.1\r\n\r\n");
    assert_answer("HTTP/1.1 404 ");
    ASK("\r\n\r\n");
    assert_answer("HTTP/1.1 404 ");
    assert_int_equal(buf_size(&came), 0);
}

static void test_a_request_without_an_end(void **state)
{
    static char much[20000];

    (void)state;
    memset(much, 'x', sizeof much - 1);
    open_at("http://127.0.0.1/");
    ASK(much);
    assert_int_equal(buf_size(&answer), 0);
}

static void test_which_are_ours(void **state)
{
    static const char *const local[] = {"http://127.0.0.1/", "http://localhost",
                                        "http://[::1]:8080/x", "http://LocalHost:1/"};
    static const char *const others[] = {"https://127.0.0.1/",
                                         "http://127.0.0.1.example/",
                                         "http://[::1",
                                         "http://127.0.0.1:x/",
                                         "http://127.0.0.1:70000/",
                                         "app.mailferry:/back",
                                         ""};
    struct failure why;

    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(redirect_is_local(local[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(redirect_is_local(others[i]));
        assert_null(redirect_open(&loop, others[i], on_came, NULL, &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
    }
}

static void test_a_port_that_is_taken(void **state)
{
    struct failure why;

    (void)state;
    open_at("http://127.0.0.1");
    assert_null(redirect_open(&loop, redirect_address(redirect), on_came, NULL, &why));
    assert_int_equal(why.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(why.text, redirect_address(redirect)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_the_answer),
        TEST(test_in_pieces),
        TEST(test_another_answer),
        TEST(test_what_else_browsers_ask_for),
        TEST(test_a_request_without_an_end),
        TEST(test_which_are_ours),
        TEST(test_a_port_that_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
