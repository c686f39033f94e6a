/*
 * For tests of drop_state: records that are applied to one, and what it looks like.
 */
#ifndef TESTS_UNIT_DROP_STEPS_H
#define TESTS_UNIT_DROP_STEPS_H

#include "translate/state/drop_state.h"

#define INBOX slice_of("INBOX")

/* Applies a record that was just built, and gives it away. */
static inline void apply(struct drop_state *s, json_t *record)
{
    struct failure why = {.kind = FAILURE_NONE};

    assert_non_null(record);
    if (!drop_state_apply(s, record, &why))
        fail_msg("%s", why.text);
    json_decref(record);
}

/* All of it, as JSON; free() it. */
static inline char *dump(const struct drop_state *s)
{
    json_t *json = drop_state_to_json(s);
    char *text = json_dumps(json, JSON_COMPACT);

    assert_non_null(text);
    json_decref(json);
    return text;
}

#endif
