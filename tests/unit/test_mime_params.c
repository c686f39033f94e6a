/* Parameters, whole and in pieces. */
#include "tests/unit/feed.h"

#include "translate/mime/mime_params.h"

static void show(const struct mime_params *params, struct buf *out)
{
    for (size_t i = 0; i < params->count; i++) {
        buf_put(out, mime_params_name(params, i));
        buf_putc(out, '=');
        buf_put(out, mime_params_value(params, i));
        buf_putc(out, '|');
    }
    buf_putc(out, '\0');
}

static void test_read(void **state)
{
    static const struct {
        const char *text;
        const char *params;
    } cases[] = {
        {"", ""},
        {"; a=b", "a=b|"},
        {";A = B ;c= \"d e\" (f); g=", "A=B|c=d e|g=|"},
        {" a=b", ""},
        {";;;a=b;;", "a=b|"},
        {"; a; b; c=d", "c=d|"},
        {"; a=b c=d; e=f", "a=b|e=f|"},
        {"; a=\"unclosed; b=c", ""},
        {"; a==?utf-8?q?b?=; c=d", "a==?utf-8?q?b?=|c=d|"},
        {"; a=\"b\\\"c\\\\\"", "a=b\"c\\|"},
        {"; a*0=b; a*1=c", "a=bc|"},
        {"; a*1=c; x=y; a*0=b", "x=y|a=bc|"},
        {"; a*0=b; a*2=c", "a*0=b|a*2=c|"},
        {"; a*=utf-8''%41", "a*=utf-8''%41|"},
        {"; a*0*=utf-8''%41; a*1=\"50%\"", "a*=utf-8''%4150%25|"},
        {"; a*0=b; a*1*=%41", "a*=''b%41|"},
        {"; a*x=b", "a*x=b|"},
        {"; a*0=1; b*=x''2; A*1=3", "A*1=3|a*0=1|b*=x''2|"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mime_lexer lex = {.rest = slice_of(cases[i].text)};
        struct mime_params params;
        struct buf out = BUF_INIT;
        mime_params_read(&params, &lex);
        assert_false(params.failed);
        show(&params, &out);
        assert_string_equal(buf_slice(&out).p, cases[i].params);
        buf_clear(&out);
        mime_params_clear(&params);
    }
}

static void test_find(void **state)
{
    struct mime_lexer lex = {.rest = slice_of("; Boundary=x; boundary=y; empty=\"\"")};
    struct mime_params params;

    (void)state;
    mime_params_read(&params, &lex);
    assert_true(slice_is(mime_params_find(&params, "boundary"), "x"));
    assert_non_null(mime_params_find(&params, "empty").p);
    assert_null(mime_params_find(&params, "charset").p);
    mime_params_clear(&params);
}

static void test_too_many(void **state)
{
    struct buf text = BUF_INIT;
    struct mime_params params;

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_printf(&text, "; p%d=%d", i, i);
    struct mime_lexer lex = {.rest = buf_slice(&text)};
    mime_params_read(&params, &lex);
    assert_int_equal(params.count, MIME_PARAMS_MAX);
    mime_params_clear(&params);
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
