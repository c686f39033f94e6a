/* Sections as ranges of the original, and the lines of HEADER.FIELDS. */
#include "tests/unit/mime_parse.h"

#include "translate/mime/mime_section.h"

static const char message_text[] = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                                   "--b\r\nX: 1\r\n\r\none\r\n"
                                   "--b\r\nContent-Type: message/rfc822\r\n\r\nS: t\r\n\r\ntwo\r\n"
                                   "--b--\r\n";

struct asked {
    uint32_t path[4];
    size_t n;
    enum mime_section section;
    const char *text; /* NULL: no such section */
};

static void check(const struct mime_message *message, struct slice text, const struct asked *asked)
{
    struct mime_range range;
    bool there = mime_section_range(message, asked->path, asked->n, asked->section, &range);

    assert_int_equal(there, asked->text != NULL);
    assert_true(range.start <= range.end && range.end <= text.n);
    assert_true(slice_is(slice_make(text.p + range.start, range.end - range.start),
                         asked->text ? asked->text : ""));
}

static void check_all(const char *text, const struct asked *asked, size_t count)
{
    struct mime_message *message = mime_parse(slice_of(text), 8);

    for (size_t i = 0; i < count; i++)
        check(message, slice_of(text), &asked[i]);
    mime_message_free(message);
}

static void test_multipart(void **state)
{
    static const struct asked asked[] = {
        {{0}, 0, MIME_SECTION_ALL, message_text},
        {{0}, 0, MIME_SECTION_HEADER, "Content-Type: multipart/mixed; boundary=b\r\n\r\n"},
        {{0}, 0, MIME_SECTION_MIME, NULL},
        {{1}, 1, MIME_SECTION_ALL, "one"},
        {{1}, 1, MIME_SECTION_MIME, "X: 1\r\n\r\n"},
        {{1}, 1, MIME_SECTION_HEADER, NULL},
        {{1}, 1, MIME_SECTION_TEXT, NULL},
        {{1, 1}, 2, MIME_SECTION_ALL, "one"}, /* as Dovecot has it */
        {{2}, 1, MIME_SECTION_ALL, "S: t\r\n\r\ntwo"},
        {{2}, 1, MIME_SECTION_HEADER, "S: t\r\n\r\n"},
        {{2}, 1, MIME_SECTION_TEXT, "two"},
        {{2}, 1, MIME_SECTION_MIME, "Content-Type: message/rfc822\r\n\r\n"},
        {{2, 1}, 2, MIME_SECTION_ALL, "two"},
        {{2, 1}, 2, MIME_SECTION_MIME, "S: t\r\n\r\n"},
        {{2, 2}, 2, MIME_SECTION_ALL, NULL},
        {{3}, 1, MIME_SECTION_ALL, NULL},
        {{0}, 1, MIME_SECTION_ALL, NULL},
        {{UINT32_MAX}, 1, MIME_SECTION_ALL, NULL},
    };

    (void)state;
    check_all(message_text, asked, sizeof asked / sizeof *asked);
}

static void test_single(void **state)
{
    static const struct asked asked[] = {
        {{0}, 0, MIME_SECTION_TEXT, "body"},
        {{1}, 1, MIME_SECTION_ALL, "body"},
        {{1}, 1, MIME_SECTION_MIME, "a: b\r\n\r\n"},
        {{1}, 1, MIME_SECTION_TEXT, NULL},
        {{2}, 1, MIME_SECTION_ALL, NULL},
        {{1, 1}, 2, MIME_SECTION_ALL, NULL},
    };

    (void)state;
    check_all("a: b\r\n\r\nbody", asked, sizeof asked / sizeof *asked);
}

static void test_filter(void **state)
{
    static const struct slice names[] = {{"to", 2}, {"X-A", 3}};
    static const struct {
        const char *header;
        const char *fields;
        const char *others;
    } cases[] = {
        {"", "", ""},
        {"\r\n", "\r\n", "\r\n"},
        {"To: a\r\nCc: b\r\n\r\n", "To: a\r\n\r\n", "Cc: b\r\n\r\n"},
        {"To : a,\r\n b\r\n\tc\r\nTox: d\r\n e\r\n\r\n", "To : a,\r\n b\r\n\tc\r\n\r\n",
         "Tox: d\r\n e\r\n\r\n"},
        {"no colon\r\nx-a:1\nX-A:\n\n", "x-a:1\nX-A:\n\n", "no colon\r\n\n"},
        {"To: a\r\nno end", "To: a\r\n", "no end"},
        {" To: a\r\nTo", "", " To: a\r\nTo"},
        {"To:", "To:", ""},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        for (size_t size = 1; size < 40; size += 6) {
            struct mime_header_filter filter = {.names = names, .count = 2, .others = i % 2};
            struct slice header = slice_of(cases[i / 2].header);
            struct buf out = BUF_INIT;
            while (header.n)
                mime_header_filter_feed(&filter, slice_take(&header, size), &out);
            mime_header_filter_end(&filter, &out);
            buf_putc(&out, '\0');
            assert_string_equal(buf_slice(&out).p,
                                i % 2 ? cases[i / 2].others : cases[i / 2].fields);
            buf_clear(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
