/*
 * A durable body as a file by itself: measured, digested, copied. For commands that work on an
 * account at rest; all of this blocks.
 */
#ifndef PROXY_STORE_BODY_FILE_H
#define PROXY_STORE_BODY_FILE_H

#include <stdbool.h>
#include <stdint.h>

enum { BODY_DIGEST_HEX = 65 };

struct body_file {
    uint64_t octets;
    char sha256[BODY_DIGEST_HEX]; /* of all of them, in hex */
};

/* False with errno. */
bool body_file_size(int dir, const char *name, uint64_t *octets);
bool body_file_digest(int dir, const char *name, struct body_file *is);

/* Makes `to` in the directory `to_dir`, which must not be there, of the octets of `name`, and syncs
 * it. `is` is what was copied. False with errno; then `to` is not there. */
bool body_file_copy(int dir, const char *name, int to_dir, const char *to, struct body_file *is);

#endif
