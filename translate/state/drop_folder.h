/*
 * One folder's messages: an array ascending by UID, changed in place. Cheap where mailboxes change:
 * at the end (new messages have the largest UIDs) and at single messages, found by bisection.
 *
 * Copies of a folder share the array. Each sees as many messages as it counts, so one of them may
 * put further ones behind the last that anybody has: the others do not look there. For any other
 * change, and where another copy has used the place already, it gets an array of its own first.
 *
 * For drop_state's own files; others read the structs of drop_state.h.
 */
#ifndef TRANSLATE_STATE_DROP_FOLDER_H
#define TRANSLATE_STATE_DROP_FOLDER_H

#include "translate/state/drop_state.h"

/* Frees the strings of `count` messages and the array. */
void drop_messages_free(struct drop_message *messages, size_t count);

/* Frees what the folder holds, not the struct. */
void drop_folder_clear(struct drop_folder *f);

/* A copy that shares the messages. False when memory is out; then `*to` holds nothing. */
bool drop_folder_copy(struct drop_folder *to, struct drop_folder *f);

/* The folder has now these messages only, of another UIDVALIDITY, and is not synced. Takes over the
 * array. */
void drop_folder_begin(struct drop_folder *f, uint32_t uidvalidity, struct drop_message *messages,
                       size_t count);

/* What is known of the messages (ascending) is added to what the folder knows: see
 * drop_record_messages(). Takes over the strings and the array. False when memory is out: then
 * nothing was changed, and the array is still the caller's. */
bool drop_folder_merge(struct drop_folder *f, struct drop_message *messages, size_t count);

/* Both take a set that uid_set_count() accepts; UIDs that the folder does not have are passed over.
 * False when memory is out: then nothing was changed. */
bool drop_folder_remove(struct drop_folder *f, struct slice uids);
bool drop_folder_hide(struct drop_folder *f, struct slice uids, int64_t age);

#endif
