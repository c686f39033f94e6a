/* See mime_json.h. */
#include "translate/mime/mime_json.h"

#include <string.h>

#include "translate/mime/mime_message_build.h"
#include "translate/state/json_at.h"
#include "translate/text/base64.h"
#include "translate/text/utf8.h"

static const char *const kind_names[] = {
    [MIME_KIND_TEXT] = "text",
    [MIME_KIND_MULTIPART] = "multipart",
    [MIME_KIND_MESSAGE] = "message",
    [MIME_KIND_OTHER] = "other",
};

static const char *kind_name(const struct mime_part *part)
{
    return part->digest ? "digest" : kind_names[part->kind];
}

static bool is_text(struct slice value)
{
    while (value.n) {
        size_t n = value.p[0] ? utf8_length(value) : 0;
        if (n == 0)
            return false;
        slice_take(&value, n);
    }
    return true;
}

/* Octets of the text that stand for themselves in a JSON string. */
static size_t plain_octets(struct slice text)
{
    size_t n = 0;

    while (n < text.n && (unsigned char)text.p[n] >= ' ' && text.p[n] != '"' && text.p[n] != '\\')
        n++;
    return n;
}

static void put_escaped(struct buf *out, char c)
{
    if (c == '"' || c == '\\')
        buf_put(out, slice_make((char[]){'\\', c}, 2));
    else if (c == '\n')
        buf_puts(out, "\\n");
    else
        buf_printf(out, "\\u%04x", (unsigned)c);
}

static void put_string(struct buf *out, struct slice text)
{
    buf_putc(out, '"');
    for (;;) {
        buf_put(out, slice_take(&text, plain_octets(text)));
        if (text.n == 0)
            break;
        put_escaped(out, slice_take(&text, 1).p[0]);
    }
    buf_putc(out, '"');
}

static void put_value(struct buf *out, struct slice value)
{
    if (is_text(value)) {
        put_string(out, value);
        return;
    }
    buf_puts(out, "{\"base64\":\"");
    base64_encode(out, value);
    buf_puts(out, "\"}");
}

/* All values of a field: alone, or as an array. */
static void put_values(struct buf *out, const struct mime_message *message, uint32_t part,
                       enum mime_field field)
{
    struct slice value = mime_message_field(message, part, field, 0);

    if (!mime_message_field(message, part, field, 1).p) {
        put_value(out, value);
        return;
    }
    for (size_t nth = 0; value.p; value = mime_message_field(message, part, field, nth)) {
        buf_putc(out, nth++ ? ',' : '[');
        put_value(out, value);
    }
    buf_putc(out, ']');
}

static void put_fields(struct buf *out, const struct mime_message *message, uint32_t part)
{
    char before = '{';

    buf_puts(out, ",\"fields\":");
    for (enum mime_field field = 0; field < MIME_FIELDS; field++) {
        if (!mime_message_field(message, part, field, 0).p)
            continue;
        buf_putc(out, before);
        put_string(out, slice_of(mime_field_name(field)));
        buf_putc(out, ':');
        put_values(out, message, part, field);
        before = ',';
    }
    buf_putc(out, '}');
}

static void put_number(struct buf *out, const char *before, uint64_t number)
{
    buf_puts(out, before);
    buf_put_number(out, number);
}

static void put_part(struct buf *out, const struct mime_message *message, uint32_t index)
{
    const struct mime_part *part = mime_message_part(message, index);

    buf_puts(out, "{\"kind\":\"");
    buf_puts(out, kind_name(part));
    put_number(out, "\",\"at\":[", part->header_start);
    put_number(out, ",", part->body_start);
    put_number(out, ",", part->body_end);
    put_number(out, "],\"lines\":", part->body_lines);
    if (part->parent != MIME_NONE)
        put_number(out, ",\"in\":", part->parent);
    if (part->fields)
        put_fields(out, message, index);
    buf_putc(out, '}');
}

