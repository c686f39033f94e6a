/* HTTP requests on a loop, to a server that says what each test makes it say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/net/http.h"
#include "tests/unit/http_server.h"

static char url[80];

static struct http *http;
static bool over;
static unsigned answers;
static long status;
static char body[4096];
static char place[256];
static struct failure failure;

static int begin(void **state)
{
    (void)state;
    answers = 0;
    over = false;
    place[0] = body[0] = '\0';
    failure = (struct failure){0};
    if (!http_server_start())
        return -1;
    snprintf(url, sizeof url, "%s/token", http_server.url);
    http = http_new(&http_server.loop);
    return http ? 0 : -1;
}

static void on_http_closed(void *owner)
{
    *(bool *)owner = true;
}

static int end(void **state)
{
    bool closed = false;

    (void)state;
    if (http)
        http_close(http, on_http_closed, &closed);
    bool whole = http_server_stop();
    return whole && (!http || closed) ? 0 : -1;
}

static void copy(char *out, size_t cap, struct slice s)
{
    assert_true(s.n < cap);
    memcpy(out, s.p ? s.p : "", s.n);
    out[s.n] = '\0';
}

static void on_done(void *owner, const struct http_answer *answer, const struct failure *why)
{
    (void)owner;
    over = true;
    uv_stop(&http_server.loop); /* or uv_run() would wait for something more */
    answers++;
    failure = *why;
    assert_int_equal(answer != NULL, why->kind == FAILURE_NONE);
    if (!answer)
        return;
    status = answer->status;
    copy(body, sizeof body, answer->body);
    copy(place, sizeof place, http_answer_header(answer, "Location"));
}

static void ask(const struct http_request *request)
{
    struct http_request r = *request;

    r.url = r.url ? r.url : url;
    r.connect_seconds = 5;
    r.seconds = r.seconds ? r.seconds : 10;
    over = false;
    assert_non_null(http_start(http, &r, on_done, NULL));
    assert_false(over);
    http_server_run(&over);
}

static void test_get(void **state)
{
    static const struct http_header headers[] = {{"Accept", "application/json"}};

    (void)state;
    http_server.replies[0] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    ask(&(struct http_request){.headers = headers, .header_count = 1});
    assert_int_equal(failure.kind, FAILURE_NONE);
    assert_int_equal(status, 200);
    assert_string_equal(body, "{}");
    assert_int_equal(strncmp(http_server.requests[0], "GET /token HTTP/1.1\r\n", 21), 0);
    assert_non_null(strstr(http_server.requests[0], "\r\nAccept: application/json\r\n"));
}

static void test_post(void **state)
{
    (void)state;
    http_server.replies[0] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nwrong";
    ask(&(struct http_request){
        .post = true, .body = slice_of("a=1&b=2"), .user = "me", .password = "it"});
    assert_int_equal(status, 400);
    assert_string_equal(body, "wrong");
    assert_int_equal(strncmp(http_server.requests[0], "POST ", 5), 0);
    assert_non_null(strstr(http_server.requests[0], "\r\n\r\na=1&b=2"));
    assert_non_null(strstr(http_server.requests[0], "\r\nAuthorization: Basic bWU6aXQ=\r\n"));
}

static void test_a_redirect_is_not_followed(void **state)
{
    (void)state;
    http_server.replies[0] =
        "HTTP/1.1 302 Found\r\nLocation:  http://127.0.0.1:1/ \r\nContent-Length: 0\r\n\r\n";
    ask(&(struct http_request){0});
    assert_int_equal(status, 302);
    assert_string_equal(place, "http://127.0.0.1:1/");
}

static void test_too_long(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
    static char text[sizeof head + HTTP_ANSWER_MAX + 1];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    memcpy(text, head, sizeof head - 1);
    http_server.replies[0] = text;
    ask(&(struct http_request){0});
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(failure.text, "262144"));
}

static void test_no_answer(void **state)
{
    (void)state;
    ask(&(struct http_request){.seconds = 1});
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(failure.text, "127.0.0.1:"));
    assert_non_null(strstr(failure.text, "in time"));
    assert_null(strstr(failure.text, "token")); /* only the host: the rest may be a secret */
}

static void test_no_server(void **state)
{
    (void)state;
    ask(&(struct http_request){.url = "http://127.0.0.1:1/"});
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
}

static void test_other_protocols_are_refused(void **state)
{
    (void)state;
    ask(&(struct http_request){.url = "file:///etc/passwd"});
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
}

static void test_no_tls_there(void **state)
{
    char secure[96];

    (void)state;
    http_server.replies[0] = "HTTP/1.1 200 OK\r\n\r\n";
    snprintf(secure, sizeof secure, "https%s", url + 4);
    /* The server waits for the end of a header that does not come. */
    ask(&(struct http_request){.url = secure, .seconds = 1});
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
}

static void test_cancelled(void **state)
{
    struct http_request r = {.url = url, .connect_seconds = 5, .seconds = 5};

    (void)state;
    struct http_call *first = http_start(http, &r, on_done, NULL);
    struct http_call *second = http_start(http, &r, on_done, NULL);
    assert_non_null(first);
    assert_non_null(second);
    while (!http_server.asked)
        uv_run(&http_server.loop, UV_RUN_ONCE);
    http_cancel(first);
    http_cancel(second);
    assert_int_equal(answers, 0);
}

static void on_done_close(void *owner, const struct http_answer *answer, const struct failure *why)
{
    on_done(owner, answer, why);
    http_close(http, NULL, NULL);
    http = NULL;
}

static void test_closed_by_a_callback(void **state)
{
    struct http_request r = {.url = url, .connect_seconds = 5, .seconds = 5};

    (void)state;
    http_server.replies[0] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    assert_non_null(http_start(http, &r, on_done_close, NULL));
    http_server_run(&over);
    assert_string_equal(body, "hi");
}

static void test_encoded(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    http_put_encoded(&out, slice_make("a b&c=\0\xc3\xa4~", 10));
    buf_putc(&out, '\0');
    assert_string_equal(buf_slice(&out).p, "a%20b%26c%3D%00%C3%A4~");
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, begin, end),
        cmocka_unit_test_setup_teardown(test_post, begin, end),
        cmocka_unit_test_setup_teardown(test_a_redirect_is_not_followed, begin, end),
        cmocka_unit_test_setup_teardown(test_too_long, begin, end),
        cmocka_unit_test_setup_teardown(test_no_answer, begin, end),
        cmocka_unit_test_setup_teardown(test_no_server, begin, end),
        cmocka_unit_test_setup_teardown(test_other_protocols_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_no_tls_there, begin, end),
        cmocka_unit_test_setup_teardown(test_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(test_closed_by_a_callback, begin, end),
        cmocka_unit_test(test_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
