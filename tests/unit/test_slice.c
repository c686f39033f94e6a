/*
 * Slices: ends, empty ones, NUL inside.
 */
#include "translate/text/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_of(void **state)
{
    (void)state;
    assert_int_equal(slice_of(NULL).n, 0);
    assert_int_equal(slice_of("").n, 0);
    assert_int_equal(slice_of("abc").n, 3);
}

static void test_take(void **state)
{
    struct slice s = slice_of("abcdef");
    struct slice nothing = slice_of(NULL);

    (void)state;
    assert_true(slice_is(slice_take(&s, 2), "ab"));
    assert_true(slice_is(s, "cdef"));
    assert_int_equal(slice_take(&s, 0).n, 0);
    assert_true(slice_is(slice_take(&s, SIZE_MAX), "cdef"));
    assert_int_equal(s.n, 0);
    assert_int_equal(slice_take(&s, 1).n, 0);
    assert_int_equal(slice_take(&nothing, 1).n, 0);
}

static void test_trim(void **state)
{
    (void)state;
    assert_true(slice_is(slice_trim(slice_of(" \t a b\t ")), "a b"));
    assert_true(slice_is(slice_trim(slice_of("a")), "a"));
    assert_true(slice_is(slice_trim(slice_of("\ra\n")), "\ra\n"));
    assert_int_equal(slice_trim(slice_of(" \t ")).n, 0);
    assert_int_equal(slice_trim(slice_of(NULL)).n, 0);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(slice_is(slice_of("abc"), "abc"));
    assert_false(slice_is(slice_of("abc"), "abC"));
    assert_false(slice_is(slice_of("abc"), "ab"));
    assert_true(slice_equal(slice_of(NULL), slice_of("")));
    assert_false(slice_equal(slice_make("a\0b", 3), slice_make("a\0c", 3)));
}

static void test_equal_nocase(void **state)
{
    (void)state;
    assert_true(slice_is_nocase(slice_of("InBoX"), "iNbOx"));
    assert_false(slice_is_nocase(slice_of("INBOX"), "INBO"));
    assert_false(slice_is_nocase(slice_of("@"), "`"));
    assert_false(slice_is_nocase(slice_of("["), "{"));
    assert_false(slice_is_nocase(slice_of("\xc3\x84"), "\xc3\xa4"));
    assert_true(slice_equal_nocase(slice_of(NULL), slice_of("")));
}

/* strncasecmp ends at the NUL and would call these equal. */
static void test_equal_nocase_goes_on_behind_a_nul(void **state)
{
    (void)state;
    assert_false(slice_equal_nocase(slice_make("a\0b", 3), slice_make("A\0c", 3)));
    assert_true(slice_equal_nocase(slice_make("a\0b", 3), slice_make("A\0B", 3)));
}

static void test_word(void **state)
{
    struct slice s = slice_of("  one two\tthree  ");

    (void)state;
    assert_true(slice_is(slice_word(&s), "one"));
    assert_true(slice_is(s, " two\tthree  "));
    assert_true(slice_is(slice_word(&s), "two\tthree"));
    assert_int_equal(slice_word(&s).n, 0);
    assert_int_equal(s.n, 0);
    assert_int_equal(slice_word(&s).n, 0);
}

static void test_number(void **state)
{
    static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "1x", "x", "0x10", "1.0"};
    uint64_t value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(slice_number(slice_of(wrong[i]), UINT64_MAX, &value));
    assert_int_equal(value, 7);
    assert_true(slice_number(slice_of("0"), 0, &value));
    assert_int_equal(value, 0);
    assert_true(slice_number(slice_of("0042"), 42, &value));
    assert_int_equal(value, 42);
}

static void test_number_limit(void **state)
{
    uint64_t value = 7;

    (void)state;
    assert_true(slice_number(slice_of("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_false(slice_number(slice_of("18446744073709551616"), UINT64_MAX, &value));
    assert_false(slice_number(slice_of("99999999999999999999999"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    for (uint64_t max = 0; max < 130; max++)
        for (uint64_t n = 0; n < 150; n++) {
            char text[8];
            snprintf(text, sizeof text, "%u", (unsigned)n);
            assert_int_equal(slice_number(slice_of(text), max, &value), n <= max);
        }
}

static void test_dup(void **state)
{
    (void)state;
    char *copy = slice_dup(slice_make("abcdef", 3));
    assert_string_equal(copy, "abc");
    free(copy);
    copy = slice_dup(slice_of(NULL));
    assert_string_equal(copy, "");
    free(copy);
    copy = slice_dup(slice_make("a\0b", 3));
    assert_memory_equal(copy, "a\0b", 4);
    free(copy);
}

static void test_contains_nocase(void **state)
{
    (void)state;
    assert_true(slice_contains_nocase(slice_of("Maildrop is LOCKED"), "maildrop"));
    assert_true(slice_contains_nocase(slice_of("maildrop is LOCKED"), "locked"));
    assert_true(slice_contains_nocase(slice_make("a\0B", 3), "b"));
    assert_true(slice_contains_nocase(slice_of(NULL), ""));
    assert_false(slice_contains_nocase(slice_of("lock"), "locked"));
    assert_false(slice_contains_nocase(slice_of(NULL), "a"));
}

static void test_hash(void **state)
{
    (void)state;
    assert_int_equal(slice_hash(slice_of(""), 0), 0xcbf29ce484222325U ^ 0xcbf29ce4U);
    assert_true(slice_hash(slice_of("ann"), 7) == slice_hash(slice_make("anne", 3), 7));
    assert_true(slice_hash(slice_of("ann"), 7) != slice_hash(slice_of("ann"), 8));
    assert_true(slice_hash(slice_of("ann"), 0) != slice_hash(slice_of("bob"), 0));
}

static void test_has_nul(void **state)
{
    (void)state;
    assert_true(slice_has_nul(slice_make("a\0b", 3)));
    assert_true(slice_has_nul(slice_make("", 1)));
    assert_false(slice_has_nul(slice_of("ab")));
    assert_false(slice_has_nul(slice_of(NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_equal_nocase),
        cmocka_unit_test(test_equal_nocase_goes_on_behind_a_nul),
        cmocka_unit_test(test_contains_nocase),
        cmocka_unit_test(test_word),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_number_limit),
        cmocka_unit_test(test_dup),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_has_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
