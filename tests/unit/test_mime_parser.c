/* Where parts begin and end, however the message comes in. */
#include "tests/unit/mime_parse.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n" /* 45 octets */

static const struct {
    const char *text;
    const char *outline; /* see mime_outline() */
} cases[] = {
    {"", "T0-0-0/0"},
    {"\r\n", "T0-2-2/0"},
    {"x", "T0-1-1/0"},
    {"a: b\r\n\r\nbody", "T0-8-12/0"},
    {"a: b\n\nbody\n", "T0-6-11/1"},
    {"\r\nbody\r\n\r\n", "T0-2-10/2"},
    {MIXED, "M0-45-45/0"},
    {MIXED "--b\r\n\r\none\r\n--b--\r\n", "M0-45-64/4 0T50-52-55/0"},
    {MIXED "pre\r\n--b\r\n\r\none\r\n--b--\r\nepilogue", "M0-45-77/5 0T55-57-60/0"},
    {MIXED "--b\r\n--b\r\n--b--\r\n", "M0-45-62/3 0T50-50-50/0 0T55-55-55/0"},
    {MIXED "--b\r\nx: y\r\n--b--\r\n", "M0-45-63/3 0T50-54-54/0"},
    {MIXED "--b\r\n\r\n--b--\r\n", "M0-45-59/3 0T50-50-50/0"},
    {MIXED "--b\n\none\n--b--", "M0-45-59/3 0T49-50-53/0"},
    {MIXED "--b", "M0-45-48/0"},
    {MIXED "--b\r\n", "M0-45-50/1 0T50-50-50/0"},
    {MIXED "--b--\r\n--b\r\n\r\nx", "M0-45-60/3"},
    {MIXED "-\r\n--\r\n-b\r\n --b\r\nx--b", "M0-45-66/4"},
    {"Content-Type: message/rfc822\r\n\r\na: b\r\n\r\nin\r\n", "R0-32-44/3 0T32-40-44/1"},
    {"Content-Type: message/rfc822\r\n\r\n", "R0-32-32/0 0T32-32-32/0"},
    {"Content-Type: message/rfc822\r\n", "R0-30-30/0 0T30-30-30/0"},
    {MIXED "--b\r\nContent-Type: message/rfc822\r\n--b--", "M0-45-85/2 0R50-78-78/0 1T78-78-78/0"},
    {MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\na: b\r\n\r\n--b--",
     "M0-45-95/5 0R50-82-90/2 1T82-88-88/0"},
    {"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\na: b\r\n\r\nx\r\n--b--",
     "M0-46-69/5 0R51-53-62/2 1T53-61-62/0"},
    {"Content-Type: text/plain\r\n \r\n\r\nx", "T0-31-32/0"},
    {"content-type:multipart/x;boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n----",
     "M0-40-53/3 0T44-46-47/0"},
    {"Content-Type: image/png\r\n\r\n\0", "-0-27-27/0"},
};

static void check(struct slice text, const char *outline)
{
    static const size_t sizes[] = {1, 2, 3, 7, 1000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf out = BUF_INIT;
        struct mime_message *message = mime_parse(text, sizes[i]);
        mime_outline(message, &out);
        assert_string_equal(buf_slice(&out).p, outline);
        assert_true(mime_message_size(message) == text.n);
        buf_clear(&out);
        mime_message_free(message);
    }
}

static void test_outlines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(slice_of(cases[i].text), cases[i].outline);
}

static void test_nul(void **state)
{
    (void)state;
    check(slice_make("a\0b: c\r\nContent-Type: text/x\r\n\r\n\0\n\0", 35), "T0-32-35/1");
}

/* Octets cut anywhere give the same structure. */
static void test_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice text = slice_of(cases[i].text);
        for (size_t cut = 0; cut <= text.n; cut++) {
            struct buf out = BUF_INIT;
            struct mime_parser *parser = mime_parser_new();
            mime_parser_feed(parser, slice_make(text.p, cut));
            mime_parser_feed(parser, slice_make(text.p + cut, text.n - cut));
            struct mime_message *message = mime_parser_end(parser);
            mime_outline(message, &out);
            assert_string_equal(buf_slice(&out).p, cases[i].outline);
            buf_clear(&out);
            mime_message_free(message);
            mime_parser_free(parser);
        }
    }
}

