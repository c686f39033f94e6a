#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "translate/state/box_list.h"

static void assert_list(const int64_t *numbers, size_t count, const char *text)
{
    struct box_list_writer w = {.count = 0};
    int64_t number = 0;

    for (size_t i = 0; i < count; i++)
        box_list_add(&w, numbers[i]);
    box_list_end(&w);
    assert_int_equal(buf_size(&w.text), strlen(text));
    assert_memory_equal(buf_slice(&w.text).p, text, strlen(text));
    struct box_list_reader r = {.text = buf_slice(&w.text)};
    for (size_t i = 0; i < count; i++) {
        assert_true(box_list_next(&r, &number));
        assert_true(number == numbers[i]);
    }
    assert_false(box_list_next(&r, &number));
    assert_true(box_list_is_read(&r));
    buf_clear(&w.text);
}

static void runs_there_and_back(void **state)
{
    (void)state;
    assert_list((int64_t[]){5, 8, 9, 10, 11, 0, 0, 0}, 8, "5 8:11 0*3");
    assert_list((int64_t[]){1, 2, 2, 3}, 4, "1:2 2:3");
    assert_list((int64_t[]){-3, -2, -1, -1}, 4, "-3:-1 -1");
    assert_list((int64_t[]){INT64_MAX, INT64_MAX, INT64_MIN}, 3,
                "9223372036854775807*2 -9223372036854775808");
    assert_list((int64_t[]){7, 6, 5}, 3, "7 6 5");
}

static void what_is_no_list(void **state)
{
    static const char *const wrong[] = {
        "x",  "1 ", " 1",    "1  2", "1:1",  "2:1", "1*1",   "1*0",
        "1*", "1:", "1:2:3", "1-",   "1 2x", "-",   "1*2*3", "9223372036854775808"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct box_list_reader r = {.text = slice_of(wrong[i])};
        int64_t number = 0;
        while (box_list_next(&r, &number))
            continue;
        if (box_list_is_read(&r))
            fail_msg("\"%s\" was read", wrong[i]);
    }
}

static void words_there_and_back(void **state)
{
    static const char *const words[] = {"abc", NULL, "a b", "-", "100%", "\xff\x01", "--", "%2D"};
    struct buf list = BUF_INIT;
    bool no_memory = false;
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        box_words_add(&list, words[i]);
    const char expected[] = "abc - a%20b %2D 100%25 %FF%01 -- %252D";
    assert_int_equal(buf_size(&list), strlen(expected));
    assert_memory_equal(buf_slice(&list).p, expected, strlen(expected));
    struct slice rest = buf_slice(&list);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_true(box_words_next(&rest, &text, &no_memory));
        if (words[i])
            assert_string_equal(text, words[i]);
        else
            assert_null(text);
        free(text);
    }
    assert_false(box_words_next(&rest, &text, &no_memory));
    buf_clear(&list);
}

static void what_is_no_word(void **state)
{
    static const char *const wrong[] = {"",    " a",    "a%",   "%4", "%zz",
                                        "%00", "a\x7f", "\xff", "%0", "a "};
    bool no_memory = false;
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct slice list = slice_of(wrong[i]);
        assert_false(box_words_next(&list, &text, &no_memory));
        assert_null(text);
        assert_false(no_memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_there_and_back),
        cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(words_there_and_back),
        cmocka_unit_test(what_is_no_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
