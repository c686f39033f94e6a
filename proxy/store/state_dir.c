#include "proxy/store/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/disk.h"

/* The directory that holds `path`'s last component, on the disk too. */
static bool sync_parent(char *path)
{
    char *slash = strrchr(path, '/');
    char kept = slash ? slash[1] : '\0';

    if (slash)
        slash[1] = '\0';
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (slash)
        slash[1] = kept;
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return synced;
}

static bool make_one(char *path)
{
    if (mkdir(path, 0700) == 0)
        return sync_parent(path);
    return errno == EEXIST;
}

/* As mkdir -p. What exists already is not asked whether it could be made. */
static bool make_all(char *path)
{
    struct stat st;

    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        bool there = stat(path, &st) == 0 || make_one(path);
        *p = '/';
        if (!there)
            return false;
    }
    return make_one(path);
}

static int open_or_make(char *path)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    int fd = open(path, FLAGS);

    if (fd < 0 && errno == ENOENT && *path && make_all(path))
        fd = open(path, FLAGS);
    return fd;
}

/* Root's directories are taken by others too, when they may write there: volumes of containers are
 * root's and writable by a group. Another user's are not, whoever we are: files of ours in there
 * would lock the owner out. */
static bool owner_fits(const struct state_dir *d, struct failure *why)
{
    struct stat st;

    if (fstat(d->fd, &st) != 0) {
        disk_failure(why, errno, "look at", d->path);
        return false;
    }
    if (st.st_uid == geteuid() || st.st_uid == 0)
        return true;
    failure_set(why, FAILURE_PERMANENT,
                "%s is owned by uid %u but this process is uid %u; run it as that user, "
                "or chown -R the directory",
                d->path, (unsigned)st.st_uid, (unsigned)geteuid());
    return false;
}

static void say_holder(const struct state_dir *d, struct failure *why)
{
    struct buf text = BUF_INIT;
    const char *holder = "another process";

    if (disk_read(d->fd, "lock", 256, &text) && buf_size(&text)) {
        buf_putc(&text, '\0');
        holder = buf_failed(&text) ? holder : buf_slice(&text).p;
    }
    failure_set(why, FAILURE_PERMANENT,
                "%s is in use by %.120s; stop that one, or choose another --state-dir", d->path,
                holder);
    buf_clear(&text);
}

/* A courtesy to whoever finds the directory locked; a full disk need not stop the process. */
static bool write_holder(int lock)
{
    char host[65] = "";
    char text[128];

    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "process %ld on host %s", (long)getpid(), host);
    return (ftruncate(lock, 0) == 0 && disk_write(lock, slice_make(text, (size_t)n))) ||
           errno == ENOSPC || errno == EDQUOT;
}

static bool take_lock(struct state_dir *d, struct failure *why)
{
    d->lock = disk_open(d->fd, "lock", O_RDWR | O_CREAT);
    if (d->lock < 0) {
        disk_failure(why, errno, "write to", d->path);
        return false;
    }
    if (flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            say_holder(d, why);
        else
            disk_failure(why, errno, "lock", d->path);
        return false;
    }
    if (write_holder(d->lock))
        return true;
    disk_failure(why, errno, "write to", d->path);
    return false;
}

static bool open_accounts(struct state_dir *d, struct failure *why)
{
    if (disk_make_dir(d->fd, "accounts"))
        d->accounts = disk_open_dir(d->fd, "accounts");
    if (d->accounts >= 0 && fsync(d->fd) == 0 &&
        faccessat(d->accounts, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    char *path = NULL;
    int error = errno;
    if (asprintf(&path, "%s/accounts", d->path) < 0)
        path = NULL;
    disk_failure(why, error, "write to", path ? path : d->path);
    free(path);
    return false;
}

bool state_dir_open(struct state_dir *d, const char *path, struct failure *why)
{
    *d = (struct state_dir){.path = strdup(path), .fd = -1, .accounts = -1, .lock = -1};
    if (!d->path)
        disk_failure(why, ENOMEM, "open", path);
    else if ((d->fd = open_or_make(d->path)) < 0)
        disk_failure(why, errno, "open or make", path);
    else if (owner_fits(d, why) && take_lock(d, why) && open_accounts(d, why))
        return true;
    why->kind = FAILURE_PERMANENT;
    state_dir_close(d);
    return false;
}

bool state_dir_look(struct state_dir *d, const char *path, struct failure *why)
{
    *d = (struct state_dir){.path = strdup(path), .fd = -1, .accounts = -1, .lock = -1};
    if (!d->path)
        disk_failure(why, ENOMEM, "open", path);
    else if ((d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        disk_failure(why, errno, "open", path);
    else if ((d->accounts = disk_open_dir(d->fd, "accounts")) >= 0)
        return true;
    else if (errno == ENOENT)
        failure_set(why, FAILURE_PERMANENT,
                    "%s is no state directory, or no account was ever kept in it", path);
    else
        disk_failure(why, errno, "open the accounts in", path);
    why->kind = FAILURE_PERMANENT;
    state_dir_close(d);
    return false;
}

void state_dir_close(struct state_dir *d)
{
    int fds[] = {d->accounts, d->fd, d->lock};

    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(d->path);
    *d = (struct state_dir){.fd = -1, .accounts = -1, .lock = -1};
}

bool state_dir_make(const char *path, struct failure *why)
{
    struct state_dir d = {.path = strdup(path), .fd = -1, .accounts = -1, .lock = -1};
    bool fits = false;

    if (d.path)
        d.fd = open_or_make(d.path);
    else
        errno = ENOMEM;
    if (d.fd < 0)
        disk_failure(why, errno, "open", path);
    else
        fits = owner_fits(&d, why);
    state_dir_close(&d);
    return fits;
}
