/* Contents decoded, whatever the pieces they come in. */
#include "tests/unit/mime_parse.h"

#include "translate/mime/mime_charset.h"
#include "translate/mime/mime_decoder.h"

static void check(enum mime_transfer transfer, const char *charset, struct slice text,
                  struct slice wanted)
{
    for (size_t size = 1; size < 12; size++) {
        struct mime_decoder *decoder = mime_decoder_new(transfer, slice_of(charset));
        struct slice rest = text;
        struct buf out = BUF_INIT;
        assert_non_null(decoder);
        while (rest.n)
            mime_decoder_feed(decoder, slice_take(&rest, size), &out);
        mime_decoder_end(decoder, &out);
        assert_true(slice_equal(buf_slice(&out), wanted));
        buf_clear(&out);
        mime_decoder_free(decoder);
    }
}

static void test_contents(void **state)
{
    static const struct {
        enum mime_transfer transfer;
        const char *charset;
        const char *text;
        const char *wanted;
    } cases[] = {
        {MIME_TRANSFER_PLAIN, NULL, "a=41\r\n\xff", "a=41\r\n\xff"},
        {MIME_TRANSFER_BASE64, NULL, "R3L8\r\n3 2U=\r\n",
         "Gr\xfc\xdf"
         "e"},
        {MIME_TRANSFER_BASE64, "iso-8859-1", "R3L8\r\n32U=\r\n", "Grüße"},
        {MIME_TRANSFER_BASE64, NULL, "YQ==YQ==", "aa"},
        {MIME_TRANSFER_BASE64, NULL, "YWJjZA", "abcd"},
        {MIME_TRANSFER_BASE64, NULL, "YQ=YWJj\r\n\r\nY", "aabc"},
        {MIME_TRANSFER_QUOTED_PRINTABLE, NULL, "a=3D=\r\nb=20\r\n=zz", "a=b \r\n=zz"},
        {MIME_TRANSFER_QUOTED_PRINTABLE, "utf-8", "Gr=C3=BC=C3=9Fe", "Grüße"},
        /* RFC 2045 section 6.7: blanks at the end of a line were added on the way. */
        {MIME_TRANSFER_QUOTED_PRINTABLE, NULL, "a= \t\r\nb \r\n c\t", "ab\r\n c"},
        {MIME_TRANSFER_PLAIN, "us-ascii", "Grüße", "Grüße"},
        {MIME_TRANSFER_PLAIN, "utf-16le", "", ""},
        {MIME_TRANSFER_PLAIN, "koi8-r", "\xd0\xd2\xc9", "при"},
        {MIME_TRANSFER_PLAIN, "shift_jis", "\x93\xfa\x96\x7b", "日本"},
        {MIME_TRANSFER_PLAIN, "iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
        {MIME_TRANSFER_PLAIN, "no-such-charset", "\xfc", "\xfc"},
        {MIME_TRANSFER_PLAIN, "utf-8//TRANSLIT", "\xfc", "\xfc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].transfer, cases[i].charset, slice_of(cases[i].text),
              slice_of(cases[i].wanted));
}

static void test_what_a_part_says(void **state)
{
    static const struct {
        const char *text;
        enum mime_transfer transfer;
        const char *charset;
    } cases[] = {
        {"", MIME_TRANSFER_PLAIN, ""},
        {"MIME-Version: 1.0\r\nContent-Transfer-Encoding: BASE64\r\n\r\n", MIME_TRANSFER_BASE64,
         ""},
        {"Content-Type: text/html; CHARSET=x\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n",
         MIME_TRANSFER_UNKNOWN, "x"},
        {"MIME-Version: 1.0\r\nContent-Transfer-Encoding: x y\r\n\r\n", MIME_TRANSFER_UNKNOWN, ""},
        {"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64;\r\n\r\n", MIME_TRANSFER_BASE64,
         ""},
        {"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit (a comment)\r\n\r\n",
         MIME_TRANSFER_PLAIN, ""},
        {"MIME-Version: 1.0\r\nContent-Transfer-Encoding: (none)\r\n\r\n", MIME_TRANSFER_PLAIN, ""},
        {"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n",
         MIME_TRANSFER_PLAIN, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mime_message *message = mime_parse(slice_of(cases[i].text), 100);
        struct buf charset = BUF_INIT;
        assert_int_equal(mime_transfer_of(message, 0), cases[i].transfer);
        mime_charset_of(message, 0, &charset);
        assert_true(slice_is(buf_slice(&charset), cases[i].charset));
        buf_clear(&charset);
        mime_message_free(message);
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
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_what_a_part_says),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
