/*
 * Commands and answers of a connection that is logged in, up to its end.
 */
#include "tests/unit/pop3_dialogue.h"

#include <malloc.h>
#include <stdio.h>

static const struct pop3_client_options tls = {.tls_now = true, .require_tls = true};

/* ---- commands */

#define LOGIN      "+OK\r\n", "-ERR\r\n", "+OK\r\n", "+OK\r\n"
#define LOGGED_IN  "C: CAPA\r\nC: USER joe\r\nC: PASS secret\r\nC: CAPA\r\nready\n"
#define PIPELINING LOGIN, "+OK\r\nPIPELINING\r\nTOP\r\nUIDL\r\n.\r\n"
#define ALONE      LOGIN, "-ERR\r\n"

/* Each waits for the answer to the one before. */
static void test_one_at_a_time(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "SLUtrdNRQ", .close = true,
          .chunks = {ALONE, "+OK 2 320\r\n", "+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n",
                     "+OK\r\n1 a\r\n2 b\r\n.\r\n", "+OK\r\nA: b\r\n\r\n.\r\n",
                     "+OK 120 octets\r\nA: b\r\n\r\n..\r\n.\r\n",
                     "+OK message 1 deleted\r\n+OK\r\n+OK\r\n+OK bye\r\n+OK what?\r\nx"},
          .expected = LOGGED_IN "C: STAT\r\n"
                                "done 1 STAT 2 320\n"
                                "C: LIST\r\n"
                                "2: 1 120\n2: 2 200\ndone 2 LIST\n"
                                "C: UIDL\r\n"
                                "3: 1 <a>\n3: 2 <b>\ndone 3 UIDL\n"
                                "C: TOP 1 0\r\n"
                                "A: b\r\n\r\n|end 4 of 1\n"
                                "C: RETR 1\r\n"
                                "done 4 TOP\n"
                                "A: b\r\n\r\n.\r\n|end 5 of 1\n"
                                "C: DELE 1\r\n"
                                "done 5 RETR\n"
                                "done 6 DELE\n"
                                "C: NOOP\r\n"
                                "done 7 NOOP\n"
                                "C: RSET\r\n"
                                "done 8 RSET\n"
                                "C: QUIT\r\n"
                                "done 9 QUIT\n"
                                "closed none: logged out; quit confirmed\n");
}

static void test_pipelined(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "SrdQ", .close = true,
          .chunks = {PIPELINING, "+OK 1 4\r\n+OK\r\nab\r\n.\r\n-ERR no\r\n+OK\r\n"},
          .expected = LOGGED_IN "C: STAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n"
                                "done 1 STAT 1 4\n"
                                "ab\r\n|end 2 of 1\n"
                                "done 2 RETR\n"
                                "done 3 DELE refused temporary: no\n"
                                "done 4 QUIT\n"
                                "closed none: logged out; quit confirmed\n");
}

/* As many as the window has room for are under way. */
static void test_window(void **state)
{
    static const struct pop3_client_options narrow = {.tls_now = true, .window = 2};

    (void)state;
    CHECK(.options = narrow, .commands = "NNNN",
          .chunks = {PIPELINING, "+OK\r\n", "+OK\r\n+OK\r\n"},
          .expected = LOGGED_IN "C: NOOP\r\nNOOP\r\n"
                                "done 1 NOOP\nC: NOOP\r\n"
                                "done 2 NOOP\nC: NOOP\r\n"
                                "done 3 NOOP\n");
}

static struct session session_ready(const struct pop3_client_options *options, const char *commands,
                                    const char *capabilities)
{
    const struct dialogue d = {.options = *options, .commands = commands};
    const char *const chunks[] = {LOGIN, capabilities};
    struct session s = session_new(&d);
    struct buf log = BUF_INIT;

    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        feed(take, &s, slice_of(chunks[i]), &log);
    buf_clear(&log);
    return s;
}

