/*
 * What a journal and a store need to know of a state that they keep: how it is made, applied to,
 * written and read. One constant for each kind of state: drop_state_kind, box_state_kind.
 */
#ifndef TRANSLATE_STATE_STATE_KIND_H
#define TRANSLATE_STATE_STATE_KIND_H

#include <jansson.h>

#include "translate/text/failure.h"

struct state_kind {
    const char *name; /* the member "kind" of a journal's first line, so that no state of one kind
                         is taken for a damaged one of the other; NULL: there is none */
    int version;      /* that this program writes; the only one that it reads */

    /* An empty state, NULL when memory is out; and its end (NULL: nothing). */
    void *(*make)(void);
    void (*free)(void *state);

    /* As drop_state_copy(); NULL where a state has one owner. */
    void *(*copy)(void *state);

    /* How many it takes in memory, about; costs nothing that grows with it. */
    size_t (*octets)(const void *state);

    /* As drop_state_apply(), _to_json() and _from_json(). */
    bool (*apply)(void *state, const json_t *record, struct failure *why);
    json_t *(*to_json)(const void *state);
    void *(*from_json)(const json_t *snapshot, struct failure *why);
};

/* Whether a snapshot (or a journal's first line) says that a newer program wrote it: that is no
 * damage. */
bool state_kind_is_newer(const struct state_kind *kind, const json_t *document);

#endif
