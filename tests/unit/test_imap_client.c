/*
 * An IMAP connection that is logged in: commands, its end, what failures mean.
 */
#include "tests/unit/imap_dialogue.h"

/* A client that is READY, with no output waiting. */
static struct imap_client *ready_client(struct buf *log)
{
    static const struct dialogue d = {.options = {.tls_now = true}};
    struct imap_client *c = client_new(&d);

    assert_true(feed(take, c, slice_of("* OK [CAPABILITY IMAP4rev1] hi\r\n"), log));
    assert_true(feed(take, c, slice_of("m1 OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n"), log));
    assert_log(log, "C: m1 LOGIN \"joe\" \"secret\"\r\nready\n");
    assert_int_equal(imap_client_capabilities(c), IMAP_CAP_REV1 | IMAP_CAP_UIDPLUS);
    assert_string_equal(imap_client_server_name(c), "");
    return c;
}

static void test_commands(void **state)
{
    struct buf log = BUF_INIT;
    struct imap_client *c = ready_client(&log);
    char tag[12];

    (void)state;
    assert_int_equal(imap_client_command(c, "SELECT %s", "INBOX"), 2);
    assert_int_equal(imap_client_command_line(c, slice_of("UID SEARCH ALL")), 3);
    assert_int_equal(imap_client_command(c, "NOOP"), 4);
    imap_client_tag(3, tag, sizeof tag);
    assert_string_equal(tag, "m3");
    assert_true(feed(take, c,
                     slice_of("* 5 EXISTS\r\nm3 OK b\r\n* ESEARCH (TAG \"m3\") UID ALL 1\r\n"
                              "* CAPABILITY IMAP4rev1 MOVE\r\nm4 NO [X] c\r\nm2 OK a\r\n"),
                     &log));
    assert_log(&log, "exists 5\nC: m2 SELECT INBOX\r\nm3 UID SEARCH ALL\r\nm4 NOOP\r\n"
                     "done 3: m3 OK b\nesearch for m3 uid 1:1\nesearch for m3 uid end\n"
                     "capability IMAP4rev1 MOVE\ndone 4: m4 NO [X] c\ndone 2: m2 OK a\n");
    /* Final means final. */
    assert_int_equal(imap_client_capabilities(c), IMAP_CAP_REV1 | IMAP_CAP_UIDPLUS);
    assert_false(feed(take, c, slice_of("m2 OK a\r\n"), &log));
    assert_log(&log, unknown_tag);
    imap_client_free(c);
}

/* Each DONE is the right one's, in whatever order hundreds are answered. */
static void test_many_commands(void **state)
{
    enum { MANY = 300 };
    struct buf log = BUF_INIT;
    struct imap_client *c = ready_client(&log);
    struct buf *out = imap_client_out(c);

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(imap_client_command(c, "NOOP"), i + 2);
    buf_drop(out, buf_size(out));
    for (unsigned i = 0; i < MANY; i++) {
        unsigned number = 2 + i * 7 % MANY;
        struct buf line = BUF_INIT;
        struct buf expected = BUF_INIT;
        buf_printf(&line, "m%u OK\r\n", number);
        buf_printf(&expected, "done %u: m%u OK \n%c", number, number, 0);
        assert_true(feed(take, c, buf_slice(&line), &log));
        assert_log(&log, buf_slice(&expected).p);
        buf_clear(&line);
        buf_clear(&expected);
    }
    imap_client_free(c);
}

static void test_command_injection(void **state)
{
    static const struct slice bad[] = {{"NOOP\r\nm9 DELETE INBOX", 21}, {"NOOP\n", 5}, {"N\0P", 3}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buf log = BUF_INIT;
        struct imap_client *c = ready_client(&log);
        imap_client_command_line(c, bad[i]);
        assert_int_equal(buf_size(imap_client_out(c)), 0);
        assert_false(feed(take, c, slice_of(""), &log));
        assert_log(&log, "failed permanent: a command with a line end or NUL in it\n");
        imap_client_free(c);
    }
}

static void assert_closed(struct imap_client *c, enum failure_kind kind, const char *text)
{
    struct failure why;

    imap_client_closed(c, &why);
    assert_int_equal(why.kind, kind);
    assert_string_equal(why.text, text);
    imap_client_free(c);
}

static void test_closed(void **state)
{
    struct buf log = BUF_INIT;
    struct imap_client *c = imap_client_new(&tls);

    (void)state;
    assert_closed(c, FAILURE_TEMPORARY, "the server closed the connection without a greeting");
    c = imap_client_new(&tls);
    feed(take, c, slice_of("* OK hi\r\n"), &log);
    assert_closed(c, FAILURE_TEMPORARY,
                  "the server closed the connection before the login was done");
    buf_clear(&log);
    c = ready_client(&log);
    assert_closed(c, FAILURE_TEMPORARY, "the server closed the connection while it was idle");
    c = ready_client(&log);
    imap_client_command(c, "NOOP");
    assert_closed(c, FAILURE_TEMPORARY,
                  "the server closed the connection with commands unanswered");
    c = ready_client(&log);
    feed(take, c, slice_of("* 1 FETCH (BODY[] {5}\r\nab"), &log);
    assert_log(&log, "body 1 body []<0> 5:\nab");
    assert_closed(c, FAILURE_TEMPORARY,
                  "the server closed the connection in the middle of a response");
    c = ready_client(&log);
    feed(take, c, slice_of("* BYE [UNAVAILABLE] Server is going down\r\n"), &log);
    assert_log(&log, "* BYE [UNAVAILABLE] Server is going down\n");
    assert_closed(c, FAILURE_TEMPORARY, "Server is going down");
}

