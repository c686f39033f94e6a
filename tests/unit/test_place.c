/* Where a user's upstream is looked for, and what his state is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/place.h"

static struct config_route route_to(const char *url)
{
    struct config_route r = {.name = "here"};
    struct failure why = {0};

    if (!endpoint_parse_upstream(&r.upstream, slice_of(url), &why))
        fail_msg("%s: %s", url, why.text);
    return r;
}

static void the_domain_of_the_login(void **state)
{
    (void)state;
    struct config_route r = route_to("auto");
    struct place p = {0};
    struct failure why;

    assert_true(place_of_user(&p, &r, ENDPOINT_POP3, "ann@x@Mail.Test.", &why));
    assert_string_equal(p.domain, "mail.test");
    assert_int_equal(p.protocol, ENDPOINT_POP3);
    place_clear(&p);
    endpoint_clear(&r.upstream);
}

static void a_login_without_a_domain(void **state)
{
    (void)state;
    static const char *const wrong[] = {"ann", "ann@", "ann@a b", "ann@.test", "ann@a..b", "ann@ä"};
    struct config_route r = route_to("auto?ca=/some/ca.pem");
    struct place p = {0};
    struct failure why;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(place_of_user(&p, &r, ENDPOINT_IMAP, wrong[i], &why));
        assert_int_equal(why.kind, FAILURE_AUTH);
        assert_null(p.domain);
    }
    endpoint_clear(&r.upstream);
}

static void other_routes_ask_for_none(void **state)
{
    (void)state;
    struct config_route r = route_to("imaps://mail.test");
    struct place p = {0};
    struct failure why;

    assert_true(place_of_user(&p, &r, ENDPOINT_IMAP, "ann", &why));
    assert_null(p.domain);
    endpoint_clear(&r.upstream);
}

static void state_keeps_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *service;
        const char *account;
    } cases[] = {
        {"imaps://mail.test", NULL, "ann@B.test@mail.test"},
        {"imap://mail.test:1143", NULL, "ann@B.test@mail.test:1143"},
        {"imap+unix:/run/imap", NULL, "ann@B.test@/run/imap"},
        {"auto", NULL, "ann@B.test@b.test"},
        {"imap://*", "http://127.0.0.1/auth", "ann@B.test@here"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config_route r = route_to(cases[i].url);
        r.auth_http.url = (char *)cases[i].service;
        char *account = place_account(&r, "ann@B.test");
        assert_string_equal(account, cases[i].account);
        free(account);
        endpoint_clear(&r.upstream);
    }
}

/* The upstream connection that is being logged in to has borrowed it. */
static void what_was_reached_outlives_the_next_guest(void **state)
{
    (void)state;
    struct config_route r = route_to("auto");
    struct endpoint at = {.host = "mx.mail.test"};
    struct place home = {0};
    struct place next = {0};
    struct failure why;

    assert_true(place_of_user(&home, &r, ENDPOINT_POP3, "ann@mail.test", &why));
    assert_true(place_of_user(&next, &r, ENDPOINT_POP3, "ann@mail.test", &why));
    const char *reached = place_reach(&home, &at);
    assert_true(place_set_address(&next, slice_of("192.0.2.1"), 110));
    assert_true(place_copy(&home, &next));
    assert_ptr_equal(home.reached, reached);
    assert_string_equal(reached, "mx.mail.test");
    assert_string_equal(home.host, "192.0.2.1");
    assert_null(next.reached);
    place_clear(&home);
    place_clear(&next);
    endpoint_clear(&r.upstream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_domain_of_the_login),
        cmocka_unit_test(a_login_without_a_domain),
        cmocka_unit_test(other_routes_ask_for_none),
        cmocka_unit_test(state_keeps_its_name),
        cmocka_unit_test(what_was_reached_outlives_the_next_guest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
