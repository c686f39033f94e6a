/*
 * pop3_body against a model that sees the whole message at once and goes octet by octet, over every
 * short message of the octets that matter, at every cut; and each rule by an example.
 */
#include "translate/pop3/pop3_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MODEL_MAX = 512, EXHAUSTIVE_LENGTH = 7, RANDOM_ROUNDS = 300 };

struct model {
    char text[MODEL_MAX]; /* as LIST counts it */
    size_t size;
    char wire[MODEL_MAX];
    size_t wire_size;
};

static void model_add(struct model *m, char c)
{
    if (m->size == sizeof m->text)
        fail_msg("the model is too small");
    m->text[m->size++] = c;
}

static void model_line_ends(struct model *m, struct slice in)
{
    char last = '\n';

    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '\n' && (i == 0 || last != '\r'))
            model_add(m, '\r');
        last = in.p[i];
        model_add(m, last == '\0' ? (char)0x80 : last);
    }
    if (last != '\n' && last != '\r')
        model_add(m, '\r');
    if (last != '\n')
        model_add(m, '\n');
}

/* Where the body begins; 0 when there is no empty line. */
static size_t model_body(const struct model *m)
{
    for (size_t i = 0; i + 1 < m->size; i++)
        if (m->text[i] == '\r' && m->text[i + 1] == '\n' && (i == 0 || m->text[i - 1] == '\n'))
            return i + 2;
    return 0;
}

static void model_cut(struct model *m, size_t at, uint32_t lines_max)
{
    if (lines_max == UINT32_MAX)
        return;
    for (uint32_t lines = 0; at < m->size && lines < lines_max; at++)
        lines += m->text[at] == '\n';
    m->size = at;
}

static void model_stuff(struct model *m)
{
    for (size_t i = 0; i < m->size; i++) {
        if (m->wire_size + 5 > sizeof m->wire)
            fail_msg("the model is too small");
        if (m->text[i] == '.' && (i == 0 || m->text[i - 1] == '\n'))
            m->wire[m->wire_size++] = '.';
        m->wire[m->wire_size++] = m->text[i];
    }
    memcpy(m->wire + m->wire_size, ".\r\n", 3);
    m->wire_size += 3;
}

static void model_make(struct model *m, struct slice in, uint32_t lines_max)
{
    m->size = m->wire_size = 0;
    model_line_ends(m, in);
    if (model_body(m) == 0) {
        model_add(m, '\r');
        model_add(m, '\n');
    }
    model_cut(m, model_body(m), lines_max);
    model_stuff(m);
}

static void fail_with(struct slice in, uint32_t lines_max, size_t cut)
{
    for (size_t i = 0; i < in.n; i++)
        print_error("%02x ", (unsigned char)in.p[i]);
    fail_msg("differs from the model: %zu octets, TOP %u, cut at %zu", in.n, lines_max, cut);
}

/* Feeds `in` in pieces: one of `first` octets, then as many of `rest` octets as it takes. */
static void compare(const struct model *m, struct slice in, uint32_t lines_max, size_t first,
                    size_t rest)
{
    struct pop3_body body;
    struct buf out = BUF_INIT;
    struct slice left = in;

    pop3_body_init(&body, lines_max);
    pop3_body_put(&body, &out, slice_take(&left, first));
    while (left.n)
        pop3_body_put(&body, &out, slice_take(&left, rest));
    pop3_body_end(&body, &out);
    if (!slice_equal(buf_slice(&out), slice_make(m->wire, m->wire_size)) || body.octets != m->size)
        fail_with(in, lines_max, first);
    buf_clear(&out);
}

static void compare_all(struct slice in)
{
    static const uint32_t tops[] = {UINT32_MAX, 0, 1, 2, 3, 4, 5};
    struct model m;

    for (size_t t = 0; t < sizeof tops / sizeof tops[0]; t++) {
        model_make(&m, in, tops[t]);
        for (size_t cut = 0; cut <= in.n; cut++)
            compare(&m, in, tops[t], cut, SIZE_MAX);
        compare(&m, in, tops[t], 1, 1);
    }
}

static void test_every_short_message(void **state)
{
    static const char alphabet[] = {'\r', '\n', '.', 'a', '\0'};
    char text[EXHAUSTIVE_LENGTH];

    (void)state;
    for (size_t n = 0, count = 1; n <= EXHAUSTIVE_LENGTH; n++, count *= sizeof alphabet)
        for (size_t k = 0; k < count; k++) {
            for (size_t i = 0, rest = k; i < n; i++, rest /= sizeof alphabet)
                text[i] = alphabet[rest % sizeof alphabet];
            compare_all(slice_make(text, n));
        }
}

