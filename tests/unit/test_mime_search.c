/* Fields as SEARCH compares them, and the digest of a header. */
#include "tests/unit/feed.h"

#include "translate/mime/mime_charset.h"
#include "translate/mime/mime_search.h"
#include "translate/text/utf8.h"

static void test_fields(void **state)
{
    struct slice header = slice_of("Subject : a\r\n b\r\nno field\r\nX:\r\n \r\n\r\nc:d\n:e");
    static const struct {
        bool named;
        const char *name;
        const char *value;
    } expected[] = {
        {true, "Subject", "a\r\n b"},
        {false, "", "no field"},
        {true, "X", ""},
        {false, "", ""},
        {true, "c", "d"},
        {true, "", "e"},
    };
    struct mime_search_field field;

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(mime_search_next(&header, &field));
        assert_int_equal(field.named, expected[i].named);
        assert_true(slice_is(field.name, expected[i].name));
        assert_true(slice_is(field.value, expected[i].value));
    }
    assert_false(mime_search_next(&header, &field));
}

static void check_known(struct slice *digest, const char *name, const char *value)
{
    struct slice known;
    struct slice text;

    assert_true(mime_search_known(digest, &known, &text));
    assert_true(slice_is(known, name));
    assert_true(slice_is(text, value));
}

/* All that there are, however often, in their order; nothing of the others. */
static void test_digest(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    mime_search_digest(&out, slice_of("Received: x\r\nSUBJECT: =?utf-8?q?=C3=BC?=\r\nTo:\r\n"
                                      "Content-Type: a/b\r\nsubject: a\r\n\tb\r\nTo\r\n"
                                      "message-id: <1@x>\r\n\r\n"));
    struct slice digest = buf_slice(&out);
    check_known(&digest, "Subject", "\xc3\xbc");
    check_known(&digest, "To", "");
    check_known(&digest, "Subject", "a b");
    check_known(&digest, "Message-ID", "<1@x>");
    assert_int_equal(digest.n, 0);
    buf_clear(&out);
}

/* Whatever a field has in it, the digest has its fields. */
static void test_octets(void **state)
{
    static const char raw[] = "Subject: a\0b=?utf-8?q?=00=0A?=\xff\r\nFrom: c\r\n"
                              "Date: 1\0\r\n =?utf-8?q?2?=\r\n\r\n";
    struct buf out = BUF_INIT;
    struct slice name;
    struct slice value;

    (void)state;
    mime_search_digest(&out, slice_make(raw, sizeof raw - 1));
    struct slice digest = buf_slice(&out);
    assert_true(mime_search_known(&digest, &name, &value));
    assert_true(utf8_is_valid(value));
    check_known(&digest, "From", "c");
    check_known(&digest, "Date", "1?\r\n =?utf-8?q?2?=");
    assert_int_equal(digest.n, 0);
    buf_clear(&out);
}

static void test_none(void **state)
{
    static const char *const wrong[] = {"", "B", "Bx", "b", "\xff", "@x"};
    struct slice name;
    struct slice value;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct slice digest = slice_of(wrong[i]);
        assert_false(mime_search_known(&digest, &name, &value));
    }
    struct slice digest = slice_make("Zx", 3);
    assert_false(mime_search_known(&digest, &name, &value));
}

static int setup(void **state)
{
    (void)state;
    mime_setup();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mime_teardown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_octets),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