/* Halved until the server goes on with one command at a time. */
static void test_stalled(void **state)
{
    struct pop3_client_options five = {.tls_now = true, .window = 5};
    struct session s = session_ready(&five, "NNNNNNN", "+OK\r\nPIPELINING\r\n.\r\n");
    struct buf log = BUF_INIT;

    (void)state;
    assert_int_equal(pop3_client_window(s.client), 5);
    assert_int_equal(pop3_client_under_way(s.client), 5);
    assert_int_equal(pop3_client_unanswered(s.client), 7);
    assert_true(pop3_client_stalled(s.client));
    assert_int_equal(pop3_client_window(s.client), 2);
    feed(take, &s, slice_of("+OK\r\n+OK\r\n+OK\r\n"), &log);
    assert_log(&log, "done 1 NOOP\ndone 2 NOOP\ndone 3 NOOP\n");
    assert_int_equal(pop3_client_under_way(s.client), 2);
    feed(take, &s, slice_of("+OK\r\n"), &log);
    assert_log(&log, "done 4 NOOP\nC: NOOP\r\n");
    assert_true(pop3_client_stalled(s.client));
    assert_false(pop3_client_stalled(s.client));
    assert_int_equal(pop3_client_window(s.client), 1);
    pop3_client_free(s.client);
    s = session_ready(&five, "NN", "-ERR\r\n");
    assert_int_equal(pop3_client_window(s.client), 1);
    assert_false(pop3_client_stalled(s.client));
    pop3_client_free(s.client);
}

static void test_single_entries(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "lulu",
          .chunks = {PIPELINING, "+OK 2 200\r\n+OK 2 a b\r\n-ERR no such message\r\n"
                                 "+OK 3 other\r\n"},
          .expected = LOGGED_IN "C: LIST 2\r\nUIDL 2\r\nLIST 2\r\nUIDL 2\r\n"
                                "1: 2 200\ndone 1 LIST\n"
                                "2: 2 <a b>\ndone 2 UIDL\n"
                                "done 3 LIST refused temporary: no such message\n"
                                "done 4 UIDL refused temporary: the server's answer to UIDL is not "
                                "understood: 3 other\n");
}

/* Long ids, spaces, words behind sizes, LF alone, empty lines. */
static void test_tolerant_lists(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "LU",
          .chunks = {PIPELINING, "+ok\n1 120 octets (x)\n\n 2\t7 \n.\n",
                     "+OK\r\n1 a b  c \r\n2\r\n3 .\r\n.\r\n"},
          .expected = LOGGED_IN "C: LIST\r\nUIDL\r\n"
                                "1: 1 120\n1: 2 7\ndone 1 LIST\n"
                                "2: 1 <a b  c>\n2: 2 <>\n2: 3 <.>\ndone 2 UIDL\n");
}

/* A list with a line that is not understood does not count as one (CASES D12). */
static void test_bad_lists(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "LLSS",
          .chunks = {PIPELINING, "+OK\r\n1 120\r\n0 4\r\nx\r\n2 -1\r\n3 7\r\n.\r\n",
                     "+OK\r\n.\r\n+OK\r\n+OK 0 0\r\n"},
          .expected = LOGGED_IN "C: LIST\r\nLIST\r\nSTAT\r\nSTAT\r\n"
                                "1: 1 120\n1: 3 7\n"
                                "done 1 LIST refused temporary: the server's answer to LIST is not "
                                "understood: 2 -1\n"
                                "done 2 LIST\n"
                                "done 3 STAT refused temporary: the server's answer to STAT is not "
                                "understood: \n"
                                "done 4 STAT 0 0\n");
}

/* CASES U4, U5: a server without TOP and UIDL, announced or not. */
static void test_unsupported(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "Utu",
          .chunks = {ALONE, "-ERR\r\n", "-ERR sorry\r\n", "-ERR no such message\r\n"},
          .expected = LOGGED_IN
          "C: UIDL\r\n"
          "done 1 UIDL refused unsupported temporary: the server refused without giving a reason\n"
          "C: TOP 1 0\r\n"
          "done 2 TOP refused unsupported temporary: sorry\n"
          "C: UIDL 2\r\n"
          "done 3 UIDL refused temporary: no such message\n");
    CHECK(.options = tls, .commands = "UUttR",
          .chunks = {PIPELINING, "-ERR [SYS/TEMP] later\r\n-ERR unknown command\r\n-ERR sorry\r\n"
                                 "-ERR TOP not implemented\r\n-ERR unknown command\r\n"},
          .expected = LOGGED_IN "C: UIDL\r\nUIDL\r\nTOP 1 0\r\nTOP 1 0\r\nRSET\r\n"
                                "done 1 UIDL refused temporary: later\n"
                                "done 2 UIDL refused unsupported temporary: unknown command\n"
                                "done 3 TOP refused temporary: sorry\n"
                                "done 4 TOP refused unsupported temporary: TOP not implemented\n"
                                "done 5 RSET refused unsupported temporary: unknown command\n");
}

