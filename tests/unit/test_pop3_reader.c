/*
 * Lines at every cut, limits at their edges, limits that change, nothing kept that need not be.
 */
#include "translate/pop3/pop3_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* All that the reader says about `text`, fed in pieces of `first` and then `rest` octets: lines in
 * brackets, "!" for one that is too long. */
static void transcribe(struct buf *said, struct slice text, size_t first, size_t rest, size_t max)
{
    struct pop3_reader reader = {0};

    for (size_t size = first; text.n; size = rest) {
        struct slice in = slice_take(&text, size);
        enum pop3_line_result result;
        struct slice line;
        while ((result = pop3_reader_next(&reader, &in, max, &line)) != POP3_LINE_MORE)
            if (result == POP3_LINE)
                buf_printf(said, "[%.*s]", SLICE_ARG(line));
            else
                buf_putc(said, '!');
        assert_int_equal(in.n, 0);
    }
    if (pop3_reader_partial(&reader))
        buf_putc(said, '~');
    pop3_reader_clear(&reader);
    assert_false(pop3_reader_partial(&reader));
}

static void check(const char *text, size_t max, const char *expected)
{
    size_t n = strlen(text);

    for (size_t cut = 0; cut <= n + 1; cut++) {
        struct buf said = BUF_INIT;
        if (cut <= n)
            transcribe(&said, slice_of(text), cut, SIZE_MAX, max);
        else
            transcribe(&said, slice_of(text), 1, 1, max);
        buf_putc(&said, '\0');
        assert_string_equal(buf_slice(&said).p, expected);
        buf_clear(&said);
    }
}

static void test_lines(void **state)
{
    (void)state;
    check("STAT\r\nQUIT\r\n", 10, "[STAT][QUIT]");
    check("STAT\nQUIT\n", 10, "[STAT][QUIT]");
    check("\r\n\nA\r\n", 10, "[][][A]");
    check("A\rB\r\r\nC", 10, "[A\rB\r]~");
    check("", 10, "");
    check("STAT\r", 10, "~");
}

static void test_limit(void **state)
{
    (void)state;
    check("12345\r\n12345\n", 5, "[12345][12345]");
    check("123456\r\nA\r\n", 5, "![A]");
    check("123456\nA\r\n", 5, "![A]");
    check("1234567890123456789\r\n\r\nA\r\n", 5, "![][A]");
    check("12345\r6\r\nA\n", 5, "![A]");
    check("12345\r\r\nA\n", 5, "![A]");
    check("A\r\n1234567890", 5, "[A]!~");
    check("123456\r\n123456\r\nA\r\n", 5, "!![A]");
    check("12345\r", 5, "~");
}

static void test_too_long_is_said_at_once(void **state)
{
    struct pop3_reader reader = {0};
    struct slice in = slice_of("123456");
    struct slice line;

    (void)state;
    assert_int_equal(pop3_reader_next(&reader, &in, 5, &line), POP3_LINE_TOO_LONG);
    assert_int_equal(buf_size(&reader.partial), 0);
    assert_true(pop3_reader_partial(&reader));
    for (int i = 0; i < 1000; i++) {
        in = slice_of("more and more of it");
        assert_int_equal(pop3_reader_next(&reader, &in, 5, &line), POP3_LINE_MORE);
        assert_null(reader.partial.p);
    }
    in = slice_of("\nA\n");
    assert_int_equal(pop3_reader_next(&reader, &in, 5, &line), POP3_LINE);
    assert_true(slice_is(line, "A"));
    pop3_reader_clear(&reader);
}

static void test_limit_that_changes(void **state)
{
    struct pop3_reader reader = {0};
    struct slice in = slice_of("1234567890");
    struct slice line;

    (void)state;
    assert_int_equal(pop3_reader_next(&reader, &in, 12, &line), POP3_LINE_MORE);
    in = slice_of("12\r\n");
    assert_int_equal(pop3_reader_next(&reader, &in, 12, &line), POP3_LINE);
    assert_int_equal(line.n, 12);
    in = slice_of("1234567890");
    assert_int_equal(pop3_reader_next(&reader, &in, 12, &line), POP3_LINE_MORE);
    assert_int_equal(pop3_reader_next(&reader, &in, 5, &line), POP3_LINE_TOO_LONG);
    in = slice_of("\r\n123456\r\n");
    assert_int_equal(pop3_reader_next(&reader, &in, 6, &line), POP3_LINE);
    assert_int_equal(line.n, 6);
    pop3_reader_clear(&reader);
}

static void test_whole_line_is_not_copied(void **state)
{
    struct pop3_reader reader = {0};
    struct slice in = slice_of("PASS secret\r\nST");
    const char *begin = in.p;
    struct slice line;

    (void)state;
    assert_int_equal(pop3_reader_next(&reader, &in, 99, &line), POP3_LINE);
    assert_ptr_equal(line.p, begin);
    assert_null(reader.partial.p);
    assert_int_equal(pop3_reader_next(&reader, &in, 99, &line), POP3_LINE_MORE);
    in = slice_of("AT\n");
    assert_int_equal(pop3_reader_next(&reader, &in, 99, &line), POP3_LINE);
    assert_true(slice_is(line, "STAT"));
    assert_false(pop3_reader_partial(&reader));
    assert_int_equal(pop3_reader_next(&reader, &in, 99, &line), POP3_LINE_MORE);
    assert_null(reader.partial.p);
}

/* At every cut of "A CR LF" and "B LF". */
static void test_bare_lf_is_told(void **state)
{
    static const char text[] = "A\r\nB\n\r\n\n";

    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct slice rest = slice_of(text);
        struct slice pieces[] = {slice_take(&rest, cut), rest};
        struct pop3_reader reader = {0};
        struct slice line;
        char told[5] = "";
        for (size_t i = 0; i < 2; i++)
            while (pop3_reader_next(&reader, &pieces[i], 10, &line) == POP3_LINE)
                strcat(told, reader.bare_lf ? "y" : "n");
        assert_string_equal(told, "nyny");
        pop3_reader_clear(&reader);
    }
}

static void test_missing_memory_gives_no_line(void **state)
{
    struct pop3_reader reader = {.partial = {.failed = true}};
    struct slice in = slice_of("LE 1\r\n");
    struct slice line;

    (void)state;
    assert_int_equal(pop3_reader_next(&reader, &in, 99, &line), POP3_LINE_MORE);
    assert_true(pop3_reader_failed(&reader));
    pop3_reader_clear(&reader);
    assert_false(pop3_reader_failed(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_too_long_is_said_at_once),
        cmocka_unit_test(test_limit_that_changes),
        cmocka_unit_test(test_whole_line_is_not_copied),
        cmocka_unit_test(test_bare_lf_is_told),
        cmocka_unit_test(test_missing_memory_gives_no_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
