/*
 * Integers as text, "310 4711 -1": a column of JSON that is one string. A JSON array of as many
 * integers takes ten times as long to read and to write, which for a large mailbox would be felt by
 * everyone else on the same loop.
 */
#ifndef TRANSLATE_STATE_NUMBER_LIST_H
#define TRANSLATE_STATE_NUMBER_LIST_H

#include "translate/text/buf.h"

/* Appends the number alone, in decimal. */
void number_put(struct buf *out, int64_t number);

/* Appends the number to a list: behind a space, unless it is the first one in `*list`. */
void number_list_put(struct buf *list, int64_t number);

/* Takes the next number off the front of `*list` with the space behind it. False at the end, and
 * when it is no integer of 64 bits. */
bool number_list_next(struct slice *list, int64_t *number);

#endif
