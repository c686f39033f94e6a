/* Who guesses waits, and nobody else does (CASES A3). */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/auth/throttle.h"

static const struct throttle_options options = {.refusals = 20, .block_seconds = 300};

static struct throttle *throttle;
static uint64_t now;

static int begin(void **state)
{
    (void)state;
    now = 1000;
    throttle = throttle_new();
    return throttle ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    throttle_free(throttle);
    return 0;
}

static struct gate_address at(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return gate_address_make((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return gate_address_make((struct sockaddr *)&v6);
}

static uint64_t ask_by(const struct throttle_options *o, const char *from, const char *login)
{
    struct gate_address address = at(from);
    struct failure why = {.kind = FAILURE_NONE};
    uint64_t wait = throttle_ask(throttle, o, &address, slice_of(login), now, &why);

    assert_int_equal(why.kind, wait == UINT64_MAX ? FAILURE_AUTH : FAILURE_NONE);
    return wait;
}

static uint64_t ask(const char *from, const char *login)
{
    return ask_by(&options, from, login);
}

static void refuse(const char *from, const char *login, int times)
{
    struct gate_address address = at(from);

    for (int i = 0; i < times; i++)
        throttle_refused(throttle, &options, &address, slice_of(login), now);
}

static void admit(const char *from, const char *login)
{
    struct gate_address address = at(from);

    throttle_admitted(throttle, &options, &address, slice_of(login), now);
}

static void test_a_few_mistakes_cost_nothing(void **state)
{
    (void)state;
    refuse("192.0.2.1", "ann", 3);
    assert_int_equal(ask("192.0.2.1", "ann"), 0);
}

static void test_waits_grow(void **state)
{
    uint64_t last = 0;

    (void)state;
    refuse("192.0.2.1", "ann", 3);
    for (int i = 0; i < 5; i++) {
        refuse("192.0.2.1", "ann", 1);
        uint64_t wait = ask("192.0.2.1", "ann");
        assert_true(wait > last && wait <= THROTTLE_WAIT_MAX);
        last = wait;
        now += wait;
    }
}

static void test_turned_away_for_a_while(void **state)
{
    (void)state;
    refuse("192.0.2.1", "ann", 20);
    assert_true(ask("192.0.2.1", "bob") == UINT64_MAX);
    assert_int_equal(ask("198.51.100.1", "bob"), 0);
    now += 299 * 1000;
    assert_true(ask("192.0.2.1", "bob") == UINT64_MAX);
    now += 3600 * 1000;
    assert_int_equal(ask("192.0.2.1", "bob"), 0);
}

static void test_waits_queue_up(void **state)
{
    (void)state;
    refuse("192.0.2.1", "ann", 5);
    uint64_t first = ask("192.0.2.1", "ann");
    uint64_t second = ask("192.0.2.1", "ann");
    assert_true(first > 0);
    assert_int_equal(second, 2 * first);
    uint64_t wait = second;
    for (int i = 0; i < 100 && wait != UINT64_MAX; i++)
        wait = ask("192.0.2.1", "ann");
    assert_true(wait == UINT64_MAX);
}

/* What has been there before is not locked out by others' guesses, behind the same address or for
 * the same login. */
static void test_the_known_are_unharmed(void **state)
{
    (void)state;
    admit("192.0.2.1", "ann");
    refuse("192.0.2.1", "bob", 100);
    refuse("198.51.100.1", "ann", 100);
    assert_int_equal(ask("192.0.2.1", "ann"), 0);
    assert_int_equal(ask("192.0.2.1", "ANN"), 0);
    assert_true(ask("192.0.2.1", "bob") == UINT64_MAX);
    refuse("192.0.2.1", "ann", 20); /* but its own guesses count */
    assert_true(ask("192.0.2.1", "ann") == UINT64_MAX);
}

static void test_a_login_guessed_from_everywhere(void **state)
{
    char from[32];

    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(from, sizeof from, "198.51.%d.1", i);
        refuse(from, "ann", 1);
    }
    uint64_t wait = ask("192.0.2.1", "ann");
    assert_true(wait > 0 && wait <= 5000); /* bounded for one who is new */
    assert_int_equal(ask("192.0.2.1", "bob"), 0);
}

static void test_neighbours_count_for_each_other(void **state)
{
    char from[64], login[16];

    (void)state;
    for (int i = 0; i < 60; i++) {
        snprintf(from, sizeof from, "2001:db8:1:%x::1", i);
        snprintf(login, sizeof login, "user%d", i);
        refuse(from, login, 1);
    }
    assert_true(ask("2001:db8:1:ffff::1", "zoe") > 0);
    assert_int_equal(ask("2001:db8:2::1", "zoe"), 0);
}

static void test_the_trusted_count_by_login_only(void **state)
{
    struct network webmail;
    struct failure why;
    struct throttle_options o = options;

    (void)state;
    assert_true(network_parse(&webmail, "203.0.113.0/24", &why));
    o.trusted = &webmail;
    o.trusted_count = 1;
    struct gate_address address = at("203.0.113.9");
    for (int i = 0; i < 100; i++)
        throttle_refused(throttle, &o, &address, slice_of("ann"), now);
    assert_int_equal(ask_by(&o, "203.0.113.9", "bob"), 0);
    assert_true(ask_by(&o, "203.0.113.9", "ann") > 0);
    struct gate_address unix_socket = {.known = false};
    for (int i = 0; i < 100; i++)
        throttle_refused(throttle, &options, &unix_socket, slice_of("carol"), now);
    assert_int_equal(throttle_ask(throttle, &options, &unix_socket, slice_of("bob"), now, &why), 0);
}

static void test_off(void **state)
{
    struct throttle_options off = {.refusals = 0};

    (void)state;
    refuse("192.0.2.1", "ann", 100);
    assert_int_equal(ask_by(&off, "192.0.2.1", "ann"), 0);
}

/* The table does not grow without end, and whoever was in it last still is. */
static void test_bounded(void **state)
{
    char from[32];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(from, sizeof from, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        refuse(from, "ann", 1);
    }
    refuse("192.0.2.1", "bob", 20);
    assert_true(ask("192.0.2.1", "bob") == UINT64_MAX);
}

static void test_a_clock_that_runs_backwards(void **state)
{
    (void)state;
    now = 1000000;
    refuse("192.0.2.1", "ann", 6);
    now = 1;
    uint64_t wait = ask("192.0.2.1", "ann");
    assert_true(wait > 0 && wait <= THROTTLE_WAIT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_few_mistakes_cost_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_waits_grow, begin, end),
        cmocka_unit_test_setup_teardown(test_turned_away_for_a_while, begin, end),
        cmocka_unit_test_setup_teardown(test_waits_queue_up, begin, end),
        cmocka_unit_test_setup_teardown(test_the_known_are_unharmed, begin, end),
        cmocka_unit_test_setup_teardown(test_a_login_guessed_from_everywhere, begin, end),
        cmocka_unit_test_setup_teardown(test_neighbours_count_for_each_other, begin, end),
        cmocka_unit_test_setup_teardown(test_the_trusted_count_by_login_only, begin, end),
        cmocka_unit_test_setup_teardown(test_off, begin, end),
        cmocka_unit_test_setup_teardown(test_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_a_clock_that_runs_backwards, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
