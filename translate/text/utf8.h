/*
 * UTF-8, one character at a time (RFC 3629 section 4).
 */
#ifndef TRANSLATE_TEXT_UTF8_H
#define TRANSLATE_TEXT_UTF8_H

#include "translate/text/buf.h"

/* Octets of the valid character at the front of `s`, 0 when there is none: empty, cut, overlong,
 * a surrogate, beyond U+10FFFF. */
size_t utf8_length(struct slice s);

bool utf8_is_valid(struct slice text);

/* The same, and the character in `*code`, which is untouched when there is none. */
size_t utf8_decode(struct slice s, uint32_t *code);

/* Appends a character; `code` is no surrogate and at most 0x10FFFF. */
void utf8_put(struct buf *out, uint32_t code);

#endif
