/*
 * The view: walks through it, and catching up with a folder that changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/box_steps.h"
#include "tests/unit/feed.h"
#include "translate/mailbox/mailbox_view.h"

/* UIDs 1 to 6 in INBOX, of which 2 and 3 are gone before anybody looks. */
static struct box_state *folder_with_gaps(void)
{
    struct box_state *s = account_born();

    for (size_t i = 0; i < 6; i++)
        account_appends(s, BOX_INBOX, 10);
    account_expunges(s, BOX_INBOX, 2);
    account_expunges(s, BOX_INBOX, 3);
    return s;
}

static const struct box_folder *inbox(const struct box_state *s)
{
    return box_state_folder_by_id(s, BOX_INBOX);
}

static void assert_walk(const struct mailbox_view *v, const char *text, bool by_uid,
                        const char *expected)
{
    struct imapd_arena memory = {.blocks = NULL};
    struct mailbox_walk walk = {.at = 0};
    struct buf log = BUF_INIT;
    struct imapd_set set;
    uint32_t number;
    uint32_t uid;

    assert_true(imapd_set_parse(slice_of(text), &memory, &set));
    while (mailbox_view_next(v, &set, by_uid, &walk, &number, &uid))
        buf_printf(&log, "%u=%u ", number, uid);
    assert_false(mailbox_view_next(v, &set, by_uid, &walk, &number, &uid));
    assert_log(&log, expected);
    imapd_arena_clear(&memory);
}

static void test_walk(void **state)
{
    struct box_state *s = folder_with_gaps();
    struct mailbox_view v = {.folder = 0};
    (void)state;

    assert_walk(&v, "1:*", false, "");
    assert_walk(&v, "1:*", true, "");
    assert_true(mailbox_view_open(&v, s, inbox(s), false));
    assert_walk(&v, "1:*", false, "1=1 2=4 3=5 4=6 ");
    assert_walk(&v, "4,2:3", false, "2=4 3=5 4=6 ");
    assert_walk(&v, "*", false, "4=6 ");
    assert_walk(&v, "9", false, "");
    assert_walk(&v, "1:3", true, "1=1 ");
    assert_walk(&v, "2:3", true, "");
    assert_walk(&v, "2:3,5,77", true, "3=5 ");
    assert_walk(&v, "77:*", true, "4=6 ");
    assert_walk(&v, "3:*", true, "2=4 3=5 4=6 ");
    assert_walk(&v, "$", true, "");
    v.saved = calloc(3, sizeof *v.saved);
    v.saved[v.saved_count++] = 1;
    v.saved[v.saved_count++] = 3;
    v.saved[v.saved_count++] = 6;
    assert_walk(&v, "$", false, "1=1 4=6 ");
    assert_int_equal(mailbox_view_number(&v, 5), 3);
    assert_int_equal(mailbox_view_number(&v, 3), 0);
    assert_int_equal(mailbox_view_uid(&v, 0), 0);
    assert_int_equal(mailbox_view_uid(&v, 5), 0);
    mailbox_view_close(&v);
    box_state_free(s);
}

static void assert_sync(struct mailbox_view *v, const struct box_state *s, struct mailbox_tell tell,
                        const char *expected)
{
    struct buf log = BUF_INIT;

    assert_int_equal(mailbox_view_is_behind(v, s, tell.expunge), *expected != '\0');
    assert_true(mailbox_view_sync(v, s, &tell, &log));
    assert_false(mailbox_view_is_behind(v, s, tell.expunge));
    assert_log(&log, expected);
}

static void flag(struct box_state *s, uint32_t uid, const char *keyword)
{
    struct box_draft d;

    box_draft_begin(&d, s, "flags");
    box_draft_flags(&d, BOX_INBOX, &uid, 1, box_draft_keyword(&d, slice_of(keyword)), 0);
    step(s, &d);
}

