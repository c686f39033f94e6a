/*
 * The header fields that are remembered of a message: those of an ENVELOPE (RFC 3501 section 7.4.2)
 * and those of a BODYSTRUCTURE.
 */
#ifndef TRANSLATE_MIME_MIME_FIELD_H
#define TRANSLATE_MIME_MIME_FIELD_H

#include "translate/text/slice.h"

enum mime_field {
    MIME_DATE, /* the envelope's, in its order */
    MIME_SUBJECT,
    MIME_FROM,
    MIME_SENDER,
    MIME_REPLY_TO,
    MIME_TO,
    MIME_CC,
    MIME_BCC,
    MIME_IN_REPLY_TO,
    MIME_MESSAGE_ID,
    MIME_TYPE, /* Content-* */
    MIME_ENCODING,
    MIME_ID,
    MIME_DESCRIPTION,
    MIME_DISPOSITION,
    MIME_LANGUAGE,
    MIME_LOCATION,
    MIME_MD5,
    MIME_FIELDS
};

/* By its name in any case of letters; MIME_FIELDS when it is none of these. */
enum mime_field mime_field_named(struct slice name);

/* "Reply-To". */
const char *mime_field_name(enum mime_field field);

/* One of the envelope's, not a Content-* field. */
bool mime_field_is_envelope(enum mime_field field);

/* One whose repetition adds to it: an attacker must not be able to show one From to those who check
 * it and another to those who read it. Of the envelope's others the last one counts, of Content-*
 * the first. */
bool mime_field_is_addresses(enum mime_field field);

#endif
