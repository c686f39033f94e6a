/*
 * What a server writes: strings in the shape they need, dates, flags, and nothing of a peer's text
 * that could end a line or pass for a code.
 */
#include "translate/imap/imapd_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "translate/imap/imap_date.h"

static void expect(struct buf *out, const char *expected)
{
    buf_putc(out, '\0');
    assert_string_equal(buf_slice(out).p, expected);
    buf_clear(out);
}

static void check_string(struct slice text, bool utf8, const char *expected)
{
    struct buf out = BUF_INIT;

    imapd_put_string(&out, text, utf8);
    expect(&out, expected);
}

static void test_strings(void **state)
{
    (void)state;
    check_string(slice_of(""), false, "\"\"");
    check_string(slice_of("a b"), false, "\"a b\"");
    check_string(slice_of("a\"b\\c"), false, "\"a\\\"b\\\\c\"");
    check_string(slice_of("a\r\nb"), false, "{4}\r\na\r\nb");
    check_string(slice_of("\xc3\xbc"), false, "{2}\r\n\xc3\xbc");
    check_string(slice_of("\xc3\xbc"), true, "\"\xc3\xbc\"");
    check_string(slice_of("\xfc"), true, "{1}\r\n\xfc");
    check_string(slice_make("a\0b", 3), false, "{3}\r\na?b");
}

static void test_long_string_is_a_literal(void **state)
{
    struct buf text = BUF_INIT;
    struct buf out = BUF_INIT;

    (void)state;
    for (int i = 0; i < 1025; i++)
        buf_putc(&text, 'x');
    imapd_put_string(&out, buf_slice(&text), false);
    assert_memory_equal(buf_slice(&out).p, "{1025}\r\nxxx", 11);
    buf_clear(&text);
    buf_clear(&out);
}

static void test_nil_and_atoms(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    imapd_put_nstring(&out, slice_make(NULL, 0), false);
    imapd_put_nstring(&out, slice_of(""), false);
    imapd_put_nstring(&out, slice_of("NIL"), false);
    expect(&out, "NIL\"\"\"NIL\"");
    imapd_put_astring(&out, slice_of("Date"), false);
    imapd_put_astring(&out, slice_of("X Y"), false);
    imapd_put_astring(&out, slice_of("nil"), false);
    imapd_put_astring(&out, slice_of(""), false);
    imapd_put_astring(&out, slice_of("a]"), false);
    expect(&out, "Date\"X Y\"\"nil\"\"\"\"a]\"");
    imapd_put_literal(&out, 310, false);
    imapd_put_literal(&out, UINT64_MAX, true);
    expect(&out, "{310}\r\n~{18446744073709551615}\r\n");
}

static void test_flags(void **state)
{
    struct buf out = BUF_INIT;
    struct slice words[] = {slice_of("$Forwarded"), slice_of("Junk")};

    (void)state;
    imapd_put_flags(&out, &(struct imapd_flags){0});
    expect(&out, "()");
    imapd_put_flags(&out, &(struct imapd_flags){.keywords = words, .count = 2});
    expect(&out, "($Forwarded Junk)");
    imapd_put_flags(&out, &(struct imapd_flags){.system = 63, .keywords = words, .count = 1});
    expect(&out, "(\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Recent $Forwarded)");
}

static void check_date(int64_t seconds, const char *expected)
{
    struct buf out = BUF_INIT;

    imapd_put_date(&out, seconds);
    expect(&out, expected);
}

static void test_dates(void **state)
{
    (void)state;
    check_date(0, "\"01-Jan-1970 00:00:00 +0000\"");
    check_date(837596665, "\"17-Jul-1996 09:44:25 +0000\"");
    check_date(951782399, "\"28-Feb-2000 23:59:59 +0000\"");
    check_date(951782400, "\"29-Feb-2000 00:00:00 +0000\"");
    check_date(951868800, "\"01-Mar-2000 00:00:00 +0000\"");
    check_date(-1, "\"31-Dec-1969 23:59:59 +0000\"");
    check_date(4107542400, "\"01-Mar-2100 00:00:00 +0000\"");
    check_date(INT64_MAX, "\"31-Dec-9999 23:59:59 +0000\"");
    check_date(INT64_MIN, "\"01-Jan-0001 00:00:00 +0000\"");
}

