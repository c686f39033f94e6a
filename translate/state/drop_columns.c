#include "translate/state/drop_columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "translate/state/drop_folder.h"
#include "translate/state/uid_set.h"

bool drop_uids_put(json_t *object, const uint32_t *uids, size_t count)
{
    struct buf text = BUF_INIT;

    uid_set_put(&text, uids, count);
    struct slice set = buf_slice(&text);
    bool put =
        !buf_failed(&text) && json_object_set_new(object, "uids", json_stringn(set.p, set.n)) == 0;
    buf_clear(&text);
    return put;
}

static bool put_uids(json_t *object, const struct drop_message *messages, size_t count)
{
    uint32_t *uids = malloc((count + 1) * sizeof *uids);

    if (!uids)
        return false;
    for (size_t i = 0; i < count; i++)
        uids[i] = messages[i].uid;
    bool put = drop_uids_put(object, uids, count);
    free(uids);
    return put;
}

static bool put_sizes(json_t *object, const struct drop_message *messages, size_t count)
{
    json_t *sizes = json_array();
    bool put = sizes != NULL;

    for (size_t i = 0; put && i < count; i++)
        put = messages[i].size <= INT64_MAX &&
              json_array_append_new(sizes, json_integer((json_int_t)messages[i].size)) == 0;
    return json_object_set_new(object, "sizes", sizes) == 0 && put;
}

static bool put_received(json_t *object, const struct drop_message *messages, size_t count)
{
    json_t *received = json_array();
    bool put = received != NULL;
    bool known = false;

    for (size_t i = 0; put && i < count; i++) {
        put = json_array_append_new(received, json_integer(messages[i].received)) == 0;
        known = known || messages[i].received != 0;
    }
    if (known || !put)
        return json_object_set_new(object, "received", received) == 0 && put;
    json_decref(received);
    return true;
}

/* What a message has in a sparse column, new; NULL in `*value` when it has nothing there. False
 * when memory is out. */
typedef bool (*cell_make)(const struct drop_message *m, json_t **value);

static bool cell_text(const char *text, json_t **value)
{
    *value = text ? json_string(text) : NULL;
    return *value || !text;
}

static bool cell_id(const struct drop_message *m, json_t **value)
{
    return cell_text(m->id, value);
}

static bool cell_uidl(const struct drop_message *m, json_t **value)
{
    return cell_text(m->uidl, value);
}

static bool cell_hidden(const struct drop_message *m, json_t **value)
{
    *value = m->hidden >= 0 ? json_integer(m->hidden) : NULL;
    return *value || m->hidden < 0;
}

static bool put_sparse(json_t *object, const char *name, cell_make cell,
                       const struct drop_message *messages, size_t count)
{
    json_t *column = json_object();
    bool put = column != NULL;

    for (size_t i = 0; put && i < count; i++) {
        char key[16];
        json_t *value = NULL;
        put = cell(&messages[i], &value);
        if (!value)
            continue;
        snprintf(key, sizeof key, "%" PRIu32, messages[i].uid);
        put = json_object_set_new_nocheck(column, key, value) == 0;
    }
    if (put && json_object_size(column) == 0) {
        json_decref(column);
        return true;
    }
    return json_object_set_new(object, name, column) == 0 && put;
}

bool drop_columns_put(json_t *object, const struct drop_message *messages, size_t count)
{
    return put_uids(object, messages, count) && put_sizes(object, messages, count) &&
           put_received(object, messages, count) &&
           put_sparse(object, "ids", cell_id, messages, count) &&
           put_sparse(object, "uidls", cell_uidl, messages, count) &&
           put_sparse(object, "hidden", cell_hidden, messages, count);
}

bool drop_uids_get(const struct json_at *at, struct slice *uids, uint64_t *count)
{
    return json_at_text(at, "uids", uids) &&
           (uid_set_count(*uids, count) ||
            json_at_wrong(at, "uids", "not an ascending set of UIDs such as \"1:3,7\""));
}

/* The messages with their UIDs. The column of sizes bounds how many "1:4294967295" may be. */
static bool get_uids(const struct json_at *at, size_t sizes, struct drop_message **messages)
{
    struct slice text = {NULL, 0};
    uint64_t count = 0;

    if (!drop_uids_get(at, &text, &count))
        return false;
    if (count != sizes)
        return json_at_wrong(at, "sizes", "not as many as there are UIDs");
    if (count == 0)
        return true;
    uint32_t *uids = uid_set_expand(text, sizes);
    *messages = calloc(sizes, sizeof **messages);
    for (size_t i = 0; uids && *messages && i < sizes; i++) {
        (*messages)[i].uid = uids[i];
        (*messages)[i].hidden = -1;
    }
    bool made = uids && *messages;
    free(uids);
    return made || json_at_no_memory(at);
}

