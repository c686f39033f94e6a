/*
 * Texts in UTF-8 against patterns, whatever the case of their letters (mime_match.h).
 */
#ifndef TRANSLATE_MIME_MIME_PATTERN_H
#define TRANSLATE_MIME_MIME_PATTERN_H

#include "translate/text/slice.h"

enum mime_verdict { MIME_DIFFERS, MIME_MATCHES, MIME_NO_MEMORY };

/* Whether it is the whole text. */
enum mime_verdict mime_text_is(struct slice text, struct slice wanted);

/* Whether the whole text has the pattern's shape: "*" is any run of characters, "?" any one. */
enum mime_verdict mime_text_matches(struct slice text, struct slice pattern);

#endif
