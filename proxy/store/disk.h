/*
 * Reading and writing whole small files, relative to an open directory, without ever following a
 * symbolic link; and errno as a sentence that says what to do about it.
 */
#ifndef PROXY_STORE_DISK_H
#define PROXY_STORE_DISK_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

/* The sentence "cannot DOING PATH: error; remedy". The kind is FAILURE_FULL where there
 * is no room, else FAILURE_TEMPORARY: all of these can be mended while the process runs. */
void disk_failure(struct failure *why, int error, const char *doing, const char *path);

/* Opens a regular file, without waiting for the other end of a FIFO; `flags` as for openat(), new
 * files get mode 0600. Negative with errno on failure, EINVAL when it is no regular file. */
int disk_open(int dir, const char *name, int flags);

/* Opens a directory that is no symbolic link. Negative with errno on failure. */
int disk_open_dir(int dir, const char *name);

/* Makes a directory (0700), unless it is there. False with errno. */
bool disk_make_dir(int dir, const char *name);

/* Appends the file's octets. False with errno: EFBIG when it has more than `max`, ENOMEM when
 * memory is out. */
bool disk_read(int dir, const char *name, size_t max, struct buf *out);

/* The same of what is open. */
bool disk_read_all(int fd, size_t max, struct buf *out);

/* Writes all of it at the file's position. False with errno; a part may have been written. */
bool disk_write(int fd, struct slice text);

#endif
