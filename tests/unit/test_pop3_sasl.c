/*
 * Exchanges of PLAIN and LOGIN as a client sees them, and everything that is refused.
 */
#include "translate/pop3/pop3_sasl.h"

#include "translate/pop3/pop3_reader.h"
#include "translate/text/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct pop3_sasl sasl;
    struct buf challenge;
    struct failure why;
};

static void done(struct fixture *f)
{
    pop3_sasl_clear(&f->sasl);
    buf_clear(&f->challenge);
}

/* `initial` is plain text of `n` octets, sent in base64. */
static enum pop3_sasl_result start(struct fixture *f, const char *mechanism, const char *initial,
                                   size_t n)
{
    struct buf text = BUF_INIT;

    base64_encode(&text, slice_make(initial, n));
    enum pop3_sasl_result result = pop3_sasl_start(&f->sasl, slice_of(mechanism), initial != NULL,
                                                   buf_slice(&text), &f->challenge, &f->why);
    buf_clear(&text);
    return result;
}

static enum pop3_sasl_result step(struct fixture *f, const char *line)
{
    buf_clear(&f->challenge);
    return pop3_sasl_step(&f->sasl, slice_of(line), &f->challenge, &f->why);
}

static void expect_done(struct fixture *f, enum pop3_sasl_result result, const char *user,
                        const char *password)
{
    assert_int_equal(result, POP3_SASL_DONE);
    assert_true(slice_is(buf_slice(&f->sasl.user), user));
    assert_true(slice_is(buf_slice(&f->sasl.password), password));
}

static void expect_failed(struct fixture *f, enum pop3_sasl_result result, enum failure_kind kind,
                          const char *sentence)
{
    assert_int_equal(result, POP3_SASL_FAILED);
    assert_int_equal(f->why.kind, kind);
    assert_non_null(strstr(f->why.text, sentence));
    assert_null(f->sasl.user.p);
    assert_null(f->sasl.authzid.p);
    assert_null(f->sasl.password.p);
    assert_int_equal(pop3_sasl_step(&f->sasl, slice_of(""), &f->challenge, &f->why),
                     POP3_SASL_FAILED);
}

static void test_plain(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_done(&f, start(&f, "PLAIN", "\0tim\0tanstaaf tanstaaf ", 23), "tim",
                "tanstaaf tanstaaf ");
    assert_int_equal(buf_size(&f.sasl.authzid), 0);
    assert_int_equal(start(&f, "plain", NULL, 0), POP3_SASL_CONTINUE);
    assert_int_equal(buf_size(&f.challenge), 0);
    assert_null(f.sasl.password.p);
    expect_done(&f, step(&f, "dGVzdAB0ZXN0AHRlc3Q="), "test", "test");
    assert_true(slice_is(buf_slice(&f.sasl.authzid), "test"));
    done(&f);
    assert_null(f.sasl.password.p);
}

static void test_login(void **state)
{
    struct fixture f = {0};

    (void)state;
    assert_int_equal(start(&f, "LOGIN", NULL, 0), POP3_SASL_CONTINUE);
    assert_true(slice_is(buf_slice(&f.challenge), "VXNlcm5hbWU6"));
    assert_int_equal(step(&f, "YW5uYQ=="), POP3_SASL_CONTINUE);
    assert_true(slice_is(buf_slice(&f.challenge), "UGFzc3dvcmQ6"));
    expect_done(&f, step(&f, "c2VjcmV0"), "anna", "secret");
    done(&f);
}

static void test_login_with_initial_response(void **state)
{
    struct fixture f = {0};

    (void)state;
    assert_int_equal(start(&f, "Login", "anna", 4), POP3_SASL_CONTINUE);
    assert_true(slice_is(buf_slice(&f.challenge), "UGFzc3dvcmQ6"));
    expect_done(&f, step(&f, "c2VjcmV0"), "anna", "secret");
    done(&f);
}

static void test_cancel(void **state)
{
    struct fixture f = {0};

    (void)state;
    start(&f, "PLAIN", NULL, 0);
    expect_failed(&f, step(&f, "*"), FAILURE_PERMANENT, "cancelled");
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, "*"), FAILURE_PERMANENT, "cancelled");
    done(&f);
}

