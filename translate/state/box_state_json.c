/*
 * A whole state as JSON and back: the snapshot. box_state.h says what it looks like.
 */
#include <stdio.h>
#include <stdlib.h>

#include "translate/state/box_change.h"
#include "translate/state/box_columns.h"
#include "translate/state/box_content.h"
#include "translate/state/box_folder.h"
#include "translate/state/box_upstream.h"

#define KIND_NAME "mailbox"

static json_t *folder_to_json(const struct box_folder *f)
{
    json_t *json = json_pack("{s:I, s:s, s:I, s:I, s:I}", "folder", (json_int_t)f->id, "name",
                             f->name, "uidvalidity", (json_int_t)f->uidvalidity, "uidnext",
                             (json_int_t)f->uidnext, "modseq", (json_int_t)f->modseq);
    bool made = json != NULL;

    if (made && f->use != BOX_NO_USE)
        made = json_object_set_new(json, "use", json_string(box_use_name(f->use))) == 0;
    if (made && f->noselect)
        made = json_object_set_new(json, "noselect", json_true()) == 0;
    if (made && box_messages_put(json, f->messages, f->count, true))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *folders_to_json(const struct box_state *s)
{
    json_t *folders = json_array();

    for (size_t i = 0; folders && i < s->folder_count; i++)
        if (json_array_append_new(folders, folder_to_json(&s->folders[i])) != 0) {
            json_decref(folders);
            return NULL;
        }
    return folders;
}

static json_t *keywords_to_json(const struct box_state *s)
{
    json_t *json = json_array();

    for (size_t i = 0; json && i < s->keyword_count; i++)
        if (json_array_append_new(json, json_string(s->keywords[i])) != 0) {
            json_decref(json);
            return NULL;
        }
    return json;
}

static json_t *subscriptions_to_json(const struct box_state *s)
{
    json_t *json = json_array();
    const char *name = NULL;

    while (json && (name = box_state_subscription(s, name)) != NULL)
        if (json_array_append_new(json, json_string(name)) != 0) {
            json_decref(json);
            return NULL;
        }
    return json;
}

static json_t *contents_to_json(const struct box_state *s)
{
    json_t *json = json_object();

    if (json && box_contents_put(json, s->contents, s->content_count))
        return json;
    json_decref(json);
    return NULL;
}

json_t *box_state_to_json(const struct box_state *s)
{
    /* json_pack() takes the parts over also when it fails, and fails when one is NULL. */
    return json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I}}",
                     "kind", KIND_NAME, "version", BOX_STATE_VERSION, "modseq",
                     (json_int_t)s->modseq, "uidvalidity", (json_int_t)s->uidvalidity,
                     "folder_next", (json_int_t)s->folder_next, "content_next",
                     (json_int_t)s->content_next, "keywords", keywords_to_json(s), "subscriptions",
                     subscriptions_to_json(s), "contents", contents_to_json(s), "folders",
                     folders_to_json(s), "poll", "count", (json_int_t)s->poll.count, "login_delay",
                     (json_int_t)s->poll.login_delay, "at", (json_int_t)s->poll.at);
}

/* An id of which the next one is given. */
static bool counter_get(const struct json_at *at, const char *key, uint32_t *counter)
{
    int64_t number = 0;

    if (!json_at_integer(at, key, 1, UINT32_MAX, &number))
        return false;
    *counter = (uint32_t)number;
    return true;
}

static bool head_get(const struct json_at *at, struct box_state *s)
{
    struct slice kind = {NULL, 0};
    int64_t version = 0;
    int64_t modseq = 0;

    if (!json_at_text(at, "kind", &kind))
        return false;
    if (!slice_is(kind, KIND_NAME))
        return json_at_wrong(at, "kind", "of another kind of state");
    if (state_kind_is_newer(&box_state_kind, at->object))
        return json_at_wrong(at, "version", "written by a newer mailferry; use that, or a later");
    if (!json_at_integer(at, "version", BOX_STATE_VERSION, BOX_STATE_VERSION, &version) ||
        !json_at_integer(at, "modseq", 0, INT64_MAX, &modseq))
        return false;
    s->modseq = (uint64_t)modseq;
    return counter_get(at, "uidvalidity", &s->uidvalidity) &&
           counter_get(at, "folder_next", &s->folder_next);
}

typedef bool (*text_add)(const struct json_at *at, const char *key, size_t i, struct box_state *s,
                         const json_t *text);

static bool texts_get(const struct json_at *at, const char *key, text_add add, struct box_state *s)
{
    const json_t *texts = json_object_get(at->object, key);

    if (!json_is_array(texts))
        return json_at_wrong(at, key, texts ? "not an array" : "missing");
    for (size_t i = 0; i < json_array_size(texts); i++)
        if (!add(at, key, i, s, json_array_get(texts, i)))
            return false;
    return true;
}

