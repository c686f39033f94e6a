/*
 * Octets through one of GMime's filters, into a buffer: for mime_charset and mime_decoder only.
 */
#ifndef TRANSLATE_MIME_MIME_FILTER_H
#define TRANSLATE_MIME_MIME_FILTER_H

#include <gmime/gmime.h>

#include "translate/text/buf.h"

/* `last`: what the filter still holds comes out, and it is as new. */
void mime_filter_run(GMimeFilter *filter, struct slice octets, bool last, struct buf *out);

#endif
