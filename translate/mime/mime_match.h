/*
 * Looks for a text in UTF-8 that comes in pieces, whatever the case of its letters: characters are
 * compared as i;unicode-casemap (RFC 5051) does, by the decomposition of their title case. No match
 * is lost between two pieces, and no character is looked at twice. Blanks can be compared by run:
 * any number of spaces and tabs is then one space, in the text and in what is searched.
 */
#ifndef TRANSLATE_MIME_MIME_MATCH_H
#define TRANSLATE_MIME_MIME_MATCH_H

#include "translate/text/buf.h"

struct mime_match;

enum mime_match_blanks { MIME_MATCH_EACH_BLANK, MIME_MATCH_RUNS_OF_BLANKS };

/* For `text` in UTF-8, of which nothing is kept; NULL when memory is out. An empty text is found
 * everywhere. */
struct mime_match *mime_match_new(struct slice text, enum mime_match_blanks blanks);
void mime_match_free(struct mime_match *match);

/* True once the text was met, in these octets or before. An octet that is no UTF-8 is a character
 * of its own, which no text has. */
bool mime_match_feed(struct mime_match *match, struct slice octets);

/* Looks for the same text from the start, in something else. */
void mime_match_reset(struct mime_match *match);

/* All at once. */
bool mime_match_in(struct mime_match *match, struct slice octets);

/* The characters that are compared: two texts are alike when these are. free() it; NULL when memory
 * is out. */
uint32_t *mime_match_fold(struct slice text, size_t *count);

#endif
