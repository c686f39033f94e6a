/*
 * Lines of CAPA answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "translate/pop3/pop3_client_capability.h"

static struct pop3_client_capabilities take(const char *const *lines)
{
    struct pop3_client_capabilities caps = {.known = false};

    for (; *lines; lines++)
        pop3_client_capability_take(&caps, slice_of(*lines));
    return caps;
}

static void test_nothing(void **state)
{
    static const char *const lines[] = {"", "X-OTHER 1", "TOPS", "SASL", "STLS-NOT", NULL};
    static const struct pop3_client_capabilities none = {.known = false};

    (void)state;
    struct pop3_client_capabilities caps = take(lines);
    assert_memory_equal(&caps, &none, sizeof caps);
}

static void test_all(void **state)
{
    static const char *const lines[] = {"TOP",
                                        "uidl",
                                        " USER ",
                                        "SASL PLAIN CRAM-MD5 x login",
                                        "STLS",
                                        "PIPELINING",
                                        "RESP-CODES",
                                        "AUTH-RESP-CODE",
                                        "UTF8 USER",
                                        "LANG",
                                        "EXPIRE 60",
                                        "LOGIN-DELAY 900 USER",
                                        "SASL XOAUTH2 OAUTHBEARER",
                                        "IMPLEMENTATION Do\x1bve cot",
                                        NULL};

    (void)state;
    struct pop3_client_capabilities caps = take(lines);
    assert_int_equal(caps.top, POP3_SUPPORT_YES);
    assert_int_equal(caps.uidl, POP3_SUPPORT_YES);
    assert_true(caps.user && caps.stls && caps.pipelining && caps.resp_codes);
    assert_true(caps.auth_resp_code && caps.utf8 && caps.lang);
    assert_int_equal(caps.mechanisms,
                     SASL_PLAIN | SASL_CRAM_MD5 | SASL_LOGIN | SASL_XOAUTH2 | SASL_OAUTHBEARER);
    assert_true(caps.has_expire && !caps.expire_user);
    assert_int_equal(caps.expire_days, 60);
    assert_true(caps.login_delay_user);
    assert_int_equal(caps.login_delay, 900);
    assert_string_equal(caps.implementation, "Do ve cot");
    assert_false(caps.known);
}

static void test_expire(void **state)
{
    static const char *const never[] = {"EXPIRE never", NULL};
    static const char *const at_once[] = {"EXPIRE 0 USER", NULL};
    static const char *const bad[] = {"EXPIRE soon", "EXPIRE", "LOGIN-DELAY x", NULL};

    (void)state;
    struct pop3_client_capabilities caps = take(never);
    assert_true(caps.has_expire);
    assert_int_equal(caps.expire_days, POP3_EXPIRE_NEVER);
    caps = take(at_once);
    assert_true(caps.has_expire && caps.expire_user);
    assert_int_equal(caps.expire_days, 0);
    caps = take(bad);
    assert_false(caps.has_expire);
    assert_int_equal(caps.login_delay, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_expire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
