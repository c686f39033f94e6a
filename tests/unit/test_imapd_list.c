/*
 * LIST's wildcards, INBOX in any case, and patterns made to be slow.
 */
#include "translate/imap/imapd_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *pattern;
    const char *name;
    bool match;
} cases[] = {
    {"*", "INBOX", true},
    {"*", "a/b/c", true},
    {"%", "a", true},
    {"%", "a/b", false},
    {"%/%", "a/b", true},
    {"%/%", "a/b/c", false},
    {"%/*", "a/b/c", true},
    {"a", "a", true},
    {"a", "A", false},
    {"a", "ab", false},
    {"ab", "a", false},
    {"", "a", false},
    {"", "", true},
    {"a*", "a", true},
    {"a%", "a", true},
    {"a%", "a/", false},
    {"a/%", "a", false},
    {"a/%", "a/b", true},
    {"*b", "a/b", true},
    {"%b", "a/b", false},
    {"*/b", "a/x/b", true},
    {"a*c*e", "abcde", true},
    {"a*c*e", "abcd", false},
    {"%x%", "axb", true},
    {"%x%", "a/xb", false},
    {"*x%", "a/xb", true},
    {"*x%", "a/xb/c", false},
    {"*a%b", "aab/ab", true},
    {"*a%b", "aab/a/b", false},
    {"inbox", "INBOX", true},
    {"iNbOx", "INBOX", true},
    {"inb%", "INBOX", true},
    {"inbox/a", "INBOX/a", true},
    {"inbox/A", "INBOX/a", false},
    {"inbox2", "INBOX2", false},
    {"%nbox", "INBOX", true},
    {"inbox", "INBO", false},
    {"Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe", true},
    {"Entw%rfe", "Entw\xc3\xbcrfe", true},
};

static void test_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (imapd_list_match(slice_of(cases[i].pattern), slice_of(cases[i].name)) != cases[i].match)
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].name);
}

static void check_pattern(const char *reference, const char *pattern, const char *expected)
{
    struct buf out = BUF_INIT;

    buf_putc(&out, '*'); /* what is there before is none of its business */
    assert_true(imapd_list_pattern(&out, slice_of(reference), slice_of(pattern)));
    buf_putc(&out, '\0');
    assert_string_equal(buf_slice(&out).p + 1, expected);
    buf_clear(&out);
}

static void test_reference(void **state)
{
    (void)state;
    check_pattern("", "*", "*");
    check_pattern("a/", "%", "a/%");
    check_pattern("a/%", "%", "a/%");
    check_pattern("a%", "*b", "a*b");
    check_pattern("", "**%%*", "*");
    check_pattern("", "%*x%%", "*x%");
    check_pattern("", "", "");
}

/* One that tries each way in turn takes longer than the universe has for this. */
static void test_slow_patterns(void **state)
{
    struct buf pattern = BUF_INIT;
    struct buf name = BUF_INIT;

    (void)state;
    for (int i = 0; i < 300; i++)
        buf_puts(&pattern, i % 2 ? "*a" : "%a");
    buf_puts(&pattern, "b");
    for (int i = 0; i < 1000; i++)
        buf_putc(&name, 'a');
    assert_false(imapd_list_match(buf_slice(&pattern), buf_slice(&name)));
    buf_putc(&name, 'b');
    assert_true(imapd_list_match(buf_slice(&pattern), buf_slice(&name)));
    buf_clear(&pattern);
    buf_clear(&name);
}

static void test_long_patterns(void **state)
{
    struct buf pattern = BUF_INIT;
    struct buf out = BUF_INIT;

    (void)state;
    for (int i = 0; i < IMAPD_PATTERN_MAX; i++)
        buf_putc(&pattern, 'a');
    assert_true(imapd_list_match(buf_slice(&pattern), buf_slice(&pattern)));
    assert_true(imapd_list_pattern(&out, slice_of(""), buf_slice(&pattern)));
    assert_false(imapd_list_pattern(&out, slice_of("x"), buf_slice(&pattern)));
    assert_int_equal(buf_size(&out), IMAPD_PATTERN_MAX);
    buf_putc(&pattern, 'a');
    assert_false(imapd_list_match(buf_slice(&pattern), buf_slice(&pattern)));
    buf_clear(&pattern);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_slow_patterns),
        cmocka_unit_test(test_long_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