static void test_sync(void **state)
{
    const struct mailbox_tell all = {.expunge = true};
    const struct mailbox_tell by_number = {.uid = true, .modseq = true};
    struct box_state *s = folder_with_gaps();
    struct mailbox_view v = {.folder = 0};
    (void)state;

    assert_sync(&v, s, all, "");
    assert_true(mailbox_view_open(&v, s, inbox(s), false));
    assert_sync(&v, s, all, "");
    account_appends(s, TRASH, 10);
    assert_sync(&v, s, all, "");
    account_expunges(s, BOX_INBOX, 1);
    account_appends(s, BOX_INBOX, 10);
    flag(s, 5, "$A");
    assert_sync(&v, s, by_number,
                "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $A)\r\n"
                "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $A \\*)] "
                "Flags that are kept\r\n"
                "* 3 FETCH (UID 5 FLAGS (\\Seen $A) MODSEQ (13))\r\n* 5 EXISTS\r\n");
    account_expunges(s, BOX_INBOX, 7);
    account_expunges(s, BOX_INBOX, 4);
    assert_sync(&v, s, all, "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 3 EXPUNGE\r\n");
    /* One that came and went between two looks was never there. */
    account_appends(s, BOX_INBOX, 10);
    account_expunges(s, BOX_INBOX, 8);
    assert_true(mailbox_view_is_behind(&v, s, false));
    struct buf log = BUF_INIT;
    assert_true(mailbox_view_sync(&v, s, &by_number, &log));
    assert_log(&log, "");
    assert_int_equal(v.count, 2);
    v.silent = s->modseq + 1;
    flag(s, 6, "$A");
    assert_true(mailbox_view_sync(&v, s, &all, &log));
    assert_log(&log, "");
    assert_sync(&v, s, all, "");
    flag(s, 5, "$B");
    assert_sync(&v, s, all,
                "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $A $B)\r\n"
                "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $A $B \\*)] "
                "Flags that are kept\r\n* 1 FETCH (FLAGS (\\Seen $A $B))\r\n");
    mailbox_view_close(&v);
    box_state_free(s);
}

static void test_deleted_folder(void **state)
{
    const struct mailbox_tell all = {.expunge = true};
    struct box_state *s = account_born();
    struct mailbox_view v = {.folder = 0};
    struct box_draft d;
    (void)state;

    account_appends(s, TRASH, 10);
    assert_true(mailbox_view_open(&v, s, box_state_folder_by_id(s, TRASH), false));
    box_draft_begin(&d, s, "delete");
    box_draft_delete(&d, TRASH);
    step(s, &d);
    assert_null(mailbox_view_folder(&v, s));
    assert_sync(&v, s, (struct mailbox_tell){.uid = true}, "");
    assert_sync(&v, s, all, "* 1 EXPUNGE\r\n");
    mailbox_view_close(&v);
    box_state_free(s);
}

static void assert_uids(const struct mailbox_view *v, const char *expected)
{
    assert_walk(v, "1:*", false, expected);
}

/* Views of one folder, each told at another time, copy nothing until the folder loses what one of
 * them still has. */
static void test_shared(void **state)
{
    const struct mailbox_tell all = {.expunge = true};
    const struct mailbox_tell by_number = {.expunge = false};
    struct box_state *s = folder_with_gaps();
    struct mailbox_view a = {.folder = 0};
    struct mailbox_view b = {.folder = 0};
    struct mailbox_view c = {.folder = 0};
    (void)state;

    assert_true(mailbox_view_open(&a, s, inbox(s), false));
    assert_true(mailbox_view_open(&b, s, inbox(s), false));
    assert_ptr_equal(a.list, b.list);
    account_appends(s, BOX_INBOX, 10);
    assert_true(mailbox_view_open(&c, s, inbox(s), false));
    assert_ptr_equal(a.list, c.list);
    assert_uids(&a, "1=1 2=4 3=5 4=6 ");
    assert_uids(&c, "1=1 2=4 3=5 4=6 5=7 ");
    assert_sync(&a, s, by_number, "* 5 EXISTS\r\n");
    account_expunges(s, BOX_INBOX, 4);
    account_appends(s, BOX_INBOX, 10);
    assert_sync(&a, s, by_number, "* 6 EXISTS\r\n");
    assert_ptr_not_equal(a.list, b.list);
    assert_sync(&c, s, all, "* 2 EXPUNGE\r\n* 5 EXISTS\r\n");
    assert_uids(&a, "1=1 2=4 3=5 4=6 5=7 6=8 ");
    assert_uids(&b, "1=1 2=4 3=5 4=6 ");
    assert_uids(&c, "1=1 2=5 3=6 4=7 5=8 ");
    account_appends(s, BOX_INBOX, 10);
    assert_sync(&a, s, by_number, "* 7 EXISTS\r\n");
    assert_sync(&a, s, all, "* 2 EXPUNGE\r\n");
    assert_ptr_equal(a.list, c.list);
    assert_uids(&a, "1=1 2=5 3=6 4=7 5=8 6=9 ");
    assert_uids(&c, "1=1 2=5 3=6 4=7 5=8 ");
    mailbox_view_close(&a);
    box_state_free(s);
    assert_uids(&b, "1=1 2=4 3=5 4=6 ");
    mailbox_view_close(&b);
    mailbox_view_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_deleted_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
