#include "translate/state/drop_columns.h"

#include <stdio.h>
#include <stdlib.h>

#include "translate/state/drop_folder.h"
#include "translate/state/number_list.h"
#include "translate/state/uid_set.h"

/* Sets the member to the buffer's text, and clears the buffer. */
static bool put_text(json_t *object, const char *key, struct buf *text)
{
    struct slice s = buf_slice(text);
    bool put = !buf_failed(text) && json_object_set_new(object, key, json_stringn(s.p, s.n)) == 0;

    buf_clear(text);
    return put;
}

bool drop_uids_put(json_t *object, const uint32_t *uids, size_t count)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < count; i++)
        if (uids[i] <= (i ? uids[i - 1] : 0))
            return false;
    uid_set_put(&text, uids, count);
    return put_text(object, "uids", &text);
}

/* What only some messages have. */
enum part { PART_IDS, PART_UIDLS, PART_HIDDEN, PARTS };

static const char *const part_names[PARTS] = {"ids", "uidls", "hidden"};

/* NULL when there is none, or an empty one. */
static const char *part_text(const struct drop_message *m, enum part part)
{
    const char *text = part == PART_IDS ? m->id : m->uidl;

    return text && *text ? text : NULL;
}

static bool part_has(const struct drop_message *m, enum part part)
{
    return part == PART_HIDDEN ? m->hidden >= 0 : part_text(m, part) != NULL;
}

/* The UIDs of the messages that have the part, of all for PARTS. */
static bool put_uids(json_t *object, enum part part, const struct drop_message *messages,
                     size_t count)
{
    uint32_t *uids = calloc(count + 1, sizeof *uids);
    size_t n = 0;

    for (size_t i = 0; uids && i < count; i++)
        if (part == PARTS || part_has(&messages[i], part))
            uids[n++] = messages[i].uid;
    bool put = uids && drop_uids_put(object, uids, n);
    free(uids);
    return put;
}

static bool put_sizes(json_t *object, const struct drop_message *messages, size_t count)
{
    struct buf sizes = BUF_INIT;

    for (size_t i = 0; i < count; i++) {
        if (messages[i].size > INT64_MAX)
            sizes.failed = true;
        number_list_put(&sizes, (int64_t)messages[i].size);
    }
    return put_text(object, "sizes", &sizes);
}

static bool put_received(json_t *object, const struct drop_message *messages, size_t count)
{
    struct buf received = BUF_INIT;
    bool known = false;

    for (size_t i = 0; i < count; i++)
        known = known || messages[i].received != 0;
    if (!known)
        return true;
    for (size_t i = 0; i < count; i++)
        number_list_put(&received, messages[i].received);
    return put_text(object, "received", &received);
}

static bool put_texts(json_t *object, enum part part, const struct drop_message *messages,
                      size_t count)
{
    json_t *texts = json_array();
    bool put = texts != NULL;

    for (size_t i = 0; put && i < count; i++)
        if (part_has(&messages[i], part))
            put = json_array_append_new(texts, json_string(part_text(&messages[i], part))) == 0;
    return json_object_set_new(object, "texts", texts) == 0 && put;
}

static bool put_ages(json_t *object, const struct drop_message *messages, size_t count)
{
    struct buf ages = BUF_INIT;

    for (size_t i = 0; i < count; i++)
        if (messages[i].hidden >= 0)
            number_list_put(&ages, messages[i].hidden);
    return put_text(object, "ages", &ages);
}

static bool put_part(json_t *object, enum part part, const struct drop_message *messages,
                     size_t count)
{
    bool any = false;

    for (size_t i = 0; !any && i < count; i++)
        any = part_has(&messages[i], part);
    if (!any)
        return true;
    json_t *json = json_object();
    bool put = json && put_uids(json, part, messages, count) &&
               (part == PART_HIDDEN ? put_ages(json, messages, count)
                                    : put_texts(json, part, messages, count));
    return json_object_set_new(object, part_names[part], json) == 0 && put;
}

bool drop_columns_put(json_t *object, const struct drop_message *messages, size_t count)
{
    bool put = put_uids(object, PARTS, messages, count) && put_sizes(object, messages, count) &&
               put_received(object, messages, count);

    for (enum part part = 0; put && part < PARTS; part++)
        put = put_part(object, part, messages, count);
    return put;
}

bool drop_uids_get(const struct json_at *at, struct slice *uids, uint64_t *count)
{
    return json_at_text(at, "uids", uids) &&
           (uid_set_count(*uids, count) ||
            json_at_wrong(at, "uids", "not an ascending set of UIDs such as \"1:3,7\""));
}

/* A list of as many numbers as there are messages, `min` or above. */
static bool get_numbers(const struct json_at *at, const char *key, int64_t min, size_t count,
                        struct slice *list)
{
    char what[80];
    int64_t number = 0;

    if (!json_at_text(at, key, list))
        return false;
    struct slice rest = *list;
    for (size_t i = 0; i < count; i++)
        if (!number_list_next(&rest, &number) || number < min) {
            snprintf(what, sizeof what, "number %zu of %zu is missing or out of range", i + 1,
                     count);
            return json_at_wrong(at, key, what);
        }
    return rest.n == 0 || json_at_wrong(at, key, "more numbers than UIDs");
}

