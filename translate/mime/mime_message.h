/*
 * The structure of a message: which parts it has, which octets of the original each consists of,
 * and the header fields that ENVELOPE and BODYSTRUCTURE are made from, as they were written. It is
 * made once by the parser (mime_parser.h) or from what was remembered (mime_json.h), and never
 * changed.
 *
 * Parts are numbered in the order in which they begin; part 0 is the message itself. A multipart's
 * children are its parts; the only child of a message/rfc822 is the message in it.
 */
#ifndef TRANSLATE_MIME_MIME_MESSAGE_H
#define TRANSLATE_MIME_MIME_MESSAGE_H

#include "translate/mime/mime_field.h"
#include "translate/text/buf.h"

enum {
    MIME_PARTS_MAX = 10000,     /* what comes after belongs to the last part's body */
    MIME_DEPTH_MAX = 100,       /* a part deeper than this is opaque: application/octet-stream */
    MIME_FIELDS_MAX = 8 << 20,  /* octets of header fields kept; further ones are dropped */
    MIME_VALUE_MAX = 4 << 20,   /* octets of one value; it is cut there */
    MIME_VALUES_MAX = 256,      /* of fields kept of one part */
    MIME_NONE = MIME_PARTS_MAX, /* no part */
};

enum mime_kind {
    MIME_KIND_TEXT,
    MIME_KIND_MULTIPART, /* may be without children: no boundary was named or met */
    MIME_KIND_MESSAGE,   /* message/rfc822, with one child */
    MIME_KIND_OTHER,
};

struct mime_part {
    uint32_t parent; /* MIME_NONE for part 0 */
    uint32_t child;  /* the first, or MIME_NONE */
    uint32_t next;   /* sibling, or MIME_NONE */
    enum mime_kind kind;
    bool digest;           /* multipart/digest: parts are messages unless they say otherwise */
    uint64_t header_start; /* octets of the message; the header ends where the body begins */
    uint64_t body_start;
    uint64_t body_end;   /* the line end before a delimiter is the delimiter's */
    uint64_t body_lines; /* line ends in the body */
    uint32_t field;      /* its first, of `fields` many */
    uint32_t fields;
};

struct mime_message;

void mime_message_free(struct mime_message *message);

uint64_t mime_message_size(const struct mime_message *message);

/* At least 1. */
uint32_t mime_message_parts(const struct mime_message *message);

/* `index` is below mime_message_parts(); valid as long as the message. */
const struct mime_part *mime_message_part(const struct mime_message *message, uint32_t index);

/* A limit was met: fields were dropped, or parts not told apart. */
bool mime_message_is_cut(const struct mime_message *message);

/* The `nth` value (from 0) of a field of a part, or a `p` of NULL; valid as long as the message.
 * The value is as it was written, without the blanks that follow the colon and with LF for each
 * line end inside. Only addresses have more than one value. */
struct slice mime_message_field(const struct mime_message *message, uint32_t part,
                                enum mime_field field, size_t nth);

#endif
