/*
 * Records: what each section of one does to the state. box_draft.h says what they look like.
 */
#include <stdio.h>
#include <stdlib.h>

#include "translate/state/box_change.h"
#include "translate/state/box_columns.h"
#include "translate/state/box_content.h"
#include "translate/state/box_folder.h"
#include "translate/state/box_upstream.h"
#include "translate/state/uid_set.h"

typedef bool (*element_apply)(const struct json_at *at, struct box_reading *r);

/* Each element of the array, which are objects. */
static bool each_element(const struct json_at *at, struct box_reading *r, const char *key,
                         element_apply apply)
{
    const json_t *list = json_object_get(at->object, key);

    if (!json_is_array(list))
        return json_at_wrong(at, key, "not an array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct json_at element = {.object = json_array_get(list, i), .why = at->why};
        snprintf(element.pointer, sizeof element.pointer, "/%s/%zu", key, i);
        if (!apply(&element, r))
            return false;
    }
    return true;
}

static bool apply_born(const struct json_at *at, struct box_reading *r, const char *key)
{
    int64_t uidvalidity = 0;

    if (!json_at_integer(at, key, 1, UINT32_MAX / 2, &uidvalidity))
        return false;
    if (r->s->folder_count)
        return json_at_wrong(at, key, "the account is born already");
    r->s->uidvalidity = (uint32_t)uidvalidity;
    return true;
}

static bool apply_keywords(const struct json_at *at, struct box_reading *r, const char *key)
{
    const json_t *list = json_object_get(at->object, key);

    if (!json_is_array(list))
        return json_at_wrong(at, key, "not an array");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!box_keyword_add(at, key, i, r->s, json_array_get(list, i)))
            return false;
    return true;
}

static bool create_one(const struct json_at *at, struct box_reading *r)
{
    struct box_folder *f = box_folder_read(at, r->s);

    if (!f)
        return false;
    if (f->uidvalidity < r->s->uidvalidity)
        return json_at_wrong(at, "uidvalidity", "was given before");
    r->s->uidvalidity = f->uidvalidity + 1;
    if (r->s->folder_next <= f->id)
        r->s->folder_next = f->id + 1;
    f->modseq = r->modseq;
    return box_changes_note(r->changes, BOX_CREATED, f->id, 0) || json_at_no_memory(at);
}

static bool apply_create(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_element(at, r, key, create_one);
}

static bool rename_one(const struct json_at *at, struct box_reading *r)
{
    struct box_folder *f = box_folder_named(at, r->s);
    struct slice name = {NULL, 0};

    if (!f || !json_at_text(at, "name", &name))
        return false;
    if (f->id == BOX_INBOX || !box_name_is_valid(name) || box_state_folder(r->s, name))
        return json_at_wrong(at, "name", "not a name for this folder, or another has it");
    char *copy = slice_dup(name);
    if (!copy || !box_changes_note(r->changes, BOX_RENAMED, f->id, 0)) {
        free(copy);
        return json_at_no_memory(at);
    }
    free(f->name);
    f->name = copy;
    return true;
}

static bool apply_rename(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_element(at, r, key, rename_one);
}

static bool apply_contents(const struct json_at *at, struct box_reading *r, const char *key)
{
    struct json_at inside = {.object = json_object_get(at->object, key), .why = at->why};
    struct box_content *contents = NULL;
    size_t count = 0;

    snprintf(inside.pointer, sizeof inside.pointer, "/%s", key);
    if (!box_contents_get(&inside, &contents, &count))
        return false;
    if (count && contents[0].id < r->s->content_next) {
        box_contents_free(contents, count);
        return json_at_wrong(&inside, "contents", "an id was given before");
    }
    if (!box_contents_append(r->s, contents, count)) {
        box_contents_free(contents, count);
        return json_at_no_memory(at);
    }
    free(contents);
    return true;
}

static bool add_one(const struct json_at *at, struct box_reading *r)
{
    struct box_folder *f = box_folder_named(at, r->s);
    struct box_message *messages = NULL;
    size_t count = 0;

    if (!f || !box_messages_get(at, &messages, &count, false))
        return false;
    bool added = f->noselect ? json_at_wrong(at, "folder", "holds no messages")
                             : box_messages_append(at, r, f, messages, count);
    free(messages);
    return added;
}

static bool apply_add(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_element(at, r, key, add_one);
}

/* Only what becomes otherwise has changed. */
static bool flag_message(struct box_reading *r, struct box_folder *f, struct box_message *m,
                         uint64_t set, uint64_t clear)
{
    uint64_t flags = ((m->flags & ~clear) | set) & BOX_FLAGS;

    if (flags == m->flags)
        return true;
    box_folder_flag(f, m, flags);
    box_folder_touch(f, m, r->modseq);
    return box_changes_note(r->changes, BOX_CHANGED, f->id, m->uid);
}

static bool flag_one(const struct json_at *at, struct box_reading *r)
{
    struct box_folder *f = box_folder_named(at, r->s);
    struct uid_range range = {0, 0};
    struct slice uids = {NULL, 0};
    uint64_t count = 0;
    int64_t set = 0;
    int64_t clear = 0;

    if (!f || !box_set_get(at, "uids", &uids, &count) ||
        !json_at_integer(at, "set", 0, INT64_MAX, &set) ||
        !json_at_integer(at, "clear", 0, INT64_MAX, &clear))
        return false;
    while (uid_set_next(&uids, &range))
        for (size_t i = box_folder_position(f, range.first);
             i < f->count && f->messages[i].uid <= range.last; i++)
            if (!flag_message(r, f, &f->messages[i], (uint64_t)set, (uint64_t)clear))
                return json_at_no_memory(at);
    return true;
}

