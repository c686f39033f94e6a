/*
 * Each verb with the arguments it takes, the ones it does not, and the blanks of old devices.
 */
#include "translate/pop3/pop3_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pop3_command parse(const char *line)
{
    struct pop3_command cmd;
    struct failure why = {0};

    if (!pop3_command_parse(&cmd, slice_of(line), &why))
        fail_msg("\"%s\" was refused: %s", line, why.text);
    assert_int_equal(why.kind, FAILURE_NONE);
    return cmd;
}

static void refuse(const char *line, enum pop3_verb verb, const char *sentence)
{
    struct pop3_command cmd;
    struct failure why = {0};

    if (pop3_command_parse(&cmd, slice_of(line), &why))
        fail_msg("\"%s\" was accepted", line);
    assert_int_equal(cmd.verb, verb);
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    assert_non_null(strstr(why.text, sentence));
}

static void expect_text(const char *line, const char *text)
{
    struct pop3_command cmd = parse(line);

    if (!slice_is(cmd.text, text))
        fail_msg("\"%s\" gave \"%.*s\"", line, SLICE_ARG(cmd.text));
}

static void test_every_verb_has_its_name(void **state)
{
    (void)state;
    for (int verb = POP3_UNKNOWN + 1; verb <= POP3_UTF8; verb++) {
        struct pop3_command cmd;
        struct failure why;
        const char *name = pop3_verb_name((enum pop3_verb)verb);
        pop3_command_parse(&cmd, slice_of(name), &why);
        assert_int_equal(cmd.verb, verb);
        assert_true(slice_is(cmd.word, name));
    }
    assert_string_equal(pop3_verb_name(POP3_UNKNOWN), "unknown");
}

static void test_case_and_blanks(void **state)
{
    (void)state;
    assert_int_equal(parse("stat").verb, POP3_STAT);
    assert_int_equal(parse("StAt").verb, POP3_STAT);
    assert_int_equal(parse("  \tstat \t ").verb, POP3_STAT);
    assert_int_equal(parse("\tretr \t 17 ").number, 17);
    assert_true(slice_is(parse(" QuIt ").word, "QuIt"));
}

static void test_unknown(void **state)
{
    (void)state;
    assert_int_equal(parse("XTND XMIT").verb, POP3_UNKNOWN);
    assert_int_equal(parse("").verb, POP3_UNKNOWN);
    assert_int_equal(parse("   ").verb, POP3_UNKNOWN);
    assert_int_equal(parse("unknown").verb, POP3_UNKNOWN);
    assert_int_equal(parse("STATS").verb, POP3_UNKNOWN);
    assert_int_equal(parse("STA").verb, POP3_UNKNOWN);
}

static void test_surplus_behind_a_bare_verb_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(parse("QUIT now").verb, POP3_QUIT);
    assert_int_equal(parse("STAT 1 2 3").verb, POP3_STAT);
    assert_int_equal(parse("UTF8 ").verb, POP3_UTF8);
}

