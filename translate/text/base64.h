/*
 * Base64 (RFC 4648 section 4), strict: as SASL needs it.
 */
#ifndef TRANSLATE_TEXT_BASE64_H
#define TRANSLATE_TEXT_BASE64_H

#include "translate/text/buf.h"

void base64_encode(struct buf *out, struct slice octets);

/* False when the text is not canonical base64 with its padding; then nothing is appended. */
bool base64_decode(struct buf *out, struct slice text);

/* 0 to 63; -1: no character of base64. */
int base64_value(char c);

#endif
