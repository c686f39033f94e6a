/*
 * Memory that is aligned, zero, kept until it is given back at once; arrays that grow in it.
 */
#include "translate/imap/imapd_arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_pieces_are_apart(void **state)
{
    struct imapd_arena a = {0};
    unsigned char *pieces[300];

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = imapd_arena_alloc(&a, i * 7);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t n = 0; n < i * 7; n++)
            assert_int_equal(pieces[i][n], 0);
        memset(pieces[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t n = 0; n < i * 7; n++)
            assert_int_equal(pieces[i][n], (unsigned char)i);
    imapd_arena_clear(&a);
    assert_null(a.blocks);
}

static void test_array_grows(void **state)
{
    struct imapd_arena a = {0};
    uint32_t *numbers = NULL;

    (void)state;
    for (uint32_t n = 0; n < 1000; n++) {
        numbers = imapd_arena_room(&a, numbers, n, sizeof *numbers);
        assert_non_null(numbers);
        numbers[n] = n;
    }
    for (uint32_t n = 0; n < 1000; n++)
        assert_int_equal(numbers[n], n);
    imapd_arena_clear(&a);
}

static void test_copy(void **state)
{
    struct imapd_arena a = {0};
    struct slice copy = imapd_arena_copy(&a, slice_of("text"));

    (void)state;
    assert_true(slice_is(copy, "text"));
    copy = imapd_arena_copy(&a, slice_make(NULL, 0));
    assert_non_null(copy.p);
    assert_int_equal(copy.n, 0);
    imapd_arena_clear(&a);
}

static void test_missing_memory_is_remembered(void **state)
{
    struct imapd_arena a = {0};

    (void)state;
    assert_null(imapd_arena_alloc(&a, SIZE_MAX - 4));
    assert_true(a.failed);
    assert_null(imapd_arena_alloc(&a, 1));
    assert_null(imapd_arena_copy(&a, slice_of("x")).p);
    imapd_arena_clear(&a);
    assert_null(imapd_arena_room(&a, &a, SIZE_MAX / 4 + 1, 8));
    assert_true(a.failed);
    imapd_arena_clear(&a);
    assert_non_null(imapd_arena_alloc(&a, 1));
    imapd_arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_apart),
        cmocka_unit_test(test_array_grows),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_missing_memory_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