static void test_nasty_messages(void **state)
{
    static const char *const texts[] = {
        "Subject: x\r\n\r\nbody\r\n",
        "Subject: x\n\nbody\n",
        "Subject: x\r\n\r\n.\r\n..\r\n...\r\n.a\r\n",
        "Subject: x\n\n.\n..\n.\n",
        ".\r\n\r\n.",
        "Subject: x",
        "Subject: x\r\n",
        "Subject: x\r\n\r\n",
        "\r\n.body without a header\r\n",
        "a\r\r\n\r\r\n\r\n\r.\r\n.\r",
        "a: b\r\n \r\n\r\n1\n2\n3\n4\n5\n6\n7\n8\n9\n",
        "a: \xc3\xa4\xff\r\n\r\n\x80\x81.\n\n\n.\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        compare_all(slice_of(texts[i]));
    compare_all(slice_make("a: b\r\n\r\n\0.\0\r\n\0", 14));
}

static void test_random_messages(void **state)
{
    static const char alphabet[] = "\r\r\n\n\n..aaaaa\0b";
    uint32_t seed = 1;
    char text[96];

    (void)state;
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        compare_all(slice_make(text, (seed >> 8) % sizeof text));
    }
}

static void expect(const char *in, uint32_t lines_max, const char *wire, uint64_t octets)
{
    struct pop3_body body;
    struct buf out = BUF_INIT;

    pop3_body_init(&body, lines_max);
    pop3_body_put(&body, &out, slice_of(in));
    pop3_body_end(&body, &out);
    buf_putc(&out, '\0');
    assert_string_equal(buf_slice(&out).p, wire);
    assert_int_equal(body.octets, octets);
    buf_clear(&out);
}

static void test_rules(void **state)
{
    (void)state;
    expect("", UINT32_MAX, "\r\n.\r\n", 2);
    expect("a: b", UINT32_MAX, "a: b\r\n\r\n.\r\n", 8);
    expect("a: b\r\n", UINT32_MAX, "a: b\r\n\r\n.\r\n", 8);
    expect("a: b\n\nc", UINT32_MAX, "a: b\r\n\r\nc\r\n.\r\n", 11);
    expect("a: b\r\n\r\n.\r\n", UINT32_MAX, "a: b\r\n\r\n..\r\n.\r\n", 11);
    expect("a: b\r\n\r\nc\rd\r\r\n", UINT32_MAX, "a: b\r\n\r\nc\rd\r\r\n.\r\n", 14);
    expect("\r\nc\r", UINT32_MAX, "\r\nc\r\n.\r\n", 5);
    expect("\r", UINT32_MAX, "\r\n.\r\n", 2);
}

static void test_top(void **state)
{
    (void)state;
    expect("a: b\r\n\r\n1\r\n2\r\n", 0, "a: b\r\n\r\n.\r\n", 8);
    expect("a: b\r\n\r\n1\r\n2\r\n", 1, "a: b\r\n\r\n1\r\n.\r\n", 11);
    expect("a: b\r\n\r\n1\r\n2\r\n", 9, "a: b\r\n\r\n1\r\n2\r\n.\r\n", 14);
    expect("a: b\r\n", 0, "a: b\r\n\r\n.\r\n", 8);
    expect("", 0, "\r\n.\r\n", 2);
}

static void test_top_is_full_at_the_line_end(void **state)
{
    struct pop3_body body;
    struct buf out = BUF_INIT;

    (void)state;
    pop3_body_init(&body, 2);
    pop3_body_put(&body, &out, slice_of("a: b\r\n\r\n1\r\n2\r"));
    assert_true(body.in_body);
    assert_int_equal(body.lines, 1);
    assert_false(body.full);
    pop3_body_put(&body, &out, slice_of("\n3\r\n"));
    assert_true(body.full);
    assert_int_equal(body.lines, 2);
    size_t size = buf_size(&out);
    pop3_body_put(&body, &out, slice_of("4\r\n"));
    assert_int_equal(buf_size(&out), size);
    buf_clear(&out);
}

static void test_nothing_is_held_back(void **state)
{
    struct pop3_body body;
    struct buf out = BUF_INIT;

    (void)state;
    pop3_body_init(&body, UINT32_MAX);
    pop3_body_put(&body, &out, slice_of("a\r"));
    assert_true(slice_is(buf_slice(&out), "a\r"));
    assert_int_equal(body.octets, 2);
    buf_clear(&out);
}

static void test_line_of_many_pieces(void **state)
{
    struct pop3_body body;
    struct buf out = BUF_INIT;
    char piece[4096];

    (void)state;
    memset(piece, '.', sizeof piece);
    pop3_body_init(&body, UINT32_MAX);
    for (int i = 0; i < 2560; i++) {
        pop3_body_put(&body, &out, slice_make(piece, sizeof piece));
        assert_int_equal(buf_size(&out), sizeof piece + (i == 0));
        buf_drop(&out, SIZE_MAX);
    }
    assert_int_equal(body.octets, 2560 * sizeof piece);
}

static void test_expected_size(void **state)
{
    (void)state;
    assert_int_equal(pop3_body_expected_size(0), 2);
    assert_int_equal(pop3_body_expected_size(1), 1);
    assert_int_equal(pop3_body_expected_size(UINT64_MAX), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_top_is_full_at_the_line_end),
        cmocka_unit_test(test_nothing_is_held_back),
        cmocka_unit_test(test_line_of_many_pieces),
        cmocka_unit_test(test_expected_size),
        cmocka_unit_test(test_nasty_messages),
        cmocka_unit_test(test_random_messages),
        cmocka_unit_test(test_every_short_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
