#include "proxy/store/account_stamp.h"

#include <errno.h>
#include <fcntl.h>

static bool file_stamp_take(struct file_stamp *stamp, int dir, const char *name)
{
    struct stat st;

    *stamp = (struct file_stamp){.there = false};
    if (dir < 0)
        return true;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    *stamp = (struct file_stamp){
        .there = true,
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = st.st_size,
        .written = st.st_mtim,
        .changed = st.st_ctim,
    };
    return true;
}

bool account_stamp_take(struct account_stamp *stamp, const struct account_dir *d)
{
    stamp->generation = d->generation;
    return file_stamp_take(&stamp->snapshot, d->fd, d->snapshot_name) &&
           file_stamp_take(&stamp->journal, d->fd, d->journal_name);
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && time_equal(&a->written, &b->written) &&
           time_equal(&a->changed, &b->changed);
}

bool account_stamp_equal(const struct account_stamp *a, const struct account_stamp *b)
{
    return a->generation == b->generation && file_stamp_equal(&a->snapshot, &b->snapshot) &&
           file_stamp_equal(&a->journal, &b->journal);
}
