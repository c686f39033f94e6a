/*
 * The UIDs of a folder, ascending, for all who look at it: the folder, which puts new ones at the
 * end, and the views of sessions, each of which knows how many of them it has been told of. Nothing
 * is ever taken out or changed: a folder that loses a message lets go of its list, and makes
 * another one when it is next asked. So a session that begins copies nothing.
 *
 * Who holds it owns it together with the others; the last one that lets go frees it. Not for
 * threads: an account and its sessions are on one loop, and a session lets go before it leaves.
 */
#ifndef TRANSLATE_STATE_UID_LIST_H
#define TRANSLATE_STATE_UID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uid_list {
    uint32_t *uids;
    size_t count, capacity;
    size_t holders;
};

/* Empty, with room for `capacity`, held once. NULL when memory is out. */
struct uid_list *uid_list_new(size_t capacity);

/* Holds it once more; gives it back. */
struct uid_list *uid_list_hold(struct uid_list *l);
void uid_list_let_go(struct uid_list *l); /* NULL is fine */

/* Room for `count` more. False when memory is out. */
bool uid_list_reserve(struct uid_list *l, size_t count);

/* Appends one, for which there is room. */
static inline void uid_list_add(struct uid_list *l, uint32_t uid)
{
    l->uids[l->count++] = uid;
}

#endif
