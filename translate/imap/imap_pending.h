/*
 * The commands that a server has not answered yet, oldest first: their numbers, and for whom they
 * were sent. Servers answer mostly in order, so the search is short.
 */
#ifndef TRANSLATE_IMAP_IMAP_PENDING_H
#define TRANSLATE_IMAP_IMAP_PENDING_H

#include <stdint.h>

#include "translate/text/ring.h"

/* The zeroed struct is empty. */
struct imap_pending {
    struct ring commands;
};

void imap_pending_clear(struct imap_pending *p);

/* False when memory is out. */
bool imap_pending_add(struct imap_pending *p, uint32_t number, int purpose);

/* Takes a command out. False when there is none of that number. */
bool imap_pending_take(struct imap_pending *p, uint32_t number, int *purpose);

bool imap_pending_has(const struct imap_pending *p, int purpose);

#endif
