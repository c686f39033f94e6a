/*
 * Parameters of Content-Type and Content-Disposition (RFC 2045 section 5.1), with those that RFC
 * 2231 cuts into pieces (name*0, name*1*) put together again: "name" when no piece is encoded,
 * "name*" when one is, its value still encoded, as BODYSTRUCTURE shows it.
 */
#ifndef TRANSLATE_MIME_MIME_PARAMS_H
#define TRANSLATE_MIME_MIME_PARAMS_H

#include "translate/mime/mime_lexer.h"

enum { MIME_PARAMS_MAX = 128 }; /* of one field, pieces counted; further ones are passed over */

struct mime_param {
    size_t name, name_n; /* places in `text` */
    size_t value, value_n;
};

struct mime_params {
    struct mime_param *list; /* owned */
    size_t count, cap;
    struct buf text;
    bool failed; /* memory was out */
};

/* All parameters from `lex` on, which is at the first ";" or what stands there instead; broken ones
 * are left out. Clear it with mime_params_clear(). */
void mime_params_read(struct mime_params *params, struct mime_lexer *lex);
void mime_params_clear(struct mime_params *params);

/* Valid until the parameters are cleared. */
struct slice mime_params_name(const struct mime_params *params, size_t index);
struct slice mime_params_value(const struct mime_params *params, size_t index);

/* The first value of that name, in any case of letters; `p` is NULL when there is none. */
struct slice mime_params_find(const struct mime_params *params, const char *name);

#endif
