/*
 * What a section of FETCH BODY[...] names (RFC 3501 section 6.4.5, RFC 9051 section 6.4.5): which
 * octets of the original message, always one run of them; and which lines of a header
 * HEADER.FIELDS does.
 */
#ifndef TRANSLATE_MIME_MIME_SECTION_H
#define TRANSLATE_MIME_MIME_SECTION_H

#include "translate/mime/mime_message.h"

struct mime_range {
    uint64_t start;
    uint64_t end; /* behind the last octet */
};

enum mime_section {
    MIME_SECTION_ALL,    /* BODY[]; BODY[1.2]: the body of that part */
    MIME_SECTION_HEADER, /* of the message, or of the one in a message/rfc822 part */
    MIME_SECTION_TEXT,   /* its body */
    MIME_SECTION_MIME,   /* the header of a part: the path is not empty */
};

/*
 * The part that a path of numbers leads to, or MIME_NONE. An empty path is the message; 1 is also
 * the body of a message that is no multipart, and of a message in a message/rfc822.
 */
uint32_t mime_section_part(const struct mime_message *message, const uint32_t *path, size_t n);

/* Where the section is. False when the message has no such section; then `*range` is empty. */
bool mime_section_range(const struct mime_message *message, const uint32_t *path, size_t n,
                        enum mime_section section, struct mime_range *range);

/*
 * Goes through the header that MIME_SECTION_HEADER names and keeps the lines of HEADER.FIELDS or
 * HEADER.FIELDS.NOT, and the empty line at its end. It holds the name of one field at most.
 */
struct mime_header_filter {
    const struct slice *names; /* borrowed */
    size_t count;
    bool others; /* HEADER.FIELDS.NOT */
    /* private */
    bool keep;  /* the field that the line belongs to */
    bool begun; /* a field has */
    bool known; /* `keep` is about this line already */
    struct buf start;
};

/* Appends what is kept of the next octets. */
void mime_header_filter_feed(struct mime_header_filter *filter, struct slice octets,
                             struct buf *out);

/* The header has ended. Frees what the filter holds. No empty line is made up where there is none.
 */
void mime_header_filter_end(struct mime_header_filter *filter, struct buf *out);

#endif
