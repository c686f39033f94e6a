/*
 * For tests of box_state: accounts that are made step by step, and what they look like.
 */
#ifndef TESTS_UNIT_BOX_STEPS_H
#define TESTS_UNIT_BOX_STEPS_H

#include <stdlib.h>
#include <string.h>

#include "translate/state/box_draft.h"

enum { DRAFTS = 2, SENT_MAIL, TRASH, JUNK, ARCHIVE, OTHER };

/* Ends the draft, checks that its record survives being text, and applies it. */
static inline void step_with(struct box_state *s, struct box_draft *d, struct box_changes *changes)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *record = box_draft_end(d);

    assert_non_null(record);
    char *text = json_dumps(record, JSON_COMPACT);
    json_t *again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!box_state_apply(s, again, changes, &why))
        fail_msg("%s: %s", text, why.text);
    json_decref(record);
    json_decref(again);
    free(text);
}

static inline void step(struct box_state *s, struct box_draft *d)
{
    step_with(s, d, NULL);
}

static inline struct box_state *account_born(void)
{
    struct box_state *s = box_state_new();
    struct box_draft d;

    box_draft_born(&d, s, 1700000000);
    step(s, &d);
    return s;
}

/* A message of that UIDL and size, new in INBOX; its content. */
static inline uint32_t account_sees(struct box_state *s, const char *uidl, const char *digest,
                                    uint64_t size)
{
    struct box_draft d;
    char *copies[] = {uidl ? strdup(uidl) : NULL, digest ? strdup(digest) : NULL};
    struct box_content c = {.size = size, .listed = size, .upstream = true};

    c.uidl = copies[0];
    c.digest = copies[1];
    box_draft_begin(&d, s, "seen");
    uint32_t id = box_draft_content(&d, &c);
    box_draft_message(&d, BOX_INBOX, id, 0, 1600000000);
    step(s, &d);
    free(copies[0]);
    free(copies[1]);
    return id;
}

/* A message of the account's own. */
static inline uint32_t account_appends(struct box_state *s, uint32_t folder, uint64_t size)
{
    struct box_draft d;
    char key[] = "key";
    struct box_content c = {.size = size, .listed = size, .key = key};

    box_draft_begin(&d, s, "append");
    uint32_t id = box_draft_content(&d, &c);
    box_draft_message(&d, folder, id, BOX_SEEN, 1600000000);
    step(s, &d);
    return id;
}

static inline void account_expunges(struct box_state *s, uint32_t folder, uint32_t uid)
{
    struct box_draft d;

    box_draft_begin(&d, s, "expunge");
    box_draft_remove(&d, folder, &uid, 1);
    step(s, &d);
}

/* One of the sections of contents. */
static inline void account_hears(struct box_state *s, const char *section, uint32_t content)
{
    struct box_draft d;

    box_draft_begin(&d, s, "poll");
    box_draft_set(&d, section, &content, 1);
    step(s, &d);
}

static inline char *account_text(const struct box_state *s)
{
    json_t *json = box_state_to_json(s);
    char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    assert_non_null(text);
    return text;
}

static inline struct box_state *account_of(const char *text)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *json = json_loads(text, 0, NULL);
    struct box_state *s = box_state_from_json(json, &why);

    json_decref(json);
    if (!s)
        fail_msg("%s: %s", why.text, text);
    return s;
}

/* The account is the same after it was written and read. */
static inline void assert_survives(const struct box_state *s)
{
    char *text = account_text(s);
    struct box_state *again = account_of(text);
    char *second = account_text(again);

    assert_string_equal(text, second);
    for (size_t i = 0; i < s->folder_count; i++) {
        assert_int_equal(s->folders[i].unseen, again->folders[i].unseen);
        assert_int_equal(s->folders[i].deleted, again->folders[i].deleted);
        assert_int_equal(s->folders[i].size, again->folders[i].size);
    }
    free(text);
    free(second);
    box_state_free(again);
}

#endif