void mime_json_put(struct buf *out, const struct mime_message *message)
{
    put_number(out, "{\"size\":", message->size);
    for (uint32_t i = 0; i < message->count; i++) {
        buf_puts(out, i ? "," : ",\"parts\":[");
        put_part(out, message, i);
    }
    buf_puts(out, message->cut ? "],\"cut\":true}" : "]}");
}

static bool read_base64(struct mime_message *message, enum mime_field field, const json_t *value)
{
    const json_t *text = json_object_get(value, "base64");
    struct buf octets = BUF_INIT;
    bool valid =
        json_is_string(text) &&
        base64_decode(&octets, slice_make(json_string_value(text), json_string_length(text)));

    if (valid)
        mime_message_add_field(message, field, buf_slice(&octets));
    message->failed = message->failed || buf_failed(&octets);
    buf_clear(&octets);
    return valid;
}

static bool read_value(struct mime_message *message, enum mime_field field, const json_t *value)
{
    if (!json_is_string(value))
        return read_base64(message, field, value);
    mime_message_add_field(message, field,
                           slice_make(json_string_value(value), json_string_length(value)));
    return true;
}

static bool read_values(struct mime_message *message, enum mime_field field, const json_t *value)
{
    const json_t *element;
    size_t i;

    if (!json_is_array(value))
        return read_value(message, field, value);
    if (!mime_field_is_addresses(field))
        return false;
    json_array_foreach(value, i, element)
    {
        if (!read_value(message, field, element))
            return false;
    }
    return true;
}

static bool read_fields(struct mime_message *message, const struct json_at *at)
{
    const json_t *fields;
    const char *name;
    json_t *value;

    if (!json_at_optional(at, "fields", JSON_OBJECT, &fields))
        return false;
    json_object_foreach((json_t *)(uintptr_t)fields, name, value)
    {
        enum mime_field field = mime_field_named(slice_of(name));
        if (field == MIME_FIELDS || !read_values(message, field, value))
            return json_at_wrong(at, "fields", "not header fields that are kept");
    }
    return true;
}

static bool read_kind(struct mime_part *part, const struct json_at *at)
{
    struct slice name;

    if (!json_at_text(at, "kind", &name))
        return false;
    part->digest = slice_is(name, "digest");
    if (part->digest) {
        part->kind = MIME_KIND_MULTIPART;
        return true;
    }
    for (size_t kind = 0; kind < sizeof kind_names / sizeof *kind_names; kind++) {
        if (slice_is(name, kind_names[kind])) {
            part->kind = (enum mime_kind)kind;
            return true;
        }
    }
    return json_at_wrong(at, "kind", "not a kind of part");
}

/* Places that are in order and in the message. */
static bool read_places(struct mime_part *part, const struct json_at *at, uint64_t size)
{
    const json_t *places = json_object_get(at->object, "at");
    json_int_t place[3];
    int64_t lines;

    if (json_unpack((json_t *)(uintptr_t)places, "[I,I,I!]", &place[0], &place[1], &place[2]) !=
            0 ||
        place[0] < 0 || place[1] < place[0] || place[2] < place[1] || (uint64_t)place[2] > size)
        return json_at_wrong(at, "at", "not three places in order");
    part->header_start = (uint64_t)place[0];
    part->body_start = (uint64_t)place[1];
    part->body_end = (uint64_t)place[2];
    if (!json_at_integer(at, "lines", 0, place[2] - place[1], &lines))
        return false;
    part->body_lines = (uint64_t)lines;
    return true;
}

static uint32_t depth_of(const struct mime_message *message, uint32_t part)
{
    uint32_t depth = 0;

    while (message->parts[part].parent != MIME_NONE) {
        part = message->parts[part].parent;
        depth++;
    }
    return depth;
}

/* Parts are in the order in which they begin, so a part belongs to the one before it, or to one
 * that that belongs to. */
static bool is_open(const struct mime_message *message, uint32_t parent)
{
    uint32_t part = message->count - 1;

    while (part != parent && part != MIME_NONE)
        part = message->parts[part].parent;
    return part == parent;
}

