/*
 * Base64 as it is found in mail (RFC 2045 section 6.8), in pieces: line ends and what else is no
 * base64 is passed over, padding may be missing at the end, and what follows padding is decoded
 * too, for some programs encode in pieces and put them behind each other. GMime's decoder ends at
 * the first padding and drops a last group without it, and so loses text.
 */
#ifndef TRANSLATE_MIME_MIME_BASE64_H
#define TRANSLATE_MIME_MIME_BASE64_H

#include "translate/text/buf.h"

/* As new: all zero. */
struct mime_base64 {
    uint32_t bits; /* of the characters of a group that is not complete */
    unsigned n;    /* how many those are, 0 to 3 */
};

void mime_base64_feed(struct mime_base64 *base64, struct slice text, struct buf *out);

/* The text has ended: what an incomplete group still gives. */
void mime_base64_end(struct mime_base64 *base64, struct buf *out);

#endif
