/*
 * A set of UIDs as text: IMAP's sequence-set (RFC 9051 section 9, `sequence-set`) without "*",
 * ascending and without overlaps, as "1:3,7". The empty text is the empty set.
 *
 * Ranges are read one at a time, so that "1:4294967295" costs no more than "1".
 */
#ifndef TRANSLATE_STATE_UID_SET_H
#define TRANSLATE_STATE_UID_SET_H

#include "translate/text/buf.h"
#include "translate/text/slice.h"

struct uid_range {
    uint32_t first;
    uint32_t last; /* not below `first` */
};

/* Appends the set of `count` strictly ascending UIDs. */
void uid_set_put(struct buf *out, const uint32_t *uids, size_t count);

/* How many UIDs the set has. False when the text is none: a zero, a number above 2^32 - 1, a range
 * that is not above the one before it, anything else than digits, ":" and ",". */
bool uid_set_count(struct slice text, uint64_t *count);

/* Takes the next range off the front of `*text`, which uid_set_count() has accepted. False at the
 * end. */
bool uid_set_next(struct slice *text, struct uid_range *range);

/* The UIDs of a set that uid_set_count() found to have `count` of them, at least one; free() it.
 * NULL when memory is out. */
uint32_t *uid_set_expand(struct slice text, size_t count);

#endif
