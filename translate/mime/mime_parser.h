/*
 * Finds the parts of a message as its octets go by (RFC 2046 section 5.1), in one pass, holding no
 * more than the header field or the start of the line that it is at: it is fed while a message is
 * downloaded, or from a file in pieces of any size.
 *
 * Why not GMime's parser: it pulls its input, so it could not be fed from a connection without a
 * thread to wait in; where multiparts end, delimiters and lines would have to be found again in a
 * second pass; and of malformed messages it makes something else than Dovecot does. The rules here
 * are Dovecot's, so that one mailbox looks alike behind either: a delimiter is a line that begins
 * with a boundary; the innermost boundary wins unless an outer one matches more of the line; a
 * delimiter also ends a header; a message is MIME when it has MIME-Version or Content-Type.
 *
 * Lines end with LF; a CR before it is part of the line end. Every message has a structure, an
 * empty one too.
 */
#ifndef TRANSLATE_MIME_MIME_PARSER_H
#define TRANSLATE_MIME_MIME_PARSER_H

#include "translate/mime/mime_message.h"

struct mime_parser;

/* NULL when memory is out. */
struct mime_parser *mime_parser_new(void);
void mime_parser_free(struct mime_parser *parser);

/* The next octets of the message. */
void mime_parser_feed(struct mime_parser *parser, struct slice octets);

/* The message has ended: its structure, owned by the caller; NULL when memory was out. The parser
 * is then good for nothing but to be freed. Fed with a header only (TOP), it still gives the right
 * envelope, though not the sizes of what was not seen. */
struct mime_message *mime_parser_end(struct mime_parser *parser);

#endif
