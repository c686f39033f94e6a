/*
 * Contents and messages as columns of JSON, the form that snapshots and records share.
 *
 * Contents: "contents" is the set of their ids ("1:3,7"), and in their order "listed" the sizes
 * that LIST gave, "sizes" the sizes (absent when all are as listed), "uidls", "digests" and "keys"
 * texts (absent when there are none). "local", "undated", "unlisted", "suspect", "intended" and
 * "sent" are the sets of those that are (absent when none is).
 *
 * Messages: "uids" is a set, and in their order "contents", "flags" (as in box_state.h), "dates",
 * and in snapshots "modseqs".
 *
 * Sets are uid_set's, lists of numbers and texts box_list's.
 */
#ifndef TRANSLATE_STATE_BOX_COLUMNS_H
#define TRANSLATE_STATE_BOX_COLUMNS_H

#include "translate/state/box_state.h"
#include "translate/state/json_at.h"

/* More than these in one object are refused. */
enum { BOX_ROWS_MAX = 1 << 24 };

/* Both add the columns to an object; dead contents are left out. False when memory is out, or a
 * number is too large. */
bool box_contents_put(json_t *object, const struct box_content *contents, size_t count);
bool box_messages_put(json_t *object, const struct box_message *messages, size_t count,
                      bool modseqs);

/* Both read them into an array, NULL when `*count` is 0; to be freed with box_contents_free(), and
 * free(). False with the reason. */
bool box_contents_get(const struct json_at *at, struct box_content **contents, size_t *count);
bool box_messages_get(const struct json_at *at, struct box_message **messages, size_t *count,
                      bool modseqs);

/* A set of ascending UIDs or ids as the member `key`. */
bool box_set_put(json_t *object, const char *key, const uint32_t *ids, size_t count);

/* Reads it; borrowed from the object, accepted by uid_set_count(). */
bool box_set_get(const struct json_at *at, const char *key, struct slice *set, uint64_t *count);

#endif