static void test_fields(void **state)
{
    struct slice text = slice_of("to: a,\r\n b\r\nTO :c\r\nSubject: one\r\nsubject:  two \r\n"
                                 "Content-ID: <1>\r\nContent-ID: <2>\r\nMIME-Version: 1\r\n\r\n");
    struct mime_message *message = mime_parse(text, 5);

    (void)state;
    assert_true(slice_is(mime_message_field(message, 0, MIME_TO, 0), "a,\n b"));
    assert_true(slice_is(mime_message_field(message, 0, MIME_TO, 1), "c"));
    assert_null(mime_message_field(message, 0, MIME_TO, 2).p);
    assert_true(slice_is(mime_message_field(message, 0, MIME_SUBJECT, 0), "two "));
    assert_null(mime_message_field(message, 0, MIME_SUBJECT, 1).p);
    assert_true(slice_is(mime_message_field(message, 0, MIME_ID, 0), "<1>"));
    assert_null(mime_message_field(message, 0, MIME_DATE, 0).p);
    assert_false(mime_message_is_cut(message));
    mime_message_free(message);
}

static struct slice repeated(struct buf *text, const char *begin, const char *piece, size_t times,
                             const char *end)
{
    buf_puts(text, begin);
    for (size_t i = 0; i < times; i++)
        buf_puts(text, piece);
    buf_puts(text, end);
    return buf_slice(text);
}

static void test_too_many_parts(void **state)
{
    struct buf text = BUF_INIT;
    struct slice all = repeated(&text, MIXED, "--b\r\n\r\nx\r\n", 30000, "--b--");
    struct mime_message *message = mime_parse(all, 65536);
    const struct mime_part *last = mime_message_part(message, MIME_PARTS_MAX - 1);

    (void)state;
    assert_int_equal(mime_message_parts(message), MIME_PARTS_MAX);
    assert_true(mime_message_is_cut(message));
    assert_true(last->body_end == all.n);
    mime_message_free(message);
    buf_clear(&text);
}

static void test_too_deep(void **state)
{
    struct buf text = BUF_INIT;
    struct slice all =
        repeated(&text, "", "Content-Type: message/rfc822\r\n\r\n", 1000, "Subject: x\r\n\r\n");
    struct mime_message *message = mime_parse(all, 4096);

    (void)state;
    assert_int_equal(mime_message_parts(message), MIME_DEPTH_MAX);
    assert_true(mime_message_is_cut(message));
    assert_int_equal(mime_message_part(message, MIME_DEPTH_MAX - 1)->kind, MIME_KIND_OTHER);
    mime_message_free(message);
    buf_clear(&text);
}

/* CASES R3: a boundary of a megabyte is a boundary; so are the first octets of it. */
static void test_huge_boundary(void **state)
{
    enum { N = 1 << 20 };
    struct buf mark = BUF_INIT;
    struct buf text = BUF_INIT;

    (void)state;
    repeated(&mark, "", "m", N, "");
    buf_puts(&text, "Content-Type: multipart/mixed; boundary=");
    for (int i = 0; i < 2; i++) {
        buf_put(&text, buf_slice(&mark));
        buf_puts(&text, i ? "\r\n\r\nx\r\n" : "\r\n\r\n--");
    }
    struct mime_message *message = mime_parse(buf_slice(&text), 65536);
    assert_int_equal(mime_message_parts(message), 2);
    assert_true(mime_message_part(message, 1)->body_end == buf_size(&text));
    mime_message_free(message);
    buf_clear(&mark);
    buf_clear(&text);
}

/* Header fields beyond the limit are cut; the structure stays right. */
static void test_huge_header(void **state)
{
    struct buf text = BUF_INIT;
    struct slice all = repeated(&text, "Subject: ", "0123456789", 1000000, "\r\nTo: a@b\r\n\r\nx");
    struct mime_message *message = mime_parse(all, 65536);

    (void)state;
    assert_true(mime_message_is_cut(message));
    assert_true(slice_is(mime_message_field(message, 0, MIME_TO, 0), "a@b"));
    assert_in_range(mime_message_field(message, 0, MIME_SUBJECT, 0).n, MIME_VALUE_MAX / 2,
                    MIME_VALUE_MAX);
    assert_true(mime_message_part(message, 0)->body_start == all.n - 1);
    mime_message_free(message);
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outlines),       cmocka_unit_test(test_nul),
        cmocka_unit_test(test_every_cut),      cmocka_unit_test(test_fields),
        cmocka_unit_test(test_too_many_parts), cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_huge_boundary),  cmocka_unit_test(test_huge_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
