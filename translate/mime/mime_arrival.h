/*
 * When a message arrived, as its header tells it: what INTERNALDATE is where the server that holds
 * the message says nothing of it (RFC 9051 section 2.3.3).
 */
#ifndef TRANSLATE_MIME_MIME_ARRIVAL_H
#define TRANSLATE_MIME_MIME_ARRIVAL_H

#include "translate/text/slice.h"

/* The date of the topmost Received field that has a readable one (RFC 5321 section 4.4: behind its
 * last ";"), else that of the Date field; seconds since 1970. False when there is none, or it is of
 * a year that INTERNALDATE cannot say; then `*seconds` is untouched. */
bool mime_arrival(struct slice header, int64_t *seconds);

#endif
