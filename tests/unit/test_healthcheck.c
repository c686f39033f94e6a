/* What makes a process healthy: the last login upstream that worked, not an open port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/admin/health.h"
#include "proxy/admin/healthcheck.h"

static const struct failure away = {FAILURE_TEMPORARY, "the server is away"};

static int begin(void **state)
{
    *state = health_new();
    return *state ? 0 : -1;
}

static int end(void **state)
{
    health_free(*state);
    return 0;
}

static void check(struct health *h, bool well, const char *says)
{
    json_t *answer = health_to_json(h);
    char text[300];

    assert_non_null(answer);
    assert_int_equal(healthcheck_judge(answer, text, sizeof text), well);
    assert_non_null(strstr(text, says));
    json_decref(answer);
}

static void went_away(struct health *h, const char *route, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        health_upstream_failed(h, route, &away);
}

static void a_process_that_nobody_used_is_well(void **state)
{
    check(*state, true, "0 sessions, 0 logins");
}

static void three_failures_in_a_row_are_an_illness(void **state)
{
    went_away(*state, "a", 2);
    check(*state, true, "");
    went_away(*state, "a", 1);
    check(*state, false, "the last 3 logins by route a failed: the server is away");
}

static void one_route_does_not_cover_for_another(void **state)
{
    went_away(*state, "a", 3);
    health_login(*state, "b");
    check(*state, false, "route a");
}

static void a_login_heals(void **state)
{
    went_away(*state, "a", 5);
    health_login(*state, "a");
    check(*state, true, "1 logins");
}

static void a_wrong_password_shows_an_upstream_that_answers(void **state)
{
    went_away(*state, "a", 2);
    health_login_refused(*state, "a", FAILURE_AUTH);
    went_away(*state, "a", 2);
    check(*state, true, "");
}

static void other_refusals_heal_nothing(void **state)
{
    went_away(*state, "a", 3);
    health_login_refused(*state, "a", FAILURE_TEMPORARY);
    health_login_refused(*state, NULL, FAILURE_AUTH);
    check(*state, false, "route a");
}

static void failures_of_long_ago_are_forgiven(void **state)
{
    json_t *old = json_pack("{s:[{s:s, s:i, s:i, s:s}]}", "upstream", "route", "a",
                            "failures_in_a_row", 3, "last_failure_s_ago", 601, "last_error", "x");
    char text[300];

    (void)state;
    assert_non_null(old);
    assert_true(healthcheck_judge(old, text, sizeof text));
    json_decref(old);
}

static void another_program_behind_the_socket_is_not_health(void **state)
{
    json_t *other = json_object();
    char text[300];

    (void)state;
    assert_false(healthcheck_judge(other, text, sizeof text));
    assert_false(healthcheck_judge(NULL, text, sizeof text));
    json_decref(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_process_that_nobody_used_is_well),
        TEST(three_failures_in_a_row_are_an_illness),
        TEST(one_route_does_not_cover_for_another),
        TEST(a_login_heals),
        TEST(a_wrong_password_shows_an_upstream_that_answers),
        TEST(other_refusals_heal_nothing),
        TEST(failures_of_long_ago_are_forgiven),
        TEST(another_program_behind_the_socket_is_not_health),
    };

    return cmocka_run_group_tests_name("healthcheck", tests, NULL, NULL);
}
