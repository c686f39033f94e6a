/* Networks as a configuration names them. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/net/network.h"

static bool in(const char *network, const char *address)
{
    uint8_t octets[16] = {[10] = 0xff, [11] = 0xff};
    struct network n;
    struct failure why;

    assert_true(network_parse(&n, network, &why));
    if (inet_pton(AF_INET, address, octets + 12) != 1)
        assert_int_equal(inet_pton(AF_INET6, address, octets), 1);
    return network_contains(&n, octets);
}

static void test_contains(void **state)
{
    (void)state;
    assert_true(in("192.0.2.0/24", "192.0.2.255"));
    assert_false(in("192.0.2.0/24", "192.0.3.0"));
    assert_true(in("192.0.2.77/24", "192.0.2.1")); /* what stands behind the prefix is overlooked */
    assert_true(in("192.0.2.7", "192.0.2.7"));
    assert_false(in("192.0.2.7", "192.0.2.6"));
    assert_true(in("10.0.0.0/9", "10.127.1.1"));
    assert_false(in("10.0.0.0/9", "10.128.1.1"));
    assert_true(in("0.0.0.0/0", "203.0.113.9"));
    assert_false(in("0.0.0.0/0", "2001:db8::1"));
    assert_true(in("2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(in("2001:db8::/32", "2001:db9::1"));
    assert_true(in("::/0", "192.0.2.1"));
    assert_true(in("::1", "::1"));
}

static void test_refuses(void **state)
{
    static const char *const wrong[] = {
        "",
        "localhost",
        "192.0.2",
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/-1",
        "192.0.2.0/8x",
        "2001:db8::/129",
        "/8",
        "192.0.2.0/0008",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct network n;
        struct failure why = {.kind = FAILURE_NONE};
        assert_false(network_parse(&n, wrong[i], &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
        assert_non_null(strstr(why.text, wrong[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
