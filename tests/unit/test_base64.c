/* Base64: the examples of RFC 4648 section 10, and what is not canonical. */
#include "tests/unit/feed.h"

#include "translate/text/base64.h"

static const struct {
    const char *octets;
    const char *text;
} examples[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xff\xfe\xfd", "//79"},
                {"\xfb\xef", "++8="}};

static void test_examples(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        base64_encode(&out, slice_of(examples[i].octets));
        assert_true(slice_is(buf_slice(&out), examples[i].text));
        buf_clear(&out);
        assert_true(base64_decode(&out, slice_of(examples[i].text)));
        assert_true(slice_is(buf_slice(&out), examples[i].octets));
        buf_clear(&out);
    }
}

static void test_all_octets(void **state)
{
    struct buf text = BUF_INIT;
    struct buf back = BUF_INIT;
    char octets[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        octets[i] = (char)i;
    for (size_t n = 0; n <= sizeof octets; n++) {
        base64_encode(&text, slice_make(octets, n));
        assert_int_equal(buf_size(&text), (n + 2) / 3 * 4);
        assert_true(base64_decode(&back, buf_slice(&text)));
        assert_true(slice_equal(buf_slice(&back), slice_make(octets, n)));
        buf_clear(&text);
        buf_clear(&back);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"Zg",
                                      "Zg=",
                                      "Zg==Zg==",
                                      "Z===",
                                      "====",
                                      "Zh==",
                                      "Zm9=",
                                      "Zm9v ",
                                      "Zm9v\r\n",
                                      "Zm 9v===",
                                      "Zm-_",
                                      "Zm9vYg=a",
                                      "*",
                                      "=",
                                      "Zg==\n",
                                      "\xc3\xbc"
                                      "==",
                                      "=Zm9"};
    struct buf out = BUF_INIT;

    (void)state;
    buf_puts(&out, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(base64_decode(&out, slice_of(bad[i])));
        assert_true(slice_is(buf_slice(&out), "kept"));
    }
    assert_false(base64_decode(&out, slice_make("Zg\0=", 4)));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_all_octets),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
