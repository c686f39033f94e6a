/*
 * Messages as columns of JSON, the form that snapshots and `messages` records share: "uids",
 * "sizes", "received", "ids", "uidls", "hidden", see drop_state_to_json(). They cost a tenth of the
 * objects they stand for, in octets and in time.
 */
#ifndef TRANSLATE_STATE_DROP_COLUMNS_H
#define TRANSLATE_STATE_DROP_COLUMNS_H

#include "translate/state/drop_state.h"
#include "translate/state/json_at.h"

/* Adds the columns to an object. False when memory is out or a message cannot be said in JSON. */
bool drop_columns_put(json_t *object, const struct drop_message *messages, size_t count);

/* Reads them: an array to be freed with drop_messages_free(), NULL when `*count` is 0. */
bool drop_columns_get(const struct json_at *at, struct drop_message **messages, size_t *count);

/* A set of UIDs as the member "uids". False also when they are not strictly ascending from 1. */
bool drop_uids_put(json_t *object, const uint32_t *uids, size_t count);

/* Reads it; borrowed from the object, accepted by uid_set_count(). */
bool drop_uids_get(const struct json_at *at, struct slice *uids, uint64_t *count);

#endif
