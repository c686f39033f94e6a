/*
 * The queue behind actions, events and commands: order, growth, and what it holds when it is empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "translate/text/ring.h"

struct thing {
    uint32_t number;
    char text[20];
};

static void add(struct ring *r, uint32_t number)
{
    struct thing *t = ring_add(r, sizeof *t);

    assert_non_null(t);
    assert_int_equal(t->number, 0);
    assert_int_equal(t->text[0], 0);
    t->number = number;
    t->text[0] = 'x';
}

static uint32_t take(struct ring *r)
{
    struct thing t;

    assert_true(ring_take(r, &t, sizeof t));
    return t.number;
}

static void test_first_in_first_out(void **state)
{
    struct ring r = {.items = NULL};
    struct thing none;

    (void)state;
    assert_false(ring_take(&r, &none, sizeof none));
    add(&r, 1);
    add(&r, 2);
    assert_int_equal(take(&r), 1);
    add(&r, 3);
    assert_int_equal(take(&r), 2);
    assert_int_equal(take(&r), 3);
    assert_false(ring_take(&r, &none, sizeof none));
}

/* It grows while its first is anywhere, and a place that is used again is zero. */
static void test_order_at_every_growth(void **state)
{
    struct ring r = {.items = NULL};
    uint32_t added = 0;
    uint32_t taken = 0;

    (void)state;
    while (added < 1000) {
        for (int i = 0; i < 3; i++)
            add(&r, ++added);
        assert_int_equal(take(&r), ++taken);
        assert_int_equal(r.count, added - taken);
        assert_int_equal(((struct thing *)ring_at(&r, r.count - 1, sizeof(struct thing)))->number,
                         added);
    }
    while (r.count)
        assert_int_equal(take(&r), ++taken);
    assert_int_equal(taken, added);
}

static void test_empty_holds_nothing(void **state)
{
    struct ring r = {.items = NULL};

    (void)state;
    add(&r, 1);
    ring_drop(&r);
    assert_null(r.items);
    add(&r, 2);
    ring_clear(&r);
    assert_null(r.items);
    assert_int_equal(r.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_order_at_every_growth),
        cmocka_unit_test(test_empty_holds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