static void test_logout(void **state)
{
    struct buf log = BUF_INIT;
    struct imap_client *c = ready_client(&log);

    (void)state;
    imap_client_logout(c);
    imap_client_logout(c);
    feed(take, c, slice_of("* BYE see you\r\nm2 OK\r\n"), &log);
    assert_log(&log, "C: m2 LOGOUT\r\n");
    assert_closed(c, FAILURE_NONE, "logged out");
}

/* Octets behind the OK of COMPRESS are DEFLATE already and must stay where they are. */
static void test_deflate_leaves_the_rest(void **state)
{
    static const struct dialogue d = {.options = {.tls_now = true, .compress = true}};
    struct buf log = BUF_INIT;
    struct imap_client *c = client_new(&d);
    struct imap_client_event ev;
    struct slice in = slice_of("m2 OK active\r\n\x01\x02\x03");

    (void)state;
    feed(take, c, slice_of("* OK [CAPABILITY IMAP4rev1] hi\r\n"), &log);
    feed(take, c, slice_of("m1 OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n"), &log);
    assert_log(&log, "C: m1 LOGIN \"joe\" \"secret\"\r\nC: m2 COMPRESS DEFLATE\r\n");
    imap_client_next(c, &in, &ev);
    assert_int_equal(ev.type, IMAP_CLIENT_DEFLATE);
    assert_true(slice_is(in, "\x01\x02\x03"));
    imap_client_next(c, &in, &ev);
    assert_int_equal(ev.type, IMAP_CLIENT_MORE);
    assert_int_equal(in.n, 3);
    imap_client_deflate_started(c);
    imap_client_next(c, &in, &ev);
    assert_int_equal(ev.type, IMAP_CLIENT_READY);
    imap_client_free(c);
}

static void test_server_name(void **state)
{
    static const struct dialogue d = {.options = {.tls_now = true}};
    struct buf log = BUF_INIT;
    struct imap_client *c = client_new(&d);

    (void)state;
    feed(take, c, slice_of("* OK [CAPABILITY IMAP4rev1] hi\r\n"), &log);
    feed(take, c, slice_of("m1 OK [CAPABILITY IMAP4rev1 ID] in\r\n"), &log);
    feed(take, c, slice_of("* ID (\"name\" \"GImap\x01\" \"vendor\" \"X\")\r\nm2 OK\r\n"), &log);
    assert_string_equal(imap_client_server_name(c), "gimap ");
    buf_clear(&log);
    imap_client_free(c);
}

static void test_failure_kinds(void **state)
{
    static const struct {
        const char *code;
        const char *text;
        enum failure_kind kind;
    } cases[] = {
        {"AUTHENTICATIONFAILED", "x", FAILURE_AUTH},
        {"authorizationfailed", "x", FAILURE_AUTH},
        {"EXPIRED", "x", FAILURE_AUTH},
        {"INUSE", "x", FAILURE_IN_USE},
        {"UNAVAILABLE", "x", FAILURE_TEMPORARY},
        {"SERVERBUG", "x", FAILURE_TEMPORARY},
        {"LIMIT", "x", FAILURE_TEMPORARY},
        {"THROTTLED 5", "x", FAILURE_TEMPORARY},
        {"", "Too many. [THROTTLED]", FAILURE_TEMPORARY},
        {"ALERT", "Too many [throttled]", FAILURE_TEMPORARY},
        {"", "User is authenticated but not connected.", FAILURE_TEMPORARY},
        {"", "Server Unavailable. 15", FAILURE_TEMPORARY},
        {"PRIVACYREQUIRED", "x", FAILURE_PERMANENT},
        {"CONTACTADMIN", "x", FAILURE_PERMANENT},
        {"NOPERM", "x", FAILURE_PERMANENT},
        {"OVERQUOTA", "x", FAILURE_PERMANENT},
        {"X-UNKNOWN", "x", FAILURE_LOGIN_DELAY},
        {"", "x", FAILURE_LOGIN_DELAY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imap_event status = {.code = slice_of(cases[i].code),
                                    .text = slice_of(cases[i].text)};
        struct failure why;
        imap_failure(&why, &status, FAILURE_LOGIN_DELAY);
        assert_int_equal(why.kind, cases[i].kind);
        assert_string_equal(why.text, cases[i].text);
    }
    struct imap_event bare = {.code = slice_of("LIMIT"), .text = slice_of("")};
    struct failure why;
    imap_failure(&why, &bare, FAILURE_AUTH);
    assert_string_equal(why.text, "the server refused without giving a reason [LIMIT]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_many_commands),
        cmocka_unit_test(test_command_injection),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_logout),
        cmocka_unit_test(test_deflate_leaves_the_rest),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_failure_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
