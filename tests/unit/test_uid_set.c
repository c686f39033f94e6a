#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "translate/state/uid_set.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void assert_set(const uint32_t *uids, size_t count, const char *text)
{
    struct buf out = BUF_INIT;
    uint64_t n = 99;

    uid_set_put(&out, uids, count);
    assert_true(slice_is(buf_slice(&out), text));
    assert_true(uid_set_count(buf_slice(&out), &n));
    assert_int_equal(n, count);
    if (count) {
        uint32_t *again = uid_set_expand(buf_slice(&out), count);
        assert_non_null(again);
        assert_memory_equal(again, uids, count * sizeof *uids);
        free(again);
    }
    buf_clear(&out);
}

static void there_and_back(void **state)
{
    (void)state;
    assert_set(NULL, 0, "");
    assert_set((uint32_t[]){1}, 1, "1");
    assert_set((uint32_t[]){1, 2}, 2, "1:2");
    assert_set((uint32_t[]){1, 2, 3, 7}, 4, "1:3,7");
    assert_set((uint32_t[]){2, 4, 5, 6, 9}, 5, "2,4:6,9");
    assert_set((uint32_t[]){UINT32_MAX - 1, UINT32_MAX}, 2, "4294967294:4294967295");
}

static void refuses_what_is_no_ascending_set(void **state)
{
    static const char *const wrong[] = {
        "0",    "0:3", "3:1",  "1,1", "2,1",        "1:3,3",        ",",
        "1,",   ",1",  "1,,2", "a",   "1:",         ":1",           "1:2:3",
        "1 ,2", "*",   "1:*",  "-1",  "4294967296", "1:4294967296", "18446744073709551617",
    };
    uint64_t n = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (uid_set_count(slice_of(wrong[i]), &n))
            fail_msg("accepted: %s", wrong[i]);
}

static void the_largest_range_costs_one_step(void **state)
{
    struct slice text = slice_of("1:4294967295");
    struct uid_range range = {0, 0};
    uint64_t n = 0;

    (void)state;
    assert_true(uid_set_count(text, &n));
    assert_true(n == UINT32_MAX);
    assert_true(uid_set_next(&text, &range));
    assert_int_equal(range.first, 1);
    assert_true(range.last == UINT32_MAX);
    assert_false(uid_set_next(&text, &range));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refuses_what_is_no_ascending_set),
        cmocka_unit_test(the_largest_range_costs_one_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