static void test_dates_are_read_back(void **state)
{
    struct buf out = BUF_INIT;
    int64_t again;

    (void)state;
    for (int64_t seconds = -62135596800; seconds < 253402300799; seconds += 86400 * 13 + 3607) {
        imapd_put_date(&out, seconds);
        struct slice text = buf_slice(&out);
        assert_true(imap_date_parse(slice_make(text.p + 1, text.n - 2), &again));
        assert_true(again == seconds);
        buf_truncate(&out, 0);
    }
    buf_clear(&out);
}

static void check_status(const char *tag, enum imapd_status status, const char *code,
                         const char *text, bool utf8, const char *expected)
{
    struct buf out = BUF_INIT;

    imapd_put_status(&out, slice_of(tag), status, code, slice_of(text), utf8);
    expect(&out, expected);
}

static void test_status(void **state)
{
    (void)state;
    check_status("a1", IMAPD_OK, "READ-WRITE", "SELECT done", false,
                 "a1 OK [READ-WRITE] SELECT done\r\n");
    check_status("", IMAPD_BYE, NULL, "", false, "* BYE Goodbye\r\n");
    check_status("a1", IMAPD_NO, NULL, "[ALERT] owned", false, "a1 NO : [ALERT] owned\r\n");
    check_status("a1", IMAPD_NO, NULL, "x\r\na2 OK", false, "a1 NO x  a2 OK\r\n");
    check_status("a1", IMAPD_NO, NULL, "Entw\xc3\xbcrfe", false, "a1 NO Entw??rfe\r\n");
    check_status("a1", IMAPD_NO, NULL, "Entw\xc3\xbcrfe", true, "a1 NO Entw\xc3\xbcrfe\r\n");
}

static void test_failures(void **state)
{
    static const struct {
        enum failure_kind kind;
        const char *line;
    } cases[] = {
        {FAILURE_NONE, "t NO why\r\n"},
        {FAILURE_AUTH, "t NO [AUTHENTICATIONFAILED] why\r\n"},
        {FAILURE_IN_USE, "t NO [INUSE] why\r\n"},
        {FAILURE_LOGIN_DELAY, "t NO [UNAVAILABLE] why\r\n"},
        {FAILURE_TEMPORARY, "t NO [UNAVAILABLE] why\r\n"},
        {FAILURE_PERMANENT, "t NO [CANNOT] why\r\n"},
        {FAILURE_FULL, "t NO [OVERQUOTA] why\r\n"},
    };
    struct buf out = BUF_INIT;
    struct failure why;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        failure_set(&why, cases[i].kind, "why");
        imapd_put_failure(&out, slice_of("t"), &why, false);
        expect(&out, cases[i].line);
    }
    failure_set(&why, FAILURE_PERMANENT, "FETCH: character 17: unknown item \"BODI\"");
    imapd_put_bad(&out, slice_of("t"), &why, false);
    expect(&out, "t BAD FETCH: character 17: unknown item \"BODI\"\r\n");
    failure_set(&why, FAILURE_TEMPORARY, "no memory");
    imapd_put_bad(&out, slice_of(""), &why, false);
    expect(&out, "* NO [UNAVAILABLE] no memory\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),       cmocka_unit_test(test_long_string_is_a_literal),
        cmocka_unit_test(test_nil_and_atoms), cmocka_unit_test(test_flags),
        cmocka_unit_test(test_dates),         cmocka_unit_test(test_dates_are_read_back),
        cmocka_unit_test(test_status),        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
