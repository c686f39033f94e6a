#include "proxy/store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

static const char *remedy(int error)
{
    switch (error) {
    case ENOSPC:
        return "free some space on that device";
    case EDQUOT:
        return "raise the quota, or free some space";
    case EFBIG:
        return "raise the limit of file sizes (ulimit -f)";
    case EROFS:
        return "mount it writable, or choose another --state-dir";
    case EACCES:
    case EPERM:
        return "make this process's user its owner (chown -R)";
    case EIO:
        return "look for errors of the device in the kernel's log";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files (ulimit -n)";
    case ELOOP:
        return "take the symbolic link away";
    case ENOENT:
        return "see whether that is the right path";
    case ENOTDIR:
    case EISDIR:
    case EINVAL:
        return "take away what stands there";
    case ENOMEM:
        return "give this process more memory";
    default:
        return "see to it, then try again";
    }
}

void disk_failure(struct failure *why, int error, const char *doing, const char *path)
{
    char text[80];

    uv_strerror_r(uv_translate_sys_error(error), text, sizeof text);
    bool full = error == ENOSPC || error == EDQUOT;
    failure_set(why, full ? FAILURE_FULL : FAILURE_TEMPORARY, "cannot %s %s: %s; %s", doing, path,
                text, remedy(error));
}

int disk_open(int dir, const char *name, int flags)
{
    int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    struct stat st;

    if (fd < 0)
        return -1;
    int error = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

int disk_open_dir(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool disk_make_dir(int dir, const char *name)
{
    return mkdirat(dir, name, 0700) == 0 || errno == EEXIST;
}

bool disk_read_all(int fd, size_t max, struct buf *out)
{
    enum { STEP = 65536 };
    size_t before = buf_size(out);

    for (;;) {
        char *p = buf_reserve(out, STEP);
        if (!p) {
            errno = ENOMEM;
            return false;
        }
        ssize_t n = read(fd, p, STEP);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        buf_added(out, (size_t)n);
        if (buf_size(out) - before > max) {
            errno = EFBIG;
            return false;
        }
    }
}

bool disk_read(int dir, const char *name, size_t max, struct buf *out)
{
    int fd = disk_open(dir, name, O_RDONLY);

    if (fd < 0)
        return false;
    bool read = disk_read_all(fd, max, out);
    int error = errno;
    close(fd);
    errno = error;
    return read;
}

bool disk_write(int fd, struct slice text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        slice_take(&text, (size_t)n);
    }
    return true;
}
