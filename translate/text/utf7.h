/*
 * Modified UTF-7, the spelling of mailbox names in IMAP4rev1 (RFC 3501 section 5.1.3).
 */
#ifndef TRANSLATE_TEXT_UTF7_H
#define TRANSLATE_TEXT_UTF7_H

#include "translate/text/buf.h"

/* Appends `utf8` in modified UTF-7. False when it is no valid UTF-8; then nothing is appended. */
bool utf7_encode(struct buf *out, struct slice utf8);

/* Appends modified UTF-7 as UTF-8. False when it is malformed (bad base64, unpaired surrogates,
 * superfluous shifts, 8-bit octets); then nothing is appended. */
bool utf7_decode(struct buf *out, struct slice utf7);

#endif
