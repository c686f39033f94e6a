#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/box_steps.h"
#include "translate/state/journal.h"

static struct box_folder *folder(struct box_state *s, const char *name)
{
    struct box_folder *f = box_state_folder(s, slice_of(name));

    assert_non_null(f);
    return f;
}

static void born_with_its_folders(void **state)
{
    struct box_state *s = account_born();

    (void)state;
    assert_int_equal(s->folder_count, 6);
    assert_int_equal(folder(s, "inbox")->id, BOX_INBOX);
    assert_int_equal(folder(s, "INBOX")->uidvalidity, 1700000000);
    assert_int_equal(folder(s, "Sent")->use, BOX_SENT_MAIL);
    assert_int_equal(folder(s, "Sent")->id, SENT_MAIL);
    assert_string_equal(box_use_name(folder(s, "Archive")->use), "\\Archive");
    assert_int_equal(folder(s, "Archive")->uidvalidity, 1700000005);
    assert_true(box_state_subscribed(s, slice_of("Junk")));
    assert_int_equal(s->modseq, 1);
    assert_survives(s);
    box_state_free(s);
}

/* CASES D18 */
static void born_whatever_the_clock_says(void **state)
{
    static const int64_t clocks[] = {INT64_MIN, 0, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct box_state *s = box_state_new();
        struct box_draft d;
        box_draft_born(&d, s, clocks[i]);
        step(s, &d);
        assert_true(folder(s, "INBOX")->uidvalidity >= 1);
        assert_survives(s);
        box_state_free(s);
    }
}

static void seen_messages_are_counted(void **state)
{
    struct box_state *s = account_born();
    struct box_changes changes = {.list = NULL};
    struct box_draft d;

    (void)state;
    account_sees(s, "a", NULL, 100);
    account_sees(s, "b c", "digest", 200);
    struct box_folder *inbox = folder(s, "INBOX");
    assert_int_equal(inbox->count, 2);
    assert_int_equal(inbox->size, 300);
    assert_int_equal(inbox->unseen, 2);
    assert_int_equal(inbox->uidnext, 3);
    assert_int_equal(inbox->modseq, 3);
    box_draft_begin(&d, s, "store");
    box_draft_flags(&d, BOX_INBOX, (uint32_t[]){1, 2, 9}, 3, BOX_SEEN | BOX_DELETED, 0);
    step_with(s, &d, &changes);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.list->kind, BOX_CHANGED);
    assert_int_equal(changes.list->count, 2);
    assert_int_equal(inbox->unseen, 0);
    assert_int_equal(inbox->deleted, 2);
    assert_survives(s);
    box_changes_clear(&changes);
    box_state_free(s);
}

static void only_what_becomes_otherwise_changes(void **state)
{
    struct box_state *s = account_born();
    struct box_changes changes = {.list = NULL};
    struct box_draft d;

    (void)state;
    account_sees(s, "a", NULL, 1);
    account_sees(s, "b", NULL, 1);
    box_draft_begin(&d, s, "store");
    uint64_t junk = box_draft_keyword(&d, slice_of("$Junk"));
    assert_true(junk == BOX_KEYWORD);
    assert_true(box_draft_keyword(&d, slice_of("$junk")) == junk);
    assert_true(box_draft_keyword(&d, slice_of("two words")) == 0);
    box_draft_flags(&d, BOX_INBOX, (uint32_t[]){1}, 1, junk, BOX_FLAGS);
    step(s, &d);
    uint64_t modseq = s->modseq;
    box_draft_begin(&d, s, "store");
    assert_true(box_draft_keyword(&d, slice_of("$JUNK")) == junk);
    box_draft_flags(&d, BOX_INBOX, (uint32_t[]){1, 2}, 2, junk, 0);
    step_with(s, &d, &changes);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.list->count, 1);
    assert_int_equal(changes.list->uids[0], 2);
    struct box_folder *f = folder(s, "INBOX");
    assert_int_equal(box_folder_changed(f, 0, modseq), 1);
    assert_int_equal(box_folder_changed(f, 0, s->modseq), 2);
    assert_int_equal(box_folder_changed(f, 0, modseq - 1), 0);
    assert_survives(s);
    box_changes_clear(&changes);
    box_state_free(s);
}

