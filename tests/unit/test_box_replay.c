/*
 * A box state made anew from what was kept of it: journals and snapshots, cut and damaged at every
 * place, and memory that runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/box_steps.h"
#include "translate/state/journal.h"

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
        cmocka_unit_test(a_journal_cut_at_every_octet),
        cmocka_unit_test(a_journal_damaged_at_every_octet),
        cmocka_unit_test(a_snapshot_damaged_is_refused),
        cmocka_unit_test(memory_runs_out_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
