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

/* An account in which everything occurs, and its journal. */
struct story {
    struct buf text;
    char *states[40];
    size_t ends[40];
    size_t lines;
};

static void tell(struct story *t, struct box_state *s, struct box_draft *d)
{
    json_t *record = box_draft_end(d);
    struct failure why = {.kind = FAILURE_NONE};

    assert_non_null(record);
    assert_true(journal_put(&t->text, record));
    assert_true(box_state_apply(s, record, NULL, &why));
    json_decref(record);
    t->ends[t->lines] = buf_size(&t->text);
    t->states[t->lines++] = account_text(s);
}

static void tell_all(struct story *t, struct box_state *s)
{
    struct box_content up = {
        .size = 5, .listed = 5, .uidl = (char[]){"u"}, .upstream = true, .undated = true};
    struct box_content own = {.size = 7, .listed = 7, .key = (char[]){"k"}};
    struct box_poll poll = {.count = 2, .login_delay = 60, .at = 1700000000};
    uint32_t fresh[2];
    struct box_draft d;

    box_draft_born(&d, s, 1700000000);
    tell(t, s, &d);
    box_draft_begin(&d, s, "seen");
    box_draft_message(&d, BOX_INBOX, box_draft_content(&d, &up), 0, 5);
    box_draft_message(&d, JUNK, box_draft_content(&d, &up), BOX_SEEN, -5);
    box_draft_poll(&d, &poll);
    tell(t, s, &d);
    box_draft_begin(&d, s, "append");
    box_draft_message(&d, DRAFTS, box_draft_content(&d, &own),
                      BOX_DRAFT | box_draft_keyword(&d, slice_of("$Mine")), 5);
    tell(t, s, &d);
    box_draft_begin(&d, s, "copy");
    box_draft_copy(&d, BOX_INBOX, (uint32_t[]){1}, 1, ARCHIVE, fresh);
    tell(t, s, &d);
    box_draft_begin(&d, s, "move");
    box_draft_move(&d, JUNK, (uint32_t[]){1}, 1, TRASH, fresh);
    tell(t, s, &d);
    box_draft_begin(&d, s, "store");
    box_draft_flags(&d, ARCHIVE, (uint32_t[]){1}, 1, BOX_SEEN, BOX_FLAGS);
    tell(t, s, &d);
    box_draft_begin(&d, s, "expunge");
    box_draft_remove(&d, TRASH, (uint32_t[]){1}, 1);
    box_draft_remove(&d, DRAFTS, (uint32_t[]){1}, 1);
    tell(t, s, &d);
    box_draft_begin(&d, s, "folders");
    box_draft_folder(&d, slice_of("x"), BOX_NO_USE);
    box_draft_rename(&d, JUNK, slice_of("Spam"));
    box_draft_delete(&d, SENT_MAIL);
    box_draft_subscribe(&d, slice_of("Sent"), false);
    tell(t, s, &d);
    box_draft_begin(&d, s, "poll");
    box_draft_listed(&d, (uint32_t[]){1}, (uint64_t[]){6}, 1);
    box_draft_known(&d, 1, 8, "dig", NULL);
    box_draft_dated(&d, 2, &(int64_t){1500000000});
    box_draft_set(&d, "sent", (uint32_t[]){2}, 1);
    box_draft_set(&d, "suspected", (uint32_t[]){1}, 1);
    tell(t, s, &d);
    box_draft_begin(&d, s, "poll");
    box_draft_set(&d, "gone", (uint32_t[]){2}, 1);
    box_draft_set(&d, "unlisted", (uint32_t[]){1}, 1);
    tell(t, s, &d);
}

static bool replay(const char *text, size_t n, struct box_state **s, struct journal_replay *done,
                   struct failure *why)
{
    *s = box_state_new();
    *done = (struct journal_replay){.generation = 3};
    return journal_replay(&box_state_kind, *s, slice_make(text, n), done, why);
}

