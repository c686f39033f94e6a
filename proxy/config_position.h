/*
 * Where in a JSON text a value stands. jansson gives no lines for what it has read, so a fault
 * found afterwards ("/routes/0/pop3/deletion is no such word") is located with this index: one pass
 * over text that jansson has already accepted.
 */
#ifndef PROXY_CONFIG_POSITION_H
#define PROXY_CONFIG_POSITION_H

#include "translate/text/slice.h"

struct config_positions;

/* Indexes `text`, which must be JSON that jansson accepts. Nothing of `text` is kept. NULL when
 * memory is out. */
struct config_positions *config_positions_new(struct slice text);
void config_positions_free(struct config_positions *p);

/* The line, from 1, of the value with that JSON pointer (RFC 6901): of its key inside an object.
 * Where there is no such value, the line of the innermost one on the way that there is. */
unsigned config_positions_line(const struct config_positions *p, const char *pointer);

/* Calls `found` for each key that stands in its object already, with the second one's line. False
 * when memory is out. */
bool config_positions_duplicates(const struct config_positions *p,
                                 void (*found)(void *context, const char *pointer, unsigned line),
                                 void *context);

#endif
