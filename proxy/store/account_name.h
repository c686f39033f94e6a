/*
 * An account key as the name of its directory (CASES I2): letters, digits and "@._-" stand for
 * themselves, but for "." at the front; all else is %XX. What would be longer than 200 octets is
 * cut, and "~" and the SHA-256 of the whole key stand behind it. "~" is escaped everywhere else, so
 * no two keys have the same name.
 */
#ifndef PROXY_STORE_ACCOUNT_NAME_H
#define PROXY_STORE_ACCOUNT_NAME_H

#include "translate/text/slice.h"

/* Owned, free() it; NULL when memory is out. The empty key is "~". */
char *account_name(struct slice key);

/* The key of a directory's name, owned; NULL when the name was cut, is none of ours, or memory is
 * out. */
char *account_name_key(const char *name);

#endif