static void story_begin(struct story *t)
{
    struct box_state *s = box_state_new();

    *t = (struct story){.lines = 1};
    journal_begin(&t->text, &box_state_kind, 3);
    t->ends[0] = buf_size(&t->text);
    t->states[0] = account_text(s);
    tell_all(t, s);
    assert_survives(s);
    box_state_free(s);
}

static void story_end(struct story *t)
{
    for (size_t i = 0; i < t->lines; i++)
        free(t->states[i]);
    buf_clear(&t->text);
}

/* CASES D16 */
static void a_journal_cut_at_every_octet(void **state)
{
    struct story t;
    struct failure why;

    (void)state;
    story_begin(&t);
    for (size_t cut = 0; cut <= buf_size(&t.text); cut++) {
        struct journal_replay done;
        struct box_state *s;
        size_t lines = 0;
        while (lines < t.lines && t.ends[lines] <= cut)
            lines++;
        char *piece = slice_dup(slice_make(buf_slice(&t.text).p, cut));
        assert_true(replay(piece, cut, &s, &done, &why));
        char *after = account_text(s);
        assert_string_equal(after, t.states[lines ? lines - 1 : 0]);
        assert_int_equal(done.octets, lines ? t.ends[lines - 1] : 0);
        free(after);
        free(piece);
        box_state_free(s);
    }
    story_end(&t);
}

/* Damage is found or harmless: whatever is accepted can be written and read again. */
static void a_journal_damaged_at_every_octet(void **state)
{
    static const char others[] = {'0', '9', '"', ':', ',', ' ', '}', '-', '*'};
    struct story t;

    (void)state;
    story_begin(&t);
    char *copy = slice_dup(buf_slice(&t.text));
    for (size_t i = 0; i < buf_size(&t.text); i++) {
        struct failure why = {.kind = FAILURE_NONE};
        struct journal_replay done;
        struct box_state *s;
        char right = copy[i];
        copy[i] = others[i % sizeof others];
        if (replay(copy, buf_size(&t.text), &s, &done, &why))
            assert_survives(s);
        else
            assert_int_equal(why.kind, FAILURE_PERMANENT);
        box_state_free(s);
        copy[i] = right;
    }
    free(copy);
    story_end(&t);
}

