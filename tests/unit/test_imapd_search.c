/*
 * Every search key, the RFCs' examples, and programs made to be deep or long.
 */
#include "translate/imap/imapd_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/imapd_search_text.h"

static bool parse(struct imapd_command *cmd, struct slice program, struct failure *why)
{
    struct buf text = BUF_INIT;

    buf_puts(&text, "a SEARCH ");
    buf_put(&text, program);
    bool valid = imapd_command_parse(cmd, buf_slice(&text), false, why);
    buf_clear(&text);
    return valid;
}

static void check(const char *program, const char *expected)
{
    struct imapd_command cmd;
    struct failure why = {0};
    struct buf out = BUF_INIT;

    if (!parse(&cmd, slice_of(program), &why))
        fail_msg("\"%s\" was refused: %s", program, why.text);
    put_search(&out, &cmd.search);
    buf_putc(&out, '\0');
    assert_string_equal(buf_slice(&out).p, expected);
    buf_clear(&out);
    imapd_command_clear(&cmd);
}

static void refuse(const char *program, const char *sentence)
{
    struct imapd_command cmd;
    struct failure why = {0};

    if (parse(&cmd, slice_of(program), &why))
        fail_msg("\"%s\" was accepted", program);
    if (!strstr(why.text, sentence))
        fail_msg("\"%s\": %s", program, why.text);
    assert_true(slice_is(cmd.tag, "a"));
    imapd_command_clear(&cmd);
}

static void test_every_key(void **state)
{
    (void)state;
    check("ALL", "(and ALL)");
    check("all Answered unanswered", "(and ALL \\Answered !\\Answered)");
    check("DELETED UNDELETED DRAFT UNDRAFT", "(and \\Deleted !\\Deleted \\Draft !\\Draft)");
    check("FLAGGED UNFLAGGED SEEN UNSEEN", "(and \\Flagged !\\Flagged \\Seen !\\Seen)");
    check("RECENT OLD NEW", "(and \\Recent !\\Recent (and \\Recent !\\Seen))");
    check("KEYWORD $Junk UNKEYWORD x", "(and KEYWORD $Junk !KEYWORD x)");
    check("BCC a CC b FROM c TO d SUBJECT e", "(and Bcc:<a> Cc:<b> From:<c> To:<d> Subject:<e>)");
    check("HEADER X-Y \"\"", "(and X-Y:<>)");
    check("BODY \"a b\" TEXT {3}\r\nx\"y", "(and BODY <a b> TEXT <x\"y>)");
    check("LARGER 0 SMALLER 10 SMALLER 0",
          "(and SIZE 1..18446744073709551615 SIZE 0..9 SIZE 1..0)");
    check("1:3,* UID 7:9 $ UID $", "(and #1:3,* UID 7:9 #$ UID $)");
    check("MODSEQ 620162338", "(and MODSEQ 620162338)");
    check("MODSEQ \"/flags/\\\\draft\" all 620162338", "(and MODSEQ 620162338)");
}

static void test_dates(void **state)
{
    (void)state;
    check("BEFORE 2-Jan-1970", "(and DATE ..0)");
    check("ON \"1-Jan-1970\"", "(and DATE 0..0)");
    check("SINCE 1-Feb-1994", "(and DATE 8797..)");
    check("SENTBEFORE 1-jan-1970 SENTON 01-Mar-2000 SENTSINCE 31-Dec-1969",
          "(and SENT ..-1 SENT 11017..11017 SENT -1..)");
    refuse("ON 30-Feb-2000", "character 13: a date is written as 1-Feb-1994");
    refuse("ON 1-Feb-94", "a date is written");
    refuse("ON \"1-Feb-1994 00:00:00\"", "a date is written");
    refuse("ON", "ends too early");
}

static void test_combinations(void **state)
{
    (void)state;
    check("NOT SEEN", "(and !\\Seen)");
    check("NOT NOT SEEN NOT UNSEEN", "(and \\Seen \\Seen)");
    check("OR SEEN DRAFT", "(and (or \\Seen \\Draft))");
    check("OR 1 OR 2 OR 3 4 5", "(and (or #1 #2 #3 #4) #5)");
    check("OR OR 1 2 3", "(and (or (or #1 #2) #3))");
    check("OR 1 NOT OR 2 3", "(and (or #1 !(or #2 #3)))");
    check("(SEEN)", "(and (and \\Seen))");
    check("NOT (SEEN DRAFT) OR (1 2) (3)", "(and !(and \\Seen \\Draft) (or (and #1 #2) (and #3)))");
}

