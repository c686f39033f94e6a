/* Texts found in others, whatever the case and wherever the pieces are cut. */
#include "tests/unit/feed.h"

#include "translate/mime/mime_match.h"

static void check_blanks(const char *text, struct slice in, enum mime_match_blanks blanks,
                         bool found)
{
    struct mime_match *match = mime_match_new(slice_of(text), blanks);

    assert_non_null(match);
    for (size_t cut = 0; cut <= in.n; cut++) {
        mime_match_reset(match);
        mime_match_feed(match, slice_make(in.p, cut));
        assert_int_equal(mime_match_feed(match, slice_make(in.p + cut, in.n - cut)), found);
    }
    mime_match_reset(match);
    bool one_by_one = mime_match_feed(match, slice_of(""));
    for (size_t i = 0; i < in.n; i++)
        one_by_one = mime_match_feed(match, slice_make(in.p + i, 1));
    assert_int_equal(one_by_one, found);
    mime_match_free(match);
}

static void check(const char *text, struct slice in, bool found)
{
    check_blanks(text, in, MIME_MATCH_EACH_BLANK, found);
}

static void test_found(void **state)
{
    static const struct {
        const char *text;
        const char *in;
        bool found;
    } cases[] = {
        {"", "", true},
        {"", "x", true},
        {"x", "", false},
        {"needle", "a NeEdLe here", true},
        {"needle", "a needl", false},
        {"aab", "aaaaab", true},
        {"abcabd", "abcabcabd", true},
        {"abab", "abacabacab", false},
        {"GRÜSSE", "grüsse", true},
        {"grüße", "GRÜßE", true},
        {"ПРИВЕТ", "скажи привет", true},
        {"σοφός", "ΣΟΦΌς", true},
        {"\xc3\xa4", "a\xcc\x88", true}, /* ä: one character, or a letter and a mark */
        {"\xef\xac\x81", "FI", true},    /* a ligature */
        {"😀", "\xf0\x9f\x98\x80", true},
        {"a", "\xc3\x61", true},
        {"ä", "\xc3\xc3\xa4", true},
        {"a", "\xe2\x82\x61", true},
        {"b", "\xf0\x9f\x98", false},
        {"\xff", "\xff", true},
        {"\xef\xbf\xbd", "\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].text, slice_of(cases[i].in), cases[i].found);
}

static void test_blanks(void **state)
{
    (void)state;
    check("a  b", slice_of("a b"), false);
    check_blanks("a  b", slice_of("a b"), MIME_MATCH_RUNS_OF_BLANKS, true);
    check_blanks("a b", slice_of("x a \t b"), MIME_MATCH_RUNS_OF_BLANKS, true);
    check_blanks(" b", slice_of("a\tb"), MIME_MATCH_RUNS_OF_BLANKS, true);
    check_blanks("ab", slice_of("a b"), MIME_MATCH_RUNS_OF_BLANKS, false);
    check_blanks("a b c", slice_of("a b  b\tc"), MIME_MATCH_RUNS_OF_BLANKS, false);
}

static void test_nul(void **state)
{
    (void)state;
    check("b", slice_make("a\0b", 3), true);
}

/* A text that nearly matches everywhere takes no longer than any other. */
static void test_nearly(void **state)
{
    enum { N = 1 << 20, HALF = N / 2 };
    char *in = malloc(N);

    (void)state;
    assert_non_null(in);
    memset(in, 'a', N);
    in[HALF - 1] = 'b';
    struct mime_match *match = mime_match_new(slice_make(in, HALF), MIME_MATCH_EACH_BLANK);
    assert_non_null(match);
    assert_false(mime_match_in(match, slice_make(in + HALF, N - HALF)));
    assert_false(mime_match_feed(match, slice_make(in + HALF, N - HALF)));
    assert_true(mime_match_feed(match, slice_make("b", 1)));
    mime_match_free(match);
    free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_blanks),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_nearly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
