/*
 * What a header field says, as UTF-8: encoded words (RFC 2047) and encoded parameters (RFC 2231)
 * decoded. For SEARCH; nothing that is sent as part of a message is decoded.
 */
#ifndef TRANSLATE_MIME_MIME_WORDS_H
#define TRANSLATE_MIME_MIME_WORDS_H

#include "translate/text/buf.h"

/* A value that is longer is decoded up to here, and the rest taken as it is. */
enum { MIME_WORDS_MAX = 1 << 20 };

/* Appends a field's value, unfolded and decoded: always valid UTF-8. */
void mime_words_decode(struct buf *out, struct slice value);

/* Appends the value of a parameter whose name ends with "*": charset'language'percent-encoded. */
void mime_param_decode(struct buf *out, struct slice value);

#endif