static void test_unknown_mechanism(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_failed(&f, start(&f, "CRAM-MD5", NULL, 0), FAILURE_PERMANENT, "mechanism");
    expect_failed(&f, start(&f, "PLAINER", "a", 1), FAILURE_PERMANENT, "mechanism");
    expect_failed(&f, start(&f, "", NULL, 0), FAILURE_PERMANENT, "mechanism");
    done(&f);
}

static void test_bad_base64(void **state)
{
    static const char *const wrong[] = {"=",        "=AAA",       "AAA=BBB=", "AGEAYg",
                                        "AGEAYg= ", "AGEAYg==\r", "AGEAYh==", " AGEAYg==",
                                        "**",       "AGE\xc3\xa4"};
    struct fixture f = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        start(&f, "PLAIN", NULL, 0);
        expect_failed(&f, step(&f, wrong[i]), FAILURE_PERMANENT, "base64");
        start(&f, "LOGIN", "anna", 4);
        expect_failed(&f, step(&f, wrong[i]), FAILURE_PERMANENT, "base64");
    }
    done(&f);
}

static void test_malformed_plain(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_failed(&f, start(&f, "PLAIN", "", 0), FAILURE_PERMANENT, "NUL between");
    expect_failed(&f, start(&f, "PLAIN", "anna", 4), FAILURE_PERMANENT, "NUL between");
    expect_failed(&f, start(&f, "PLAIN", "\0anna", 5), FAILURE_PERMANENT, "NUL between");
    expect_failed(&f, start(&f, "PLAIN", "\0anna\0a\0b", 9), FAILURE_PERMANENT, "password");
    expect_failed(&f, start(&f, "PLAIN", "\0anna\0a\0", 8), FAILURE_PERMANENT, "password");
    expect_failed(&f, start(&f, "PLAIN", "\0\0secret", 8), FAILURE_AUTH, "name is empty");
    expect_failed(&f, start(&f, "PLAIN", "\0anna\0", 6), FAILURE_AUTH, "password is empty");
    done(&f);
}

static void test_malformed_login(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_failed(&f, start(&f, "LOGIN", "", 0), FAILURE_AUTH, "name is empty");
    expect_failed(&f, start(&f, "LOGIN", "a\0b", 3), FAILURE_PERMANENT, "name cannot hold");
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, ""), FAILURE_AUTH, "password is empty");
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, "YQBi"), FAILURE_PERMANENT, "password cannot hold");
    done(&f);
}

static void test_authorization_identity(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_failed(&f, start(&f, "PLAIN", "Ursel\0Kurt\0xipj3plmq", 20), FAILURE_AUTH,
                  "another user");
    expect_failed(&f, start(&f, "PLAIN", "kurt\0Kurt\0xipj3plmq", 19), FAILURE_AUTH,
                  "another user");
    expect_done(&f, start(&f, "PLAIN", "Kurt\0Kurt\0xipj3plmq", 19), "Kurt", "xipj3plmq");
    done(&f);
}

static void test_length(void **state)
{
    struct fixture f = {0};
    char line[POP3_SASL_LINE_MAX + 5];

    (void)state;
    memset(line, 'A', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, line), FAILURE_PERMANENT, "too long");
    memset(line, 'Y', POP3_SASL_LINE_MAX);
    line[POP3_SASL_LINE_MAX] = '\0';
    start(&f, "LOGIN", "anna", 4);
    assert_int_equal(step(&f, line), POP3_SASL_DONE);
    assert_int_equal(buf_size(&f.sasl.password), POP3_SASL_LINE_MAX / 4 * 3);
    done(&f);
}

static void test_start_forgets(void **state)
{
    struct fixture f = {0};

    (void)state;
    start(&f, "LOGIN", "anna", 4);
    assert_int_equal(start(&f, "PLAIN", NULL, 0), POP3_SASL_CONTINUE);
    assert_null(f.sasl.user.p);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_login_with_initial_response),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_unknown_mechanism),
        cmocka_unit_test(test_bad_base64),
        cmocka_unit_test(test_malformed_plain),
        cmocka_unit_test(test_malformed_login),
        cmocka_unit_test(test_authorization_identity),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_start_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
