/*
 * Status lines, lines of lists and the meaning of refusals, as real servers word them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "translate/pop3/pop3_response.h"

static void check_status(const char *line, enum pop3_status status, const char *code,
                         const char *text)
{
    struct pop3_response r;

    assert_true(pop3_response_parse(&r, slice_of(line)));
    assert_int_equal(r.status, status);
    assert_true(slice_is(r.code, code));
    assert_true(slice_is(r.text, text));
}

static void test_status(void **state)
{
    (void)state;
    check_status("+OK", POP3_STATUS_OK, "", "");
    check_status("+OK 2 320 ", POP3_STATUS_OK, "", "2 320");
    check_status("+ok\thello", POP3_STATUS_OK, "", "hello");
    check_status("  +Ok x", POP3_STATUS_OK, "", "x");
    check_status("-ERR", POP3_STATUS_ERR, "", "");
    check_status("-err no", POP3_STATUS_ERR, "", "no");
    check_status("-ERR [IN-USE] busy", POP3_STATUS_ERR, "IN-USE", "busy");
    check_status("-ERR [IN-USE]busy", POP3_STATUS_ERR, "IN-USE", "busy");
    check_status("-ERR []", POP3_STATUS_ERR, "", "");
    check_status("-ERR [open", POP3_STATUS_ERR, "", "[open");
    check_status("-ERR busy [IN-USE]", POP3_STATUS_ERR, "", "busy [IN-USE]");
    check_status("+OK [1] 2", POP3_STATUS_OK, "", "[1] 2");
    check_status("+", POP3_STATUS_CONTINUE, "", "");
    check_status("+ ", POP3_STATUS_CONTINUE, "", "");
    check_status("+ VXNlcm5hbWU6", POP3_STATUS_CONTINUE, "", "VXNlcm5hbWU6");
}

static void test_no_status(void **state)
{
    static const char *const lines[] = {"",      "OK",         "* OK IMAP", "220 smtp", "-",
                                        "+OKAY", "-ERROR off", "+OK:",      ".",        "ERR"};
    struct pop3_response r;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_false(pop3_response_parse(&r, slice_of(lines[i])));
}

static void test_sizes(void **state)
{
    static const char *const bad[] = {"", "1", "1 -1", "x 1", "4294967296 1", "1 2x", "-1 2"};
    uint32_t number;
    uint64_t size;

    (void)state;
    assert_true(pop3_response_sizes(slice_of("1 200"), &number, &size));
    assert_int_equal(number, 1);
    assert_int_equal(size, 200);
    assert_true(pop3_response_sizes(slice_of(" 4294967295 \t 18446744073709551615 octets (x)"),
                                    &number, &size));
    assert_int_equal(number, UINT32_MAX);
    assert_true(size == UINT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pop3_response_sizes(slice_of(bad[i]), &number, &size));
    assert_true(size == UINT64_MAX);
}

static void check_uidl(const char *line, uint32_t expected, const char *uidl)
{
    uint32_t number;
    struct slice id;

    assert_true(pop3_response_uidl(slice_of(line), &number, &id));
    assert_int_equal(number, expected);
    assert_true(slice_is(id, uidl));
}

static void test_uidl(void **state)
{
    char line[302] = "7 ";
    uint32_t number;
    struct slice id;

    (void)state;
    memset(line + 2, 'x', 299);
    check_uidl("1 whqtswO00WBw418f9t5JxYwZ", 1, "whqtswO00WBw418f9t5JxYwZ");
    check_uidl("2  a b  c ", 2, "a b  c");
    check_uidl("3", 3, "");
    check_uidl("4\t.", 4, ".");
    check_uidl(line, 7, line + 2);
    assert_false(pop3_response_uidl(slice_of("0 a"), &number, &id));
    assert_false(pop3_response_uidl(slice_of("a 1"), &number, &id));
    assert_false(pop3_response_uidl(slice_of(""), &number, &id));
}

static struct pop3_response refusal(const char *line)
{
    struct pop3_response r;

    assert_true(pop3_response_parse(&r, slice_of(line)));
    assert_int_equal(r.status, POP3_STATUS_ERR);
    return r;
}

static void check_failure(const char *line, enum failure_kind kind, const char *text)
{
    struct pop3_response r = refusal(line);
    struct failure why;

    pop3_response_failure(&why, &r, FAILURE_NONE);
    assert_int_equal(why.kind, kind);
    assert_string_equal(why.text, text);
}

static void test_failure_by_code(void **state)
{
    (void)state;
    check_failure("-ERR [AUTH] wrong", FAILURE_AUTH, "wrong");
    check_failure("-ERR [in-use] Do you have another one?", FAILURE_IN_USE,
                  "Do you have another one?");
    check_failure("-ERR [LOGIN-DELAY] wait", FAILURE_LOGIN_DELAY, "wait");
    check_failure("-ERR [SYS/TEMP] disk", FAILURE_TEMPORARY, "disk");
    check_failure("-ERR [SYS/PERM/QUOTA] x", FAILURE_PERMANENT, "x");
    /* The code is stronger than the words. */
    check_failure("-ERR [AUTH] mailbox locked", FAILURE_AUTH, "mailbox locked");
    check_failure("-ERR [SYS/PERMANENT] x", FAILURE_NONE, "[SYS/PERMANENT] x");
    check_failure("-ERR [X-1] mailbox busy", FAILURE_IN_USE, "[X-1] mailbox busy");
    check_failure("-ERR [AUTH]", FAILURE_AUTH,
                  "the server refused without giving a reason [AUTH] ");
    check_failure("-ERR", FAILURE_NONE, "the server refused without giving a reason");
}

