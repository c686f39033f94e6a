/*
 * By what one sees whether an account's files are still those that were read: somebody may have
 * restored, edited or removed them meanwhile.
 */
#ifndef PROXY_STORE_ACCOUNT_STAMP_H
#define PROXY_STORE_ACCOUNT_STAMP_H

#include "proxy/store/account_dir.h"
#include "proxy/store/file_stamp.h"

struct account_stamp {
    uint64_t generation;
    struct file_stamp snapshot, journal;
};

/* Of the files of the generation that account_dir_look() has found. False, with errno, when they
 * cannot be looked at. */
bool account_stamp_take(struct account_stamp *stamp, const struct account_dir *d);

bool account_stamp_equal(const struct account_stamp *a, const struct account_stamp *b);

#endif
