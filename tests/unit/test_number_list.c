#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "translate/state/number_list.h"

static void there_and_back(void **state)
{
    static const int64_t numbers[] = {0, 7, -1, 4711, INT64_MAX, INT64_MIN, 10, -10};
    enum { N = sizeof numbers / sizeof *numbers };
    struct buf text = BUF_INIT;
    int64_t number = 0;

    (void)state;
    for (size_t i = 0; i < N; i++)
        number_list_put(&text, numbers[i]);
    assert_true(
        slice_is(buf_slice(&text), "0 7 -1 4711 9223372036854775807 -9223372036854775808 10 -10"));
    struct slice rest = buf_slice(&text);
    for (size_t i = 0; i < N; i++) {
        assert_true(number_list_next(&rest, &number));
        assert_true(number == numbers[i]);
    }
    assert_false(number_list_next(&rest, &number));
    buf_clear(&text);
}

static void refuses_other_words(void **state)
{
    static const char *const wrong[] = {"",    " 1",  "-",   "--1",
                                        "1.5", "1e3", "0x1", "9223372036854775808",
                                        "+1",  "1\n", "- 1", "-9223372036854775809"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct slice text = slice_of(wrong[i]);
        int64_t number = 0;
        if (number_list_next(&text, &number))
            fail_msg("accepted: %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refuses_other_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
