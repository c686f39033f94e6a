/*
 * INTERNALDATE (RFC 3501 section 9, date-time) as a number. No time zone data and no clock is
 * needed: the text carries its own offset.
 */
#ifndef TRANSLATE_IMAP_IMAP_DATE_H
#define TRANSLATE_IMAP_IMAP_DATE_H

#include "translate/text/slice.h"

/* "17-Jul-1996 02:44:25 -0700", without its quotes, as seconds since 1970 in UTC. A day may have
 * one digit, with or without a space before it. False when it is no such date; then `*seconds` is
 * untouched. */
bool imap_date_parse(struct slice text, int64_t *seconds);

#endif
