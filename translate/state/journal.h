/*
 * The journal's text: JSON lines, one record each. Reading it back tolerates a torn last line,
 * which a crash leaves and which was never answered OK, and nothing else (CASES D16).
 */
#ifndef TRANSLATE_STATE_JOURNAL_H
#define TRANSLATE_STATE_JOURNAL_H

#include "translate/state/drop_state.h"
#include "translate/text/buf.h"

/* Appends the record as one line. False when memory is out or it cannot be written as JSON. */
bool journal_put(struct buf *out, const json_t *record);

struct journal_replay {
    size_t records; /* applied */
    size_t octets;  /* of whole lines: what is behind them is a torn line to be cut off */
    size_t line;    /* of the fault, from 1 */
};

/* Applies every whole line of `text`. False when a line other than a torn last one is damaged:
 * `*why` says which line and what is wrong, the state holds what came before it. */
bool journal_replay(struct drop_state *s, struct slice text, struct journal_replay *done,
                    struct failure *why);

#endif
