#include "translate/state/json_at.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *parse(struct slice text, json_error_t *error)
{
    return json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, error);
}

/* jansson's word for it is not enough: an allocation that fails inside its lexer looks like a token
 * that makes no sense, and a healthy state would be taken for a damaged one. So there must be
 * memory, and the fault must be at the same octet when looked at again. The second try may find
 * that there is none. */
static json_t *parse_again(struct slice text, const json_error_t *first, bool *damaged)
{
    json_error_t second = {.position = -1};
    void *room = malloc(text.n + 65536);
    json_t *json = room ? parse(text, &second) : NULL;

    free(room);
    *damaged = room && !json && *first->text && *second.text &&
               json_error_code(first) != json_error_out_of_memory &&
               first->position == second.position;
    return json;
}

json_t *json_at_parse(struct slice text, struct failure *why)
{
    struct json_at document = {.why = why};
    json_error_t error;
    bool damaged = false;
    json_t *json = parse(text, &error);

    if (!json)
        json = parse_again(text, &error, &damaged);
    if (json_is_object(json))
        return json;
    if (json)
        failure_set(why, FAILURE_PERMANENT, "not a JSON object");
    else if (damaged)
        failure_set(why, FAILURE_PERMANENT, "octet %d: %s", error.position, error.text);
    else
        json_at_no_memory(&document);
    json_decref(json);
    return NULL;
}

bool json_at_wrong(const struct json_at *at, const char *key, const char *what)
{
    failure_set(at->why, FAILURE_PERMANENT, "%s/%s: %s", at->pointer, key, what);
    return false;
}

bool json_at_wrong_element(const struct json_at *at, const char *key, size_t index,
                           const char *what)
{
    failure_set(at->why, FAILURE_PERMANENT, "%s/%s/%zu: %s", at->pointer, key, index, what);
    return false;
}

bool json_at_no_memory(const struct json_at *at)
{
    failure_set(at->why, FAILURE_TEMPORARY, "out of memory for the sync state");
    return false;
}

bool json_at_integer(const struct json_at *at, const char *key, int64_t min, int64_t max,
                     int64_t *out)
{
    const json_t *value = json_object_get(at->object, key);
    char what[80];

    if (json_is_integer(value) && json_integer_value(value) >= min &&
        json_integer_value(value) <= max) {
        *out = json_integer_value(value);
        return true;
    }
    snprintf(what, sizeof what, "not an integer of %" PRId64 " to %" PRId64, min, max);
    return json_at_wrong(at, key, value ? what : "missing");
}

bool json_at_text(const struct json_at *at, const char *key, struct slice *out)
{
    const json_t *value = json_object_get(at->object, key);

    if (!json_is_string(value))
        return json_at_wrong(at, key, value ? "not a string" : "missing");
    *out = slice_make(json_string_value(value), json_string_length(value));
    return true;
}

bool json_at_optional(const struct json_at *at, const char *key, json_type type, const json_t **out)
{
    const json_t *value = json_object_get(at->object, key);

    if (value && json_typeof(value) != type)
        return json_at_wrong(at, key, type == JSON_ARRAY ? "not an array" : "not an object");
    *out = value;
    return true;
}
