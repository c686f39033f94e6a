/*
 * The buffer as a queue: against a plain array, when memory is out, and what it leaves behind.
 */
#include "translate/text/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const struct buf *b, const char *text)
{
    if (!slice_is(buf_slice(b), text))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(buf_slice(b)), text);
    assert_int_equal(buf_size(b), strlen(text));
}

static void test_empty(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    assert_int_equal(buf_size(&b), 0);
    assert_int_equal(buf_slice(&b).n, 0);
    buf_put(&b, slice_of(NULL));
    buf_puts(&b, "");
    buf_drop(&b, 5);
    buf_truncate(&b, 5);
    assert_null(b.p);
    buf_wipe(&b);
    assert_false(buf_failed(&b));
}

static void test_appends(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_puts(&b, "one ");
    buf_putc(&b, '2');
    buf_printf(&b, " %s %d", "three", 4);
    buf_put(&b, slice_make("!?", 1));
    expect(&b, "one 2 three 4!");
    buf_clear(&b);
    assert_null(b.p);
}

static void test_put_number(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_put_number(&b, 0);
    buf_putc(&b, ' ');
    buf_put_number(&b, 1234567890);
    buf_putc(&b, ' ');
    buf_put_number(&b, UINT64_MAX);
    assert_true(slice_is(buf_slice(&b), "0 1234567890 18446744073709551615"));
    buf_clear(&b);
}

/* Into room that is just too small, and just large enough, for the text and its NUL. */
static void test_printf_at_the_end_of_the_memory(void **state)
{
    (void)state;
    for (int room = 1; room < 8; room++) {
        struct buf b = BUF_INIT;
        buf_reserve(&b, 1);
        size_t before = b.cap - (size_t)room;
        memset(b.p, 'x', before);
        buf_added(&b, before);
        buf_printf(&b, "%s", "12345");
        assert_int_equal(buf_size(&b), before + 5);
        assert_memory_equal(b.p + before, "12345", 5);
        buf_clear(&b);
    }
}

static void test_printf_longer_than_the_first_memory(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_printf(&b, "%01000d", 7);
    buf_printf(&b, "%s", "");
    assert_int_equal(buf_size(&b), 1000);
    assert_int_equal(buf_slice(&b).p[999], '7');
    buf_clear(&b);
}

static void test_printf_that_cannot_be_done(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_puts(&b, "before");
    buf_printf(&b, "%ls", (const wchar_t[]){0x110000, 0});
    assert_true(buf_failed(&b));
    buf_clear(&b);
}

static void test_drop_and_truncate(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_puts(&b, "abcdef");
    buf_drop(&b, 2);
    expect(&b, "cdef");
    buf_truncate(&b, 9);
    expect(&b, "cdef");
    buf_truncate(&b, 3);
    expect(&b, "cde");
    buf_drop(&b, 1);
    buf_puts(&b, "g");
    expect(&b, "deg");
    buf_drop(&b, 99);
    expect(&b, "");
    assert_null(b.p);
    buf_puts(&b, "abc");
    buf_truncate(&b, 0);
    assert_null(b.p);
}

static void test_reserve(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    assert_non_null(buf_reserve(&b, 0));
    char *p = buf_reserve(&b, 500);
    memset(p, 'x', 500);
    assert_int_equal(buf_size(&b), 0);
    buf_added(&b, 500);
    assert_int_equal(buf_size(&b), 500);
    assert_ptr_equal(buf_slice(&b).p, p);
    buf_clear(&b);
}

static void test_reuse(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_puts(&b, "abcdef");
    buf_drop(&b, 2);
    const char *p = b.p;
    buf_reuse(&b);
    expect(&b, "");
    buf_puts(&b, "xyz");
    expect(&b, "xyz");
    assert_ptr_equal(b.p, p);
    buf_clear(&b);
}

/* Fills and empties by steps of many sizes; the queue must be what an array says it is. */
static void test_as_a_queue(void **state)
{
    static char model[200000];
    struct buf b = BUF_INIT;
    size_t begin = 0;
    size_t end = 0;
    uint32_t seed = 42;

    (void)state;
    while (end + 300 < sizeof model) {
        seed = seed * 1664525 + 1013904223;
        size_t n = (seed >> 20) % 300;
        memset(model + end, (int)(seed >> 12 & 0xff), n);
        buf_put(&b, slice_make(model + end, n));
        end += n;
        n = (seed >> 8) % 280;
        n = n < end - begin ? n : end - begin;
        buf_drop(&b, n);
        begin += n;
        assert_int_equal(buf_size(&b), end - begin);
        assert_memory_equal(buf_slice(&b).p, model + begin, end - begin);
    }
    assert_true(b.cap <= 4 * (end - begin) + 1024);
    buf_clear(&b);
}

/* A queue that stays nearly full must not be moved for each octet that passes. */
static void test_a_full_queue_is_seldom_moved(void **state)
{
    struct buf b = BUF_INIT;
    int moves = 0;

    (void)state;
    memset(buf_reserve(&b, 4096), 'x', 4096);
    buf_added(&b, 4096);
    for (int i = 0; i < 40960; i++) {
        buf_drop(&b, 1);
        size_t start = b.start;
        buf_putc(&b, 'y');
        moves += b.start != start;
    }
    assert_true(moves <= 20);
    assert_int_equal(buf_size(&b), 4096);
    buf_clear(&b);
}

static void test_missing_memory_is_remembered(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_puts(&b, "half a reply");
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(buf_failed(&b));
    assert_int_equal(buf_size(&b), 0);
    assert_int_equal(buf_slice(&b).n, 0);
    buf_puts(&b, "more");
    buf_printf(&b, "%d", 1);
    assert_null(buf_reserve(&b, 1));
    assert_int_equal(buf_size(&b), 0);
    buf_drop(&b, 1);
    assert_true(buf_failed(&b));
    buf_clear(&b);
    assert_false(buf_failed(&b));
    buf_puts(&b, "new");
    expect(&b, "new");
    buf_clear(&b);
}

static void test_move(void **state)
{
    struct buf a = BUF_INIT;
    struct buf b = BUF_INIT;

    (void)state;
    buf_puts(&b, "one");
    const char *p = b.p;
    buf_move(&a, &b);
    assert_ptr_equal(a.p, p);
    assert_null(b.p);
    buf_puts(&b, "-two");
    buf_drop(&b, 1);
    buf_move(&a, &b);
    expect(&a, "onetwo");
    assert_null(b.p);
    buf_move(&a, &b);
    expect(&a, "onetwo");
    buf_clear(&a);
    buf_move(&a, &b);
    assert_null(a.p);
}

static void test_move_passes_failure_on(void **state)
{
    struct buf a = BUF_INIT;
    struct buf b = BUF_INIT;

    (void)state;
    buf_puts(&a, "one");
    buf_puts(&b, "two");
    buf_reserve(&b, SIZE_MAX);
    buf_move(&a, &b);
    assert_true(buf_failed(&a));
    assert_false(buf_failed(&b));
    buf_puts(&b, "two");
    buf_move(&a, &b);
    assert_true(buf_failed(&a));
    assert_null(b.p);
    buf_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_put_number),
        cmocka_unit_test(test_printf_at_the_end_of_the_memory),
        cmocka_unit_test(test_printf_longer_than_the_first_memory),
        cmocka_unit_test(test_printf_that_cannot_be_done),
        cmocka_unit_test(test_drop_and_truncate),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_as_a_queue),
        cmocka_unit_test(test_a_full_queue_is_seldom_moved),
        cmocka_unit_test(test_missing_memory_is_remembered),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_move_passes_failure_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
