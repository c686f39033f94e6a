#include "proxy/store/account_stamp.h"

#include <fcntl.h>

/* Without a directory there is no file. */
static bool take(struct file_stamp *stamp, int dir, const char *name)
{
    *stamp = (struct file_stamp){.there = false};
    return dir < 0 || file_stamp_take(stamp, dir, name, AT_SYMLINK_NOFOLLOW);
}

bool account_stamp_take(struct account_stamp *stamp, const struct account_dir *d)
{
    stamp->generation = d->generation;
    return take(&stamp->snapshot, d->fd, d->snapshot_name) &&
           take(&stamp->journal, d->fd, d->journal_name);
}

bool account_stamp_equal(const struct account_stamp *a, const struct account_stamp *b)
{
    return a->generation == b->generation && file_stamp_equal(&a->snapshot, &b->snapshot) &&
           file_stamp_equal(&a->journal, &b->journal);
}