static void there_are_only_so_many_keywords(void **state)
{
    struct box_state *s = account_born();
    struct box_draft d;
    char name[20];

    (void)state;
    box_draft_begin(&d, s, "store");
    for (int i = 0; i < BOX_KEYWORDS_MAX + 3; i++) {
        snprintf(name, sizeof name, "k%d", i);
        assert_true(box_draft_keyword(&d, slice_of(name)) ==
                    (i < BOX_KEYWORDS_MAX ? BOX_KEYWORD << i : 0));
    }
    step(s, &d);
    assert_int_equal(s->keyword_count, BOX_KEYWORDS_MAX);
    account_sees(s, "a", NULL, 1);
    box_draft_begin(&d, s, "store");
    box_draft_flags(&d, BOX_INBOX, (uint32_t[]){1}, 1, BOX_FLAGS, 0);
    step(s, &d);
    assert_true(folder(s, "INBOX")->messages[0].flags == BOX_FLAGS);
    assert_survives(s);
    box_state_free(s);
}

/* CASES D14: the record of a MOVE has both, so each message is in exactly one place. */
static void a_move_is_one_record(void **state)
{
    struct box_state *s = account_born();
    struct box_changes changes = {.list = NULL};
    struct box_draft d;
    uint32_t uids[100];
    uint32_t fresh[100];

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        char uidl[8];
        snprintf(uidl, sizeof uidl, "u%u", i);
        account_sees(s, uidl, NULL, 1);
        uids[i] = i + 1;
    }
    box_draft_begin(&d, s, "move");
    box_draft_move(&d, BOX_INBOX, uids, 100, TRASH, fresh);
    assert_int_equal(fresh[99], 100);
    step_with(s, &d, &changes);
    assert_int_equal(folder(s, "INBOX")->count, 0);
    assert_int_equal(folder(s, "INBOX")->size, 0);
    assert_int_equal(folder(s, "Trash")->count, 100);
    assert_int_equal(s->contents[7].references, 1);
    assert_int_equal(s->contents[7].deletion, BOX_KEPT);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.list[0].kind, BOX_ADDED);
    assert_int_equal(changes.list[1].kind, BOX_REMOVED);
    assert_int_equal(changes.list[1].count, 100);
    assert_survives(s);
    box_changes_clear(&changes);
    box_state_free(s);
}

static void local_messages_go_at_once(void **state)
{
    struct box_state *s = account_born();
    struct box_changes changes = {.list = NULL};
    struct box_draft d;
    uint32_t fresh = 0;

    (void)state;
    uint32_t id = account_appends(s, DRAFTS, 10);
    box_draft_begin(&d, s, "copy");
    box_draft_copy(&d, DRAFTS, (uint32_t[]){1}, 1, DRAFTS, &fresh);
    step(s, &d);
    assert_int_equal(fresh, 2);
    assert_int_equal(box_state_content(s, id)->references, 2);
    account_expunges(s, DRAFTS, 2);
    assert_non_null(box_state_content(s, id));
    box_draft_begin(&d, s, "expunge");
    box_draft_remove(&d, DRAFTS, (uint32_t[]){1}, 1);
    step_with(s, &d, &changes);
    assert_null(box_state_content(s, id));
    assert_int_equal(changes.released_count, 1);
    assert_string_equal(changes.released[0], "key");
    assert_int_equal(folder(s, "Drafts")->uidnext, 3);
    assert_survives(s);
    box_changes_clear(&changes);
    box_state_free(s);
}