static bool apply_flags(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_element(at, r, key, flag_one);
}

static bool remove_one(const struct json_at *at, struct box_reading *r)
{
    struct box_folder *f = box_folder_named(at, r->s);
    struct slice uids = {NULL, 0};
    uint64_t count = 0;

    return f && box_set_get(at, "uids", &uids, &count) &&
           box_messages_remove(at, r, f, uids, false);
}

static bool apply_remove(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_element(at, r, key, remove_one);
}

/* The messages are gone with the folder, so sessions are not told of each. */
static bool delete_one(const struct json_at *at, struct box_reading *r)
{
    struct box_folder *f = box_folder_named(at, r->s);
    const json_t *noselect = json_object_get(at->object, "noselect");

    if (!f)
        return false;
    if (f->id == BOX_INBOX)
        return json_at_wrong(at, "folder", "INBOX stays");
    if (!box_changes_note(r->changes, BOX_DELETED_FOLDER, f->id, 0) ||
        !box_messages_remove(at, r, f, slice_of("1:4294967295"), true))
        return json_at_no_memory(at);
    if (json_is_true(noselect)) {
        f->noselect = true;
        f->use = BOX_NO_USE;
        return true;
    }
    box_folder_clear(f);
    for (size_t i = (size_t)(f - r->s->folders); i + 1 < r->s->folder_count; i++)
        r->s->folders[i] = r->s->folders[i + 1];
    r->s->folder_count--;
    return true;
}

static bool apply_delete(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_element(at, r, key, delete_one);
}

static bool apply_subscribe(const struct json_at *at, struct box_reading *r, const char *key)
{
    const json_t *list = json_object_get(at->object, key);

    if (!json_is_array(list))
        return json_at_wrong(at, key, "not an array");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!box_subscription_add(at, key, i, r->s, json_array_get(list, i)))
            return false;
    return true;
}

static bool apply_unsubscribe(const struct json_at *at, struct box_reading *r, const char *key)
{
    const json_t *list = json_object_get(at->object, key);

    if (!json_is_array(list))
        return json_at_wrong(at, key, "not an array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *name = json_array_get(list, i);
        box_subscription_remove(r->s,
                                slice_make(json_string_value(name), json_string_length(name)));
    }
    return true;
}

static bool known_one(const struct json_at *at, struct box_reading *r)
{
    return box_content_known(at, r);
}

static bool apply_known(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_element(at, r, key, known_one);
}

static bool apply_poll(const struct json_at *at, struct box_reading *r, const char *key)
{
    struct json_at inside = {.object = json_object_get(at->object, key), .why = at->why};

    snprintf(inside.pointer, sizeof inside.pointer, "/%s", key);
    return box_poll_read(&inside, r->s);
}

/* In the order in which they are applied: a name that is deleted may be created again; what is
 * added is referred to before what refers to it is removed, so that a content that is moved is
 * never without a message. */
static const struct {
    const char *key;
    bool (*apply)(const struct json_at *at, struct box_reading *r, const char *key);
} sections[] = {
    {"born", apply_born},
    {"keywords", apply_keywords},
    {"delete", apply_delete},
    {"create", apply_create},
    {"rename", apply_rename},
    {"contents", apply_contents},
    {"add", apply_add},
    {"flags", apply_flags},
    {"remove", apply_remove},
    {"subscribe", apply_subscribe},
    {"unsubscribe", apply_unsubscribe},
    {"known", apply_known},
    {"listed", box_apply_listed},
    {"unlisted", box_apply_unlisted},
    {"suspected", box_apply_suspected},
    {"intended", box_apply_intended},
    {"sent", box_apply_sent},
    {"spared", box_apply_spared},
    {"gone", box_apply_gone},
    {"poll", apply_poll},
};

/* New contents that nothing refers to would be remembered for ever. */
static bool contents_are_referred_to(const struct json_at *at, const struct box_state *s,
                                     uint32_t from)
{
    for (size_t i = s->content_count; i > 0 && s->contents[i - 1].id >= from; i--)
        if (!s->contents[i - 1].dead && s->contents[i - 1].references == 0 &&
            s->contents[i - 1].deletion == BOX_KEPT)
            return json_at_wrong(at, "contents", "a content without a message");
    return true;
}

static bool apply_sections(const struct json_at *at, struct box_reading *r)
{
    uint32_t content_next = r->s->content_next;

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (json_object_get(at->object, sections[i].key) &&
            !sections[i].apply(at, r, sections[i].key))
            return false;
    if (!contents_are_referred_to(at, r->s, content_next))
        return false;
    r->s->modseq = r->modseq;
    box_contents_tidy(r->s);
    return true;
}

bool box_state_apply(struct box_state *s, const json_t *record, struct box_changes *changes,
                     struct failure *why)
{
    struct json_at at = {.object = record, .why = why};
    struct box_reading r = {.s = s, .changes = changes};
    struct slice kind = {NULL, 0};
    int64_t modseq = 0;

    if (!json_at_text(&at, "record", &kind) ||
        !json_at_integer(&at, "modseq", 1, INT64_MAX, &modseq))
        return false;
    if ((uint64_t)modseq <= s->modseq)
        return true;
    if ((uint64_t)modseq != s->modseq + 1)
        return json_at_wrong(&at, "modseq", "a record before this one is missing");
    if (s->modseq == 0 && !json_object_get(record, "born"))
        return json_at_wrong(&at, "born", "missing in the first record");
    r.modseq = (uint64_t)modseq;
    return apply_sections(&at, &r);
}
