/* Pieces of command lines: nothing in a name or a password can become a second command. */
#include "tests/unit/feed.h"

#include "translate/imap/imap_write.h"

static void assert_written(struct buf *out, const char *expected)
{
    assert_true(slice_is(buf_slice(out), expected));
    buf_clear(out);
}

static void test_quoted(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    assert_true(imap_put_quoted(&out, slice_of(""), false));
    assert_written(&out, "\"\"");
    assert_true(imap_put_quoted(&out, slice_of("a\"b\\c {5}%*\x01"), false));
    assert_written(&out, "\"a\\\"b\\\\c {5}%*\x01\"");
    assert_true(imap_put_quoted(&out, slice_of("gr\xc3\xbcn"), true));
    assert_written(&out, "\"gr\xc3\xbcn\"");
}

static void test_quoted_refused(void **state)
{
    static const struct slice bad[] = {{"a\r", 2}, {"\nb", 2}, {"a\0b", 3}};
    struct buf out = BUF_INIT;

    (void)state;
    buf_puts(&out, "kept");
    for (size_t i = 0; i < 3; i++) {
        assert_false(imap_put_quoted(&out, bad[i], false));
        assert_false(imap_put_quoted(&out, bad[i], true));
    }
    assert_false(imap_put_quoted(&out, slice_of("gr\xc3\xbcn"), false));
    assert_written(&out, "kept");
}

static void test_mailbox(void **state)
{
    static const struct {
        const char *name;
        const char *utf7;
        const char *utf8;
    } cases[] = {
        {"inbox", "\"INBOX\"", "\"INBOX\""},
        {"InBoxes", "\"InBoxes\"", "\"InBoxes\""},
        {"INBOX/a", "\"INBOX/a\"", "\"INBOX/a\""},
        {"Entw\xc3\xbcrfe", "\"Entw&APw-rfe\"", "\"Entw\xc3\xbcrfe\""},
        {"A & B", "\"A &- B\"", "\"A & B\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""},
        {"../x {3+}", "\"../x {3+}\"", "\"../x {3+}\""},
    };
    struct buf out = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(imap_put_mailbox(&out, slice_of(cases[i].name), false));
        assert_written(&out, cases[i].utf7);
        assert_true(imap_put_mailbox(&out, slice_of(cases[i].name), true));
        assert_written(&out, cases[i].utf8);
    }
}

static void test_mailbox_refused(void **state)
{
    static const struct slice bad[] = {{"", 0},     {"a\r\nb", 4}, {"a\0b", 3}, {"a\x7f", 2},
                                       {"\xff", 1}, {"a\tb", 3},   {"\xc3", 1}};
    char name[1001];
    struct buf out = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(imap_put_mailbox(&out, bad[i], false));
        assert_false(imap_put_mailbox(&out, bad[i], true));
    }
    memset(name, 'x', sizeof name);
    assert_false(imap_put_mailbox(&out, slice_make(name, 1001), false));
    assert_int_equal(buf_size(&out), 0);
    assert_true(imap_put_mailbox(&out, slice_make(name, 1000), false));
    assert_int_equal(buf_size(&out), 1002);
    buf_clear(&out);
}

static void test_set(void **state)
{
    static const uint32_t uids[] = {1, 2, 3, 7, 9, 10, 11, 12, 4294967294, 4294967295};
    struct buf out = BUF_INIT;

    (void)state;
    assert_int_equal(imap_put_set(&out, uids, 10, 1000), 10);
    assert_written(&out, "1:3,7,9:12,4294967294:4294967295");
    assert_int_equal(imap_put_set(&out, uids + 3, 1, 1000), 1);
    assert_written(&out, "7");
    assert_int_equal(imap_put_set(&out, uids, 2, 1000), 2);
    assert_written(&out, "1:2");
    /* What was there before does not count, and the first run goes in any case. */
    buf_puts(&out, "UID FETCH ");
    assert_int_equal(imap_put_set(&out, uids, 10, 0), 3);
    assert_written(&out, "UID FETCH 1:3");
}

/* In lines of limited length, all come and each once. */
static void test_set_in_pieces(void **state)
{
    enum { COUNT = 5000, MAX = 200 };
    static uint32_t uids[COUNT];
    size_t done = 0;

    (void)state;
    for (uint32_t i = 0; i < COUNT; i++)
        uids[i] = 4000000000u + i * 2 + (i % 5 == 0);
    while (done < COUNT) {
        struct buf out = BUF_INIT;
        size_t n = imap_put_set(&out, uids + done, COUNT - done, MAX);
        assert_true(n >= 1 && n <= COUNT - done);
        assert_true(buf_size(&out) <= MAX);
        done += n;
        buf_clear(&out);
    }
    assert_int_equal(done, COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoted),  cmocka_unit_test(test_quoted_refused),
        cmocka_unit_test(test_mailbox), cmocka_unit_test(test_mailbox_refused),
        cmocka_unit_test(test_set),     cmocka_unit_test(test_set_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
