/*
 * Messages as servers send them, whole, octet by octet and cut everywhere: "data" must come out,
 * then the end, and `rest` stays in the input.
 */
#include "tests/unit/feed.h"

#include "translate/pop3/pop3_body.h"
#include "translate/pop3/pop3_unstuff.h"

struct message {
    const char *wire;
    const char *data;
    const char *rest; /* NULL: the message does not end */
    bool lf_server;
};

struct run {
    struct pop3_unstuff unstuff;
    bool ended;
};

static bool take(void *session, struct slice piece, struct buf *log)
{
    struct run *run = session;
    struct slice data;

    while (!run->ended) {
        switch (pop3_unstuff_next(&run->unstuff, &piece, &data)) {
        case POP3_UNSTUFF_MORE:
            assert_int_equal(piece.n, 0);
            return true;
        case POP3_UNSTUFF_DATA:
            assert_true(data.n > 0);
            buf_put(log, data);
            break;
        case POP3_UNSTUFF_END:
            run->ended = true;
            buf_puts(log, "|");
            break;
        }
    }
    buf_put(log, piece);
    return true;
}

static void play(const struct message *m, size_t first, size_t size)
{
    struct run run = {.ended = false};
    struct buf log = BUF_INIT;
    struct buf expected = BUF_INIT;

    pop3_unstuff_init(&run.unstuff, m->lf_server);
    feed_cut(take, &run, slice_of(m->wire), first, size, &log);
    buf_printf(&expected, "%s%s%s%c", m->data, m->rest ? "|" : "", m->rest ? m->rest : "", 0);
    assert_log(&log, buf_slice(&expected).p);
    buf_clear(&expected);
}

static void check_message(const struct message *m)
{
    play(m, 0, 1);
    for (size_t at = 0; at <= strlen(m->wire); at++)
        play(m, at, SIZE_MAX);
}

static void check(const char *wire, const char *data, const char *rest)
{
    const struct message m = {.wire = wire, .data = data, .rest = rest};

    check_message(&m);
}

static void check_lf(const char *wire, const char *data, const char *rest)
{
    const struct message m = {.wire = wire, .data = data, .rest = rest, .lf_server = true};

    check_message(&m);
}

static void test_end(void **state)
{
    (void)state;
    check(".\r\n+OK", "", "+OK");
    check("\r\n.\r\n", "\r\n", "");
    check("a\r\nb\r\n.\r\n.\r\n", "a\r\nb\r\n", ".\r\n");
    check("a\r\n", "a\r\n", NULL);
    check("a", "a", NULL);
}

/* What is held back is data when anything but the end follows. */
static void test_stuffed(void **state)
{
    (void)state;
    check("a\r\n..\r\n...\r\n..b\r\n.\r\n", "a\r\n.\r\n..\r\n.b\r\n", "");
    check("..\r\n.\r\n", ".\r\n", "");
    check("a.\r\nb..c\r\n.\r\n", "a.\r\nb..c\r\n", "");
}

/* A message that the connection's end cut off is not whole, wherever that was. */
static void test_cut_off(void **state)
{
    (void)state;
    check("a\r\n.", "a\r\n", NULL);
    check("a\r\n.\r", "a\r\n", NULL);
    check("a\r\n..", "a\r\n.", NULL);
    check("a.\r\n", "a.\r\n", NULL);
}

static void test_server_that_does_not_stuff(void **state)
{
    (void)state;
    check(".first\r\n.x\r\n.\r\n", ".first\r\n.x\r\n", "");
    check("a\r\n.\rb\r\n.\r\r\n.\r\n", "a\r\n.\rb\r\n.\r\r\n", "");
}

static void test_lf_server(void **state)
{
    (void)state;
    check("a\n..b\n.\n+OK", "a\n.b\n", "+OK");
    check("a\n..b\n.\r\n+OK", "a\n.b\n", "+OK");
    check("a\nb\r\n.\r\n", "a\nb\r\n", "");
    check("\n.\n", "\n", "");
    check(".\n", "", "");
    /* Its status lines end with LF, its messages as they were stored. */
    check_lf("a\r\n..\r\n.\n+OK", "a\r\n.\r\n", "+OK");
    check_lf(".\n+OK", "", "+OK");
}

/* A writer of mail cannot end a message early where the server's lines end with CRLF. */
static void test_bare_lf_in_a_message(void **state)
{
    (void)state;
    check("a\r\nb\n.\r\n+OK\r\n.\r\n", "a\r\nb\n.\r\n+OK\r\n", "");
    check("a\r\nb\n.\n..c\r\n.\n\r\n.\r\n", "a\r\nb\n.\n..c\r\n.\n\r\n", "");
    check("a\r\n\n.\r\n.\r\n", "a\r\n\n.\r\n", "");
    check("a\r\n.\n.\r\n.\r\n", "a\r\n.\n.\r\n", "");
    check("a\r\nb\r\r\n.\r\n", "a\r\nb\r\r\n", "");
    check("\ra\n.\n", "\ra\n", "");
}

/* What our own server side sends comes back as it was. */
static void test_there_and_back(void **state)
{
    static const char text[] = "H: 1\r\n\r\n.\r\n..\r\n.a\r\nb\r.\r\n";
    struct pop3_body body;
    struct buf wire = BUF_INIT;

    (void)state;
    pop3_body_init(&body, UINT32_MAX);
    pop3_body_put(&body, &wire, slice_of(text));
    pop3_body_end(&body, &wire);
    buf_putc(&wire, '\0');
    check(buf_slice(&wire).p, text, "");
    buf_clear(&wire);
}

/* Data comes in runs as long as they can be: one up to each stuffed line, not one a line. */
static void test_runs_are_long(void **state)
{
    struct buf wire = BUF_INIT;
    struct pop3_unstuff u;
    struct slice data;

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_puts(&wire, "a line of some length. And a dot.\r\n");
    size_t size = buf_size(&wire);
    buf_puts(&wire, "..\r\n.\r\n");
    struct slice in = buf_slice(&wire);
    pop3_unstuff_init(&u, false);
    assert_int_equal(pop3_unstuff_next(&u, &in, &data), POP3_UNSTUFF_DATA);
    assert_int_equal(data.n, size);
    assert_ptr_equal(data.p, buf_slice(&wire).p);
    assert_int_equal(pop3_unstuff_next(&u, &in, &data), POP3_UNSTUFF_DATA);
    assert_true(slice_is(data, ".\r\n"));
    assert_int_equal(pop3_unstuff_next(&u, &in, &data), POP3_UNSTUFF_END);
    assert_int_equal(in.n, 0);
    buf_clear(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_stuffed),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_server_that_does_not_stuff),
        cmocka_unit_test(test_lf_server),
        cmocka_unit_test(test_bare_lf_in_a_message),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_runs_are_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