static void test_number(void **state)
{
    static const char *const wrong[] = {
        "DELE",     "DELE 0",          "DELE -1",
        "DELE 1x",  "DELE 4294967296", "DELE 99999999999999999999999",
        "DELE 1 2", "DELE +1",         "DELE 1,2",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuse(wrong[i], POP3_DELE, "DELE 1");
    refuse("RETR x", POP3_RETR, "RETR 1");
    assert_int_equal(parse("DELE 1").number, 1);
    assert_int_equal(parse("DELE 4294967295").number, UINT32_MAX);
    assert_int_equal(parse("RETR 007").number, 7);
}

static void test_number_that_may_be_missing(void **state)
{
    (void)state;
    assert_int_equal(parse("LIST").number, 0);
    assert_int_equal(parse("LIST  ").number, 0);
    assert_int_equal(parse("LIST 3").number, 3);
    assert_int_equal(parse("UIDL").number, 0);
    assert_int_equal(parse("UIDL 4 ").number, 4);
    refuse("LIST 0", POP3_LIST, "LIST 1");
    refuse("LIST 1 2", POP3_LIST, "LIST 1");
    refuse("UIDL x", POP3_UIDL, "UIDL 1");
}

static void test_top(void **state)
{
    (void)state;
    struct pop3_command cmd = parse("TOP 3  0");
    assert_int_equal(cmd.number, 3);
    assert_int_equal(cmd.lines, 0);
    assert_int_equal(parse("TOP 1 4294967295").lines, UINT32_MAX);
    refuse("TOP", POP3_TOP, "TOP 1 10");
    refuse("TOP 1", POP3_TOP, "TOP 1 10");
    refuse("TOP 0 1", POP3_TOP, "TOP 1 10");
    refuse("TOP 1 -1", POP3_TOP, "TOP 1 10");
    refuse("TOP 1 2 3", POP3_TOP, "TOP 1 10");
    refuse("TOP 1 4294967296", POP3_TOP, "TOP 1 10");
}

static void test_user(void **state)
{
    (void)state;
    expect_text("USER anna", "anna");
    expect_text("user   anna@example.com \t", "anna@example.com");
    expect_text("USER anna of the north ", "anna of the north");
    refuse("USER", POP3_USER, "user name");
    refuse("USER   ", POP3_USER, "user name");
}

static void test_password_keeps_its_spaces(void **state)
{
    (void)state;
    expect_text("PASS secret", "secret");
    expect_text("  pass  two  words ", " two  words ");
    expect_text("PASS \t", "\t");
    expect_text("PASS\tsecret", "secret");
    refuse("PASS", POP3_PASS, "password");
    refuse("PASS ", POP3_PASS, "password");
}

static void test_auth(void **state)
{
    (void)state;
    assert_int_equal(parse("AUTH").text.n, 0);
    assert_int_equal(parse("AUTH ").text.n, 0);
    struct pop3_command cmd = parse("AUTH plain");
    assert_true(slice_is(cmd.text, "plain"));
    assert_false(cmd.has_initial);
    assert_false(parse("AUTH PLAIN ").has_initial);
    cmd = parse("AUTH PLAIN  AGEAYg== ");
    assert_true(cmd.has_initial);
    assert_true(slice_is(cmd.initial, "AGEAYg=="));
    cmd = parse("AUTH PLAIN =");
    assert_true(cmd.has_initial);
    assert_int_equal(cmd.initial.n, 0);
    refuse("AUTH PLAIN AGEAYg== more", POP3_AUTH, "AUTH PLAIN");
}

static void test_lang_and_apop(void **state)
{
    (void)state;
    expect_text("LANG", "");
    expect_text("LANG *", "*");
    expect_text("lang de-AT ", "de-AT");
    refuse("LANG en de", POP3_LANG, "LANG en");
    struct pop3_command cmd = parse("APOP anna c4c9334bac560ecc979e58001b3e22fb");
    assert_true(slice_is(cmd.text, "anna"));
    assert_true(slice_is(cmd.initial, "c4c9334bac560ecc979e58001b3e22fb"));
    refuse("APOP anna", POP3_APOP, "digest");
    refuse("APOP anna one two", POP3_APOP, "digest");
}

static void test_nul_is_refused(void **state)
{
    struct pop3_command cmd;
    struct failure why;

    (void)state;
    assert_false(pop3_command_parse(&cmd, slice_make("PASS a\0b", 8), &why));
    assert_int_equal(cmd.verb, POP3_PASS);
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    assert_non_null(strstr(why.text, "NUL"));
    assert_false(pop3_command_parse(&cmd, slice_make("QUIT\0x", 6), &why));
    assert_int_equal(cmd.verb, POP3_UNKNOWN);
}

static void test_what_is_secret(void **state)
{
    (void)state;
    assert_true(pop3_verb_is_secret(POP3_PASS));
    assert_true(pop3_verb_is_secret(POP3_AUTH));
    assert_true(pop3_verb_is_secret(POP3_APOP));
    assert_true(pop3_verb_is_secret(POP3_UNKNOWN));
    assert_false(pop3_verb_is_secret(POP3_USER));
    assert_false(pop3_verb_is_secret(POP3_RETR));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_verb_has_its_name),
        cmocka_unit_test(test_case_and_blanks),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_surplus_behind_a_bare_verb_is_ignored),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_number_that_may_be_missing),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_password_keeps_its_spaces),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_lang_and_apop),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_what_is_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
