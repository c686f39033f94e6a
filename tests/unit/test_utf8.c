/* UTF-8, character by character (RFC 3629). */
#include "tests/unit/feed.h"

#include "translate/text/utf8.h"

static void test_characters(void **state)
{
    static const struct {
        const char *text;
        uint32_t code;
    } cases[] = {{"a", 'a'},
                 {"\x7f", 0x7f},
                 {"\xc2\x80", 0x80},
                 {"\xdf\xbf", 0x7ff},
                 {"\xe0\xa0\x80", 0x800},
                 {"\xed\x9f\xbf", 0xd7ff},
                 {"\xee\x80\x80", 0xe000},
                 {"\xef\xbf\xbf", 0xffff},
                 {"\xf0\x90\x80\x80", 0x10000},
                 {"\xf4\x8f\xbf\xbf", 0x10ffff}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice text = slice_of(cases[i].text);
        struct buf out = BUF_INIT;
        uint32_t code = 0;
        assert_int_equal(utf8_decode(text, &code), text.n);
        assert_int_equal(code, cases[i].code);
        utf8_put(&out, code);
        assert_true(slice_equal(buf_slice(&out), text));
        for (size_t n = 0; n < text.n; n++)
            assert_int_equal(utf8_length(slice_make(text.p, n)), 0);
        buf_clear(&out);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc3"
                                      "a",
                                      "\xe2\x82"
                                      "a"};
    uint32_t code = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(utf8_decode(slice_of(bad[i]), &code), 0);
    assert_int_equal(code, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
