/*
 * APOP's digest (RFC 1939 section 7), for both sides.
 */
#ifndef TRANSLATE_POP3_POP3_APOP_H
#define TRANSLATE_POP3_POP3_APOP_H

#include "translate/text/slice.h"

enum { POP3_APOP_DIGEST = 32 };

/* MD5 of the timestamp, with its brackets, and the password, in hex with a NUL. False when there is
 * no MD5 here, as under FIPS 140, or no memory. */
bool pop3_apop_digest(struct slice timestamp, struct slice password,
                      char digest[POP3_APOP_DIGEST + 1]);

#endif
