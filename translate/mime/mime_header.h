/*
 * The header of one part, line by line: joins folded fields and hands over those that are
 * remembered. For the parser only.
 */
#ifndef TRANSLATE_MIME_MIME_HEADER_H
#define TRANSLATE_MIME_MIME_HEADER_H

#include "translate/mime/mime_message_build.h"

enum { MIME_BOUNDARY_MAX = 80 }; /* octets of a boundary that are compared; RFC 2046 allows 70 */

struct mime_header {
    struct mime_message *message; /* borrowed; its last part is the one that is read */
    bool envelope;                /* the fields of an envelope are wanted */
    bool is_mime;                 /* set by the owner for parts of a multipart */
    bool typed;                   /* a Content-Type was there */
    bool has_boundary;
    uint8_t boundary_n;
    char boundary[MIME_BOUNDARY_MAX];
    bool open;             /* a field has begun, and the next line may continue it */
    enum mime_field field; /* MIME_FIELDS: it is not remembered */
    struct buf value;
};

/* `part_of_multipart`: Content-* fields count without MIME-Version. */
void mime_header_begin(struct mime_header *header, struct mime_message *message,
                       bool part_of_multipart);

/* A line without its end, which is not the empty one. */
void mime_header_line(struct mime_header *header, struct slice line);

/* The header is over: the part's kind is set. */
void mime_header_end(struct mime_header *header);
void mime_header_clear(struct mime_header *header);

/* The name and the value of a line that begins a field. False when it is none. */
bool mime_header_split(struct slice line, struct slice *name, struct slice *value);

#endif
