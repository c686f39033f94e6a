/* See mime_header.h. */
#include "translate/mime/mime_header.h"

#include <string.h>

#include "translate/mime/mime_type.h"

enum { NAME_MAX_OCTETS = 1000 };

static struct mime_part *part_of(struct mime_header *header)
{
    return &header->message->parts[header->message->count - 1];
}

void mime_header_begin(struct mime_header *header, struct mime_message *message,
                       bool part_of_multipart)
{
    uint32_t parent = message->parts[message->count - 1].parent;

    mime_header_clear(header);
    *header = (struct mime_header){
        .message = message,
        .envelope = parent == MIME_NONE || message->parts[parent].kind == MIME_KIND_MESSAGE,
        .is_mime = part_of_multipart,
        .field = MIME_FIELDS,
    };
}

void mime_header_clear(struct mime_header *header)
{
    buf_clear(&header->value);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without the blanks behind the colon; of a value that is nothing else, without one of them. */
static struct slice value_of(struct slice rest)
{
    size_t blanks = 0;

    while (blanks < rest.n && is_blank(rest.p[blanks]))
        blanks++;
    slice_take(&rest, blanks == rest.n && blanks ? 1 : blanks);
    return rest;
}

bool mime_header_split(struct slice line, struct slice *name, struct slice *value)
{
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;

    if (!colon)
        return false;
    *name = slice_take(&line, (size_t)(colon - line.p));
    while (name->n && is_blank(name->p[name->n - 1]))
        name->n--;
    slice_take(&line, 1);
    *value = value_of(line);
    return name->n <= NAME_MAX_OCTETS;
}

static void keep_boundary(struct mime_header *header, const struct mime_type *type)
{
    struct slice boundary = mime_params_find(&type->params, "boundary");

    header->has_boundary = boundary.p != NULL;
    header->boundary_n = (uint8_t)(boundary.n < MIME_BOUNDARY_MAX ? boundary.n : MIME_BOUNDARY_MAX);
    if (boundary.p)
        memcpy(header->boundary, boundary.p, header->boundary_n);
}

/* Only the first Content-Type counts, a malformed one too. */
static void content_type(struct mime_header *header, struct slice value)
{
    struct mime_part *part = part_of(header);
    struct mime_type type;

    if (header->typed)
        return;
    header->typed = true;
    mime_type_parse(&type, value);
    header->message->failed = header->message->failed || type.failed;
    struct slice major = buf_slice(&type.type);
    struct slice minor = buf_slice(&type.subtype);
    if (slice_is_nocase(major, "text")) {
        part->kind = MIME_KIND_TEXT;
    } else if (slice_is_nocase(major, "message") && slice_is_nocase(minor, "rfc822")) {
        part->kind = MIME_KIND_MESSAGE;
    } else if (slice_is_nocase(major, "multipart") && minor.n) {
        part->kind = MIME_KIND_MULTIPART;
        part->digest = slice_is_nocase(minor, "digest");
        keep_boundary(header, &type);
    }
    mime_type_clear(&type);
}

static void finish_field(struct mime_header *header)
{
    struct slice value = buf_slice(&header->value);

    header->message->failed = header->message->failed || buf_failed(&header->value);
    if (header->field == MIME_TYPE)
        content_type(header, value);
    if (header->field != MIME_FIELDS)
        mime_message_add_field(header->message, header->field, value);
    header->field = MIME_FIELDS;
    buf_truncate(&header->value, 0);
}

static void append(struct mime_header *header, struct slice text)
{
    size_t room = MIME_VALUE_MAX - buf_size(&header->value);

    header->message->cut = header->message->cut || text.n > room;
    buf_put(&header->value, slice_take(&text, room));
}

static void begin_field(struct mime_header *header, struct slice line)
{
    struct slice name;
    struct slice value;

    header->open = true;
    if (!mime_header_split(line, &name, &value))
        return;
    if (slice_is_nocase(name, "MIME-Version"))
        header->is_mime = true;
    header->field = mime_field_named(name);
    if (header->field == MIME_TYPE)
        header->is_mime = true;
    if (header->field < MIME_FIELDS && mime_field_is_envelope(header->field) && !header->envelope)
        header->field = MIME_FIELDS;
    if (header->field != MIME_FIELDS)
        append(header, value);
}

void mime_header_line(struct mime_header *header, struct slice line)
{
    bool folded = header->open && line.n && is_blank(line.p[0]);

    if (!folded) {
        finish_field(header);
        begin_field(header, line);
    } else if (header->field != MIME_FIELDS) {
        append(header, slice_of("\n"));
        append(header, line);
    }
}

/* What nothing says anything about is text, or a message in a digest. */
static enum mime_kind default_kind(const struct mime_header *header)
{
    const struct mime_message *message = header->message;

    return mime_message_in_digest(message, message->count - 1) ? MIME_KIND_MESSAGE : MIME_KIND_TEXT;
}

void mime_header_end(struct mime_header *header)
{
    struct mime_part *part = part_of(header);

    finish_field(header);
    if (!header->is_mime) {
        mime_message_drop_content(header->message);
        part->digest = false;
    }
    if (!header->is_mime || !header->typed)
        part->kind = default_kind(header);
}
