/*
 * Replies to the octet: what a client parses must not move.
 */
#include "translate/pop3/pop3_reply.h"
#include "translate/sasl/sasl_mechanism.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct buf *out, const char *wire)
{
    buf_putc(out, '\0');
    assert_string_equal(buf_slice(out).p, wire);
    buf_clear(out);
}

static void test_simple(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    pop3_ok(&out, "%d messages", 3);
    expect(&out, "+OK 3 messages\r\n");
    pop3_err(&out, "Unknown command");
    expect(&out, "-ERR Unknown command\r\n");
    pop3_ok(&out, "%s", "");
    expect(&out, "+OK\r\n");
}

static void test_no_second_line(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    pop3_err(&out, "said \"%s\"", "no\r\n+OK\x1b[2J\x7f\xff");
    expect(&out, "-ERR said \"no  +OK [2J ?\"\r\n");
}

static void test_length(void **state)
{
    struct buf out = BUF_INIT;
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    pop3_ok(&out, "%s", text);
    assert_int_equal(buf_size(&out), POP3_REPLY_MAX);
    assert_memory_equal(buf_slice(&out).p + POP3_REPLY_MAX - 3, "x\r\n", 3);
    buf_clear(&out);
    pop3_err(&out, "%.505s", text);
    assert_int_equal(buf_size(&out), POP3_REPLY_MAX);
    buf_clear(&out);
}

static void test_cut_between_characters(void **state)
{
    struct buf out = BUF_INIT;
    char text[1025];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[sizeof text - 1] = '\0';
    pop3_err(&out, "%s", text);
    assert_int_equal(buf_size(&out), POP3_REPLY_MAX - 1);
    assert_memory_equal(buf_slice(&out).p + buf_size(&out) - 4, "\xc3\xa4\r\n", 4);
    buf_clear(&out);
}

static void test_failure_codes(void **state)
{
    static const struct {
        enum failure_kind kind;
        const char *wire;
    } codes[] = {
        {FAILURE_AUTH, "-ERR [AUTH] why\r\n"},
        {FAILURE_IN_USE, "-ERR [IN-USE] why\r\n"},
        {FAILURE_LOGIN_DELAY, "-ERR [LOGIN-DELAY] why\r\n"},
        {FAILURE_TEMPORARY, "-ERR [SYS/TEMP] why\r\n"},
        {FAILURE_PERMANENT, "-ERR [SYS/PERM] why\r\n"},
        {FAILURE_NONE, "-ERR why\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct buf out = BUF_INIT;
        struct failure why;
        failure_set(&why, codes[i].kind, "why");
        pop3_err_failure(&out, &why);
        expect(&out, codes[i].wire);
    }
}

static void test_capabilities(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    pop3_put_capabilities(&out, &(struct pop3_capabilities){.stls = true,
                                                            .user = true,
                                                            .mechanisms = SASL_PLAIN | SASL_LOGIN,
                                                            .login_delay = 60});
    expect(&out, "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN LOGIN\r\n"
                 "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
                 "LOGIN-DELAY 60\r\nUTF8 USER\r\nLANG\r\nSTLS\r\n"
                 "IMPLEMENTATION mailferry-" MAILFERRY_VERSION "\r\n.\r\n");
    pop3_put_capabilities(&out, &(struct pop3_capabilities){0});
    expect(&out, "+OK Capabilities follow\r\nTOP\r\nUIDL\r\n"
                 "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
                 "UTF8 USER\r\nLANG\r\n"
                 "IMPLEMENTATION mailferry-" MAILFERRY_VERSION "\r\n.\r\n");
}

static void test_mechanisms(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    pop3_put_mechanisms(
        &out, &(struct pop3_capabilities){.user = true, .mechanisms = SASL_PLAIN | SASL_LOGIN});
    expect(&out, "+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n");
    pop3_put_mechanisms(&out, &(struct pop3_capabilities){.stls = true});
    expect(&out, "+OK Mechanisms follow\r\n.\r\n");
}

static void expect_lang(const char *range, const char *wire)
{
    struct buf out = BUF_INIT;

    pop3_put_lang(&out, slice_of(range));
    expect(&out, wire);
}

static void test_lang(void **state)
{
    (void)state;
    expect_lang("", "+OK Languages follow\r\nen English\r\ni-default Default language\r\n.\r\n");
    expect_lang("*", "+OK en Language selected\r\n");
    expect_lang("EN", "+OK en Language selected\r\n");
    expect_lang("en-GB", "+OK en Language selected\r\n");
    expect_lang("I-Default", "+OK i-default Language selected\r\n");
    for (const char *const *p = (const char *const[]){"MUL", "e", "eng", "i", "-", "**", NULL}; *p;
         p++)
        expect_lang(*p, "-ERR No such language here: LANG alone lists those there are\r\n");
}

static void test_failed_buffer_stays_empty(void **state)
{
    struct buf out = {.failed = true};

    (void)state;
    pop3_ok(&out, "text");
    pop3_put_capabilities(&out, &(struct pop3_capabilities){0});
    assert_int_equal(buf_size(&out), 0);
    assert_true(buf_failed(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_no_second_line),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_failure_codes),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_mechanisms),
        cmocka_unit_test(test_lang),
        cmocka_unit_test(test_failed_buffer_stays_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
