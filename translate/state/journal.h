/*
 * The journal's text: JSON lines. The first says to which snapshot the journal belongs, by the
 * snapshot's generation, each other one is a record:
 *
 *     {"generation":3,"version":1}
 *     {"folder":"INBOX","record":"synced",...}
 *
 * What the records mean is the state's matter: struct state_kind says how one is applied. A kind
 * that has a name says it in the first line, {"generation":3,"kind":"mailbox","version":1}.
 *
 * Records may not be applied twice with others between (`messages` behind `gone` would bring a
 * message back), so a journal must never be applied to a snapshot that contains it already: the
 * generation tells.
 *
 * Reading it back tolerates a torn last line, which a crash leaves and which was never answered
 * OK, and nothing else (CASES D16). A last line without its LF is torn even when it is whole JSON:
 * then too nobody was told that it was written.
 */
#ifndef TRANSLATE_STATE_JOURNAL_H
#define TRANSLATE_STATE_JOURNAL_H

#include "translate/state/state_kind.h"
#include "translate/text/buf.h"

/* Appends the first line. */
void journal_begin(struct buf *out, const struct state_kind *kind, uint64_t generation);

/* Appends the record as one line. False when memory is out or it cannot be written as JSON: then
 * `*out` is as before. */
bool journal_put(struct buf *out, const json_t *record);

struct journal_replay {
    uint64_t generation; /* that the first line must name; given */
    size_t records;      /* applied */
    size_t octets;       /* of whole lines: what is behind them is a torn line to be cut off */
    size_t line;         /* of the fault, from 1; 0: none */
    bool newer;          /* the fault is that a newer program wrote it */
};

/* Checks the first line, without its LF. False with the reason, and `done->newer`. */
bool journal_head(const struct state_kind *kind, struct slice line, struct journal_replay *done,
                  struct failure *why);

/* Applies every whole line of `text` (empty text is an empty journal). False when a line other than
 * a torn last one is damaged, or the first one belongs to another generation: `*why` says which
 * line and what is wrong (FAILURE_PERMANENT; FAILURE_TEMPORARY: memory is out, nothing is wrong
 * with it), the state holds what came before it (as far as the kind's `apply` promises that a
 * record that is refused changes nothing). */
bool journal_replay(const struct state_kind *kind, void *state, struct slice text,
                    struct journal_replay *done, struct failure *why);

#endif
