/*
 * From the greeting to READY, or to the reason why not.
 */
#include "tests/unit/pop3_dialogue.h"

#include <stdio.h>

static const struct pop3_client_options tls = {.tls_now = true, .require_tls = true};
static const struct pop3_client_options stls = {.stls = true, .require_tls = true};
static const struct pop3_client_options maybe_tls = {.stls = true};
static const struct pop3_client_options clear = {.allow_cleartext = true};

/* ---- credentials */

static void test_login_plain(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"+OK hi\r\n", "+OK\r\nSASL LOGIN PLAIN\r\nUSER\r\n.\r\n", "+OK in\r\n",
                     "+OK\r\nTOP\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "C: CAPA\r\n"
                      "ready\n");
}

static void test_login_longest(void **state)
{
    static const struct pop3_client_options all = {
        .stls = true, .require_tls = true, .utf8 = true, .allow_apop = true};

    (void)state;
    CHECK(.options = all,
          .chunks = {"+OK hi <1.2@x>\r\n", "+OK\r\nSASL PLAIN\r\nSTLS\r\n.\r\n", "+OK go\r\n",
                     "+OK\r\nUTF8\r\nSASL LOGIN\r\n.\r\n", "+OK\r\n", "+ VXNlcm5hbWU6\r\n", "+\r\n",
                     "+OK in\r\n", "+OK\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: STLS\r\n"
                      "tls\n"
                      "C: CAPA\r\n"
                      "C: UTF8\r\n"
                      "C: AUTH LOGIN\r\n"
                      "C: am9l\r\n"
                      "C: c2VjcmV0\r\n"
                      "C: CAPA\r\n"
                      "ready utf8\n");
}

/* CASES U5: no CAPA, before and after. */
static void test_login_without_capa(void **state)
{
    (void)state;
    CHECK(.options = clear, .password = "with space ", .user = "joe doe",
          .chunks = {"+OK\r\n", "-ERR what?\r\n", "+OK\r\n", "+OK\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: USER joe doe\r\n"
                      "C: PASS with space \r\n"
                      "C: CAPA\r\n"
                      "ready\n");
    CHECK(.options = stls, .chunks = {"+OK\r\n", "-ERR what?\r\n", "+OK\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\ntls\nC: CAPA\r\nC: USER joe\r\n");
}

/* The example of RFC 1939 section 7. */
static void test_apop(void **state)
{
    static const struct pop3_client_options apop = {.allow_apop = true};

    (void)state;
    CHECK(.options = apop, .user = "mrose", .password = "tanstaaf",
          .chunks = {"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n", "-ERR\r\n",
                     "+OK maildrop has 1 message (369 octets)\r\n", "+OK\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n"
                      "C: CAPA\r\n"
                      "ready\n");
    /* Not permitted: its challenge is not answered, and there is nothing else in the clear. */
    CHECK(.options = maybe_tls, .chunks = {"+OK <1@x>\r\n", "+OK\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "failed permanent: there is no TLS, and a password is sent in the clear only "
                      "where allow_cleartext is set; none was sent\n");
}

static void test_apop_timestamps(void **state)
{
    static const struct pop3_client_options apop = {.allow_apop = true, .allow_cleartext = true};
    static const char *const bad[] = {"+OK\r\n",        "+OK <1>\r\n",          "+OK <1@x\r\n",
                                      "+OK <1 @x>\r\n", "+OK <1@\xc3\xa9>\r\n", "+OK <<>\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(.options = apop, .chunks = {bad[i], "-ERR\r\n"},
              .expected = "C: CAPA\r\nC: USER joe\r\n");
    CHECK(.options = apop, .chunks = {"+OK <no> <a@b> <c@d>\r\n", "-ERR\r\n"}, .password = "x",
          .expected = "C: CAPA\r\nC: APOP joe f6d9b6be4b8ef893cf5282f9c4482a30\r\n");
    /* A name that would end before its end. */
    CHECK(.options = apop, .user = "a b", .chunks = {"+OK <a@b>\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: USER a b\r\n");
}

/* An initial response that would make the command too long follows behind the "+". */
static void test_long_password(void **state)
{
    char password[200];
    char base64[273];
    char sent[400];

    (void)state;
    memset(password, 'a', sizeof password - 1);
    password[sizeof password - 1] = '\0';
    memcpy(base64, "AGpvZQBh", 9);
    for (size_t i = 8; i < sizeof base64 - 1; i += 4)
        memcpy(base64 + i, "YWFh", 5);
    snprintf(sent, sizeof sent, "C: CAPA\r\nC: AUTH PLAIN\r\nC: %s\r\nC: CAPA\r\n", base64);
    CHECK(.options = tls, .password = password,
          .chunks = {"+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "+ \r\n", "+OK\r\n"},
          .expected = sent);
}

/* What is announced and not known is done without (CASES U4). */
static void test_methods_that_are_not_there(void **state)
{
    static const struct pop3_client_options all = {.tls_now = true, .allow_apop = true};

    (void)state;
    CHECK(.options = all,
          .chunks = {"+OK <a@b>\r\n", "+OK\r\nSASL PLAIN LOGIN\r\n.\r\n",
                     "-ERR Unsupported authentication mechanism.\r\n", "-ERR unknown command\r\n",
                     "-ERR\r\n", "+OK\r\n", "+OK\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "C: APOP joe 5875219ef9d1e1ff4d24471ba0f0869c\r\n"
                      "C: AUTH LOGIN\r\n"
                      "C: USER joe\r\n"
                      "C: PASS secret\r\n"
                      "C: CAPA\r\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR\r\n", "-ERR unknown command\r\n"},
          .expected = "C: CAPA\r\nC: USER joe\r\nfailed permanent: unknown command\n");
}

/* A name that SCRAM cannot have (SASLprep) goes by another way, and nothing weaker than is
 * permitted is used. */
static void test_mechanisms_that_will_not_do(void **state)
{
    static const struct pop3_client_options scram = {
        .tls_now = true, .allow_apop = true, .mechanisms = SASL_SCRAM_SHA_256};

    (void)state;
    CHECK(.options = tls, .user = "j\x07",
          .chunks = {"+OK\r\n", "+OK\r\nSASL SCRAM-SHA-1 PLAIN\r\n.\r\n"},
          .expected = "C: CAPA\r\nC: AUTH PLAIN AGoHAHNlY3JldA==\r\n");
    CHECK(.options = scram, .chunks = {"+OK <a@b>\r\n", "+OK\r\nSASL PLAIN\r\nUSER\r\n.\r\n"},
          .expected = "C: CAPA\r\nfailed permanent: the server offers none of the mechanisms that "
                      "the route's \"sasl\" permits, or none that can be done over this "
                      "connection; nothing was sent\n");
}

/* A password that was refused is not tried in another way. */
static void test_refused_password_is_not_tried_twice(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL PLAIN LOGIN\r\n.\r\n", "-ERR bad login\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "failed auth: bad login\n");
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "+\r\n", "+\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\nC: am9l\r\nC: c2VjcmV0\r\n"
                      "failed auth: the server refused without giving a reason\n");
    /* Nor when the first step was refused for a reason. */
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "-ERR [SYS/TEMP] not now\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\nfailed temporary: not now\n");
}

static void test_refusals_by_kind(void **state)
{
    static const char *const refusals[][2] = {
        {"-ERR [IN-USE] busy\r\n", "in-use: busy"},
        {"-ERR maildrop already locked\r\n", "in-use: maildrop already locked"},
        {"-ERR [LOGIN-DELAY] wait\r\n", "delay: wait"},
        {"-ERR [SYS/TEMP] later\r\n", "temporary: later"},
        {"-ERR [SYS/PERM] never\r\n", "permanent: never"},
        {"-ERR [AUTH] no\r\n", "auth: no"},
        {"-ERR wrong\x07 password\r\n", "auth: wrong  password"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char expected[200];
        snprintf(expected, sizeof expected,
                 "C: CAPA\r\nC: USER joe\r\nC: PASS secret\r\nfailed %s\n", refusals[i][1]);
        CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR\r\n", "+OK\r\n", refusals[i][0]},
              .expected = expected);
    }
    /* Already behind USER. */
    CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR\r\n", "-ERR never heard of joe\r\n"},
          .expected = "C: CAPA\r\nC: USER joe\r\nfailed auth: never heard of joe\n");
    /* Already in answer to CAPA. */
    CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR too many connections\r\n"},
          .expected = "C: CAPA\r\nfailed temporary: too many connections\n");
}

static void test_strange_logins(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "+ \r\n", "+ more\r\n"},
          .expected = "C: CAPA\r\nC: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "C: AGpvZQBzZWNyZXQ=\r\n"
                      "failed temporary: the server asks for more of a login that is complete\n");
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "+\r\n", "+\r\n", "+\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\nC: am9l\r\nC: c2VjcmV0\r\n"
                      "failed temporary: the server asks for more of a login that is complete\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "+OK\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\n"
                      "failed permanent: the server says that the login is done before it was: it "
                      "is not the one that it claims to be, or somebody sits in between\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "+ \r\n"},
          .expected = "C: CAPA\r\n"
                      "failed temporary: the server sent a challenge where +OK or -ERR has to "
                      "stand\n");
}

