/*
 * The structured Content-* fields (RFC 2045, RFC 2183, RFC 3282), each read from the field's value
 * as it was kept. What Dovecot makes of malformed ones is made of them here.
 */
#ifndef TRANSLATE_MIME_MIME_TYPE_H
#define TRANSLATE_MIME_MIME_TYPE_H

#include "translate/mime/mime_params.h"

/* Clear it with mime_type_clear(). */
struct mime_type {
    struct buf type;    /* "text", in the case it was written; empty when there is no telling */
    struct buf subtype; /* "plain" */
    struct mime_params params;
    bool valid; /* what came before the parameters was well formed */
    bool failed;
};

void mime_type_parse(struct mime_type *type, struct slice value);
void mime_type_clear(struct mime_type *type);

/* "attachment" into `kind`, and its parameters, to be cleared by the caller also when false: no
 * disposition can be read. */
bool mime_disposition_parse(struct slice value, struct buf *kind, struct mime_params *params);

/* Appends a Content-Transfer-Encoding. False, and nothing appended, when it is no single token. */
bool mime_encoding_parse(struct slice value, struct buf *out);

/* Calls `fn` for each tag of a Content-Language; returns how many there were. */
typedef void mime_language_fn(void *context, struct slice tag);
size_t mime_languages_each(struct slice value, mime_language_fn *fn, void *context);

#endif
