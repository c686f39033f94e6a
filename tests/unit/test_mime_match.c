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
        {"abcdefghijklmnoz", "abcdefghijklmnoabcdefghijklmnoZ", true},
        {"zbcdz", "zbcdzbcdx zbcd", true},
        {"commonqcommon", "commoncommonqcommocommonqcommon", true},
        {"eäz", "aez äz EÄZ", true},
        {"äöz", "zzzzzzäzzzäöx", false},
        {"kelvin",
         "a long line of other words before it \xe2\x84\xaa"
         "elvin",
         true},
        {"\xff", "\xff", true},
        {"\xff", "\x80", true},
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

static uint32_t turn(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

static void put_random(struct buf *out, uint32_t *seed, size_t pieces)
{
    static const char *const some[] = {
        "e",  "E", "t",  "q",  "Q", "qt",   "ä",   "f", "\xef\xac\x81",
        "et", " ", "\t", "  ", "7", "\xc3", "\x80"};

    for (size_t i = 0; i < pieces; i++)
        buf_puts(out, some[turn(seed, sizeof some / sizeof *some)]);
    if (turn(seed, 4) == 0)
        buf_puts(out, "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
}

/* Each run of blanks as one space. */
static void put_runs(struct buf *out, struct slice text)
{
    bool blank = false;

    for (size_t i = 0; i < text.n; i++) {
        bool again = blank;
        blank = text.p[i] == ' ' || text.p[i] == '\t';
        if (!blank || !again)
            buf_putc(out, (char)(blank ? ' ' : text.p[i]));
    }
}

/* By looking at every place. */
static bool is_within(struct slice text, struct slice in)
{
    size_t text_n;
    size_t in_n;
    uint32_t *wanted = mime_match_fold(text, &text_n);
    uint32_t *folded = mime_match_fold(in, &in_n);
    bool found = false;

    for (size_t at = 0; at + text_n <= in_n && !found; at++)
        found = memcmp(folded + at, wanted, text_n * sizeof *wanted) == 0;
    free(wanted);
    free(folded);
    return found;
}

static void check_random(struct slice text, struct slice in, enum mime_match_blanks blanks,
                         size_t cut)
{
    struct mime_match *match = mime_match_new(text, blanks);
    struct buf text_runs = BUF_INIT;
    struct buf in_runs = BUF_INIT;
    struct slice rest = in;

    put_runs(&text_runs, text);
    put_runs(&in_runs, in);
    bool found = blanks == MIME_MATCH_EACH_BLANK
                     ? is_within(text, in)
                     : is_within(buf_slice(&text_runs), buf_slice(&in_runs));
    bool first = mime_match_feed(match, slice_take(&rest, cut));
    bool got = mime_match_feed(match, rest) || first;
    if (got != found)
        fail_msg("\"%.*s\" in \"%.*s\", cut at %zu", (int)text.n, text.p, (int)in.n, in.p, cut);
    mime_match_free(match);
    buf_clear(&text_runs);
    buf_clear(&in_runs);
}

/* Whatever is passed over. A character that is cut at the end is none yet: a full stop follows. */
static void test_random(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct buf text = BUF_INIT;
        struct buf in = BUF_INIT;
        put_random(&text, &seed, 1 + turn(&seed, 5));
        for (uint32_t more = turn(&seed, 3); more; more--)
            put_random(&in, &seed, turn(&seed, 30));
        buf_putc(&in, '.');
        size_t cut = turn(&seed, 60);
        check_random(buf_slice(&text), buf_slice(&in), MIME_MATCH_EACH_BLANK, cut);
        check_random(buf_slice(&text), buf_slice(&in), MIME_MATCH_RUNS_OF_BLANKS, cut);
        buf_clear(&text);
        buf_clear(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),  cmocka_unit_test(test_blanks), cmocka_unit_test(test_nul),
        cmocka_unit_test(test_nearly), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
