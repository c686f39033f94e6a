/* Which route takes a login, which folder a suffix names, and as whom the user arrives upstream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config_match.h"

static void patterns_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *user;
        bool matches;
    } cases[] = {
        {"*", "", true},
        {"*", "ann", true},
        {"ANN", "ann", true},
        {"ann", "anna", false},
        {"anna", "ann", false},
        {"?nn", "ann", true},
        {"?nn", "nn", false},
        {"ann?", "ann", false},
        {"*@example.com", "ann@Example.COM", true},
        {"*@example.com", "ann@example.com.org", false},
        {"*@example.com", "@example.com", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"**", "x", true},
        {"a**", "a", true},
        {"*?", "", false},
        {"[a]", "a", false}, /* no more wildcards than documented */
        {"[a]", "[A]", true},
        {"\\*", "*", false},
        {"*aaaaaaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"M\xc3\xbc*", "m\xc3\xbcller", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (config_pattern_matches(cases[i].pattern, slice_of(cases[i].user)) != cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].user);
}

static void covering_is_never_claimed_wrongly(void **state)
{
    (void)state;
    static const struct {
        const char *earlier;
        const char *later;
        bool covers;
    } cases[] = {
        {"*", "*", true},       {"*", "?", true},  {"*@a", "b*@a", true}, {"*@a", "B@A", true},
        {"?", "a", true},       {"?", "?", true},  {"?", "*", false},     {"a?", "a*", false},
        {"b*@a", "*@a", false}, {"a", "*", false}, {"*@a", "*", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (config_pattern_covers(cases[i].earlier, cases[i].later) != cases[i].covers)
            fail_msg("%s and %s", cases[i].earlier, cases[i].later);
}

static struct config_route route(const char *match, char separator)
{
    return (struct config_route){
        .match = (char *)match,
        .listener = -1,
        .login = "%u",
        .upstream = {.protocol = ENDPOINT_IMAP},
        .pop3 = {.folder_separator = separator},
    };
}

static void suffixes_are_taken_off(void **state)
{
    (void)state;
    static const struct {
        const char *login;
        const char *user;
        const char *folder;
    } cases[] = {
        {"ann", "ann", ""},
        {"ann+Work", "ann", "Work"},
        {"ann+Work@example.com", "ann@example.com", "Work"},
        {"ann@example.com+Work", "ann@example.com", "Work"},
        {"ann@example.com+Work/2024+x@y", "ann@example.com", "Work/2024+x@y"},
        {"ann+tag+Work@example.com", "ann+tag@example.com", "Work"},
        {"ann+tag@example.com+Work", "ann+tag@example.com", "Work"},
        {"ann+", "ann+", ""},
        {"+Work", "+Work", ""},
        {"+", "+", ""},
        {"ann+@example.com", "ann+@example.com", ""},
        {"ann@example.com+", "ann@example.com+", ""},
    };
    struct config_listener listener = {.endpoint = {.protocol = ENDPOINT_POP3}};
    struct config_route routes[] = {route("*", '+')};
    struct config c = {
        .listeners = &listener, .listener_count = 1, .routes = routes, .route_count = 1};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice folder;
        char *user;
        assert_ptr_equal(config_find_route(&c, 0, slice_of(cases[i].login), &user, &folder),
                         routes);
        assert_string_equal(user, cases[i].user);
        if (!slice_is(folder, cases[i].folder))
            fail_msg("%s: %.*s", cases[i].login, SLICE_ARG(folder));
        free(user);
    }
}

static void first_route_that_fits_is_taken(void **state)
{
    (void)state;
    struct config_listener listeners[] = {
        {.endpoint = {.protocol = ENDPOINT_POP3}},
        {.endpoint = {.protocol = ENDPOINT_POP3}},
    };
    struct config_route routes[] = {
        route("*@pop.example.com", 0),
        route("ann@example.com", 0),
        route("*@example.com", '+'),
        route("bob", 0),
    };
    struct config c = {
        .listeners = listeners, .listener_count = 2, .routes = routes, .route_count = 4};
    struct slice folder;
    char *user;

    routes[0].upstream.protocol = ENDPOINT_POP3; /* the client's own: not without being named */
    routes[3].listener = 1;
    assert_null(config_find_route(&c, 0, slice_of("x@pop.example.com"), &user, &folder));
    assert_null(user);
    assert_ptr_equal(config_find_route(&c, 0, slice_of("ANN@example.com"), &user, &folder),
                     &routes[1]);
    free(user);
    assert_ptr_equal(config_find_route(&c, 1, slice_of("ann+W@example.com"), &user, &folder),
                     &routes[2]);
    assert_string_equal(user, "ann@example.com");
    assert_true(slice_is(folder, "W"));
    free(user);
    assert_null(config_find_route(&c, 0, slice_of("bob"), &user, &folder));
    assert_ptr_equal(config_find_route(&c, 1, slice_of("bob"), &user, &folder), &routes[3]);
    free(user);
    assert_null(config_find_route(&c, 0, slice_of("a+b@nowhere"), &user, &folder));
    assert_int_equal(folder.n, 0);
}

/* CASES I1: a NUL ends a C string early, and could turn one user into another. */
static void nul_and_nobody_have_no_route(void **state)
{
    (void)state;
    struct config_listener listener = {.endpoint = {.protocol = ENDPOINT_POP3}};
    struct config_route routes[] = {route("*", '+')};
    struct config c = {
        .listeners = &listener, .listener_count = 1, .routes = routes, .route_count = 1};
    struct slice folder;
    char *user;

    assert_null(config_find_route(&c, 0, slice_make("ann\0x", 5), &user, &folder));
    assert_null(user);
    assert_null(config_find_route(&c, 0, slice_of(""), &user, &folder));
    assert_null(config_find_route(&c, 0, slice_of(NULL), &user, &folder));
}

static void logins_are_rewritten(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        const char *user;
        const char *login; /* NULL: nothing is left */
    } cases[] = {
        {"%u", "ann@example.com", "ann@example.com"},
        {"%n", "ann@example.com", "ann"},
        {"%d", "ann@example.com", "example.com"},
        {"%n", "a@b@c", "a@b"},
        {"%d", "a@b@c", "c"},
        {"%n@new.example", "ann", "ann@new.example"},
        {"%d\\%n", "ann@corp", "corp\\ann"},
        {"%%%u%%", "ann", "%ann%"},
        {"%d", "ann", NULL},
        {"%n", "@example.com", NULL},
        {"%u", "%d@x", "%d@x"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config_route r = {.login = (char *)cases[i].format};
        char *login = config_route_login(&r, slice_of(cases[i].user));
        if (cases[i].login)
            assert_string_equal(login, cases[i].login);
        else
            assert_null(login);
        free(login);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(covering_is_never_claimed_wrongly),
        cmocka_unit_test(suffixes_are_taken_off),
        cmocka_unit_test(first_route_that_fits_is_taken),
        cmocka_unit_test(nul_and_nobody_have_no_route),
        cmocka_unit_test(logins_are_rewritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
