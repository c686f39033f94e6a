#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/store/account_name.h"

static void assert_name(struct slice key, const char *expected)
{
    char *name = account_name(key);

    assert_string_equal(name, expected);
    free(name);
}

static void escapes_all_but_the_harmless(void **state)
{
    (void)state;
    assert_name(slice_of("ann@example.com"), "ann@example.com");
    assert_name(slice_of("A.b_c-9"), "A.b_c-9");
    assert_name(slice_of("a/b"), "a%2Fb");
    assert_name(slice_of("/etc/passwd"), "%2Fetc%2Fpasswd");
    assert_name(slice_of("../x"), "%2E.%2Fx");
    assert_name(slice_of("."), "%2E");
    assert_name(slice_of(".."), "%2E.");
    assert_name(slice_of("%2E"), "%252E");
    assert_name(slice_of("~"), "%7E");
    assert_name(slice_of("j\xc3\xb6rg"), "j%C3%B6rg");
    assert_name(slice_make("a\0b\n", 4), "a%00b%0A");
    assert_name(slice_of(""), "~");
}

static void long_ones_end_with_a_digest(void **state)
{
    static char keys[3][10000];
    char *names[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        memset(keys[i], 'a', sizeof keys[i]);
        keys[i][sizeof keys[i] - 1 - i] = 'b';
        names[i] = account_name(slice_make(keys[i], sizeof keys[i]));
        assert_int_equal(strlen(names[i]), 200);
    }
    assert_string_not_equal(names[0], names[1]);
    assert_string_not_equal(names[1], names[2]);
    for (size_t i = 0; i < 3; i++)
        free(names[i]);
    char *longest = account_name(slice_make(keys[0], 200));
    assert_null(strchr(longest, '~'));
    free(longest);
    char *longer = account_name(slice_make(keys[0], 201));
    assert_int_equal(strlen(longer), 200);
    assert_non_null(strchr(longer, '~'));
    free(longer);
}

static void a_name_tells_its_key(void **state)
{
    static const char *const keys[] = {
        "ann@example.com", "imap:ann@h:995", "../x", "a%2Fb", "~", ""};
    static const char *const others[] = {"a/b", "%2f", "%2", "%61", ".x", "a~b", "lost+found/"};

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *name = account_name(slice_of(keys[i]));
        char *key = account_name_key(name);
        assert_string_equal(key, keys[i]);
        free(key);
        free(name);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(account_name_key(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_all_but_the_harmless),
        cmocka_unit_test(a_name_tells_its_key),
        cmocka_unit_test(long_ones_end_with_a_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
