/* Who may come in, by number and by address. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/gate.h"

static const struct config_limits limits = {
    .connections = 4, .connections_per_address = 2, .unauthenticated_per_address = 2};
static const struct config_limits one_waits = {
    .connections = 9, .connections_per_address = 3, .unauthenticated_per_address = 1};

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
    struct gate_client c = {.address = from};
    bool in = gate_enter(g, &c, &limits, false, &why);

    assert_int_equal(why.kind, in ? FAILURE_NONE : FAILURE_TEMPORARY);
    return in;
}

static void leave(struct gate *g, struct gate_address from)
{
    gate_leave(g, &(struct gate_client){.address = from, .waiting = from.known});
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

static bool come(struct gate *g, struct gate_client *c, bool trusted, const char *refused_for)
{
    struct failure why = {.kind = FAILURE_NONE};
    bool in = gate_enter(g, c, &one_waits, trusted, &why);

    if (!in)
        assert_non_null(strstr(why.text, refused_for));
    return in;
}

static void those_without_a_login_have_a_limit_of_their_own(void **state)
{
    struct gate *g = gate_new();
    struct gate_client first = {.address = v4("192.0.2.1")}, second = first, third = first,
                       fourth = first, other = {.address = v4("192.0.2.2")};

    (void)state;
    assert_true(come(g, &first, false, ""));
    assert_false(come(g, &second, false, "that have not logged in (1)"));
    assert_true(come(g, &other, false, ""));
    gate_logged_in(g, &first);
    gate_logged_in(g, &first); /* counts once */
    assert_true(come(g, &second, false, ""));
    assert_false(come(g, &third, false, "that have not logged in (1)"));
    gate_leave(g, &second); /* without a login */
    assert_true(come(g, &third, false, ""));
    gate_logged_in(g, &third);
    assert_true(come(g, &second, false, ""));
    gate_logged_in(g, &second);
    assert_false(come(g, &fourth, false, "from your address (3)"));
    gate_leave(g, &first);
    gate_leave(g, &second);
    gate_leave(g, &third);
    gate_leave(g, &other);
    gate_free(g);
}

/* A webmail, or another proxy: its users log in all the time. */
static void a_trusted_network_may_be_slow_to_log_in(void **state)
{
    struct gate *g = gate_new();
    struct gate_client clients[4] = {{.address = v4("192.0.2.1")}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        clients[i] = clients[0];
        assert_true(come(g, &clients[i], true, ""));
    }
    clients[3] = clients[0];
    assert_false(come(g, &clients[3], true, "from your address (3)"));
    for (size_t i = 0; i < 3; i++)
        gate_leave(g, &clients[i]);
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
        cmocka_unit_test(those_without_a_login_have_a_limit_of_their_own),
        cmocka_unit_test(a_trusted_network_may_be_slow_to_log_in),
        cmocka_unit_test(addresses_are_printed_as_they_are_counted),
    };

    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
