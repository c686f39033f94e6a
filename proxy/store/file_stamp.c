#include "proxy/store/file_stamp.h"

#include <errno.h>
#include <fcntl.h>

bool file_stamp_take(struct file_stamp *stamp, int dir, const char *name, int flags)
{
    struct stat st;

    *stamp = (struct file_stamp){.there = false};
    if (fstatat(dir, name, &st, flags) != 0)
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

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && time_equal(&a->written, &b->written) &&
           time_equal(&a->changed, &b->changed);
}