static bool get_sizes(const struct json_at *at, struct drop_message *messages, size_t count)
{
    struct slice list = {NULL, 0};
    int64_t size = 0;

    if (!get_numbers(at, "sizes", 0, count, &list))
        return false;
    for (size_t i = 0; i < count && number_list_next(&list, &size); i++)
        messages[i].size = (uint64_t)size;
    return true;
}

static bool get_received(const struct json_at *at, struct drop_message *messages, size_t count)
{
    struct slice list = {NULL, 0};

    if (!json_object_get(at->object, "received"))
        return true;
    if (!get_numbers(at, "received", INT64_MIN, count, &list))
        return false;
    for (size_t i = 0; i < count; i++)
        number_list_next(&list, &messages[i].received);
    return true;
}

static bool get_ages(const struct json_at *at, struct drop_message **which, size_t count)
{
    struct slice list = {NULL, 0};

    if (!get_numbers(at, "ages", 0, count, &list))
        return false;
    for (size_t i = 0; i < count; i++)
        number_list_next(&list, &which[i]->hidden);
    return true;
}

/* The text at `i`, owned; NULL with the reason. */
static char *get_text(const struct json_at *at, const json_t *texts, size_t i)
{
    const json_t *text = json_array_get(texts, i);

    if (!json_is_string(text) || json_string_length(text) == 0) {
        json_at_wrong_element(at, "texts", i, "not a string, or an empty one");
        return NULL;
    }
    char *copy = slice_dup(slice_make(json_string_value(text), json_string_length(text)));
    if (!copy)
        json_at_no_memory(at);
    return copy;
}

static bool get_texts(const struct json_at *at, enum part part, struct drop_message **which,
                      size_t count)
{
    const json_t *texts = json_object_get(at->object, "texts");

    if (!json_is_array(texts) || json_array_size(texts) != count)
        return json_at_wrong(at, "texts", "not an array of as many as there are UIDs");
    for (size_t i = 0; i < count; i++) {
        char *text = get_text(at, texts, i);
        if (!text)
            return false;
        *(part == PART_IDS ? &which[i]->id : &which[i]->uidl) = text;
    }
    return true;
}

/* Puts the messages that a set names into `which`, in order; returns how many there are. */
static size_t find_messages(struct drop_folder *f, struct slice uids, struct drop_message **which)
{
    struct drop_message *end = f->messages + f->count;
    struct drop_message *m = f->messages;
    struct uid_range range = {0, 0};
    size_t n = 0;

    while (m < end && uid_set_next(&uids, &range)) {
        while (m < end && m->uid < range.first)
            m++;
        while (m < end && m->uid <= range.last)
            which[n++] = m++;
    }
    return n;
}

/* The messages that the part's UIDs name, all of which must be there; free() it. NULL with the
 * reason. */
static struct drop_message **get_which(const struct json_at *at, struct drop_folder *f,
                                       size_t *count)
{
    struct slice uids = {NULL, 0};
    uint64_t named = 0;

    if (!drop_uids_get(at, &uids, &named))
        return NULL;
    if (named == 0 || named > f->count) {
        json_at_wrong(at, "uids", "none, or more than the folder has");
        return NULL;
    }
    struct drop_message **which = calloc(f->count, sizeof *which);
    if (!which) {
        json_at_no_memory(at);
        return NULL;
    }
    *count = find_messages(f, uids, which);
    if (*count == named)
        return which;
    json_at_wrong(at, "uids", "not all of them are UIDs of the folder");
    free(which);
    return NULL;
}

static bool get_part(const struct json_at *at, enum part part, struct drop_folder *f)
{
    struct json_at inside = {.why = at->why};
    size_t count = 0;

    if (!json_at_optional(at, part_names[part], JSON_OBJECT, &inside.object))
        return false;
    if (!inside.object)
        return true;
    snprintf(inside.pointer, sizeof inside.pointer, "%.40s/%s", at->pointer, part_names[part]);
    struct drop_message **which = get_which(&inside, f, &count);
    bool got = which && (part == PART_HIDDEN ? get_ages(&inside, which, count)
                                             : get_texts(&inside, part, which, count));
    free(which);
    return got;
}

/* The messages with their UIDs. The length of the sizes bounds how many there can be, so that
 * "1:4294967295" asks for no memory. */
static bool get_uids(const struct json_at *at, struct drop_folder *f)
{
    struct slice text = {NULL, 0};
    struct slice sizes = {NULL, 0};
    uint64_t count = 0;

    if (!drop_uids_get(at, &text, &count) || !json_at_text(at, "sizes", &sizes))
        return false;
    if (count > sizes.n)
        return json_at_wrong(at, "sizes", "fewer numbers than UIDs");
    if (count == 0)
        return true;
    uint32_t *uids = uid_set_expand(text, count);
    f->messages = uids ? calloc(count, sizeof *f->messages) : NULL;
    for (size_t i = 0; f->messages && i < count; i++) {
        f->messages[i].uid = uids[i];
        f->messages[i].hidden = -1;
    }
    f->count = f->messages ? count : 0;
    free(uids);
    return f->messages || json_at_no_memory(at);
}

bool drop_columns_get(const struct json_at *at, struct drop_message **messages, size_t *count)
{
    struct drop_folder all = {.name = NULL};
    bool got = get_uids(at, &all) && get_sizes(at, all.messages, all.count) &&
               get_received(at, all.messages, all.count);

    for (enum part part = 0; got && part < PARTS; part++)
        got = get_part(at, part, &all);
    if (!got)
        drop_folder_clear(&all);
    *messages = all.messages;
    *count = all.count;
    return got;
}
