/* Modified UTF-7 (RFC 3501 section 5.1.3), and that each name has one spelling. */
#include "tests/unit/feed.h"

#include "translate/text/utf7.h"
#include "translate/text/utf8.h"

static const struct {
    const char *utf8;
    const char *utf7;
} examples[] = {
    {"", ""},
    {"INBOX", "INBOX"},
    {"A&B", "A&-B"},
    {"&", "&-"},
    {"&&", "&-&-"},
    {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
     "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
    {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
    {"\xc3\xa9&\xc3\xa9", "&AOk-&-&AOk-"},
    {"\xe2\x98\xba!", "&Jjo-!"},
    {"\xf0\x9f\x98\x80", "&2D3eAA-"},
    {"\xf4\x8f\xbf\xbf", "&2,,f,w-"},
    {"a\tb\x7f", "a&AAk-b&AH8-"},
};

static void test_examples(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        assert_true(utf7_encode(&out, slice_of(examples[i].utf8)));
        assert_true(slice_is(buf_slice(&out), examples[i].utf7));
        buf_clear(&out);
        assert_true(utf7_decode(&out, slice_of(examples[i].utf7)));
        assert_true(slice_is(buf_slice(&out), examples[i].utf8));
        buf_clear(&out);
    }
}

/* Every character there is, alone and between letters. */
static void test_all_characters(void **state)
{
    struct buf utf8 = BUF_INIT;
    struct buf utf7 = BUF_INIT;
    struct buf back = BUF_INIT;

    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 251) {
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        buf_putc(&utf8, 'a');
        utf8_put(&utf8, code);
        utf8_put(&utf8, code);
        buf_putc(&utf8, 'b');
        assert_true(utf7_encode(&utf7, buf_slice(&utf8)));
        assert_true(utf7_decode(&back, buf_slice(&utf7)));
        assert_true(slice_equal(buf_slice(&back), buf_slice(&utf8)));
        buf_clear(&utf8);
        buf_clear(&utf7);
        buf_clear(&back);
    }
}

static void test_encode_refused(void **state)
{
    static const char *const bad[] = {"a\xff",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\xed\xa0\x80",
                                      "\xe0\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf0\x80\x80\x80",
                                      "x\x80"};
    struct buf out = BUF_INIT;

    (void)state;
    buf_puts(&out, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(utf7_encode(&out, slice_of(bad[i])));
        assert_true(slice_is(buf_slice(&out), "kept"));
    }
    buf_clear(&out);
}

static void test_decode_refused(void **state)
{
    static const char *const bad[] = {
        "&",               /* never ended */
        "&AOk",            /* never ended */
        "a&AOk/",          /* not the alphabet */
        "&AOk=-",          /* padding */
        "&AGE-",           /* "a" stands for itself */
        "&AOkAYQ-",        /* in the midst of others too */
        "&AOk-&AOk-",      /* two runs for one */
        "&2D0-",           /* half a surrogate pair */
        "&3gA-",           /* the other half */
        "&2D3YPQ-",        /* two first halves */
        "&2D0AOQ-",        /* a half and a letter */
        "&AOl-",           /* the bits left over are not zero */
        "&AOkA-",          /* a character too many */
        "&A-",             /* less than a unit */
        "&AA-",            /* less than a unit */
        "Entw\xc3\xbcrfe", /* 8-bit */
        "a\x7f",
        "a\tb",
    };
    struct buf out = BUF_INIT;

    (void)state;
    buf_puts(&out, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(utf7_decode(&out, slice_of(bad[i])));
        assert_true(slice_is(buf_slice(&out), "kept"));
    }
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_all_characters),
        cmocka_unit_test(test_encode_refused),
        cmocka_unit_test(test_decode_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
