/* A routing service's answers, and what it is told, as nginx has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proxy/auth/auth_http.h"

struct reading {
    struct buf header;
    struct auth_http_answer answer;
    unsigned wait;
    bool final;
};

static void read_headers(struct reading *r, const char *headers)
{
    *r = (struct reading){.header = BUF_INIT};
    buf_puts(&r->header, headers);
    r->final = auth_http_read(&(struct http_answer){.status = 200, .header = &r->header},
                              &r->answer, &r->wait);
}

static void clear(struct reading *r)
{
    buf_clear(&r->header);
    buf_clear(&r->answer.user);
    buf_clear(&r->answer.password);
}

static void somebody_is_let_in(void **state)
{
    (void)state;
    struct reading r;

    read_headers(&r, "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 192.0.2.1\r\n"
                     "auth-port: 143\r\nAuth-User: ann%20x\r\nAuth-Pass:  a b \r\n\r\n");
    assert_true(r.final);
    assert_int_equal(r.answer.why.kind, FAILURE_NONE);
    assert_string_equal(r.answer.host, "192.0.2.1");
    assert_int_equal(r.answer.port, 143);
    assert_true(slice_is(buf_slice(&r.answer.user), "ann%20x"));
    assert_true(slice_is(buf_slice(&r.answer.password), "a b"));
    clear(&r);
    read_headers(&r, "Auth-Status: OK\r\nAuth-Server: 2001:db8::1\r\nAuth-Port: 1\r\n\r\n");
    assert_string_equal(r.answer.host, "2001:db8::1");
    assert_int_equal(buf_size(&r.answer.user), 0);
    clear(&r);
}

static void a_refusal_is_in_the_services_words(void **state)
{
    (void)state;
    struct reading r;

    read_headers(&r, "Auth-Status: Invalid login\tor password\r\nAuth-Wait: 3\r\n\r\n");
    assert_true(r.final);
    assert_int_equal(r.answer.why.kind, FAILURE_AUTH);
    assert_string_equal(r.answer.why.text, "Invalid login or password");
    assert_int_equal(r.wait, 3);
    clear(&r);
}

static void waiting_has_an_end(void **state)
{
    (void)state;
    struct reading r;

    read_headers(&r, "Auth-Status: WAIT\r\nAuth-Wait: 5\r\n\r\n");
    assert_false(r.final);
    assert_int_equal(r.wait, 5);
    clear(&r);
    read_headers(&r, "Auth-Status: WAIT\r\nAuth-Wait: 99999999999\r\n\r\n");
    assert_int_equal(r.wait, 60);
    clear(&r);
    read_headers(&r, "Auth-Status: WAIT\r\nAuth-Wait: soon\r\n\r\n");
    assert_int_equal(r.wait, 0);
    clear(&r);
}

static void half_an_answer_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\r\n",
        "Auth-Server: 192.0.2.1\r\nAuth-Port: 143\r\n\r\n",
        "Auth-Status: OK\r\nAuth-Server: 192.0.2.1\r\n\r\n",
        "Auth-Status: OK\r\nAuth-Port: 143\r\n\r\n",
        "Auth-Status: OK\r\nAuth-Server: mail.test\r\nAuth-Port: 143\r\n\r\n",
        "Auth-Status: OK\r\nAuth-Server: 192.0.2.1\r\nAuth-Port: 0\r\n\r\n",
        "Auth-Status: OK\r\nAuth-Server: 192.0.2.1\r\nAuth-Port: 70000\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct reading r;
        read_headers(&r, wrong[i]);
        assert_true(r.final);
        assert_int_equal(r.answer.why.kind, FAILURE_TEMPORARY);
        clear(&r);
    }
}

/* nginx escapes what would break a header, and the % itself; all else goes as it is. */
static void what_is_escaped(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;

    auth_http_put_escaped(&out, slice_make("a b%c\r\n\0\x7f\xc3\xbc+", 12));
    assert_true(slice_is(buf_slice(&out), "a%20b%25c%0D%0A%00\x7f\xc3\xbc+"));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(somebody_is_let_in), cmocka_unit_test(a_refusal_is_in_the_services_words),
        cmocka_unit_test(waiting_has_an_end), cmocka_unit_test(half_an_answer_is_none),
        cmocka_unit_test(what_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
