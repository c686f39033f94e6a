/* Which messages were asked for in vain: some, once each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/store/bodies_missed.h"

static void each_is_taken_once(void **state)
{
    struct bodies_missed m = {0};

    (void)state;
    assert_false(bodies_missed_take(&m, 7));
    bodies_missed_note(&m, 7);
    bodies_missed_note(&m, 7);
    bodies_missed_note(&m, 8);
    assert_true(bodies_missed_take(&m, 7));
    assert_false(bodies_missed_take(&m, 7));
    assert_non_null(m.contents);
    assert_true(bodies_missed_take(&m, 8));
    assert_null(m.contents); /* who misses nothing has no memory for it */
}

static void those_asked_for_last_are_known(void **state)
{
    struct bodies_missed m = {0};

    (void)state;
    for (uint32_t content = 1; content <= 1000; content++)
        bodies_missed_note(&m, content);
    assert_false(bodies_missed_take(&m, 1));
    for (uint32_t content = 900; content <= 1000; content++)
        assert_true(bodies_missed_take(&m, content));
    bodies_missed_clear(&m);
    assert_null(m.contents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_taken_once),
        cmocka_unit_test(those_asked_for_last_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