static void test_support_is_learned(void **state)
{
    struct session s = session_ready(&tls, "Utu", "-ERR\r\n");
    const struct pop3_client_capabilities *caps = pop3_client_capabilities(s.client);
    struct buf log = BUF_INIT;

    (void)state;
    assert_false(caps->known);
    assert_int_equal(caps->uidl, POP3_SUPPORT_UNKNOWN);
    feed(take, &s, slice_of("+OK\r\n.\r\n"), &log);
    assert_int_equal(caps->uidl, POP3_SUPPORT_YES);
    feed(take, &s, slice_of("-ERR\r\n"), &log);
    assert_int_equal(caps->top, POP3_SUPPORT_NO);
    feed(take, &s, slice_of("-ERR\r\n"), &log);
    assert_int_equal(caps->uidl, POP3_SUPPORT_YES);
    buf_clear(&log);
    pop3_client_free(s.client);
}

/* That of one message may be missing where that of all is there. */
static void test_uidl_of_one_message_says_nothing_of_all(void **state)
{
    static const char *const refusals[] = {"-ERR\r\n", "-ERR unknown command\r\n"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct session s = session_ready(&tls, "u", "-ERR\r\n");
        struct buf log = BUF_INIT;
        feed(take, &s, slice_of(refusals[i]), &log);
        assert_int_equal(pop3_client_capabilities(s.client)->uidl, POP3_SUPPORT_UNKNOWN);
        buf_clear(&log);
        pop3_client_free(s.client);
    }
}

/* Capabilities of before the login count where CAPA is refused behind it. */
static void test_capabilities(void **state)
{
    static const char *const chunks[] = {"+OK\r\n",
                                         "+OK\r\nSASL PLAIN\r\nPIPELINING\r\nEXPIRE 0\r\n.\r\n",
                                         "+OK\r\n", "-ERR not now\r\n"};
    const struct dialogue d = {.options = tls};
    struct session s = session_new(&d);
    struct buf log = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        feed(take, &s, slice_of(chunks[i]), &log);
    assert_true(ends_with(&log, "ready\n"));
    const struct pop3_client_capabilities *caps = pop3_client_capabilities(s.client);
    assert_true(caps->known && caps->pipelining && caps->has_expire);
    assert_int_equal(caps->expire_days, 0);
    buf_clear(&log);
    pop3_client_free(s.client);
}

/* ---- messages */

static void test_lf_messages(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "rrr",
          .chunks = {PIPELINING, "+OK\na\n..b\n.\n", "+OK\r\nc\n.\r\n", "+OK\nd\r\n.\n"},
          .expected = LOGGED_IN "C: RETR 1\r\nRETR 1\r\nRETR 1\r\n"
                                "a\n.b\n|end 1 of 1\ndone 1 RETR\n"
                                "c\n|end 2 of 1\ndone 2 RETR\n"
                                "d\r\n|end 3 of 1\ndone 3 RETR\n");
}

/* CASES D4: a message that was cut off has no end, not even when it lacks only the last LF. */
static void test_cut_off_messages(void **state)
{
    static const char *const ends[] = {"", ".", ".\r"};
    static const char expected[] = LOGGED_IN
        "C: RETR 1\r\na\r\n"
        "closed temporary: the server closed the connection in the middle of a message; quit not "
        "sent\n";

    (void)state;
    for (size_t i = 0; i < 3; i++)
        CHECK(.options = tls, .commands = "r", .close = true,
              .chunks = {PIPELINING, "+OK\r\na\r\n", ends[i]}, .expected = expected);
    CHECK(.options = tls, .commands = "U", .close = true, .chunks = {PIPELINING, "+OK\r\n1 a\r\n."},
          .expected = LOGGED_IN
          "C: UIDL\r\n1: 1 <a>\n"
          "closed temporary: the server closed the connection in the middle of a list; quit not "
          "sent\n");
}

/* A lone dot that was not stuffed ends the message; what follows is not taken for an answer. */
static void test_message_that_goes_on(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "rN",
          .chunks = {PIPELINING, "+OK\r\na\r\n.\r\nrest of it\r\n"},
          .expected = LOGGED_IN
          "C: RETR 1\r\nNOOP\r\n"
          "a\r\n|end 1 of 1\ndone 1 RETR\n"
          "failed temporary: the server sent a line where +OK or -ERR has to stand, perhaps the "
          "rest of a message whose lines it does not mark as POP3 demands\n");
}

