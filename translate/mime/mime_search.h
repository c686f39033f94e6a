/*
 * A header's fields as SEARCH compares them: one after the other, decoded to UTF-8. What is asked
 * for most, the fields of an ENVELOPE, can be taken out of a header and decoded once, as a digest
 * that is remembered: a later search reads a tenth of the octets and decodes nothing.
 */
#ifndef TRANSLATE_MIME_MIME_SEARCH_H
#define TRANSLATE_MIME_MIME_SEARCH_H

#include "translate/text/buf.h"

/* Borrows the header's octets. */
struct mime_search_field {
    bool named;         /* else it is a line that is no field, all of it in `value`; may be empty */
    struct slice name;  /* without blanks around it */
    struct slice value; /* still folded and encoded */
};

/* Takes the next field off the header, with its continuation lines. False at the end. */
bool mime_search_next(struct slice *header, struct mime_search_field *field);

/* Appends the digest of a header: every field of an ENVELOPE, in the header's order, each {octet,
 * decoded value, NUL}, but Date as it is written, "?" for a NUL. Decoded values have no NUL. */
void mime_search_digest(struct buf *out, struct slice header);

/* Takes the next field off a digest: its name (static) and its value (borrowed). False at the end;
 * what is no digest has its end where that shows. */
bool mime_search_known(struct slice *digest, struct slice *name, struct slice *value);

#endif