static bool may_hold(const struct mime_message *message, uint32_t parent)
{
    const struct mime_part *part = &message->parts[parent];

    if (!is_open(message, parent) || depth_of(message, parent) + 1 >= MIME_DEPTH_MAX)
        return false;
    return part->kind == MIME_KIND_MULTIPART ||
           (part->kind == MIME_KIND_MESSAGE && part->child == MIME_NONE);
}

static bool read_parent(const struct mime_message *message, const struct json_at *at,
                        uint32_t *parent)
{
    int64_t in;

    *parent = MIME_NONE;
    if (message->count == 0)
        return !json_object_get(at->object, "in") ||
               json_at_wrong(at, "in", "the message is in none");
    if (!json_at_integer(at, "in", 0, message->count - 1, &in))
        return false;
    *parent = (uint32_t)in;
    return may_hold(message, *parent) || json_at_wrong(at, "in", "cannot have this part");
}

/* A part lies in its parent's body, and begins no earlier than the one before. */
static bool is_placed(const struct mime_message *message, uint32_t index)
{
    const struct mime_part *part = &message->parts[index];

    if (part->parent == MIME_NONE)
        return part->header_start == 0 && part->body_end == message->size;
    const struct mime_part *parent = &message->parts[part->parent];
    return part->header_start >= parent->body_start && part->body_end <= parent->body_end &&
           part->header_start >= message->parts[index - 1].header_start;
}

static bool read_part(struct mime_message *message, const struct json_at *at)
{
    uint32_t parent;

    if (!json_is_object(at->object))
        return json_at_wrong(at, "", "not an object");
    if (!read_parent(message, at, &parent))
        return false;
    uint32_t index = mime_message_add_part(message, parent);
    if (index == MIME_NONE)
        return json_at_no_memory(at);
    struct mime_part *part = &message->parts[index];
    if (!read_kind(part, at) || !read_places(part, at, message->size) || !read_fields(message, at))
        return false;
    return is_placed(message, index) ||
           json_at_wrong(at, "at", "not in the part that it belongs to");
}

/* A message/rfc822 has its message. */
static bool messages_are_there(const struct mime_message *message)
{
    for (uint32_t i = 0; i < message->count; i++)
        if (message->parts[i].kind == MIME_KIND_MESSAGE && message->parts[i].child == MIME_NONE)
            return false;
    return true;
}

static bool read_parts(struct mime_message *message, const struct json_at *document)
{
    const json_t *parts = json_object_get(document->object, "parts");
    const json_t *element;
    size_t i;

    if (json_array_size(parts) == 0 || json_array_size(parts) > MIME_PARTS_MAX)
        return json_at_wrong(document, "parts", "not an array of 1 to 10000 parts");
    json_array_foreach(parts, i, element)
    {
        struct json_at at = {.object = element, .why = document->why};
        snprintf(at.pointer, sizeof at.pointer, "/parts/%zu", i);
        if (!read_part(message, &at))
            return false;
    }
    return messages_are_there(message) ||
           json_at_wrong(document, "parts", "a message part without its message");
}

static bool read_message(struct mime_message *message, const struct json_at *at)
{
    int64_t size;

    if (!json_at_integer(at, "size", 0, INT64_MAX, &size))
        return false;
    message->size = (uint64_t)size;
    if (!read_parts(message, at))
        return false;
    message->cut = message->cut || json_is_true(json_object_get(at->object, "cut"));
    return !message->failed || json_at_no_memory(at);
}

struct mime_message *mime_json_to(const json_t *json, struct failure *why)
{
    struct json_at at = {.object = json, .why = why};
    struct mime_message *message = NULL;

    if (!json_is_object(json))
        failure_set(why, FAILURE_PERMANENT, "not a JSON object");
    else if (!(message = mime_message_new()))
        json_at_no_memory(&at);
    else if (read_message(message, &at))
        return message;
    mime_message_free(message);
    return NULL;
}