/* CASES D8 */
static void a_deletion_waits_for_the_upstream(void **state)
{
    struct box_state *s = account_born();
    uint32_t fresh = 7;
    struct box_draft d;

    (void)state;
    uint32_t id = account_sees(s, "a", NULL, 10);
    account_expunges(s, BOX_INBOX, 1);
    assert_int_equal(box_state_content(s, id)->deletion, BOX_INTENDED);
    assert_int_equal(folder(s, "INBOX")->count, 1);
    assert_true(box_message_is_doomed(s, folder(s, "INBOX")->messages));
    box_draft_begin(&d, s, "copy");
    box_draft_copy(&d, BOX_INBOX, (uint32_t[]){1}, 1, TRASH, &fresh);
    assert_int_equal(fresh, 0);
    box_draft_drop(&d);
    account_hears(s, "sent", id);
    assert_int_equal(box_state_content(s, id)->deletion, BOX_SENT);
    assert_survives(s);
    account_hears(s, "intended", id);
    assert_int_equal(box_state_content(s, id)->deletion, BOX_INTENDED);
    account_hears(s, "spared", id);
    assert_int_equal(box_state_content(s, id)->deletion, BOX_KEPT);
    account_hears(s, "sent", id); /* nobody intends it */
    assert_int_equal(box_state_content(s, id)->deletion, BOX_KEPT);
    account_expunges(s, BOX_INBOX, 1);
    account_hears(s, "gone", id);
    assert_null(box_state_content(s, id));
    assert_int_equal(folder(s, "INBOX")->count, 0);
    assert_survives(s);
    box_state_free(s);
}

/* Only the last message of a content dooms it, also when both go in one command. */
static void two_messages_of_one_content(void **state)
{
    struct box_state *s = account_born();
    struct box_draft d;
    uint32_t fresh = 0;

    (void)state;
    uint32_t id = account_sees(s, "a", NULL, 10);
    box_draft_begin(&d, s, "copy");
    box_draft_copy(&d, BOX_INBOX, (uint32_t[]){1}, 1, BOX_INBOX, &fresh);
    step(s, &d);
    box_draft_begin(&d, s, "expunge");
    box_draft_remove(&d, BOX_INBOX, (uint32_t[]){1, 2}, 2);
    step(s, &d);
    assert_int_equal(box_state_content(s, id)->deletion, BOX_INTENDED);
    assert_int_equal(folder(s, "INBOX")->count, 1);
    assert_int_equal(folder(s, "INBOX")->messages[0].uid, 2);
    assert_survives(s);
    box_state_free(s);
}

static void gone_takes_it_from_every_folder(void **state)
{
    struct box_state *s = account_born();
    struct box_changes changes = {.list = NULL};
    struct box_draft d;
    uint32_t fresh = 0;

    (void)state;
    uint32_t id = account_sees(s, "a", NULL, 10);
    account_sees(s, "b", NULL, 20);
    box_draft_begin(&d, s, "copy");
    box_draft_copy(&d, BOX_INBOX, (uint32_t[]){1}, 1, ARCHIVE, &fresh);
    step(s, &d);
    box_draft_begin(&d, s, "vanished");
    box_draft_set(&d, "gone", &id, 1);
    step_with(s, &d, &changes);
    assert_int_equal(changes.count, 2);
    assert_int_equal(folder(s, "INBOX")->count, 1);
    assert_int_equal(folder(s, "INBOX")->size, 20);
    assert_int_equal(folder(s, "Archive")->count, 0);
    assert_survives(s);
    box_changes_clear(&changes);
    box_state_free(s);
}

/* What cannot be deleted now is not shown, and not forgotten. */
static void expunged_while_not_listed(void **state)
{
    struct box_state *s = account_born();

    (void)state;
    uint32_t before = account_sees(s, "a", NULL, 10);
    uint32_t after = account_sees(s, "b", NULL, 10);
    account_hears(s, "unlisted", before);
    assert_int_equal(folder(s, "INBOX")->count, 2);
    account_expunges(s, BOX_INBOX, 1);
    account_expunges(s, BOX_INBOX, 2);
    assert_int_equal(folder(s, "INBOX")->count, 1);
    account_hears(s, "unlisted", after);
    assert_int_equal(folder(s, "INBOX")->count, 0);
    assert_int_equal(box_state_content(s, before)->deletion, BOX_INTENDED);
    assert_int_equal(box_state_content(s, after)->deletion, BOX_INTENDED);
    account_hears(s, "spared", after);
    assert_int_equal(box_state_content(s, after)->deletion, BOX_INTENDED);
    assert_survives(s);
    account_hears(s, "gone", before);
    account_hears(s, "gone", after);
    assert_int_equal(s->content_count - s->content_dead, 0);
    assert_survives(s);
    box_state_free(s);
}

