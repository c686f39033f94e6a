/* Address lists as an ENVELOPE shows them; what Dovecot makes of each, mime_agreement.py asks it.
 */
#include "tests/unit/feed.h"

#include "translate/mime/mime_address.h"

static void put(struct buf *out, struct slice piece)
{
    if (piece.p)
        buf_put(out, piece);
    else
        buf_putc(out, '-');
}

/* name|route|mailbox|domain; */
static void show(void *context, const struct mime_address *address)
{
    struct buf *out = context;

    put(out, address->name);
    buf_putc(out, '|');
    put(out, address->route);
    buf_putc(out, '|');
    put(out, address->mailbox);
    buf_putc(out, '|');
    put(out, address->domain);
    buf_putc(out, ';');
}

static void test_lists(void **state)
{
    static const struct {
        const char *value;
        const char *list;
    } cases[] = {
        {"", ""},
        {" \t", ""},
        {"a@b", "-|-|a|b;"},
        {"<a@b>", "-|-|a|b;"},
        {"Ann B. <a@b>", "Ann B.|-|a|b;"},
        {"\"Ann \\\"B\\\"\" <a@b>, c@d", "Ann \"B\"|-|a|b;-|-|c|d;"},
        {"a@b (Ann (the\\) first))", "Ann (the) first)|-|a|b;"},
        {"<@r1,@r2:a@b>", "-|@r1,@r2|a|b;"},
        {"<@r1 a@b>", "-|INVALID_ROUTE|a|b;"},
        {"Group: a@b, c@d;", "-|-|Group|-;-|-|a|b;-|-|c|d;-|-|-|-;"},
        {"undisclosed-recipients:;", "-|-|undisclosed-recipients|-;-|-|-|-;"},
        {"Group: a@b", "-|-|Group|-;-|-|a|b;-|-|-|-;"},
        {"a", "-|-|a|MISSING_DOMAIN;"},
        {"a b", "a b|-|MISSING_MAILBOX|MISSING_DOMAIN;"},
        {"@b", "-|-|MISSING_MAILBOX|b;"},
        {"<>", "-|-|MISSING_MAILBOX|MISSING_DOMAIN;"},
        {"Ann <a@b", "Ann|-|a|SYNTAX_ERROR;"},
        {"a@[127.0.0.1]", "-|-|a|[127.0.0.1];"},
        {"a..b.@c", "-|-|a..b.|c;"},
        {"a . b @ c . d", "a.  b|-|MISSING_MAILBOX|MISSING_DOMAIN;"},
        {"\"a\n b\" <c@d>", "a b|-|c|d;"},
        {"=?utf-8?q?=C3=A4?= <a@b>", "=?utf-8?q?=C3=A4?=|-|a|b;"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT;
        assert_true(mime_addresses_each(slice_of(cases[i].value), show, &out));
        buf_putc(&out, '\0');
        assert_string_equal(buf_slice(&out).p, cases[i].list);
        buf_clear(&out);
    }
}

static void count(void *context, const struct mime_address *address)
{
    (void)address;
    ++*(size_t *)context;
}

/* CASES R3; and what would take time squared if a token were read again and again: the test's own
 * limit of time is what fails then. */
static void test_long(void **state)
{
    static const struct {
        const char *piece;
        size_t addresses; /* of 100,000 pieces and one more address */
    } cases[] = {
        {"a@b, ", 100001}, {"a@b (c), ", 100001}, {"(", 0}, {"\"", 1},      {"<", 1}, {"a ", 1},
        {"[", 1},          {",", 100001},         {";", 1}, {"@,", 100001},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = BUF_INIT;
        size_t found = 0;
        for (size_t n = 0; n < 100000; n++)
            buf_puts(&text, cases[i].piece);
        buf_puts(&text, "x@y");
        assert_true(mime_addresses_each(buf_slice(&text), count, &found));
        assert_int_equal(found, cases[i].addresses);
        buf_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
