/*
 * The changes of which records are made, one function each: of folders, names and keywords here,
 * of messages and contents in box_message.c. They check what they are given and report faults by
 * `at`, but for what is said of each.
 *
 * For the state's own files.
 */
#ifndef TRANSLATE_STATE_BOX_CHANGE_H
#define TRANSLATE_STATE_BOX_CHANGE_H

#include "translate/state/box_state.h"
#include "translate/state/json_at.h"

/* A record, or a snapshot, that is being read into a state. */
struct box_reading {
    struct box_state *s;
    uint64_t modseq;             /* of the record; 0: this is a snapshot */
    struct box_changes *changes; /* NULL: not of interest */
};

/* Adds an empty folder that `at` describes: "folder" (its id), "name", "uidvalidity", "use" and
 * "noselect" when it has them. */
struct box_folder *box_folder_read(const struct json_at *at, struct box_state *s);

/* The folder that the member "folder" names; NULL with the reason. */
struct box_folder *box_folder_named(const struct json_at *at, const struct box_state *s);

/* Whether it may be a folder's name: UTF-8 without control characters, no empty level, not too
 * long. */
bool box_name_is_valid(struct slice name);

/* Whether it is a keyword: an atom (RFC 9051 section 9, `flag-keyword`). */
bool box_keyword_is_valid(struct slice name);

/* Adds a keyword, a subscription, with the array `key` and the place in it for the fault. */
bool box_keyword_add(const struct json_at *at, const char *key, size_t i, struct box_state *s,
                     const json_t *name);
bool box_subscription_add(const struct json_at *at, const char *key, size_t i, struct box_state *s,
                          const json_t *name);
void box_subscription_remove(struct box_state *s, struct slice name);

/* Puts messages at the end of a folder. A doomed content, or one that is not there, is refused. */
bool box_messages_append(const struct json_at *at, struct box_reading *r, struct box_folder *f,
                         const struct box_message *messages, size_t count);

/* Expunges the messages that the set names; see box_state.h. With `all`, none stays as doomed. */
bool box_messages_remove(const struct json_at *at, struct box_reading *r, struct box_folder *f,
                         struct slice uids, bool all);

/* Takes away every message that refers to one of the contents (ids, ascending, all there). */
bool box_references_remove(const struct json_at *at, struct box_reading *r, const uint32_t *ids,
                           size_t count);

/* The size becomes another one, in the content and in the folders that have it. */
bool box_content_resize(const struct json_at *at, struct box_reading *r, struct box_content *c,
                        uint64_t size);

/* An undated content's messages get the date that the member "date" says, and nobody was told
 * another one; null leaves them the one they have. */
bool box_content_date(const struct json_at *at, struct box_reading *r, struct box_content *c);

#endif
