/*
 * Reading members of a JSON object that someone else wrote, perhaps by hand: each is checked for
 * its type and range, and a fault is reported with its JSON pointer (RFC 6901), as
 * "/folders/0/sizes/17: not an integer of 0 to 9223372036854775807".
 */
#ifndef TRANSLATE_STATE_JSON_AT_H
#define TRANSLATE_STATE_JSON_AT_H

#include <jansson.h>

#include "translate/text/failure.h"
#include "translate/text/slice.h"

struct json_at {
    const json_t *object;
    char pointer[64]; /* of the object; "" for the whole document */
    struct failure *why;
};

/* A whole document, which is to be an object, without a key twice; new reference. NULL with the
 * reason: FAILURE_PERMANENT, with the octet of the fault, or FAILURE_TEMPORARY when memory is out,
 * which says nothing about the text. */
json_t *json_at_parse(struct slice text, struct failure *why);

/* Sets `*why` (FAILURE_PERMANENT) to "POINTER/KEY: what" and returns false. */
bool json_at_wrong(const struct json_at *at, const char *key, const char *what);

/* The same of an element of the array `key`. */
bool json_at_wrong_element(const struct json_at *at, const char *key, size_t index,
                           const char *what);

/* Sets `*why` (FAILURE_TEMPORARY) and returns false. */
bool json_at_no_memory(const struct json_at *at);

/* An integer that must be there, within both limits. */
bool json_at_integer(const struct json_at *at, const char *key, int64_t min, int64_t max,
                     int64_t *out);

/* A string that must be there; borrowed from the object, ends with NUL. */
bool json_at_text(const struct json_at *at, const char *key, struct slice *out);

/* A member that may be absent (then NULL), and else must be of the type. */
bool json_at_optional(const struct json_at *at, const char *key, json_type type,
                      const json_t **out);

#endif
