/*
 * Messages that the upstream names otherwise than before: providers that move to another server, or
 * servers whose UIDLs come from file names with flags in them, give a message a new UIDL. It is
 * known by its header and size, so that it keeps its UIDs and flags.
 */
#ifndef TRANSLATE_STATE_BOX_RENAMED_H
#define TRANSLATE_STATE_BOX_RENAMED_H

#include "translate/state/box_listing.h"

/*
 * After all others: of the entries that seem fresh those that are contents which the listing lacks
 * under their names; where only a digest can tell it is asked for. What is to be deleted is never
 * found so. False when memory is out.
 */
bool box_match_renamed(const struct box_state *s, struct box_listing *l);

#endif
