/*
 * Commands and literals, whole, octet by octet and cut at every place; limits at their edges; what
 * hostile clients send.
 */
#include "translate/imap/imapd_reader.h"

#include <stdio.h>

#include "tests/unit/feed.h"

struct session {
    struct imapd_reader reader;
    struct imapd_limits limits;
    bool refuse_append;
    bool in_data;
};

static void put_visible(struct buf *log, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\r' || text.p[i] == '\n')
            buf_puts(log, text.p[i] == '\r' ? "\\r" : "\\n");
        else
            buf_putc(log, text.p[i]);
    }
}

static void put_refusal(struct buf *log, const struct imapd_read_event *ev)
{
    buf_printf(log, "!%.*s%s%s%s", SLICE_ARG(ev->tag), ev->status == IMAPD_NO ? " NO" : " BAD",
               ev->code ? " " : "", ev->code ? ev->code : "");
    assert_true(ev->sentence && *ev->sentence);
}

/* Data is written as one run, however it came. */
static void put_event(struct session *s, enum imapd_read type, const struct imapd_read_event *ev,
                      struct buf *log)
{
    if (s->in_data && type != IMAPD_READ_DATA)
        buf_putc(log, '>');
    if (!s->in_data && type == IMAPD_READ_DATA)
        buf_putc(log, '<');
    s->in_data = type == IMAPD_READ_DATA;
    if (type == IMAPD_READ_COMMAND || type == IMAPD_READ_APPEND)
        buf_putc(log, type == IMAPD_READ_COMMAND ? '[' : '(');
    put_visible(log, ev->text);
    if (type == IMAPD_READ_COMMAND || type == IMAPD_READ_APPEND)
        buf_putc(log, type == IMAPD_READ_COMMAND ? ']' : ')');
    if (type == IMAPD_READ_CONTINUE)
        buf_putc(log, '+');
    if (type == IMAPD_READ_APPEND_END)
        buf_putc(log, '.');
    if (type == IMAPD_READ_REFUSED)
        put_refusal(log, ev);
    if (type == IMAPD_READ_CLOSE)
        buf_putc(log, 'X');
}

static bool take(void *session, struct slice piece, struct buf *log)
{
    struct session *s = session;
    struct imapd_read_event ev;

    for (;;) {
        enum imapd_read type = imapd_reader_next(&s->reader, &piece, &s->limits, &ev);
        if (type == IMAPD_READ_MORE)
            break;
        put_event(s, type, &ev, log);
        if (type == IMAPD_READ_APPEND && s->refuse_append)
            imapd_reader_refuse(&s->reader, &s->limits);
        if (type == IMAPD_READ_CLOSE)
            return false;
    }
    assert_int_equal(piece.n, 0);
    assert_true(buf_size(&s->reader.held) <= s->limits.command + s->limits.line + 3);
    return true;
}

static void small_limits(struct imapd_limits *limits)
{
    *limits = (struct imapd_limits){
        .line = 60,
        .command = 200,
        .literals = 3,
        .literal[IMAPD_UNKNOWN] = 20,
        .literal[IMAPD_LOGIN] = 5,
        .literal[IMAPD_APPEND] = 100,
        .nonsync = UINT64_MAX,
        .skip = 1000,
    };
}

static void run(struct session *s, const char *text, size_t first, size_t size,
                const char *expected)
{
    struct buf log = BUF_INIT;

    s->reader = (struct imapd_reader){0};
    s->in_data = false;
    feed_cut(take, s, slice_of(text), first, size, &log);
    if (imapd_reader_partial(&s->reader))
        buf_putc(&log, '~');
    assert_false(imapd_reader_failed(&s->reader));
    imapd_reader_clear(&s->reader);
    assert_log(&log, expected);
}

static void check_session(struct session *s, const char *text, const char *expected)
{
    run(s, text, 1, 1, expected);
    for (size_t cut = 0; cut <= strlen(text); cut++)
        run(s, text, cut, SIZE_MAX, expected);
}

static void check(const char *text, const char *expected)
{
    struct session s = {0};

    small_limits(&s.limits);
    check_session(&s, text, expected);
}