static bool contents_get(const struct json_at *at, struct box_state *s)
{
    struct json_at inside = {.object = json_object_get(at->object, "contents"), .why = at->why};
    uint32_t next = 0;

    snprintf(inside.pointer, sizeof inside.pointer, "/contents");
    if (!counter_get(at, "content_next", &next) ||
        !box_contents_get(&inside, &s->contents, &s->content_count))
        return false;
    s->content_capacity = s->content_count;
    s->content_next = next;
    return s->content_count == 0 || s->contents[s->content_count - 1].id < next ||
           json_at_wrong(at, "content_next", "not above the contents' ids");
}

static bool folder_get(const struct json_at *at, struct box_state *s)
{
    struct box_reading r = {.s = s};
    struct box_message *messages = NULL;
    struct box_folder *f = box_folder_read(at, s);
    size_t count = 0;
    int64_t uidnext = 0;
    int64_t modseq = 0;

    if (!f || !json_at_integer(at, "uidnext", 1, UINT32_MAX, &uidnext) ||
        !json_at_integer(at, "modseq", 0, INT64_MAX, &modseq) ||
        !box_messages_get(at, &messages, &count, true))
        return false;
    bool got = box_messages_append(at, &r, f, messages, count);
    free(messages);
    if (!got)
        return false;
    if (uidnext < f->uidnext || f->id >= s->folder_next || f->uidvalidity >= s->uidvalidity)
        return json_at_wrong(at, "uidnext", "a number in use is not below the next one");
    f->uidnext = (uint32_t)uidnext;
    f->modseq = (uint64_t)modseq;
    return true;
}

static bool folders_get(const struct json_at *at, struct box_state *s)
{
    const json_t *folders = json_object_get(at->object, "folders");

    if (!json_is_array(folders))
        return json_at_wrong(at, "folders", folders ? "not an array" : "missing");
    for (size_t i = 0; i < json_array_size(folders); i++) {
        struct json_at folder = {.object = json_array_get(folders, i), .why = at->why};
        snprintf(folder.pointer, sizeof folder.pointer, "/folders/%zu", i);
        if (!folder_get(&folder, s))
            return false;
    }
    return true;
}

/* Each content is shown by a folder, or waits for its deletion, when at most one does. */
static bool references_fit(const struct json_at *at, const struct box_state *s)
{
    for (size_t i = 0; i < s->content_count; i++) {
        const struct box_content *c = &s->contents[i];
        if (c->deletion == BOX_KEPT ? c->references == 0 : c->references > 1)
            return json_at_wrong(at, "contents", "a content without a message, or doomed in two");
    }
    return s->modseq == 0 || box_state_folder_by_id(s, BOX_INBOX) ||
           json_at_wrong(at, "folders", "no INBOX");
}

static bool poll_get(const struct json_at *at, struct box_state *s)
{
    struct json_at inside = {.object = json_object_get(at->object, "poll"), .why = at->why};

    snprintf(inside.pointer, sizeof inside.pointer, "/poll");
    return box_poll_read(&inside, s);
}

struct box_state *box_state_from_json(const json_t *snapshot, struct failure *why)
{
    struct json_at at = {.object = snapshot, .why = why};
    struct box_state *s = box_state_new();

    if (!s)
        json_at_no_memory(&at);
    else if (!json_is_object(snapshot))
        failure_set(why, FAILURE_PERMANENT, "not a JSON object");
    else if (head_get(&at, s) && texts_get(&at, "keywords", box_keyword_add, s) &&
             texts_get(&at, "subscriptions", box_subscription_add, s) && contents_get(&at, s) &&
             folders_get(&at, s) && references_fit(&at, s) && poll_get(&at, s))
        return s;
    box_state_free(s);
    return NULL;
}

static void *kind_make(void)
{
    return box_state_new();
}

static void kind_free(void *state)
{
    box_state_free(state);
}

static bool kind_apply(void *state, const json_t *record, struct failure *why)
{
    return box_state_apply(state, record, NULL, why);
}

static size_t kind_octets(const void *state)
{
    return box_state_octets(state);
}

static json_t *kind_to_json(const void *state)
{
    return box_state_to_json(state);
}

static void *kind_from_json(const json_t *snapshot, struct failure *why)
{
    return box_state_from_json(snapshot, why);
}

const struct state_kind box_state_kind = {
    .name = KIND_NAME,
    .version = BOX_STATE_VERSION,
    .make = kind_make,
    .free = kind_free,
    .octets = kind_octets,
    .apply = kind_apply,
    .to_json = kind_to_json,
    .from_json = kind_from_json,
};
