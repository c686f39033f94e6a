/*
 * A whole state as JSON and back: the snapshot. drop_state.h says what it looks like.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "translate/state/drop_columns.h"
#include "translate/state/drop_folder.h"
#include "translate/state/drop_state.h"
#include "translate/state/json_at.h"

static json_t *folder_to_json(const struct drop_folder *f)
{
    json_t *json = json_pack("{s:s, s:I, s:I, s:I}", "name", f->name, "uidvalidity",
                             (json_int_t)f->uidvalidity, "uidnext", (json_int_t)f->uidnext,
                             "modseq", (json_int_t)f->modseq);

    if (json && drop_columns_put(json, f->messages, f->count))
        return json;
    json_decref(json);
    return NULL;
}

json_t *drop_state_to_json(const struct drop_state *s)
{
    json_t *folders = json_array();

    for (size_t i = 0; folders && i < s->folder_count; i++)
        if (json_array_append_new(folders, folder_to_json(&s->folders[i])) != 0) {
            json_decref(folders);
            folders = NULL;
        }
    if (!folders)
        return NULL;
    return json_pack("{s:i, s:I, s:I, s:o}", "version", DROP_STATE_VERSION, "last_login",
                     (json_int_t)s->last_login, "age", (json_int_t)s->age, "folders", folders);
}

static bool folder_from_json(const struct json_at *at, struct drop_state *s)
{
    struct slice name = {NULL, 0};
    int64_t uidvalidity = 0;
    int64_t uidnext = 0;
    int64_t modseq = 0;
    struct drop_folder *f = &s->folders[s->folder_count];
    struct drop_message *messages = NULL;
    size_t count = 0;

    if (!json_at_text(at, "name", &name) ||
        !json_at_integer(at, "uidvalidity", 1, UINT32_MAX, &uidvalidity) ||
        !json_at_integer(at, "uidnext", 0, UINT32_MAX, &uidnext) ||
        !json_at_integer(at, "modseq", 0, INT64_MAX, &modseq))
        return false;
    if (drop_state_folder(s, name))
        return json_at_wrong(at, "name", "another folder has it too");
    if (!drop_columns_get(at, &messages, &count))
        return false;
    drop_folder_begin(f, (uint32_t)uidvalidity, messages, count);
    f->uidnext = (uint32_t)uidnext;
    f->modseq = (uint64_t)modseq;
    f->name = slice_dup(name);
    s->folder_count++; /* from now on drop_state_free() clears it */
    return f->name || json_at_no_memory(at);
}

static bool folders_from_json(const struct json_at *at, struct drop_state *s)
{
    const json_t *folders = json_object_get(at->object, "folders");
    size_t count = json_array_size(folders);

    if (!json_is_array(folders))
        return json_at_wrong(at, "folders", folders ? "not an array" : "missing");
    s->folders = count ? calloc(count, sizeof *s->folders) : NULL;
    if (count && !s->folders)
        return json_at_no_memory(at);
    for (size_t i = 0; i < count; i++) {
        struct json_at folder = {.object = json_array_get(folders, i), .why = at->why};
        snprintf(folder.pointer, sizeof folder.pointer, "/folders/%zu", i);
        if (!folder_from_json(&folder, s))
            return false;
    }
    return true;
}

/* There was no version before the first. */
static bool version_fits(const struct json_at *at)
{
    int64_t version = 0;

    if (!state_kind_is_newer(&drop_state_kind, at->object))
        return json_at_integer(at, "version", DROP_STATE_VERSION, DROP_STATE_VERSION, &version);
    return json_at_wrong(at, "version", "written by a newer mailferry; use that one, or a later");
}

struct drop_state *drop_state_from_json(const json_t *snapshot, struct failure *why)
{
    struct json_at at = {.object = snapshot, .why = why};
    struct drop_state *s = drop_state_new();

    if (!s)
        json_at_no_memory(&at);
    else if (!json_is_object(snapshot))
        failure_set(why, FAILURE_PERMANENT, "not a JSON object");
    else if (version_fits(&at) &&
             json_at_integer(&at, "last_login", INT64_MIN, INT64_MAX, &s->last_login) &&
             json_at_integer(&at, "age", 0, INT64_MAX, &s->age) && folders_from_json(&at, s))
        return s;
    drop_state_free(s);
    return NULL;
}

static void *kind_make(void)
{
    return drop_state_new();
}

static void kind_free(void *state)
{
    drop_state_free(state);
}

static bool kind_apply(void *state, const json_t *record, struct failure *why)
{
    return drop_state_apply(state, record, why);
}

static void *kind_copy(void *state)
{
    return drop_state_copy(state);
}

static size_t kind_octets(const void *state)
{
    return drop_state_octets(state);
}

static json_t *kind_to_json(const void *state)
{
    return drop_state_to_json(state);
}

static void *kind_from_json(const json_t *snapshot, struct failure *why)
{
    return drop_state_from_json(snapshot, why);
}

const struct state_kind drop_state_kind = {
    .version = DROP_STATE_VERSION,
    .make = kind_make,
    .free = kind_free,
    .copy = kind_copy,
    .octets = kind_octets,
    .apply = kind_apply,
    .to_json = kind_to_json,
    .from_json = kind_from_json,
};
