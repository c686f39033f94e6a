/* See mime_message.h, mime_message_build.h. */
#include "translate/mime/mime_message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "translate/mime/mime_message_build.h"
#include "translate/mime/mime_type.h"
#include "translate/text/array.h"

struct mime_message *mime_message_new(void)
{
    return calloc(1, sizeof(struct mime_message));
}

void mime_message_free(struct mime_message *message)
{
    if (!message)
        return;
    free(message->parts);
    free(message->values);
    buf_clear(&message->text);
    free(message);
}

uint64_t mime_message_size(const struct mime_message *message)
{
    return message->size;
}

uint32_t mime_message_parts(const struct mime_message *message)
{
    return message->count;
}

const struct mime_part *mime_message_part(const struct mime_message *message, uint32_t index)
{
    assert(index < message->count);
    return &message->parts[index];
}

bool mime_message_is_cut(const struct mime_message *message)
{
    return message->cut;
}

static struct slice value_of(const struct mime_message *message, const struct mime_value *value)
{
    return slice_make(buf_slice(&message->text).p + value->start, value->n);
}

struct slice mime_message_field(const struct mime_message *message, uint32_t part,
                                enum mime_field field, size_t nth)
{
    const struct mime_part *owner = mime_message_part(message, part);

    for (uint32_t i = 0; i < owner->fields; i++) {
        const struct mime_value *value = &message->values[owner->field + i];
        if (value->field == field && nth-- == 0)
            return value_of(message, value);
    }
    return (struct slice){0};
}

/* Room for one more element in a list of `count`. */
static bool grow(void **list, uint32_t count, uint32_t *cap, size_t size)
{
    size_t capacity = *cap;
    void *p = array_grow(*list, &capacity, count, size);

    if (!p)
        return false;
    *list = p;
    *cap = (uint32_t)capacity;
    return true;
}

/* `last` is the one before the new part in the order of parts, so its chain of parents holds the
 * parent's last child. */
static void link_part(struct mime_message *message, uint32_t parent, uint32_t index)
{
    uint32_t last = index - 1;

    if (message->parts[parent].child == MIME_NONE) {
        message->parts[parent].child = index;
        return;
    }
    while (message->parts[last].parent != parent)
        last = message->parts[last].parent;
    message->parts[last].next = index;
}

uint32_t mime_message_add_part(struct mime_message *message, uint32_t parent)
{
    void *list = message->parts;

    assert(message->count < MIME_PARTS_MAX);
    if (!grow(&list, message->count, &message->cap, sizeof *message->parts)) {
        message->failed = true;
        return MIME_NONE;
    }
    message->parts = list;
    uint32_t index = message->count++;
    message->parts[index] = (struct mime_part){
        .parent = parent,
        .child = MIME_NONE,
        .next = MIME_NONE,
        .kind = MIME_KIND_OTHER,
        .field = message->value_count,
    };
    if (parent != MIME_NONE)
        link_part(message, parent, index);
    return index;
}

bool mime_message_in_digest(const struct mime_message *message, uint32_t part)
{
    uint32_t parent = message->parts[part].parent;

    return parent != MIME_NONE && message->parts[parent].digest;
}

static void count_tag(void *context, struct slice tag)
{
    (void)context;
    (void)tag;
}

/* Whether a Content-* field says anything: one that does not gives way to a later one. */
static bool is_telling(enum mime_field field, struct slice value)
{
    struct buf text = BUF_INIT;
    struct mime_params params = {0};
    bool telling = true;

    if (field == MIME_ENCODING)
        telling = mime_encoding_parse(value, &text);
    else if (field == MIME_LANGUAGE)
        telling = mime_languages_each(value, count_tag, NULL) > 0;
    else if (field == MIME_DISPOSITION)
        telling = mime_disposition_parse(value, &text, &params) && params.count > 0;
    buf_clear(&text);
    mime_params_clear(&params);
    return telling;
}

static bool is_readable_disposition(struct slice value)
{
    struct buf kind = BUF_INIT;
    struct mime_params params;
    bool readable = mime_disposition_parse(value, &kind, &params);

    buf_clear(&kind);
    mime_params_clear(&params);
    return readable;
}

/* The value that is there already and that the new one competes with, or NULL. */
static struct mime_value *rival(struct mime_message *message, enum mime_field field)
{
    const struct mime_part *part = &message->parts[message->count - 1];

    if (mime_field_is_addresses(field))
        return NULL;
    for (uint32_t i = 0; i < part->fields; i++)
        if (message->values[part->field + i].field == field)
            return &message->values[part->field + i];
    return NULL;
}

static bool is_wanted(const struct mime_message *message, enum mime_field field, struct slice value,
                      const struct mime_value *there)
{
    if (mime_field_is_envelope(field))
        return true;
    if (field == MIME_DISPOSITION)
        return is_readable_disposition(value) &&
               (!there || !is_telling(field, value_of(message, there)));
    /* One that cannot be read is kept, for it is an encoding that is not known. */
    if (field == MIME_ENCODING)
        return !there || (!is_telling(field, value_of(message, there)) && is_telling(field, value));
    return !there && is_telling(field, value);
}

void mime_message_add_field(struct mime_message *message, enum mime_field field, struct slice value)
{
    struct mime_value *there = rival(message, field);
    void *list = message->values;

    if (!is_wanted(message, field, value, there))
        return;
    if (buf_size(&message->text) + value.n > MIME_FIELDS_MAX ||
        message->parts[message->count - 1].fields == MIME_VALUES_MAX) {
        message->cut = true;
        return;
    }
    struct mime_value fresh = {field, (uint32_t)buf_size(&message->text), (uint32_t)value.n};
    buf_put(&message->text, value);
    message->failed = message->failed || buf_failed(&message->text);
    if (there) {
        *there = fresh;
        return;
    }
    if (!grow(&list, message->value_count, &message->value_cap, sizeof fresh)) {
        message->failed = true;
        return;
    }
    message->values = list;
    message->values[message->value_count++] = fresh;
    message->parts[message->count - 1].fields++;
}

void mime_message_drop_content(struct mime_message *message)
{
    struct mime_part *part = &message->parts[message->count - 1];
    uint32_t kept = 0;

    for (uint32_t i = 0; i < part->fields; i++)
        if (mime_field_is_envelope(message->values[part->field + i].field))
            message->values[part->field + kept++] = message->values[part->field + i];
    message->value_count = part->field + kept;
    part->fields = kept;
}
