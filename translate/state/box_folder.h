/*
 * One folder's messages and the counts of them: an array ascending by UID, changed in place, as
 * folders change: at the end, and by what is taken out.
 *
 * For the state's own files; others read the structs of box_state.h.
 */
#ifndef TRANSLATE_STATE_BOX_FOLDER_H
#define TRANSLATE_STATE_BOX_FOLDER_H

#include "translate/state/box_state.h"

/* Frees what the folder holds, not the struct. */
void box_folder_clear(struct box_folder *f);

/* Room for `count` more messages. False when memory is out. */
bool box_folder_reserve(struct box_folder *f, size_t count);

/* Puts a message of `size` octets at the end, for which there is room; its UID is not below
 * UIDNEXT. */
void box_folder_append(struct box_folder *f, const struct box_message *m, uint64_t size);

/* A message is as of this modseq from now on, and so is the folder. */
void box_folder_touch(struct box_folder *f, struct box_message *m, uint64_t modseq);

/* Gives a message other flags. */
void box_folder_flag(struct box_folder *f, struct box_message *m, uint64_t flags);

/* Takes out the messages with these UIDs (ascending, all there). Their sizes are the caller's to
 * take from f->size. */
void box_folder_take_out(struct box_folder *f, const uint32_t *uids, size_t count);

#endif
