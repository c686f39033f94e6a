#include "proxy/store/account_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/account_state.h"
#include "proxy/store/disk.h"
#include "translate/state/journal.h"

enum { HEAD_MAX = 128, FOLD_MIN = 64 * 1024 };

#define TEMPORARY_NAME "snapshot.tmp"

/* pread() of all `n` octets. */
static bool read_at(int fd, char *p, size_t n, off_t at)
{
    while (n) {
        ssize_t got = pread(fd, p, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : EIO;
            return false;
        }
        p += got;
        n -= (size_t)got;
        at += got;
    }
    return true;
}

/* How long the file is up to its last LF. */
static bool whole_lines(int fd, off_t *length)
{
    enum { STEP = 4096 };
    char chunk[STEP];
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    *length = st.st_size;
    while (*length > 0) {
        size_t n = *length < STEP ? (size_t)*length : STEP;
        if (!read_at(fd, chunk, n, *length - (off_t)n))
            return false;
        const char *end = memrchr(chunk, '\n', n);
        if (end) {
            *length -= chunk + n - (end + 1);
            return true;
        }
        *length -= (off_t)n;
    }
    return true;
}

/* That the journal is of this generation and version, before anything is put behind. */
static bool head_fits(const struct account_dir *d, int fd, off_t length, struct failure *why)
{
    char head[HEAD_MAX];
    size_t n = length < HEAD_MAX ? (size_t)length : HEAD_MAX;
    struct journal_replay done = {.generation = d->generation};
    struct failure wrong = {.kind = FAILURE_NONE};

    if (!read_at(fd, head, n, 0))
        return account_dir_failed(d, "read", d->journal_name, why);
    const char *end = memchr(head, '\n', n);
    if (journal_head(d->kind, slice_make(head, end ? (size_t)(end - head) : n), &done, &wrong))
        return true;
    failure_set(why, wrong.kind, "%s: %s", d->journal_name, wrong.text);
    return false;
}

/* Takes a torn line off, and makes sure that the rest is one of ours. */
static bool prepare(const struct account_dir *d, int fd, off_t *length, struct failure *why)
{
    struct stat st;

    if (!whole_lines(fd, length) || fstat(fd, &st) != 0)
        return account_dir_failed(d, "read", d->journal_name, why);
    if (st.st_size > *length && ftruncate(fd, *length) != 0)
        return account_dir_failed(d, "cut a torn line off", d->journal_name, why);
    return *length == 0 || head_fits(d, fd, *length, why);
}

/* An empty journal gets its first line, and its name is put on the disk before it counts. */
static bool write_lines(struct account_dir *d, int fd, off_t length, struct slice lines,
                        struct failure *why)
{
    struct buf head = BUF_INIT;

    if (length == 0)
        journal_begin(&head, d->kind, d->generation);
    bool written = !buf_failed(&head) && disk_write(fd, buf_slice(&head)) && disk_write(fd, lines);
    if (buf_failed(&head))
        errno = ENOMEM;
    buf_clear(&head);
    if (!written || fdatasync(fd) != 0)
        return account_dir_failed(d, "append to", d->journal_name, why);
    return length > 0 || account_dir_sync(d, why);
}

static bool append(struct account_dir *d, int fd, struct slice lines, struct failure *why)
{
    off_t length = 0;

    if (!prepare(d, fd, &length, why))
        return false;
    if ((uint64_t)length + HEAD_MAX + lines.n > ACCOUNT_FILE_MAX) {
        errno = EFBIG;
        return account_dir_failed(d, "append to", d->journal_name, why);
    }
    if (write_lines(d, fd, length, lines, why))
        return true;
    if (ftruncate(fd, length) == 0)
        return false;
    d->uncut = length;
    struct failure first = *why;
    failure_set(why, first.kind, "%.180s (and not cut off yet)", first.text);
    return false;
}

