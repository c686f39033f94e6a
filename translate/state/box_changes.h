/*
 * What a record has changed, for those who must be told: IMAP sessions that have a folder selected
 * (EXISTS, FETCH, EXPUNGE), and the message store (bodies that nobody refers to any more).
 */
#ifndef TRANSLATE_STATE_BOX_CHANGES_H
#define TRANSLATE_STATE_BOX_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum box_change_kind {
    BOX_ADDED,   /* messages, ascending */
    BOX_CHANGED, /* flags or size of messages */
    BOX_REMOVED, /* messages that are no longer there */
    BOX_CREATED, /* the folder; no UIDs */
    BOX_RENAMED,
    BOX_DELETED_FOLDER, /* with all of its messages, whether or not its name stays */
};

struct box_change {
    enum box_change_kind kind;
    uint32_t folder;
    uint32_t *uids; /* owned */
    size_t count;
    size_t capacity;
};

struct box_changes {
    struct box_change *list; /* in the order in which they happened */
    size_t count;
    char **released; /* keys of the message store that the state no longer names; owned */
    size_t released_count;
};

/* Frees what it holds; it is as new. */
void box_changes_clear(struct box_changes *c);

/* Adds a message to the last change when that is of the same folder and kind, else to a new one; a
 * `uid` of 0 adds none. False when memory is out. `c` may be NULL, here and below: then nothing is
 * noted. */
bool box_changes_note(struct box_changes *c, enum box_change_kind kind, uint32_t folder,
                      uint32_t uid);

/* Takes the key over, and frees it when it is not noted. NULL is no key. */
bool box_changes_release(struct box_changes *c, char *key);

#endif
