/*
 * The UIDs of a folder, ascending, for all who look at it: the folder, which puts new ones at the
 * end, and the views of sessions, each of which knows how many of them it has been told of. Nothing
 * is ever taken out or changed: a folder that loses a message lets go of its list, and makes
 * another one when it is next asked. So a session that begins copies nothing.
 *
 * Who holds it owns it together with the others; the last one that lets go frees it. Not for
 * threads: an account and its sessions are on one loop, and a session lets go before it leaves.
 */
#ifndef TRANSLATE_STATE_FOLDER_UIDS_H
#define TRANSLATE_STATE_FOLDER_UIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct folder_uids {
    uint32_t *uids;
    size_t count, capacity;
    size_t holders;
};

/* Empty, with room for `capacity`, held once. NULL when memory is out. */
struct folder_uids *folder_uids_new(size_t capacity);

/* Holds it once more; gives it back. */
struct folder_uids *folder_uids_hold(struct folder_uids *l);
void folder_uids_let_go(struct folder_uids *l); /* NULL is fine */

/* Room for `count` more. False when memory is out. */
bool folder_uids_reserve(struct folder_uids *l, size_t count);

/* Appends one, for which there is room. */
static inline void folder_uids_add(struct folder_uids *l, uint32_t uid)
{
    l->uids[l->count++] = uid;
}

#endif
