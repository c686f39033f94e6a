/*
 * The array of an account's contents, ascending by id. What ends is marked dead, and taken out when
 * half of them are, so that one more or less costs nothing that grows with the account.
 *
 * For the state's own files; others read the structs of box_state.h.
 */
#ifndef TRANSLATE_STATE_BOX_CONTENT_H
#define TRANSLATE_STATE_BOX_CONTENT_H

#include "translate/state/box_state.h"

/* Frees the strings of `count` contents and the array. */
void box_contents_free(struct box_content *contents, size_t count);

/* Appends contents with ids from s->content_next on, ascending; takes over their strings. False
 * when memory is out: then nothing was changed. */
bool box_contents_append(struct box_state *s, const struct box_content *contents, size_t count);

/* Ends a content that nothing refers to, and notes the release of its body. False when memory for
 * the note is out. */
bool box_content_end(struct box_state *s, struct box_content *c, struct box_changes *changes);

/* Takes the dead out when they are many. No pointer to a content is valid behind it. */
void box_contents_tidy(struct box_state *s);

#endif
