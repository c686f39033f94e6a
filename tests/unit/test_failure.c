/*
 * Sentences that are fit to be shown, whatever a peer put into them.
 */
#include "translate/text/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void clean(const char *text, const char *expected)
{
    char out[64];

    text_clean(out, sizeof out, slice_of(text));
    assert_string_equal(out, expected);
}

static void test_text_that_may_stay(void **state)
{
    (void)state;
    clean("", "");
    clean("plain ~ text", "plain ~ text");
    clean("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xa7 \xf4\x8f\xbf\xbf", "\xc3\xa4 \xe2\x82\xac "
                                                                     "\xf0\x9f\x93\xa7 "
                                                                     "\xf4\x8f\xbf\xbf");
    clean("\xc2\xa0", "\xc2\xa0");
}

static void test_control_characters(void **state)
{
    char out[8];

    (void)state;
    clean("a\r\n+OK\tb\x7f", "a  +OK b ");
    clean("\x1b[31m", " [31m");
    clean("\xc2\x9b"
          "31m \xc2\x80\xc2\x9f",
          " 31m   ");
    text_clean(out, sizeof out, slice_make("a\0b", 3));
    assert_string_equal(out, "a b");
}

static void test_invalid_utf8(void **state)
{
    (void)state;
    clean("\xe4 \xff \x80", "? ? ?");
    clean("\xc0\xaf", "??");
    clean("\xe0\x80\xaf", "???");
    clean("\xf0\x80\x80\xaf", "????");
    clean("\xed\xa0\x80", "???");
    clean("\xf4\x90\x80\x80", "????");
    clean("\xf5\x80\x80\x80", "????");
    clean("\xe2\x82", "??");
    clean("\xe2\x82z", "??z");
}

static void test_cut(void **state)
{
    char out[4] = "zzz";

    (void)state;
    text_clean(out, 0, slice_of("abc"));
    assert_string_equal(out, "zzz");
    text_clean(out, 1, slice_of("abc"));
    assert_string_equal(out, "");
    text_clean(out, sizeof out, slice_of("abcdef"));
    assert_string_equal(out, "abc");
    text_clean(out, sizeof out, slice_of("a\xe2\x82\xac"));
    assert_string_equal(out, "a");
    text_clean(out, sizeof out, slice_of("\xe2\x82\xac"));
    assert_string_equal(out, "\xe2\x82\xac");
}

static void test_set(void **state)
{
    struct failure f;

    (void)state;
    failure_set(&f, FAILURE_IN_USE, "%s is locked: %s", "anna", "by\r\nanother");
    assert_int_equal(f.kind, FAILURE_IN_USE);
    assert_string_equal(f.text, "anna is locked: by  another");
    failure_set(&f, FAILURE_TEMPORARY, "login: %s", f.text);
    assert_string_equal(f.text, "login: anna is locked: by  another");
}

static void test_set_is_cut_between_characters(void **state)
{
    char text[2001];
    struct failure f;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[sizeof text - 1] = '\0';
    failure_set(&f, FAILURE_AUTH, "%s", text);
    assert_int_equal(strlen(f.text), 238);
    failure_set(&f, FAILURE_AUTH, ".%s", text);
    assert_int_equal(strlen(f.text), 239);
    assert_null(strchr(f.text, '?'));
}

static void test_set_with_a_format_that_cannot_be_printed(void **state)
{
    struct failure f;

    (void)state;
    failure_set(&f, FAILURE_PERMANENT, "folder %ls", (const wchar_t[]){0x110000, 0});
    assert_int_equal(f.kind, FAILURE_PERMANENT);
    assert_string_equal(f.text, "folder %ls");
}

static void test_kept_once_and_again(void **state)
{
    struct failure *kept = NULL;
    struct failure why;

    (void)state;
    failure_set(&why, FAILURE_AUTH, "first");
    assert_true(failure_keep(&kept, &why));
    failure_set(&why, FAILURE_FULL, "second");
    assert_string_equal(kept->text, "first");
    assert_true(failure_keep(&kept, &why));
    assert_int_equal(kept->kind, FAILURE_FULL);
    assert_string_equal(kept->text, "second");
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_that_may_stay),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_is_cut_between_characters),
        cmocka_unit_test(test_set_with_a_format_that_cannot_be_printed),
        cmocka_unit_test(test_kept_once_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