static void test_lines(void **state)
{
    (void)state;
    check("", "");
    check("a NOOP\r\n", "[a NOOP]");
    check("a NOOP\nb NOOP\n", "[a NOOP][b NOOP]");
    check("a NOOP\r\r\n\r\n", "[a NOOP\\r][]");
    check("a NO", "~");
    check("a NOOP\r", "~");
}

/* RFC 7888 section 3 and RFC 3501 section 4.3. */
static void test_literals(void **state)
{
    (void)state;
    check("a LOGIN {4}\r\nFRED {3}\r\nfat\r\nb NOOP\r\n",
          "++[a LOGIN {4}\\r\\nFRED {3}\\r\\nfat][b NOOP]");
    check("a LOGIN {4+}\r\nFRED {3+}\r\nfat\r\n", "[a LOGIN {4+}\\r\\nFRED {3+}\\r\\nfat]");
    check("a X {4}\nFRED\n", "+[a X {4}\\r\\nFRED]");
    check("a X ~{4+}\r\nFRED\r\n", "[a X ~{4+}\\r\\nFRED]");
    check("a X {0}\r\n\r\n", "+[a X {0}\\r\\n]");
    check("a X {3}\r\n\r\nb\r\n", "+[a X {3}\\r\\n\\r\\nb]");
    check("a X {3}\r\n\r\n\r\r\n", "+[a X {3}\\r\\n\\r\\n\\r]");
    check("a X {5+}\r\n{1}\r\n\r\n", "[a X {5+}\\r\\n{1}\\r\\n]");
    check("a X {4", "~");
    check("a X {4}\r\nFR", "+~");
}

static void test_what_announces_nothing(void **state)
{
    (void)state;
    check("a X {}\r\n", "[a X {}]");
    check("a X {-1}\r\n", "[a X {-1}]");
    check("a X {1+2}\r\n", "[a X {1+2}]");
    check("a X {1}x\r\n", "[a X {1}x]");
    check("a X {1} \r\n", "[a X {1} ]");
    check("a X {1}\r\r\n", "[a X {1}\\r]");
    check("a X \"{1}\"\r\n", "[a X \"{1}\"]");
    check("a X {1++}\r\n", "[a X {1++}]");
    check("a X 1}\r\n", "[a X 1}]");
}

static void test_append(void **state)
{
    (void)state;
    check("a APPEND x (\\Seen) {5}\r\nhello\r\nb NOOP\r\n",
          "(a APPEND x (\\Seen) {5})+<hello>.[b NOOP]");
    check("a append x {5+}\r\n\r\n{1}\r\n", "(a append x {5+})<\\r\\n{1}>.");
    check("a APPEND {1}\r\nx {2}\r\nhi\r\n", "+(a APPEND {1}\\r\\nx {2})+<hi>.");
    check("a APPEND ~{1+}\r\nx ~{2+}\r\nhi\r\n", "(a APPEND ~{1+}\\r\\nx ~{2+})<hi>.");
    check("a APPEND ~x {2+}\r\nhi\r\n", "(a APPEND ~x {2+})<hi>.");
    check("a APPEND x {0}\r\n\r\n", "(a APPEND x {0})+.");
    check("a APPEND x UTF8 (~{2}\r\nhi)\r\n", "(a APPEND x UTF8 (~{2})+<hi>.");
    check("a APPEND x UTF8 (~{2}\r\nhi\r\n", "(a APPEND x UTF8 (~{2})+<hi>!a BAD");
    check("a APPEND x {2}\r\nhi {2+}\r\nho\r\nb NOOP\r\n", "(a APPEND x {2})+<hi>!a BAD[b NOOP]");
    check("a APPEND x {2}\r\nhi)\r\n", "(a APPEND x {2})+<hi>!a BAD");
    check("a APPEND x y\r\n", "[a APPEND x y]");
    check("a APPEND x {5}\r\nhel", "(a APPEND x {5})+<hel~");
}

