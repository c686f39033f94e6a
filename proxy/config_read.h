/*
 * Turns JSON into `struct config` along the table of keys. What is read is typed, in range and
 * complete; whether it makes sense as a whole is config_check's question.
 */
#ifndef PROXY_CONFIG_READ_H
#define PROXY_CONFIG_READ_H

#include <jansson.h>

#include "proxy/config.h"
#include "proxy/config_fault.h"

/* Fills `*c`, which is all zeros, and adds a fault for each key that is unknown, missing or wrong.
 * What could be read stands in `*c` even then; config_free() frees it. Borrows `root`. */
void config_read(struct config *c, json_t *root, struct config_faults *faults);

#endif
