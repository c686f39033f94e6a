/* proxy/homes.c: an account has one home as long as anyone holds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proxy/homes.h"

static void one_as_long_as_it_is_held(void **state)
{
    struct homes *h = homes_new(2);

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
    struct home *third = homes_enter(h, "imap:ann@example.com", 0);
    assert_int_equal(third->number, 0);
    homes_leave(h, third);
    homes_leave(h, NULL);
    homes_free(h);
    homes_free(NULL);
}

static void where_the_fewest_are(void **state)
{
    struct homes *h = homes_new(3);

    (void)state;
    struct home *ann = homes_enter(h, "imap:ann@example.com", 1);
    struct home *bob = homes_enter(h, "imap:bob@example.com", 1);
    struct home *eve = homes_enter(h, "imap:eve@example.com", 1);
    assert_int_equal(ann->number, 1);
    assert_int_equal(bob->number, 0);
    assert_int_equal(eve->number, 2);
    homes_leave(h, bob);
    bob = homes_enter(h, "imap:bob@example.com", 2);
    assert_int_equal(bob->number, 0);
    homes_leave(h, ann);
    homes_leave(h, bob);
    homes_leave(h, eve);
    homes_free(h);
}

/* More than there are buckets: many share one, and go in another order than they came. */
static void many(void **state)
{
    enum { COUNT = 10000, HOUSES = 7 };
    static struct home *all[COUNT];
    size_t accounts[HOUSES] = {0};
    struct homes *h = homes_new(HOUSES);
    char key[40];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "imap:user%zu@example.com", i);
        all[i] = homes_enter(h, key, 0);
        accounts[all[i]->number]++;
    }
    for (size_t i = 0; i < HOUSES; i++)
        assert_in_range(accounts[i], COUNT / HOUSES, COUNT / HOUSES + 1);
    for (size_t i = 0; i < COUNT; i += 2)
        homes_leave(h, all[i]);
    for (size_t i = 1; i < COUNT; i += 2) {
        snprintf(key, sizeof key, "imap:user%zu@example.com", i);
        assert_ptr_equal(homes_enter(h, key, 0), all[i]);
        homes_leave(h, all[i]);
        homes_leave(h, all[i]);
    }
    homes_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_as_long_as_it_is_held),
        cmocka_unit_test(where_the_fewest_are),
        cmocka_unit_test(many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
