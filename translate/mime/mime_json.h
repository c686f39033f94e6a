/*
 * A message's structure as JSON, so that a message that was parsed once need not be again:
 *
 *     {"size": 512, "parts": [
 *         {"kind": "multipart", "at": [0, 120, 512], "lines": 20, "fields": {
 *             "Subject": "Grüße", "To": ["a@example.com", "b@example.com"],
 *             "Content-Type": "multipart/mixed; boundary=x"}},
 *         {"in": 0, "kind": "text", "at": [125, 160, 200], "lines": 2}]}
 *
 * "at" is where the header begins, where the body begins and where it ends; "in" the part that a
 * part belongs to; kinds are text, multipart, digest (a multipart), message and other. A field's
 * value is as it was written, {"base64": "..."} when that is no UTF-8. "cut": true says that a
 * limit was met.
 */
#ifndef TRANSLATE_MIME_MIME_JSON_H
#define TRANSLATE_MIME_MIME_JSON_H

#include <jansson.h>

#include "translate/mime/mime_message.h"
#include "translate/text/failure.h"

/* Appends it as a text without blanks and line ends; `out` fails when memory is out. */
void mime_json_put(struct buf *out, const struct mime_message *message);

/* Owned by the caller. NULL with the reason when it is no structure that the parser could have
 * made: FAILURE_PERMANENT; FAILURE_TEMPORARY when memory is out. */
struct mime_message *mime_json_to(const json_t *json, struct failure *why);

#endif
