/*
 * By what one sees whether a file, or a directory, is still what it was when it was looked at last:
 * somebody may have changed, replaced or removed it meanwhile. Two changes within one tick of the
 * file system's clock look like one.
 */
#ifndef PROXY_STORE_FILE_STAMP_H
#define PROXY_STORE_FILE_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

struct file_stamp {
    bool there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed; /* contents; contents, name or rights */
};

/* `flags` as for fstatat(). A file that is not there has a stamp too. False, with errno, when it
 * cannot be looked at; then the stamp is that of one that is not there. */
bool file_stamp_take(struct file_stamp *stamp, int dir, const char *name, int flags);

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

#endif
