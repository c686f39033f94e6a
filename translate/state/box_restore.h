/*
 * A state that is brought back from elsewhere, perhaps of an earlier day, in the place of one that
 * clients have seen.
 */
#ifndef TRANSLATE_STATE_BOX_RESTORE_H
#define TRANSLATE_STATE_BOX_RESTORE_H

#include "translate/state/box_state.h"

/*
 * No number that `before` has given is given again for something else: the next UID of a folder
 * that has the same UIDVALIDITY in both, the next UIDVALIDITY, folder and content, and modification
 * sequences go on behind those of `before` (RFC 9051 section 2.3.1.1).
 */
void box_state_outlive(struct box_state *s, const struct box_state *before);

/* The content's body has this key now. False when memory is out. */
bool box_content_rekey(struct box_content *c, const char *key);

#endif