static void a_deleted_folder_takes_its_messages_along(void **state)
{
    struct box_state *s = account_born();
    struct box_changes changes = {.list = NULL};
    struct box_draft d;
    uint32_t fresh = 0;

    (void)state;
    uint32_t id = account_sees(s, "a", NULL, 10);
    box_draft_begin(&d, s, "create");
    assert_int_equal(box_draft_folder(&d, slice_of("Work"), BOX_NO_USE), OTHER);
    assert_int_equal(box_draft_folder(&d, slice_of("Work/2024"), BOX_NO_USE), OTHER + 1);
    step(s, &d);
    account_appends(s, OTHER, 5);
    box_draft_begin(&d, s, "move");
    box_draft_move(&d, BOX_INBOX, (uint32_t[]){1}, 1, OTHER, &fresh);
    step(s, &d);
    uint32_t uidvalidity = folder(s, "Work")->uidvalidity;
    box_draft_begin(&d, s, "delete");
    box_draft_delete(&d, OTHER);
    step_with(s, &d, &changes);
    assert_true(folder(s, "Work")->noselect);
    assert_int_equal(folder(s, "Work")->count, 0);
    assert_int_equal(box_state_content(s, id)->deletion, BOX_INTENDED);
    assert_int_equal(box_state_content(s, id)->references, 0);
    assert_int_equal(changes.released_count, 1);
    assert_survives(s);
    box_draft_begin(&d, s, "append");
    assert_int_equal(box_draft_message(&d, OTHER, 1, 0, 0), 0);
    assert_null(box_draft_end(&d));
    box_draft_begin(&d, s, "create");
    box_draft_folder(&d, slice_of("Work"), BOX_NO_USE);
    step(s, &d);
    assert_false(folder(s, "Work")->noselect);
    assert_true(folder(s, "Work")->uidvalidity > uidvalidity + 1);
    box_draft_begin(&d, s, "delete");
    box_draft_delete(&d, OTHER + 1);
    step(s, &d);
    assert_null(box_state_folder(s, slice_of("Work/2024")));
    assert_survives(s);
    box_changes_clear(&changes);
    box_state_free(s);
}

static void renames(void **state)
{
    struct box_state *s = account_born();
    struct box_draft d;

    (void)state;
    account_sees(s, "a", NULL, 10);
    box_draft_begin(&d, s, "create");
    box_draft_folder(&d, slice_of("a"), BOX_NO_USE);
    box_draft_folder(&d, slice_of("a/b"), BOX_NO_USE);
    box_draft_folder(&d, slice_of("ab"), BOX_NO_USE);
    step(s, &d);
    box_draft_begin(&d, s, "rename");
    box_draft_rename(&d, OTHER, slice_of("\xc3\xbc/c"));
    step(s, &d);
    assert_int_equal(folder(s, "\xc3\xbc/c")->id, OTHER);
    assert_int_equal(folder(s, "\xc3\xbc/c/b")->id, OTHER + 1);
    assert_int_equal(folder(s, "ab")->id, OTHER + 2);
    box_draft_begin(&d, s, "rename");
    box_draft_rename(&d, BOX_INBOX, slice_of("old mail"));
    step(s, &d);
    assert_int_equal(folder(s, "INBOX")->count, 0);
    assert_int_equal(folder(s, "old mail")->count, 1);
    assert_survives(s);
    box_state_free(s);
}