/* RFC 3501 section 6.4.4, RFC 4731 section 3.3, RFC 5182 section 2.4. */
static void test_examples(void **state)
{
    (void)state;
    check("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
          "(and \\Flagged DATE 8797.. !From:<Smith>)");
    check("CHARSET UTF-8 TEXT {6}\r\n\xd0\xa7\xd0\xa7\xd0\xa7",
          "CHARSET UTF-8 (and TEXT <\xd0\xa7\xd0\xa7\xd0\xa7>)");
    check("RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
          "RETURN (9) (and \\Flagged DATE 8797.. !From:<Smith>)");
    check("RETURN () ALL", "RETURN (4) (and ALL)");
    check("RETURN (SAVE) CHARSET \"KOI8-R\" (OR $ 1,3000:3021) TEXT x",
          "RETURN (16) CHARSET KOI8-R (and (and (or #$ #1,3000:3021)) TEXT <x>)");
    check("RETURN (MIN MAX ALL COUNT SAVE) 1", "RETURN (31) (and #1)");
}

static void test_refused(void **state)
{
    (void)state;
    refuse("", "character 10: a search key was expected");
    refuse("SEEN FOO", "character 15: unknown search key \"FOO\"");
    refuse("OLDER 5", "unknown search key");
    refuse("SEEN  DRAFT", "character 15: a search key");
    refuse("(SEEN", "\")\" was expected");
    refuse("SEEN)", "nothing more");
    refuse("()", "a search key");
    refuse("OR SEEN", "ends too early");
    refuse("NOT", "ends too early");
    refuse("LARGER x", "a size was expected");
    refuse("LARGER 9223372036854775808", "out of range");
    refuse("UID x", "a message number was expected");
    refuse("0", "out of range");
    refuse("KEYWORD \\Seen", "a keyword was expected");
    refuse("RETURN (FOO) ALL", "unknown result option \"FOO\"");
    refuse("RETURN ALL", "\"(\" was expected");
    refuse("CHARSET UTF-8", "ends too early");
    refuse("MODSEQ \"/flags/x\" mine 1", "\"priv\"");
    refuse("SUBJECT {3}\r\na", "the octets of a literal are missing");
    refuse("SUBJECT \"a", "without its closing quote");
}

static void repeat(struct buf *out, const char *text, int times)
{
    for (int i = 0; i < times; i++)
        buf_puts(out, text);
}

static void check_hostile(const char *before, int times, const char *after, const char *sentence)
{
    struct buf text = BUF_INIT;
    struct imapd_command cmd;
    struct failure why = {0};

    repeat(&text, before, times);
    buf_puts(&text, after);
    bool valid = parse(&cmd, buf_slice(&text), &why);
    assert_int_equal(valid, sentence == NULL);
    if (sentence)
        assert_non_null(strstr(why.text, sentence));
    imapd_command_clear(&cmd);
    buf_clear(&text);
}

/* CASES R1 and R7. */
static void test_deep_and_long(void **state)
{
    (void)state;
    check_hostile("(", 10000, "", "levels deep");
    check_hostile("OR ", 10000, "", "levels deep");
    check_hostile("NOT (", 10000, "", "levels deep");
    check_hostile("NOT ", 10000, "SEEN", NULL);
    check_hostile("OR SEEN ", 2000, "SEEN", NULL);
    check_hostile("OR SEEN ", 10000, "SEEN", "search keys");
    check_hostile("SEEN ", 10000, "SEEN", "search keys");
    check_hostile("1 ", 4000, "1", NULL);
    check_hostile("1:4294967295,", 10000, "1", NULL);
}

static void test_modseq_is_noted(void **state)
{
    struct imapd_command cmd;
    struct failure why;

    (void)state;
    assert_true(parse(&cmd, slice_of("NOT (MODSEQ 5)"), &why));
    assert_true(cmd.search.modseq);
    imapd_command_clear(&cmd);
    assert_true(parse(&cmd, slice_of("SEEN"), &why));
    assert_false(cmd.search.modseq);
    imapd_command_clear(&cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),       cmocka_unit_test(test_dates),
        cmocka_unit_test(test_combinations),    cmocka_unit_test(test_examples),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_deep_and_long),
        cmocka_unit_test(test_modseq_is_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
