/* proxy/homes.c: an account has one home as long as anyone holds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proxy/homes.h"

static void the_first_decides(void **state)
{
    struct homes *h = homes_new();

    (void)state;
    struct home *first = homes_enter(h, "imap:ann@example.com", 1);
    struct home *second = homes_enter(h, "imap:ann@example.com", 0);
    assert_ptr_equal(first, second);
    assert_int_equal(first->number, 1);
    assert_string_equal(first->key, "imap:ann@example.com");
    assert_null(first->host);
    homes_leave(h, first);
    assert_int_equal(second->number, 1);
    homes_leave(h, second);
    homes_free(h);
}

static void anew_when_nobody_is_left(void **state)
{
    struct homes *h = homes_new();

    (void)state;
    homes_leave(h, homes_enter(h, "imap:ann@example.com", 1));
    struct home *home = homes_enter(h, "imap:ann@example.com", 0);
    assert_int_equal(home->number, 0);
    homes_leave(h, home);
    homes_leave(h, NULL);
    homes_free(h);
    homes_free(NULL);
}

/* More than there are buckets: many share one, and go in another order than they came. */
static void many(void **state)
{
    enum { COUNT = 10000 };
    static struct home *all[COUNT];
    struct homes *h = homes_new();
    char key[40];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "imap:user%zu@example.com", i);
        all[i] = homes_enter(h, key, i);
    }
    for (size_t i = 0; i < COUNT; i += 2)
        homes_leave(h, all[i]);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "imap:user%zu@example.com", i);
        struct home *home = homes_enter(h, key, COUNT);
        assert_int_equal(home->number, i % 2 ? i : COUNT);
        homes_leave(h, home);
    }
    for (size_t i = 1; i < COUNT; i += 2)
        homes_leave(h, all[i]);
    homes_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_decides),
        cmocka_unit_test(anew_when_nobody_is_left),
        cmocka_unit_test(many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
