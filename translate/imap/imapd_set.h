/*
 * Sequence sets (RFC 9051 section 9, `sequence-set`): message numbers or UIDs as a client names
 * them, "1:3,7,*", or "$", the result of the last SEARCH (RFC 5182).
 *
 * A set is kept as ranges, ascending, merged, none touching the next; so "1:4294967295" costs no
 * more than "1", and a walk ends with the mailbox and not with the set. "*" stays what it is until
 * the walk, because the largest number may change before the command is carried out.
 */
#ifndef TRANSLATE_IMAP_IMAPD_SET_H
#define TRANSLATE_IMAP_IMAPD_SET_H

#include "translate/imap/imapd_arena.h"
#include "translate/imap/imapd_cursor.h"
#include "translate/text/buf.h"

struct imapd_range {
    uint32_t first;
    uint32_t last; /* not below `first` */
};

struct imapd_set {
    bool saved;                 /* "$"; then there is nothing else */
    struct imapd_range *ranges; /* in the arena */
    size_t count;
    uint32_t star; /* the lowest n of all "n:*", UINT32_MAX for "*" alone, 0 when there is no "*" */
};

/* Takes a set off the cursor. */
bool imapd_set_take(struct imapd_cursor *c, struct imapd_set *set);

/* The set that is all of `text`; its ranges lie in `memory`. False when `text` is no set or memory
 * is out. */
bool imapd_set_parse(struct slice text, struct imapd_arena *memory, struct imapd_set *set);

/* The largest number that the set names without "*"; 0 when there is none. For the BAD that
 * RFC 9051 section 9 (`seq-number`) wants when it is beyond the mailbox. */
uint32_t imapd_set_highest(const struct imapd_set *set);

/* True when `number` (1..) is in it, `max` being what "*" means. Not for "$". */
bool imapd_set_has(const struct imapd_set *set, uint32_t max, uint32_t number);

/* A walk through what a set has up to `max`, the largest number in use, which is also what "*"
 * means. All zero is its beginning. */
struct imapd_set_walk {
    size_t at;
    bool ended;
};

/* The next range, above the last one and not touching it. False at the end; at once when `max` is 0
 * and for "$". */
bool imapd_set_next(const struct imapd_set *set, uint32_t max, struct imapd_set_walk *walk,
                    struct imapd_range *range);

/* Appends the set as a client would write it: "1:3,7,9:*". Nothing for an empty one. */
void imapd_set_put(struct buf *out, const struct imapd_set *set);

#endif