static void test_failure_by_words(void **state)
{
    static const struct {
        const char *text;
        enum failure_kind kind;
    } known[] = {
        {"maildrop locked", FAILURE_IN_USE},
        {"maildrop already locked", FAILURE_IN_USE},
        {"Unable to lock maildrop", FAILURE_IN_USE},
        {"mailbox busy", FAILURE_IN_USE},
        {"Mailbox is already in use by another POP3 client", FAILURE_IN_USE},
        {"/var/mail/joe lock busy!  Is another session active? (11)", FAILURE_IN_USE},
        {"Login failed: [IN-USE] locked", FAILURE_IN_USE},
        {"Mailbox lock error", FAILURE_IN_USE},
        {"minimum time between connections is 5 minutes", FAILURE_LOGIN_DELAY},
        {"Login too often", FAILURE_LOGIN_DELAY},
        {"Temporary authentication failure.", FAILURE_TEMPORARY},
        {"Too many connections from your address", FAILURE_TEMPORARY},
        {"Over quota [THROTTLED]", FAILURE_TEMPORARY},
        {"Server Unavailable. 21", FAILURE_TEMPORARY},
        {"Your account is locked", FAILURE_NONE},
        {"Unknown user", FAILURE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct pop3_response r = {.status = POP3_STATUS_ERR, .text = slice_of(known[i].text)};
        struct failure why;
        r.code = slice_of("");
        pop3_response_failure(&why, &r, FAILURE_NONE);
        assert_int_equal(why.kind, known[i].kind);
        assert_string_equal(why.text, known[i].text);
    }
}

/* CASES I3. */
static void test_failure_is_clean(void **state)
{
    char line[1000] = "-ERR [SYS/TEMP] ";

    (void)state;
    check_failure("-ERR a\x1b[2J\r+OK b\xff", FAILURE_NONE, "a [2J +OK b?");
    memset(line + strlen(line), 'x', sizeof line - strlen(line) - 1);
    struct pop3_response r = refusal(line);
    struct failure why;
    pop3_response_failure(&why, &r, FAILURE_NONE);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
}

static void test_unsupported(void **state)
{
    static const char *const yes[] = {"-ERR Unknown command.",
                                      "-ERR unknown command: \"auth\".",
                                      "-ERR Unsupported authentication mechanism.",
                                      "-ERR Unrecognized authentication type",
                                      "-ERR Invalid command.",
                                      "-ERR UIDL not implemented",
                                      "-ERR TOP not supported"};
    static const char *const no[] = {"-ERR", "-ERR unknown user", "-ERR Unrecognized user",
                                     "-ERR [AUTH] not supported for you", "-ERR no such message"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        struct pop3_response r = refusal(yes[i]);
        assert_true(pop3_response_is_unsupported(&r));
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        struct pop3_response r = refusal(no[i]);
        assert_false(pop3_response_is_unsupported(&r));
    }
}

static void test_about_message(void **state)
{
    static const char *const yes[] = {"-ERR There's no message 5.", "-ERR already deleted",
                                      "-ERR out of range"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        struct pop3_response r = refusal(yes[i]);
        assert_true(pop3_response_is_about_message(&r));
    }
    struct pop3_response r = refusal("-ERR what?");
    assert_false(pop3_response_is_about_message(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_no_status),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_uidl),
        cmocka_unit_test(test_failure_by_code),
        cmocka_unit_test(test_failure_by_words),
        cmocka_unit_test(test_failure_is_clean),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_about_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