static bool get_sizes(const struct json_at *at, const json_t *sizes, struct drop_message *messages)
{
    for (size_t i = 0; i < json_array_size(sizes); i++) {
        const json_t *size = json_array_get(sizes, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return json_at_wrong_element(at, "sizes", i, "not a number of octets");
        messages[i].size = (uint64_t)json_integer_value(size);
    }
    return true;
}

static bool get_received(const struct json_at *at, struct drop_message *messages, size_t count)
{
    const json_t *received = NULL;

    if (!json_at_optional(at, "received", JSON_ARRAY, &received))
        return false;
    if (received && json_array_size(received) != count)
        return json_at_wrong(at, "received", "not as many as there are UIDs");
    for (size_t i = 0; received && i < count; i++) {
        const json_t *when = json_array_get(received, i);
        if (!json_is_integer(when))
            return json_at_wrong_element(at, "received", i, "not a number of seconds");
        messages[i].received = json_integer_value(when);
    }
    return true;
}

/* Puts a cell into its message. NULL, or what is wrong with it; "" when memory is out. */
typedef const char *(*cell_read)(struct drop_message *m, const json_t *value);

static const char *read_text(char **text, const json_t *value)
{
    if (!json_is_string(value) || json_string_length(value) == 0)
        return "not a string, or an empty one";
    *text = slice_dup(slice_make(json_string_value(value), json_string_length(value)));
    return *text ? NULL : "";
}

static const char *read_id(struct drop_message *m, const json_t *value)
{
    return read_text(&m->id, value);
}

static const char *read_uidl(struct drop_message *m, const json_t *value)
{
    return read_text(&m->uidl, value);
}

static const char *read_hidden(struct drop_message *m, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return "not an age in seconds";
    m->hidden = json_integer_value(value);
    return NULL;
}

struct column {
    const char *name;
    cell_read read;
};

static bool cell_wrong(const struct json_at *at, const struct column *column, const char *key,
                       const char *what)
{
    char place[48];

    if (!*what)
        return json_at_no_memory(at);
    snprintf(place, sizeof place, "%s/%s", column->name, key);
    return json_at_wrong(at, place, what);
}

static bool get_sparse(const struct json_at *at, const struct column *column,
                       struct drop_message *messages, size_t count)
{
    struct drop_folder all = {.messages = messages, .count = count};
    const json_t *cells = NULL;
    const char *key = NULL;
    json_t *value = NULL;
    size_t next = 0;

    if (!json_at_optional(at, column->name, JSON_OBJECT, &cells))
        return false;
    json_object_foreach((json_t *)cells, key, value)
    {
        uint64_t uid = 0;
        struct drop_message *m = NULL;
        if (slice_number(slice_of(key), UINT32_MAX, &uid))
            m = next < count && messages[next].uid == uid
                    ? &messages[next]
                    : drop_folder_message(&all, (uint32_t)uid);
        const char *wrong = m ? column->read(m, value) : "not one of the UIDs";
        if (wrong)
            return cell_wrong(at, column, key, wrong);
        next = (size_t)(m - messages) + 1;
    }
    return true;
}

static bool get_columns(const struct json_at *at, const json_t *sizes,
                        struct drop_message *messages)
{
    static const struct column columns[] = {
        {"ids", read_id}, {"uidls", read_uidl}, {"hidden", read_hidden}};
    size_t count = json_array_size(sizes);

    if (!get_sizes(at, sizes, messages) || !get_received(at, messages, count))
        return false;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (!get_sparse(at, &columns[i], messages, count))
            return false;
    return true;
}

bool drop_columns_get(const struct json_at *at, struct drop_message **messages, size_t *count)
{
    const json_t *sizes = json_object_get(at->object, "sizes");

    *messages = NULL;
    *count = 0;
    if (!json_is_array(sizes))
        return json_at_wrong(at, "sizes", sizes ? "not an array" : "missing");
    if (get_uids(at, json_array_size(sizes), messages) && get_columns(at, sizes, *messages)) {
        *count = json_array_size(sizes);
        return true;
    }
    drop_messages_free(*messages, *messages ? json_array_size(sizes) : 0);
    *messages = NULL;
    return false;
}