static void test_append_refused(void **state)
{
    struct session s = {.refuse_append = true};

    (void)state;
    small_limits(&s.limits);
    check_session(&s, "a APPEND x {5}\r\nb NOOP\r\n", "(a APPEND x {5})[b NOOP]");
    check_session(&s, "a APPEND x {5+}\r\nhello\r\nb NOOP\r\n", "(a APPEND x {5+})[b NOOP]");
    check_session(&s, "a APPEND x {5+}\r\nhello {3+}\r\n\r\n\r)\r\nb NOOP\r\n",
                  "(a APPEND x {5+})[b NOOP]");
    check_session(&s, "a APPEND x {5+}\r\nhello {9}\r\nb NOOP\r\n", "(a APPEND x {5+})[b NOOP]");
}

static void test_literal_limits(void **state)
{
    (void)state;
    check("a X {20+}\r\n12345678901234567890\r\n", "[a X {20+}\\r\\n12345678901234567890]");
    check("a X {21}\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
    check("a X {21+}\r\n123456789012345678901\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
    check("a LOGIN {6}\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
    check("a LOGIN x {6+}\r\n\r\n\r\n\r\n\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
    check("a APPEND {21}\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
    check("a APPEND x {101}\r\nb NOOP\r\n", "!a NO TOOBIG[b NOOP]");
    check("a X {1+}\r\n1{1+}\r\n2{1+}\r\n3{1+}\r\n4{1}\r\nb NOOP\r\n", "!a BAD[b NOOP]");
    check("{21}\r\nb NOOP\r\n", "! BAD TOOBIG[b NOOP]");
}

static void test_literal_minus(void **state)
{
    struct session s = {0};

    (void)state;
    small_limits(&s.limits);
    s.limits.nonsync = 4;
    check_session(&s, "a X {4+}\r\n1234\r\n", "[a X {4+}\\r\\n1234]");
    check_session(&s, "a X {5+}\r\n12345\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
    check_session(&s, "a X {5}\r\n12345\r\n", "+[a X {5}\\r\\n12345]");
    check_session(&s, "a APPEND x {5+}\r\n12345\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
    check_session(&s, "a APPEND x {5}\r\n12345\r\n", "(a APPEND x {5})+<12345>.");
}

/* CASES R2. */
static void test_absurd_literals(void **state)
{
    static const char *const sizes[] = {"2147483648",
                                        "4294967296",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "18446744073709551616",
                                        "18446744073709551617",
                                        "99999999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char text[100];
        snprintf(text, sizeof text, "a X {%s}\r\nb NOOP\r\n", sizes[i]);
        check(text, "!a BAD TOOBIG[b NOOP]");
        snprintf(text, sizeof text, "a X {%s+}\r\nb NOOP\r\n", sizes[i]);
        check(text, "!a BAD TOOBIGX~");
        snprintf(text, sizeof text, "a APPEND x {%s+}\r\nb NOOP\r\n", sizes[i]);
        check(text, "!a NO TOOBIGX~");
    }
}

#define TEN   "1234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void test_line_limit(void **state)
{
    (void)state;
    check(SIXTY "\r\n", "[" SIXTY "]");
    check(SIXTY "\n", "[" SIXTY "]");
    check("ab " SIXTY "\r\nb NOOP\r\n", "!ab BAD[b NOOP]");
    check("ab " SIXTY SIXTY "{5+}\r\n\r\n\r\n.{3}\r\nb NOOP\r\n", "!ab BAD[b NOOP]");
    check("ab " SIXTY SIXTY, "!ab BAD~");
    check(SIXTY "1 NOOP\r\nb NOOP\r\n", "!" SIXTY "1 BAD[b NOOP]");
    check("(" SIXTY "\r\n", "! BAD");
    check("a X {1}\r\n1" SIXTY "\r\n", "+[a X {1}\\r\\n1" SIXTY "]");
    check("a X {1}\r\n1" SIXTY ".\r\nb NOOP\r\n", "+!a BAD[b NOOP]");
    check("a APPEND x {1}\r\n1" SIXTY ".\r\nb NOOP\r\n", "(a APPEND x {1})+<1>!a BAD[b NOOP]");
}

static void test_command_limit(void **state)
{
    struct session s = {0};

    (void)state;
    small_limits(&s.limits);
    s.limits.command = 30;
    check_session(&s, "a X {10+}\r\n" TEN " 34567890\r\n", "[a X {10+}\\r\\n" TEN " 34567890]");
    check_session(&s, "a X {10+}\r\n" TEN " 345678901\r\nb NOOP\r\n", "!a BAD[b NOOP]");
    check_session(&s, "a X {10+}\r\n" TEN "{10}\r\nb NOOP\r\n", "!a BAD TOOBIG[b NOOP]");
}

/* An endless line costs no memory, whatever is sent. */
static void test_endless_line(void **state)
{
    struct session s = {0};
    struct buf log = BUF_INIT;

    (void)state;
    s.limits = imapd_limits_before_login;
    feed(take, &s, slice_of("a X"), &log);
    for (int i = 0; i < 100000; i++) {
        feed(take, &s, slice_of("((((((((((((((((("), &log);
        assert_true(buf_size(&s.reader.held) <= s.limits.line);
    }
    assert_null(s.reader.held.p);
    feed(take, &s, slice_of("\r\nb NOOP\r\n"), &log);
    assert_log(&log, "!a BAD[b NOOP]");
    imapd_reader_clear(&s.reader);
}

static void test_raw_lines(void **state)
{
    static const char text[] = "DONE\r\n{5}\nabcdefghijk\r\nx\r\n";

    (void)state;
    for (size_t size = 1; size < sizeof text; size++) {
        struct imapd_reader reader = {0};
        struct imapd_read_event ev;
        struct buf log = BUF_INIT;
        struct slice rest = slice_make(text, sizeof text - 1);
        while (rest.n) {
            struct slice in = slice_take(&rest, size);
            enum imapd_read type;
            while ((type = imapd_reader_raw(&reader, &in, 10, &ev)) != IMAPD_READ_MORE)
                buf_printf(&log, type == IMAPD_READ_LINE ? "[%.*s]" : "!", SLICE_ARG(ev.text));
        }
        assert_false(imapd_reader_partial(&reader));
        assert_log(&log, "[DONE][{5}]![x]");
        imapd_reader_clear(&reader);
    }
}

/* From commands to a raw line and back, with the same input. */
static void test_raw_between_commands(void **state)
{
    struct imapd_reader reader = {0};
    struct imapd_limits limits;
    struct imapd_read_event ev;
    struct slice in = slice_of("a IDLE\r\nDONE\r\nb NOOP\r\n");

    (void)state;
    limits = imapd_limits_behind_login;
    assert_int_equal(imapd_reader_next(&reader, &in, &limits, &ev), IMAPD_READ_COMMAND);
    assert_int_equal(imapd_reader_raw(&reader, &in, 4, &ev), IMAPD_READ_LINE);
    assert_true(slice_is(ev.text, "DONE"));
    assert_int_equal(imapd_reader_next(&reader, &in, &limits, &ev), IMAPD_READ_COMMAND);
    assert_true(slice_is(ev.text, "b NOOP"));
    assert_null(reader.held.p);
    imapd_reader_clear(&reader);
}

static void test_missing_memory_gives_no_command(void **state)
{
    struct imapd_reader reader = {.held = {.failed = true}};
    struct imapd_limits limits;
    struct imapd_read_event ev;
    struct slice in = slice_of("a X {1}\r\n1\r\nb NOOP");

    (void)state;
    limits = imapd_limits_behind_login;
    assert_int_equal(imapd_reader_next(&reader, &in, &limits, &ev), IMAPD_READ_CONTINUE);
    assert_int_equal(imapd_reader_next(&reader, &in, &limits, &ev), IMAPD_READ_MORE);
    assert_true(imapd_reader_failed(&reader));
    imapd_reader_clear(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_what_announces_nothing),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_refused),
        cmocka_unit_test(test_literal_limits),
        cmocka_unit_test(test_literal_minus),
        cmocka_unit_test(test_absurd_literals),
        cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_command_limit),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_raw_lines),
        cmocka_unit_test(test_raw_between_commands),
        cmocka_unit_test(test_missing_memory_gives_no_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
