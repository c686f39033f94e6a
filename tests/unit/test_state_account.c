/* Which accounts a login may mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/state_account.h"
#include "translate/state/box_state.h"
#include "translate/state/drop_state.h"

static const char *const KEYS[] = {
    "ann@example.com@imap.example.org",
    "imap:ann@example.com@pop.example.org:995",
    "bob@imap.example.org",
    "eve@/run/imap@socket",
};

static struct state_accounts accounts(void)
{
    struct state_accounts all = {0};

    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        assert_true(state_accounts_add(&all, KEYS[i]));
    return all;
}

/* The keys of those that are found, with blanks between. */
static const char *found_by(const char *user, const struct config *c)
{
    static char text[512];
    struct state_accounts all = accounts();
    struct state_accounts found;

    assert_true(state_accounts_find(&all, user, c, &found));
    *text = '\0';
    for (size_t i = 0; i < found.count; i++)
        strcat(strcat(text, i ? " " : ""), found.list[i].key);
    state_accounts_clear(&found);
    state_accounts_clear(&all);
    return text;
}

static void a_key_or_a_directory_means_one(void **state)
{
    (void)state;
    assert_string_equal(found_by(KEYS[1], NULL), KEYS[1]);
    assert_string_equal(found_by("imap%3Aann@example.com@pop.example.org%3A995", NULL), KEYS[1]);
    assert_string_equal(found_by("ann@example.com@pop.example.org:995", NULL), KEYS[1]);
    assert_string_equal(found_by("eve@%2Frun%2Fimap@socket", NULL), KEYS[3]);
}

static void a_login_means_all_of_that_user(void **state)
{
    (void)state;
    assert_string_equal(found_by("bob", NULL), KEYS[2]);
    assert_string_equal(found_by("eve", NULL), KEYS[3]);
    assert_string_equal(found_by("ann@example.com", NULL),
                        "ann@example.com@imap.example.org "
                        "imap:ann@example.com@pop.example.org:995");
    assert_string_equal(found_by("ann", NULL), "");
    assert_string_equal(found_by("", NULL), "");
}

static void routes_tell_what_a_login_is_called(void **state)
{
    (void)state;
    const char *const routes[] = {"pop3://127.0.0.1=imaps://imap.example.org",
                                  "imap://127.0.0.1=pop3s://pop.example.org"};
    struct config *c = config_from_routes(routes, 2, NULL, NULL, true, stderr);
    struct state_accounts found = {0};

    assert_non_null(c);
    assert_true(state_accounts_of_routes("new", c, &found));
    assert_int_equal(found.count, 2);
    assert_string_equal(found.list[0].key, "new@imap.example.org");
    assert_ptr_equal(found.list[0].kind, &drop_state_kind);
    assert_string_equal(found.list[1].key, "imap:new@pop.example.org:995");
    assert_ptr_equal(found.list[1].kind, &box_state_kind);
    state_accounts_clear(&found);
    assert_string_equal(found_by("bob", c), KEYS[2]);
    config_free(c);
}

static void a_key_that_is_too_long_for_a_name_is_found(void **state)
{
    (void)state;
    char key[300];
    struct state_accounts all = {0};
    struct state_accounts found;

    memset(key, 'x', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    assert_true(state_accounts_add(&all, key));
    assert_true(state_accounts_add(&all, key));
    assert_int_equal(all.count, 1);
    assert_true(state_accounts_find(&all, key, NULL, &found));
    assert_int_equal(found.count, 1);
    state_accounts_clear(&found);
    state_accounts_clear(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_or_a_directory_means_one),
        cmocka_unit_test(a_login_means_all_of_that_user),
        cmocka_unit_test(routes_tell_what_a_login_is_called),
        cmocka_unit_test(a_key_that_is_too_long_for_a_name_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
