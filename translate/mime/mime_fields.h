/*
 * The fields of a header, one after the other, as they stand in it (RFC 5322 section 2.2).
 */
#ifndef TRANSLATE_MIME_MIME_FIELDS_H
#define TRANSLATE_MIME_MIME_FIELDS_H

#include "translate/text/slice.h"

/* Takes the next field off the header, with its continuation lines: its name, and its value without
 * the blanks around it, still folded. Lines that begin no field are passed over. False at the end.
 */
bool mime_fields_next(struct slice *header, struct slice *name, struct slice *value);

#endif
