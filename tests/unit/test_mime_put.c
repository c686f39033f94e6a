/* ENVELOPE, BODY and BODYSTRUCTURE as they are sent. */
#include "tests/unit/mime_parse.h"

#include "translate/mime/mime_put.h"

static void expect(struct buf *out, const char *text)
{
    buf_putc(out, '\0');
    assert_string_equal(buf_slice(out).p, text);
    buf_clear(out);
}

static void test_strings(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    mime_put_nstring(&out, (struct slice){0}, false);
    mime_put_nstring(&out, slice_of(""), false);
    mime_put_nstring(&out, slice_of("a\"\\b"), false);
    expect(&out, "NIL\"\"\"a\\\"\\\\b\"");
    mime_put_nstring(&out, slice_of("\xc3\xa4"), false);
    mime_put_nstring(&out, slice_of("\xc3\xa4"), true);
    mime_put_nstring(&out, slice_of("\xe4"), true);
    expect(&out, "{2}\r\n\xc3\xa4\"\xc3\xa4\"{1}\r\n\xe4");
    mime_put_nstring(&out, slice_make("a\0b", 3), false);
    expect(&out, "{5}\r\na\xef\xbf\xbd"
                 "b");
    mime_put_unfolded(&out, slice_of("a\n b\nc\n"), false);
    expect(&out, "\"a b c\"");
    mime_put_text(&out, slice_of("  a \n\t b  "), false);
    mime_put_text(&out, slice_of("  "), false);
    expect(&out, "\"a b\"\"\"");
}

static void test_envelope(void **state)
{
    struct mime_message *message = mime_parse(
        slice_of("Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nSubject: a\r\n b\r\nFrom: Ann <a@b>\r\n"
                 "Sender: \r\nTo: c@d\r\nMessage-ID: <1@x>\r\n\r\n"),
        9);
    struct buf out = BUF_INIT;

    (void)state;
    mime_put_envelope(&out, message, 0, false);
    expect(&out, "(\"Fri, 20 Nov 2026 10:00:00 +0000\" \"a b\" ((\"Ann\" NIL \"a\" \"b\")) "
                 "((\"Ann\" NIL \"a\" \"b\")) ((\"Ann\" NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) "
                 "NIL NIL NIL \"<1@x>\")");
    mime_message_free(message);
}

static void test_structure(void **state)
{
    static const struct {
        const char *text;
        const char *body;
        const char *extension; /* of BODYSTRUCTURE, for messages of one part */
    } cases[] = {
        {"", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0",
         "NIL NIL NIL NIL"},
        {"MIME-Version: 1.0\r\nContent-Type: TEXT/Html; Charset=x; a*0=\"b\"; a*1=c\r\n"
         "Content-Transfer-Encoding: Base64\r\nContent-ID: <i>\r\nContent-Description: d\r\n"
         "Content-Disposition: attachment; filename=f\r\nContent-Language: de, en\r\n"
         "Content-Location: l\r\nContent-MD5: m\r\n\r\nx\r\ny\r\n",
         "(\"TEXT\" \"Html\" (\"Charset\" \"x\" \"a\" \"bc\") \"<i>\" \"d\" \"Base64\" 6 2",
         "\"m\" (\"attachment\" (\"filename\" \"f\")) (\"de\" \"en\") \"l\""},
        {"Content-Type: image/png\r\n\r\nx", "(\"image\" \"png\" NIL NIL NIL \"7bit\" 1",
         "NIL NIL NIL NIL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mime_message *message = mime_parse(slice_of(cases[i].text), 11);
        struct buf out = BUF_INIT;
        char wanted[1000];
        mime_put_body(&out, message, false, false);
        snprintf(wanted, sizeof wanted, "%s)", cases[i].body);
        expect(&out, wanted);
        mime_put_body(&out, message, true, false);
        snprintf(wanted, sizeof wanted, "%s %s)", cases[i].body, cases[i].extension);
        expect(&out, wanted);
        mime_message_free(message);
    }
}

static void test_nested(void **state)
{
    struct mime_message *message =
        mime_parse(slice_of("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                            "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n--b\r\n"
                            "Content-Type: multipart/alternative\r\n\r\n--b--\r\n"),
                   1);
    struct buf out = BUF_INIT;

    (void)state;
    mime_put_body(&out, message, false, false);
    expect(&out, "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 "
                 "(NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) "
                 "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0) 2)"
                 "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) "
                 "\"alternative\") \"mixed\")");
    mime_message_free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_nested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
