#include "proxy/store/bodies_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/disk.h"
#include "translate/text/array.h"

static const char *const suffixes[] = {
    [BODIES_HEAD] = "head",         [BODIES_MAIL] = "mail",           [BODIES_MIME] = "mime",
    [BODIES_HEADS] = "heads",       [BODIES_MAILS] = "mails",         [BODIES_MIMES] = "mimes",
    [BODIES_ENVELOPE] = "envelope", [BODIES_STRUCTURE] = "structure",
};

void bodies_name(char name[BODIES_NAME], uint32_t content, enum bodies_kind kind)
{
    snprintf(name, BODIES_NAME, "%" PRIu32 ".%s", content, suffixes[kind]);
}

void bodies_key_name(char name[BODIES_NAME], uint64_t number)
{
    snprintf(name, BODIES_NAME, "m-%" PRIu64, number);
}

void bodies_temporary_name(char name[BODIES_NAME], uint64_t number)
{
    snprintf(name, BODIES_NAME, "t-%" PRIu64, number);
}

/* What `name` says behind `prefix`, in canonical digits. */
static bool number_behind(const char *name, const char *prefix, uint64_t *number)
{
    size_t n = strlen(prefix);
    char again[BODIES_NAME];

    if (strncmp(name, prefix, n) != 0 || strlen(name) >= sizeof again)
        return false;
    *number = strtoull(name + n, NULL, 10);
    snprintf(again, sizeof again, "%s%" PRIu64, prefix, *number);
    return strcmp(name, again) == 0;
}

bool bodies_key_is_valid(const char *key)
{
    uint64_t ignored;

    return bodies_key_number(key, &ignored);
}

bool bodies_key_number(const char *key, uint64_t *number)
{
    return number_behind(key, "m-", number);
}

/* A directory in `parent`, which is made when `make`. */
static int open_below(int parent, const char *name, bool make)
{
    int fd = disk_open_dir(parent, name);

    if (fd < 0 && errno == ENOENT && make && disk_make_dir(parent, name))
        fd = disk_open_dir(parent, name);
    return fd;
}

static void close_keeping_errno(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
}

int bodies_dir_open(int accounts, const char *account, bool make)
{
    int above = open_below(accounts, account, make);

    if (above < 0)
        return -1;
    int fd = open_below(above, "bodies", make);
    close_keeping_errno(above);
    return fd;
}

bool bodies_dir_sync(int accounts, const char *account, int dir)
{
    int above = disk_open_dir(accounts, account);

    if (above < 0)
        return false;
    bool synced = fsync(dir) == 0 && fsync(above) == 0 && fsync(accounts) == 0;
    close_keeping_errno(above);
    return synced;
}

static bool is_cached(const char *name, struct bodies_found *found)
{
    char again[BODIES_NAME];

    found->content = (uint32_t)strtoul(name, NULL, 10);
    for (int kind = BODIES_HEAD; kind < BODIES_KINDS; kind++) {
        found->kind = (enum bodies_kind)kind;
        bodies_name(again, found->content, found->kind);
        if (strcmp(name, again) == 0)
            return true;
    }
    return false;
}

static bool scan_add(struct bodies_scan *scan, const struct bodies_found *found)
{
    struct bodies_found *files =
        array_grow(scan->files, &scan->capacity, scan->count, sizeof *files);

    if (!files)
        return false;
    scan->files = files;
    scan->files[scan->count++] = *found;
    return true;
}

static int64_t changed_at(const struct stat *st)
{
    return st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
}

static bool scan_cached(int dir, const char *name, bool clear, struct bodies_found *found,
                        struct bodies_scan *scan)
{
    struct stat st;

    if (clear || found->content == 0) /* an earlier version's pack */
        return unlinkat(dir, name, 0) == 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    found->size = (uint64_t)st.st_size;
    found->written = changed_at(&st);
    return scan_add(scan, found);
}

static bool scan_entry(int dir, const char *name, bool clear, struct bodies_scan *scan)
{
    struct bodies_found found = {0};
    uint64_t number;

    if (number_behind(name, "t-", &number))
        return unlinkat(dir, name, 0) == 0;
    if (number_behind(name, "m-", &number)) {
        if (number >= scan->key_next)
            scan->key_next = number + 1;
        return true;
    }
    return !is_cached(name, &found) || scan_cached(dir, name, clear, &found, scan);
}

static int by_age(const void *a, const void *b)
{
    const struct bodies_found *x = a;
    const struct bodies_found *y = b;

    return (x->written > y->written) - (x->written < y->written);
}

/* Takes `dir` over. NULL with errno. */
static DIR *open_entries(int dir)
{
    DIR *entries = fdopendir(dir);

    if (!entries)
        close_keeping_errno(dir);
    return entries;
}

static void close_entries(DIR *entries)
{
    int error = errno;

    closedir(entries);
    errno = error;
}

static bool scan_all(DIR *entries, bool clear, struct bodies_scan *scan)
{
    struct dirent *entry;

    for (errno = 0; (entry = readdir(entries)) != NULL; errno = 0)
        if (!scan_entry(dirfd(entries), entry->d_name, clear, scan))
            return false;
    return errno == 0;
}

bool bodies_dir_scan(int accounts, const char *account, bool clear, struct bodies_scan *scan)
{
    int dir = bodies_dir_open(accounts, account, false);

    *scan = (struct bodies_scan){.key_next = 1};
    if (dir < 0)
        return errno == ENOENT;
    DIR *entries = open_entries(dir);
    if (!entries)
        return false;
    bool done = scan_all(entries, clear, scan) && (!clear || fsync(dirfd(entries)) == 0);
    close_entries(entries);
    if (done && scan->count)
        qsort(scan->files, scan->count, sizeof *scan->files, by_age);
    return done;
}

/* What has gone meanwhile is nothing. */
static bool cache_entry(int dir, const char *name, bool clear, uint64_t *octets)
{
    struct bodies_found ignored;
    struct stat st;

    if (!is_cached(name, &ignored))
        return true;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    *octets += (uint64_t)st.st_size;
    return !clear || unlinkat(dir, name, 0) == 0 || errno == ENOENT;
}

bool bodies_dir_cache(int accounts, const char *account, bool clear, struct bodies_cache *cache)
{
    int dir = bodies_dir_open(accounts, account, false);
    struct dirent *entry;
    struct stat st;
    bool went = true;

    *cache = (struct bodies_cache){0};
    if (dir < 0)
        return errno == ENOENT;
    DIR *entries = open_entries(dir);
    if (!entries)
        return false;
    if (fstat(dir, &st) == 0)
        cache->changed = changed_at(&st);
    for (errno = 0; went && (entry = readdir(entries)) != NULL; errno = went ? 0 : errno)
        went = cache_entry(dir, entry->d_name, clear, &cache->octets);
    went = went && errno == 0;
    close_entries(entries);
    return went;
}