/* ---- STLS and the clear */

/* CASES T2, RFC 2595 section 4: capabilities and APOP's timestamp of the clear are forgotten. */
static void test_stls_forgets(void **state)
{
    static const struct pop3_client_options apop = {.stls = true, .allow_apop = true};

    (void)state;
    CHECK(.options = apop,
          .chunks = {"+OK <a@b>\r\n", "+OK\r\nSASL PLAIN\r\nSTLS\r\nPIPELINING\r\n.\r\n", "+OK\r\n",
                     "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\ntls\nC: CAPA\r\nC: USER joe\r\n");
}

static const char in_between[] =
    "failed permanent: clear text came behind the server's answer to STLS: somebody in between may "
    "have put it there; no password was sent\n";

/* The whole chunk only: cut behind its first line, TLS would have been started in between. */
static void test_stls_injection(void **state)
{
    static const char *const behind[] = {"+OK go\r\n+", "+OK go\n+OK\r\nSASL PLAIN\r\n.\r\n",
                                         "+OK\r\n\r\n"};
    char expected[300];

    (void)state;
    snprintf(expected, sizeof expected, "C: CAPA\r\nC: STLS\r\n%s", in_between);
    for (size_t i = 0; i < 3; i++) {
        const struct dialogue d = {.options = stls,
                                   .chunks = {"+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", behind[i]},
                                   .expected = expected};
        play(&d, CHUNKS, 0, 0);
    }
    /* Or the text comes a moment later, before TLS has been started. */
    const struct dialogue d = {.options = stls};
    struct session s = session_new(&d);
    struct buf log = BUF_INIT;
    feed(take, &s, slice_of("+OK\r\n"), &log);
    feed(take, &s, slice_of("-ERR\r\n"), &log);
    feed(take, &s, slice_of("+OK\r\n"), &log);
    feed(take, &s, slice_of("+"), &log);
    snprintf(expected, sizeof expected, "C: CAPA\r\nC: STLS\r\ntls\n%s", in_between);
    assert_log(&log, expected);
    pop3_client_free(s.client);
}

/* CASES T3, A1: no credentials in the clear, whatever the server says or leaves out. */
static void test_no_password_in_the_clear(void **state)
{
    static const struct pop3_client_options both = {
        .stls = true, .require_tls = true, .allow_cleartext = true, .allow_apop = true};
    static const struct pop3_client_options allowed = {.stls = true, .allow_cleartext = true};

    (void)state;
    CHECK(.options = both, .chunks = {"+OK <a@b>\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n"},
          .expected = "C: CAPA\r\nfailed permanent: there is no TLS, and the configuration demands "
                      "it; no password was sent\n");
    CHECK(.options = maybe_tls, .chunks = {"+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "-ERR no\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\n"
                      "failed permanent: the server refused STLS, and a password is sent in the "
                      "clear only where allow_cleartext is set; none was sent\n");
    CHECK(.options = allowed, .chunks = {"+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "-ERR no\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\nC: USER joe\r\n");
}

/* CASES I1. */
static void test_login_that_cannot_be_sent(void **state)
{
    static const struct slice bad[][2] = {
        {{"", 0}, {"x", 1}},     {{"a\r\nDELE 1", 9}, {"x", 1}}, {{"a\nb", 3}, {"x", 1}},
        {{"a\0b", 3}, {"x", 1}}, {{"a", 1}, {"x\r\nQUIT", 7}},   {{"a", 1}, {"\0", 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pop3_client *c = pop3_client_new(&tls);
        struct failure why;
        assert_false(pop3_password_login(c, bad[i][0], bad[i][1], &why));
        assert_int_equal(why.kind, FAILURE_AUTH);
        pop3_client_free(c);
    }
}

/* ---- the greeting, and lines as servers send them (CASES U6) */

static void test_greetings(void **state)
{
    (void)state;
    CHECK(.options = tls, .chunks = {"\r\n\n  +ok\n", "\n-err\n", "\r\n+Ok\r\n"},
          .expected = "C: CAPA\r\nC: USER joe\r\nC: PASS secret\r\n");
    CHECK(.options = tls, .chunks = {"-ERR [SYS/TEMP] away\r\n"},
          .expected = "failed temporary: away\n");
    CHECK(.options = tls, .chunks = {"-ERR go away\r\n"},
          .expected = "failed temporary: go away\n");
    CHECK(.options = tls, .chunks = {"* OK IMAP4rev1\r\n"},
          .expected = "failed permanent: this is not the greeting of a POP3 server, check host and "
                      "port: * OK IMAP4rev1\n");
}

static void test_lines_without_end(void **state)
{
    char line[3001];
    char empty[201] = "";

    (void)state;
    memset(line, 'x', 3000);
    memcpy(line, "+OK ", 4);
    memcpy(line + 1998, "\r\n", 3);
    CHECK(.options = tls, .chunks = {line}, .expected = "C: CAPA\r\n");
    memset(line + 1998, 'x', 1000);
    line[3000] = '\0';
    const struct dialogue d = {
        .options = tls,
        .chunks = {line},
        .expected = "failed temporary: the server sent a line of more than 2048 octets\n"};
    play(&d, CHUNKS, 0, 0);
    play(&d, 0, 0, 1);
    for (size_t i = 0; i < 100; i++)
        memcpy(empty + 2 * i, "\r\n", 3);
    CHECK(.options = tls, .chunks = {empty},
          .expected = "failed temporary: the server sends nothing but empty lines\n");
}

static void test_closed_before_ready(void **state)
{
    (void)state;
    CHECK(.options = tls, .chunks = {"+OK"}, .close = true,
          .expected = "closed temporary: the server closed the connection without a greeting; quit "
                      "not sent\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "+OK\r\nTOP\r\n"}, .close = true,
          .expected = "C: CAPA\r\nclosed temporary: the server closed the connection before the "
                      "login was done; quit not sent\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_plain),
        cmocka_unit_test(test_login_longest),
        cmocka_unit_test(test_login_without_capa),
        cmocka_unit_test(test_apop),
        cmocka_unit_test(test_apop_timestamps),
        cmocka_unit_test(test_long_password),
        cmocka_unit_test(test_methods_that_are_not_there),
        cmocka_unit_test(test_mechanisms_that_will_not_do),
        cmocka_unit_test(test_refused_password_is_not_tried_twice),
        cmocka_unit_test(test_refusals_by_kind),
        cmocka_unit_test(test_strange_logins),
        cmocka_unit_test(test_stls_forgets),
        cmocka_unit_test(test_stls_injection),
        cmocka_unit_test(test_no_password_in_the_clear),
        cmocka_unit_test(test_login_that_cannot_be_sent),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_lines_without_end),
        cmocka_unit_test(test_closed_before_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