/* To hold the server back the caller keeps the rest of the input. */
static void test_back_pressure(void **state)
{
    struct session s = session_ready(&tls, "r", "-ERR\r\n");
    struct slice in = slice_of("+OK\r\na\r\n..b\r\n.\r\n+");
    struct pop3_client_event ev;

    (void)state;
    pop3_client_next(s.client, &in, &ev);
    assert_int_equal(ev.type, POP3_CLIENT_BODY_DATA);
    assert_true(slice_is(ev.text, "a\r\n"));
    assert_true(slice_is(in, "..b\r\n.\r\n+"));
    pop3_client_next(s.client, &in, &ev);
    assert_true(slice_is(ev.text, ".b\r\n"));
    pop3_client_next(s.client, &in, &ev);
    assert_int_equal(ev.type, POP3_CLIENT_BODY_END);
    assert_true(slice_is(in, "+"));
    pop3_client_next(s.client, &in, &ev);
    assert_int_equal(ev.type, POP3_CLIENT_DONE);
    pop3_client_free(s.client);
}

/* ---- the end */

/* CASES D9. */
static void test_quit_outcomes(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "dQ", .close = true, .chunks = {ALONE},
          .expected = LOGGED_IN
          "C: DELE 1\r\n"
          "closed temporary: the server closed the connection with commands unanswered; quit not "
          "sent\n");
    CHECK(.options = tls, .commands = "dQ", .close = true, .chunks = {ALONE, "+OK\r\n", "+O"},
          .expected = LOGGED_IN
          "C: DELE 1\r\ndone 1 DELE\nC: QUIT\r\n"
          "closed temporary: the server closed the connection without an answer to QUIT: whether "
          "it deleted what was marked is not known; quit unknown\n");
    CHECK(.options = tls, .commands = "dQ", .close = true,
          .chunks = {PIPELINING, "+OK\r\n-ERR some deleted messages not removed\r\n"},
          .expected = LOGGED_IN "C: DELE 1\r\nQUIT\r\ndone 1 DELE\n"
                                "done 2 QUIT refused temporary: some deleted messages not removed\n"
                                "closed none: logged out; quit refused\n");
}

/* CASES I4. */
static void test_unasked(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "N", .chunks = {ALONE, "+OK\r\n+OK\r\n"},
          .expected = LOGGED_IN "C: NOOP\r\ndone 1 NOOP\n"
                                "failed temporary: the server answered a command that was not "
                                "sent\n");
    CHECK(.options = tls, .commands = "N", .chunks = {ALONE, "+ \r\n"},
          .expected = LOGGED_IN "C: NOOP\r\n"
                                "failed temporary: the server answered a command that was not "
                                "sent\n");
    CHECK(.options = tls, .chunks = {ALONE, "-ERR idle for too long\r\n"}, .close = true,
          .expected = LOGGED_IN "failed temporary: idle for too long\n"
                                "closed temporary: idle for too long; quit not sent\n");
}

/* 100,000 entries pass, and nothing of them stays. */
static void test_long_list(void **state)
{
    struct session s = session_ready(&tls, "U", "-ERR\r\n");
    struct pop3_client_event ev;
    uint32_t count = 0;
    char line[100];

    (void)state;
    feed(take, &s, slice_of("+OK\r\n"), &(struct buf)BUF_INIT);
    size_t before = mallinfo2().uordblks;
    while (count < 100000) {
        int n = snprintf(line, sizeof line, "%u 000%08x4f1d2c3b\r\n", count + 1, count + 1);
        struct slice in = slice_make(line, (size_t)n);
        pop3_client_next(s.client, &in, &ev);
        assert_int_equal(ev.type, POP3_CLIENT_LISTING);
        assert_int_equal(ev.number, ++count);
        assert_int_equal(in.n, 0);
    }
    assert_int_equal(mallinfo2().uordblks, before);
    pop3_client_free(s.client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_single_entries),
        cmocka_unit_test(test_tolerant_lists),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_support_is_learned),
        cmocka_unit_test(test_uidl_of_one_message_says_nothing_of_all),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_lf_messages),
        cmocka_unit_test(test_cut_off_messages),
        cmocka_unit_test(test_message_that_goes_on),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_quit_outcomes),
        cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_long_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
