/*
 * The content of a part as it was before it was encoded for transport (RFC 2045 section 6), in
 * pieces: octets for BINARY (RFC 3516), or UTF-8 for SEARCH BODY and TEXT.
 *
 *     decoder = mime_decoder_new(encoding, charset);
 *     mime_decoder_feed(decoder, piece, &out);   as often as there are pieces; take `out` in
 * between mime_decoder_end(decoder, &out);
 */
#ifndef TRANSLATE_MIME_MIME_DECODER_H
#define TRANSLATE_MIME_MIME_DECODER_H

#include "translate/mime/mime_message.h"

enum mime_transfer {
    MIME_TRANSFER_PLAIN, /* 7bit, 8bit, binary, or nothing said */
    MIME_TRANSFER_BASE64,
    MIME_TRANSFER_QUOTED_PRINTABLE,
    MIME_TRANSFER_UNKNOWN, /* FETCH BINARY answers NO [UNKNOWN-CTE] */
};

/* How a part's body is encoded. A multipart or message cannot be, whatever it says. */
enum mime_transfer mime_transfer_of(const struct mime_message *message, uint32_t part);

/* Appends the charset a text part names; nothing when it names none. */
void mime_charset_of(const struct mime_message *message, uint32_t part, struct buf *name);

struct mime_decoder;

/* MIME_TRANSFER_UNKNOWN is passed through. A `charset` whose `p` is not NULL is converted to UTF-8,
 * as far as it is known. NULL when memory is out. */
struct mime_decoder *mime_decoder_new(enum mime_transfer transfer, struct slice charset);
void mime_decoder_free(struct mime_decoder *decoder);

/* Appends what the next octets give: never more than a few times their number. What is no base64 is
 * passed over; a malformed "=" of quoted-printable stays. */
void mime_decoder_feed(struct mime_decoder *decoder, struct slice octets, struct buf *out);
void mime_decoder_end(struct mime_decoder *decoder, struct buf *out);

#endif
