/* What header fields say. */
#include "tests/unit/feed.h"

#include "translate/mime/mime_charset.h"
#include "translate/mime/mime_words.h"
#include "translate/text/utf8.h"

static void test_words(void **state)
{
    static const struct {
        const char *value;
        const char *text;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"a\n b", "a b"},
        {"=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"},
        {"=?utf-8?q?Gr=C3=BC?=\n =?iso-8859-1?Q?=DFe?= x", "Grüße x"},
        {"=?utf-8?Q?a_b?= c", "a b c"},
        {"x=?utf-8?q?a?=", "xa"},
        {"=?utf-8?q?unclosed", "=?utf-8?q?unclosed"},
        {"Grüße", "Grüße"},
        /* Neighbours, each of them padded; a character cut between two */
        {"=?utf-8?b?YQ==?= =?UTF-8?B?Yg==?=\r\n =?utf-8?b?Yw==?=", "abc"},
        {"=?iso-2022-jp?b?GyRCJDMkcxsoQg==?= =?iso-2022-jp?b?GyRCJEskQSRPGyhC?=", "こんにちは"},
        {"=?utf-8?q?Gr=C3?= =?utf-8?b?vA==?= =?utf-8?q?=C3=9Fe?=", "Grüße"},
        {"=?utf-8?b?YQ?=", "a"},
        {"=?utf-8?b?Y.Q?= =?utf-8?b", "a =?utf-8?b"},
        {"a\r\n\tb\tc", "a b\tc"},
        {"a\rb", "a\rb"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT;
        mime_words_decode(&out, slice_of(cases[i].value));
        buf_putc(&out, '\0');
        assert_string_equal(buf_slice(&out).p, cases[i].text);
        buf_clear(&out);
    }
}

static bool is_utf8(struct slice text)
{
    while (text.n && utf8_length(text))
        slice_take(&text, utf8_length(text));
    return text.n == 0;
}

/* Whatever it is, it becomes UTF-8, and soon: the test's limit of time is what fails otherwise. */
static void test_always_utf8(void **state)
{
    static const char *const pieces[] = {
        "\xff", "=?utf-8?q?=FF?= ", "=?x?b?/////w==?=", "=?iso-2022-jp?b?GyRC?= ", "=?",
        "\xc3", "=?utf-8?q?a?="};

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buf value = BUF_INIT;
        struct buf out = BUF_INIT;
        while (buf_size(&value) < MIME_WORDS_MAX + 1000)
            buf_puts(&value, pieces[i]);
        mime_words_decode(&out, buf_slice(&value));
        assert_true(buf_size(&out) > 0);
        assert_true(is_utf8(buf_slice(&out)));
        buf_clear(&value);
        buf_clear(&out);
    }
}

static void test_params(void **state)
{
    static const struct {
        const char *value;
        const char *text;
    } cases[] = {
        {"utf-8''%e2%82%ac%20x", "€ x"},  {"iso-8859-1'de'Gr%FC%DFe", "Grüße"},
        {"no'charset", "no'charset"},     {"''%41%4", "A%4"},
        {"no-such''%FF", "\xef\xbf\xbd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT;
        mime_param_decode(&out, slice_of(cases[i].value));
        buf_putc(&out, '\0');
        assert_string_equal(buf_slice(&out).p, cases[i].text);
        buf_clear(&out);
    }
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
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_always_utf8),
        cmocka_unit_test(test_params),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