bool account_journal_append(struct account_dir *d, struct slice lines, struct failure *why)
{
    if (d->journal_ahead) {
        failure_set(why, FAILURE_TEMPORARY, "%s: there is a journal whose snapshot is missing",
                    d->path);
        return false;
    }
    int fd = disk_open(d->fd, d->journal_name, O_RDWR | O_APPEND | O_CREAT);
    if (fd < 0)
        return account_dir_failed(d, "open", d->journal_name, why);
    bool appended = append(d, fd, lines, why);
    close(fd);
    d->journal = true;
    return appended;
}

/* It is never made longer, whoever has made it shorter. */
static bool cut(int fd, off_t length)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_size <= length || ftruncate(fd, length) == 0);
}

bool account_journal_cut(struct account_dir *d, struct failure *why)
{
    int fd = disk_open(d->fd, d->journal_name, O_RDWR);
    bool done = fd >= 0 ? cut(fd, d->uncut) : d->fd < 0 || errno == ENOENT;

    if (!done)
        account_dir_failed(d, "cut what was not synced off", d->journal_name, why);
    else
        d->uncut = -1;
    if (fd >= 0)
        close(fd);
    return done;
}

bool account_journal_is_long(const struct account_dir *d)
{
    struct stat journal;
    struct stat snapshot = {.st_size = 0};

    if (fstatat(d->fd, d->journal_name, &journal, AT_SYMLINK_NOFOLLOW) != 0 ||
        journal.st_size <= FOLD_MIN)
        return false;
    if (d->snapshot && fstatat(d->fd, d->snapshot_name, &snapshot, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    return journal.st_size > snapshot.st_size;
}

static int put_octets(const char *p, size_t n, void *out)
{
    buf_put(out, slice_make(p, n));
    return buf_failed(out) ? -1 : 0;
}

/* The state as the text of the snapshot of the next generation. */
static bool snapshot_text(const struct account_dir *d, const void *state, struct buf *text)
{
    json_t *json = d->kind->to_json(state);
    bool made =
        json &&
        json_object_set_new(json, "generation", json_integer((json_int_t)d->newest + 1)) == 0 &&
        json_dump_callback(json, put_octets, text, JSON_COMPACT) == 0;

    json_decref(json);
    buf_putc(text, '\n');
    errno = buf_size(text) > ACCOUNT_FILE_MAX ? EFBIG : ENOMEM;
    return made && !buf_failed(text) && buf_size(text) <= ACCOUNT_FILE_MAX;
}

static bool write_temporary(const struct account_dir *d, struct slice text, struct failure *why)
{
    int fd = disk_open(d->fd, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_TRUNC);
    bool written = fd >= 0 && disk_write(fd, text) && fsync(fd) == 0;

    if (!written)
        account_dir_failed(d, "write", TEMPORARY_NAME, why);
    if (fd >= 0)
        close(fd);
    return written;
}

static bool replace_snapshot(struct account_dir *d, struct slice text, struct failure *why)
{
    char name[ACCOUNT_FILE_NAME];

    account_snapshot_name(name, d->newest + 1);
    if (!write_temporary(d, text, why)) {
        (void)unlinkat(d->fd, TEMPORARY_NAME, 0); /* it would be overwritten anyway */
        return false;
    }
    if (renameat(d->fd, TEMPORARY_NAME, d->fd, name) != 0) {
        account_dir_failed(d, "make", name, why);
        (void)unlinkat(d->fd, TEMPORARY_NAME, 0);
        return false;
    }
    return account_dir_look(d, why) && account_dir_sweep(d, why);
}

bool account_journal_replace(struct account_dir *d, const void *state, struct failure *why)
{
    struct buf text = BUF_INIT;
    bool replaced = false;

    if (snapshot_text(d, state, &text))
        replaced = replace_snapshot(d, buf_slice(&text), why);
    else
        account_dir_failed(d, "make", "the next snapshot", why);
    buf_clear(&text);
    return replaced;
}

bool account_journal_fold(struct account_dir *d, struct failure *why)
{
    void *state = NULL;

    if (account_state_read(d, &state, why) != ACCOUNT_READ)
        return false;
    bool folded = account_journal_replace(d, state, why);
    d->kind->free(state);
    return folded;
}
