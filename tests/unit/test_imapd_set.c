/*
 * Sequence sets: the RFCs' examples, every spelling of "*", and sets made to be expensive.
 */
#include "translate/imap/imapd_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(struct buf *out, const char *expected)
{
    buf_putc(out, '\0');
    assert_string_equal(buf_slice(out).p, expected);
    buf_clear(out);
}

static void put_walk(struct buf *out, const struct imapd_set *set, uint32_t max)
{
    struct imapd_set_walk walk = {0};
    struct imapd_range range;
    uint32_t before = 0;

    for (const char *comma = ""; imapd_set_next(set, max, &walk, &range); comma = ",") {
        assert_true(before == 0 || range.first > before + 1);
        assert_true(range.last >= range.first && range.last <= max);
        before = range.last;
        buf_printf(out, "%s%u", comma, range.first);
        if (range.last > range.first)
            buf_printf(out, ":%u", range.last);
    }
    assert_false(imapd_set_next(set, max, &walk, &range));
}

/* What the set is, then what it has when the largest number is `max`. */
static void check(const char *text, const char *kept, uint32_t max, const char *walked)
{
    struct imapd_arena memory = {0};
    struct imapd_set set;
    struct buf out = BUF_INIT;

    if (!imapd_set_parse(slice_of(text), &memory, &set))
        fail_msg("\"%s\" was refused", text);
    imapd_set_put(&out, &set);
    expect_text(&out, kept);
    put_walk(&out, &set, max);
    expect_text(&out, walked);
    imapd_arena_clear(&memory);
}

static void test_ranges(void **state)
{
    (void)state;
    check("1", "1", 5, "1");
    check("1:3,7", "1:3,7", 9, "1:3,7");
    check("4:2", "2:4", 9, "2:4");
    check("2,4:7,9,12", "2,4:7,9,12", 15, "2,4:7,9,12");
    check("5,3,4,1", "1,3:5", 9, "1,3:5");
    check("1:3,2:5,4,6", "1:6", 9, "1:6");
    check("7,1:9,3", "1:9", 99, "1:9");
    check("1:5,7:9", "1:5,7:9", 4, "1:4");
    check("7:9", "7:9", 4, "");
    check("1:9", "1:9", 0, "");
    check("1:4294967295", "1:4294967295", 3, "1:3");
    check("4294967295,4294967294", "4294967294:4294967295", UINT32_MAX, "4294967294:4294967295");
    check("1:4294967295,4294967295", "1:4294967295", UINT32_MAX, "1:4294967295");
}

/* RFC 9051 section 9, seq-range and sequence-set. */
static void test_star(void **state)
{
    (void)state;
    check("*", "*", 7, "7");
    check("*", "*", 0, "");
    check("*:*", "*", 7, "7");
    check("1:*", "1:*", 7, "1:7");
    check("*:1", "1:*", 7, "1:7");
    check("3291:*", "3291:*", 12, "12");
    check("*:4,5:7", "5:7,4:*", 10, "4:10");
    check("2,4:7,9,12:*", "2,4:7,9,12:*", 15, "2,4:7,9,12:15");
    check("2,4:7,9,12:*", "2,4:7,9,12:*", 10, "2,4:7,9:10");
    check("1:3,*", "1:3,*", 4, "1:4");
    check("1:3,*", "1:3,*", 5, "1:3,5");
    check("1:3,*", "1:3,*", 2, "1:2");
    check("9,5:*,3:*", "9,3:*", 20, "3:20");
    check("4294967295:*", "*", 3, "3");
}

static void test_saved_result(void **state)
{
    struct imapd_arena memory = {0};
    struct imapd_set set;

    (void)state;
    assert_true(imapd_set_parse(slice_of("$"), &memory, &set));
    assert_true(set.saved);
    assert_false(imapd_set_parse(slice_of("$,1"), &memory, &set));
    assert_false(imapd_set_parse(slice_of("1,$"), &memory, &set));
    imapd_arena_clear(&memory);
}

static void test_refused(void **state)
{
    static const char *const wrong[] = {
        "",           "0",  "1:0",     "0:*", "1,",  ",1", "1:2:3", "-1",  "1 2",
        "4294967296", "1:", ":1",      "a",   "1,a", "**", "1..2",  "1:,", "18446744073709551617",
        "+1",         "1*", "1:3,4:0", "$$"};
    struct imapd_arena memory = {0};
    struct imapd_set set;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (imapd_set_parse(slice_of(wrong[i]), &memory, &set))
            fail_msg("\"%s\" was accepted", wrong[i]);
    imapd_arena_clear(&memory);
}

static void test_has_agrees_with_walk(void **state)
{
    static const char *const texts[] = {"1:3,7,9:12", "*",  "5:*", "1,3,5,7,9,11,13", "20:*",
                                        "8:*,2",      "12", "1:*", "2:4,6:8,10:12,*"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct imapd_arena memory = {0};
        struct imapd_set set;
        assert_true(imapd_set_parse(slice_of(texts[i]), &memory, &set));
        for (uint32_t max = 0; max < 16; max++) {
            bool expected[18] = {false};
            struct imapd_set_walk walk = {0};
            struct imapd_range range;
            while (imapd_set_next(&set, max, &walk, &range))
                for (uint32_t n = range.first; n <= range.last; n++)
                    expected[n] = true;
            for (uint32_t n = 1; n < 18; n++)
                if (imapd_set_has(&set, max, n) != expected[n])
                    fail_msg("%s of %u: %u", texts[i], max, n);
        }
        imapd_arena_clear(&memory);
    }
}

static void test_highest(void **state)
{
    static const struct {
        const char *text;
        uint32_t highest;
    } cases[] = {{"1:3,7", 7}, {"*", 0}, {"9:*", 9}, {"12,9:*", 12}, {"3:*,1", 3}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imapd_arena memory = {0};
        struct imapd_set set;
        assert_true(imapd_set_parse(slice_of(cases[i].text), &memory, &set));
        assert_int_equal(imapd_set_highest(&set), cases[i].highest);
        imapd_arena_clear(&memory);
    }
}

/* 30,000 numbers, backwards: sorted and merged, in memory that its own length bounds. */
static void test_long_set_in_disorder(void **state)
{
    struct imapd_arena memory = {0};
    struct imapd_set set;
    struct buf text = BUF_INIT;
    struct buf out = BUF_INIT;

    (void)state;
    for (unsigned n = 30000; n > 0; n--)
        buf_printf(&text, "%u%s", n * 2, n > 1 ? "," : "");
    assert_true(imapd_set_parse(buf_slice(&text), &memory, &set));
    assert_int_equal(set.count, 30000);
    assert_int_equal(set.ranges[0].first, 2);
    assert_true(imapd_set_has(&set, 70000, 59998));
    assert_false(imapd_set_has(&set, 70000, 59999));
    imapd_arena_clear(&memory);
    buf_clear(&text);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_star),
        cmocka_unit_test(test_saved_result),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_has_agrees_with_walk),
        cmocka_unit_test(test_highest),
        cmocka_unit_test(test_long_set_in_disorder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