static void what_cannot_be_drafted(void **state)
{
    static const char *const names[] = {"", "/a", "a/", "a//b", "a\nb", "\xff", "inbox", "Sent"};
    struct box_state *s = account_born();
    struct box_draft d;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        box_draft_begin(&d, s, "create");
        assert_int_equal(box_draft_folder(&d, slice_of(names[i]), BOX_NO_USE), 0);
        assert_null(box_draft_end(&d));
        box_draft_begin(&d, s, "rename");
        box_draft_rename(&d, TRASH, slice_of(names[i]));
        assert_null(box_draft_end(&d));
    }
    box_draft_begin(&d, s, "rename");
    box_draft_rename(&d, TRASH, slice_of("Trash/below"));
    assert_null(box_draft_end(&d));
    box_draft_begin(&d, s, "delete");
    box_draft_delete(&d, BOX_INBOX);
    assert_null(box_draft_end(&d));
    box_draft_begin(&d, s, "expunge");
    box_draft_remove(&d, BOX_INBOX, (uint32_t[]){2, 1}, 2);
    assert_null(box_draft_end(&d));
    box_draft_born(&d, s, 5);
    assert_null(box_draft_end(&d));
    box_state_free(s);
}

static void a_corrected_size_and_a_kept_body(void **state)
{
    struct box_state *s = account_born();
    struct box_changes changes = {.list = NULL};
    struct box_draft d;

    (void)state;
    uint32_t id = account_sees(s, "a", NULL, 100);
    box_draft_begin(&d, s, "known");
    box_draft_known(&d, id, 104, "d", "k1");
    step_with(s, &d, &changes);
    assert_int_equal(changes.list[0].kind, BOX_CHANGED);
    assert_int_equal(folder(s, "INBOX")->size, 104);
    assert_int_equal(box_state_content(s, id)->listed, 100);
    assert_string_equal(box_state_content(s, id)->key, "k1");
    assert_survives(s);
    box_draft_begin(&d, s, "known");
    box_draft_known(&d, id, 104, NULL, "");
    step_with(s, &d, &changes);
    assert_null(box_state_content(s, id)->key);
    assert_string_equal(changes.released[0], "k1");
    assert_string_equal(box_state_content(s, id)->digest, "d");
    box_changes_clear(&changes);
    box_state_free(s);
}

static void a_record_counts_once(void **state)
{
    struct box_state *s = account_born();
    struct failure why = {.kind = FAILURE_NONE};
    struct box_draft d;

    (void)state;
    box_draft_begin(&d, s, "create");
    box_draft_folder(&d, slice_of("a"), BOX_NO_USE);
    json_t *record = box_draft_end(&d);
    assert_true(box_state_apply(s, record, NULL, &why));
    char *text = account_text(s);
    assert_true(box_state_apply(s, record, NULL, &why));
    char *again = account_text(s);
    assert_string_equal(text, again);
    json_object_set_new(record, "modseq", json_integer(9));
    assert_false(box_state_apply(s, record, NULL, &why));
    assert_non_null(strstr(why.text, "/modseq: "));
    json_decref(record);
    free(text);
    free(again);
    box_state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(born_with_its_folders),
        cmocka_unit_test(born_whatever_the_clock_says),
        cmocka_unit_test(seen_messages_are_counted),
        cmocka_unit_test(only_what_becomes_otherwise_changes),
        cmocka_unit_test(there_are_only_so_many_keywords),
        cmocka_unit_test(a_move_is_one_record),
        cmocka_unit_test(local_messages_go_at_once),
        cmocka_unit_test(a_deletion_waits_for_the_upstream),
        cmocka_unit_test(two_messages_of_one_content),
        cmocka_unit_test(gone_takes_it_from_every_folder),
        cmocka_unit_test(expunged_while_not_listed),
        cmocka_unit_test(a_deleted_folder_takes_its_messages_along),
        cmocka_unit_test(renames),
        cmocka_unit_test(what_cannot_be_drafted),
        cmocka_unit_test(a_corrected_size_and_a_kept_body),
        cmocka_unit_test(a_record_counts_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
