/*
 * Any charset to UTF-8, in pieces, through GMime's filter over iconv. What cannot be converted
 * becomes '?'.
 *
 * GLib ends the process when memory is out, so this does, and mime_decoder and mime_words with it:
 * it is asked only for pieces of bounded size.
 */
#ifndef TRANSLATE_MIME_MIME_CHARSET_H
#define TRANSLATE_MIME_MIME_CHARSET_H

#include "translate/text/buf.h"

/* GMime's tables: once, before anything that converts or decodes, from one thread; and to give them
 * back at the end. */
void mime_setup(void);
void mime_teardown(void);

struct mime_charset; /* a conversion that is under way */

/* From a charset as mail names it. NULL when nobody knows it; then the text is best taken for
 * UTF-8. */
struct mime_charset *mime_charset_new(struct slice name);
void mime_charset_free(struct mime_charset *charset);

/* Appends the next octets to `out` as UTF-8. A character that is cut at their end waits for the
 * rest of it, unless this is the `last` of the text. */
void mime_charset_convert(struct mime_charset *charset, struct slice octets, bool last,
                          struct buf *out);

#endif