static void a_snapshot_damaged_is_refused(void **state)
{
    static const char *const wrong[][3] = {
        {"\"kind\":\"mailbox\"", "\"kind\":\"maildrop\"", "/kind: "},
        {"\"version\":1", "\"version\":2", "/version: written by a newer"},
        {"\"modseq\":10", "\"modseq\":-1", "/modseq: "},
        {"\"keywords\":[\"$Mine\"]", "\"keywords\":[\"$Mine\",\"$mine\"]", "/keywords/1: "},
        {"\"contents\":{\"listed\"", "\"contents\":{\"sizes\":\"1 2\",\"x\"", "/contents/"},
        {"\"name\":\"Drafts\"", "\"name\":\"INBOX\"", "/folders/1/name: "},
        {"\"name\":\"Drafts\"", "\"name\":\"Spam\"", "/folders/"},
        {"\"uids\":\"1\",\"contents\":\"1\"", "\"uids\":\"1\",\"contents\":\"3\"",
         "/folders/0/contents: "},
        {"\"uids\":\"1\",\"contents\":\"1\"", "\"uids\":\"1:4000000000\",\"contents\":\"1\"",
         "/folders/0/uids: "},
        {"\"uids\":\"1\",\"contents\":\"1\"", "\"uids\":\"1:2\",\"contents\":\"1\"",
         "/folders/0/contents: number 2 of 2"},
        {"\"uidls\":\"u\"", "\"uidls\":\"%00\"", "/contents/uidls: text 1"},
        {"\"uidls\":\"u\",\"digests\":\"dig\"", "\"x\":0", "/contents/uidls: "},
        {"\"poll\":{\"count\":2", "\"poll\":{\"count\":-2", "/poll/count: "},
        {"\"content_next\":4", "\"content_next\":1", "/content_next: "},
    };
    struct story t;

    (void)state;
    story_begin(&t);
    const char *whole = t.states[t.lines - 1];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *at = strstr(whole, wrong[i][0]);
        struct failure why = {.kind = FAILURE_NONE};
        char *text = NULL;
        if (!at)
            fail_msg("%s is not in %s", wrong[i][0], whole);
        assert_true(asprintf(&text, "%.*s%s%s", (int)(at - whole), whole, wrong[i][1],
                             at + strlen(wrong[i][0])) > 0);
        json_t *json = json_loads(text, 0, NULL);
        assert_non_null(json);
        assert_null(box_state_from_json(json, &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
        if (strncmp(why.text, wrong[i][2], strlen(wrong[i][2])) != 0)
            fail_msg("%s: %s", wrong[i][1], why.text);
        json_decref(json);
        free(text);
    }
    story_end(&t);
}

/* Allocations of jansson until the next one fails. */
static long allowed;

static void *scarce_malloc(size_t n)
{
    return allowed-- > 0 ? malloc(n) : NULL;
}

static json_t *draft_of_everything(const struct box_state *s)
{
    struct box_content c = {
        .uidl = (char[]){"u v"}, .digest = (char[]){"d"}, .upstream = true, .undated = true};
    struct box_poll poll = {.count = 1};
    struct box_draft d;

    box_draft_begin(&d, s, "all");
    uint64_t flag = box_draft_keyword(&d, slice_of("$Junk"));
    uint32_t folder = box_draft_folder(&d, slice_of("new"), BOX_ARCHIVE);
    box_draft_rename(&d, JUNK, slice_of("Spam"));
    box_draft_delete(&d, SENT_MAIL);
    box_draft_subscribe(&d, slice_of("new"), true);
    box_draft_message(&d, folder, box_draft_content(&d, &c), flag, 1);
    box_draft_flags(&d, BOX_INBOX, (uint32_t[]){1}, 1, flag, 0);
    box_draft_remove(&d, BOX_INBOX, (uint32_t[]){1}, 1);
    box_draft_known(&d, 1, 5, "digest", "key");
    box_draft_dated(&d, 1, &(int64_t){1500000000});
    box_draft_listed(&d, (uint32_t[]){1}, (uint64_t[]){5}, 1);
    box_draft_set(&d, "suspected", (uint32_t[]){1}, 1);
    box_draft_poll(&d, &poll);
    return box_draft_end(&d);
}

/* A record, or a snapshot, is whole or not made at all, and nothing is lost on the way. */
static void memory_runs_out_at_every_step(void **state)
{
    struct box_state *s = account_born();
    struct failure why = {.kind = FAILURE_NONE};
    json_t *record = NULL;
    json_t *snapshot = NULL;

    (void)state;
    account_sees(s, "a", NULL, 1);
    json_t *whole = draft_of_everything(s);
    for (long n = 0; !record; n++) {
        json_set_alloc_funcs(scarce_malloc, free);
        allowed = n;
        record = draft_of_everything(s);
        json_set_alloc_funcs(malloc, free);
    }
    assert_true(json_equal(record, whole));
    assert_true(box_state_apply(s, record, NULL, &why));
    json_t *expected = box_state_to_json(s);
    for (long n = 0; !snapshot; n++) {
        json_set_alloc_funcs(scarce_malloc, free);
        allowed = n;
        snapshot = box_state_to_json(s);
        json_set_alloc_funcs(malloc, free);
    }
    assert_true(json_equal(snapshot, expected));
    json_decref(record);
    json_decref(whole);
    json_decref(snapshot);
    json_decref(expected);
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
        cmocka_unit_test(a_journal_cut_at_every_octet),
        cmocka_unit_test(a_journal_damaged_at_every_octet),
        cmocka_unit_test(a_snapshot_damaged_is_refused),
        cmocka_unit_test(memory_runs_out_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
