/* Who may come in, by number and by address. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/gate.h"

static const struct config_limits limits = {.connections = 4, .connections_per_address = 2};

static struct gate_address v6(const char *text)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6};

    assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
    return gate_address_make((struct sockaddr *)&a);
}

static struct gate_address v4(const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
    return gate_address_make((struct sockaddr *)&a);
}

static bool enter(struct gate *g, struct gate_address from)
{
    struct failure why = {.kind = FAILURE_NONE};
    bool in = gate_enter(g, &from, &limits, &why);

    assert_int_equal(why.kind, in ? FAILURE_NONE : FAILURE_TEMPORARY);
    return in;
}

static void leave(struct gate *g, struct gate_address from)
{
    gate_leave(g, &from);
}

static void an_address_has_its_limit(void **state)
{
    struct gate *g = gate_new();

    (void)state;
    assert_true(enter(g, v4("192.0.2.1")));
    assert_true(enter(g, v4("192.0.2.1")));
    assert_false(enter(g, v4("192.0.2.1")));
    assert_true(enter(g, v4("192.0.2.2")));
    leave(g, v4("192.0.2.1"));
    assert_true(enter(g, v4("192.0.2.1")));
    gate_free(g);
}

static void an_ipv4_client_is_the_same_on_an_ipv6_socket(void **state)
{
    struct gate *g = gate_new();

    (void)state;
    assert_true(enter(g, v4("192.0.2.1")));
    assert_true(enter(g, v6("::ffff:192.0.2.1")));
    assert_false(enter(g, v4("192.0.2.1")));
    assert_true(enter(g, v6("::ffff:192.0.2.2")));
    gate_free(g);
}

static void an_ipv6_network_is_one_address(void **state)
{
    struct gate *g = gate_new();

    (void)state;
    assert_true(enter(g, v6("2001:db8:0:1::1")));
    assert_true(enter(g, v6("2001:db8:0:1::2")));
    assert_false(enter(g, v6("2001:db8:0:1:ffff::3")));
    assert_true(enter(g, v6("2001:db8:0:2::1")));
    gate_free(g);
}

static void all_together_have_a_limit(void **state)
{
    struct gate *g = gate_new();
    struct gate_address local = {.known = false};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_true(enter(g, local));
    assert_false(enter(g, local));
    assert_false(enter(g, v4("192.0.2.1")));
    leave(g, local);
    assert_true(enter(g, v4("192.0.2.1")));
    gate_free(g);
}

static void whoever_was_refused_was_not_counted(void **state)
{
    struct gate *g = gate_new();

    (void)state;
    assert_true(enter(g, v4("192.0.2.1")));
    assert_true(enter(g, v4("192.0.2.1")));
    for (int i = 0; i < 10; i++)
        assert_false(enter(g, v4("192.0.2.1")));
    assert_true(enter(g, v4("192.0.2.2")));
    assert_true(enter(g, v4("192.0.2.3")));
    leave(g, v4("192.0.2.1"));
    leave(g, v4("192.0.2.1"));
    assert_true(enter(g, v4("192.0.2.1")));
    gate_free(g);
}

static void addresses_are_printed_as_they_are_counted(void **state)
{
    struct gate_address of[] = {v4("192.0.2.1"), v6("2001:db8::1"), {.known = false}};
    const char *text[] = {"192.0.2.1", "2001:db8::/64", "unix"};
    char out[64];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        gate_address_print(&of[i], out, sizeof out);
        assert_string_equal(out, text[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_limit),
        cmocka_unit_test(an_ipv4_client_is_the_same_on_an_ipv6_socket),
        cmocka_unit_test(an_ipv6_network_is_one_address),
        cmocka_unit_test(all_together_have_a_limit),
        cmocka_unit_test(whoever_was_refused_was_not_counted),
        cmocka_unit_test(addresses_are_printed_as_they_are_counted),
    };

    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
