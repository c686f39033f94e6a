/*
 * How a mime_message comes into being: for the parser and the reader of remembered ones only.
 */
#ifndef TRANSLATE_MIME_MIME_MESSAGE_BUILD_H
#define TRANSLATE_MIME_MIME_MESSAGE_BUILD_H

#include "translate/mime/mime_message.h"

struct mime_value {
    enum mime_field field;
    uint32_t start, n; /* in `text` */
};

struct mime_message {
    struct mime_part *parts;
    uint32_t count, cap;
    struct mime_value *values;
    uint32_t value_count, value_cap;
    struct buf text;
    uint64_t size;
    bool cut;
    bool failed; /* memory was out; remembered here so that the builder asks once */
};

/* Empty, without a part; NULL when memory is out. */
struct mime_message *mime_message_new(void);

/* A new last part, the last child of `parent` (MIME_NONE for the first of all). Its index, or
 * MIME_NONE when memory is out. There are fewer than MIME_PARTS_MAX. */
uint32_t mime_message_add_part(struct mime_message *message, uint32_t parent);

/* Remembers a value of the last part, by the rules of mime_field_is_addresses(). */
void mime_message_add_field(struct mime_message *message, enum mime_field field,
                            struct slice value);

/* Forgets the Content-* fields of the last part. */
void mime_message_drop_content(struct mime_message *message);

/* A part of multipart/digest whose kind nothing tells is a message (RFC 2046 section 5.1.5). */
bool mime_message_in_digest(const struct mime_message *message, uint32_t part);

#endif
