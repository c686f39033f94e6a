/*
 * ENVELOPE, BODY and BODYSTRUCTURE as IMAP sends them (RFC 3501 section 7.4.2, RFC 9051 section
 * 7.5.2), from the structure of a message. Texts that are no plain ASCII are sent as they were
 * written, as literals; or in quotes when they are valid UTF-8 and `utf8` says that the client has
 * enabled it (RFC 6855 section 3, RFC 9051).
 */
#ifndef TRANSLATE_MIME_MIME_PUT_H
#define TRANSLATE_MIME_MIME_PUT_H

#include "translate/mime/mime_message.h"

/* An nstring: NIL when `text.p` is NULL. Line ends may be in it. */
void mime_put_nstring(struct buf *out, struct slice text, bool utf8);

/* The same of a field's value, unfolded: without its line ends, with a blank between lines. */
void mime_put_unfolded(struct buf *out, struct slice value, bool utf8);

/* The same of a text for people: each run of blanks and line ends becomes one blank, none at the
 * ends. */
void mime_put_text(struct buf *out, struct slice value, bool utf8);

/* The envelope of the message that is part `part`: 0, or the child of a message/rfc822. */
void mime_put_envelope(struct buf *out, const struct mime_message *message, uint32_t part,
                       bool utf8);

/* The structure of the whole message: BODYSTRUCTURE when `extended`, else BODY. */
void mime_put_body(struct buf *out, const struct mime_message *message, bool extended, bool utf8);

#endif
