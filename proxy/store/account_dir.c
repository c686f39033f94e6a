#include "proxy/store/account_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/bodies_keys.h"
#include "proxy/store/disk.h"

void account_snapshot_name(char name[ACCOUNT_FILE_NAME], uint64_t generation)
{
    snprintf(name, ACCOUNT_FILE_NAME, "snapshot-%" PRIu64 ".json", generation);
}

void account_journal_name(char name[ACCOUNT_FILE_NAME], uint64_t generation)
{
    snprintf(name, ACCOUNT_FILE_NAME, "journal-%" PRIu64 ".jsonl", generation);
}

bool account_dir_failed(const struct account_dir *d, const char *doing, const char *name,
                        struct failure *why)
{
    int error = errno;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", d->path, name) < 0)
        path = NULL;
    disk_failure(why, error, doing, path ? path : d->path);
    free(path);
    return false;
}

/* One of our files, as its name tells. */
struct entry {
    bool journal;
    uint64_t generation;
};

/* Only names that we would write ourselves: "snapshot-01.json" is not one. */
static bool entry_parse(const char *name, struct entry *entry)
{
    char again[ACCOUNT_FILE_NAME];
    struct slice rest = slice_of(name);
    struct slice number = {NULL, 0};

    entry->journal = *name == 'j';
    slice_take(&rest, strlen(entry->journal ? "journal-" : "snapshot-"));
    while (number.n < rest.n && rest.p[number.n] >= '0' && rest.p[number.n] <= '9')
        number.n++;
    number.p = rest.p;
    if (!slice_number(number, INT64_MAX, &entry->generation))
        return false;
    (entry->journal ? account_journal_name : account_snapshot_name)(again, entry->generation);
    return strcmp(again, name) == 0;
}

typedef bool (*entry_visit)(struct account_dir *d, const struct entry *entry, void *context);

/* Calls `visit` for each of our files, until it says false. False with errno then, and when the
 * directory cannot be read. */
static bool each_entry(struct account_dir *d, entry_visit visit, void *context)
{
    int fd = disk_open_dir(d->fd, ".");
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct entry entry;
    bool went = true;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    errno = 0;
    for (struct dirent *e = readdir(dir); went && e; e = went ? readdir(dir) : NULL) {
        if (entry_parse(e->d_name, &entry))
            went = visit(d, &entry, context);
        if (went)
            errno = 0;
    }
    int error = errno;
    closedir(dir);
    errno = error;
    return went && error == 0;
}

/* What the names of all our files tell. */
struct survey {
    bool any, snapshots, journals;
    uint64_t oldest;            /* of either */
    uint64_t snapshot, journal; /* the newest of each; 0 where there is none */
};

static bool survey_entry(struct account_dir *d, const struct entry *entry, void *context)
{
    struct survey *s = context;
    uint64_t *newest = entry->journal ? &s->journal : &s->snapshot;

    (void)d;
    *(entry->journal ? &s->journals : &s->snapshots) = true;
    if (entry->generation > *newest)
        *newest = entry->generation;
    if (!s->any || entry->generation < s->oldest)
        s->oldest = entry->generation;
    s->any = true;
    return true;
}

bool account_dir_look(struct account_dir *d, struct failure *why)
{
    struct survey s = {0};

    if (d->fd >= 0 && !each_entry(d, survey_entry, &s)) {
        disk_failure(why, errno, "read", d->path);
        return false;
    }
    d->generation = s.snapshot;
    d->newest = s.journal > s.snapshot ? s.journal : s.snapshot;
    d->snapshot = s.snapshots;
    d->past = s.any && s.oldest < d->generation;
    d->journal_ahead = s.journal > d->generation;
    account_snapshot_name(d->snapshot_name, d->generation);
    account_journal_name(d->journal_name, d->generation);
    d->journal = s.journals && s.journal == d->generation;
    if (d->journal_ahead)
        d->journal = faccessat(d->fd, d->journal_name, F_OK, 0) == 0;
    return true;
}

bool account_dir_open(struct account_dir *d, const struct state_kind *kind,
                      const struct state_dir *state, const char *name, bool make,
                      struct failure *why)
{
    *d = (struct account_dir){.kind = kind, .state = state, .name = name, .fd = -1, .uncut = -1};
    if (asprintf(&d->path, "%s/accounts/%s", state->path, name) < 0) {
        d->path = NULL;
        disk_failure(why, ENOMEM, "open", state->path);
        return false;
    }
    if (make && !disk_make_dir(state->accounts, name))
        disk_failure(why, errno, "make", d->path);
    else if ((d->fd = disk_open_dir(state->accounts, name)) < 0 && (make || errno != ENOENT))
        disk_failure(why, errno, "open", d->path);
    else if (account_dir_look(d, why))
        return true;
    account_dir_close(d);
    return false;
}

void account_dir_close(struct account_dir *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
    free(d->path);
    d->path = NULL;
}

bool account_dir_sync(const struct account_dir *d, struct failure *why)
{
    if (fsync(d->fd) == 0 && fsync(d->state->accounts) == 0)
        return true;
    disk_failure(why, errno, "sync", d->path);
    return false;
}

static void entry_name(char name[ACCOUNT_FILE_NAME], const struct entry *entry)
{
    (entry->journal ? account_journal_name : account_snapshot_name)(name, entry->generation);
}

static bool unlink_past(struct account_dir *d, const struct entry *entry, void *context)
{
    char name[ACCOUNT_FILE_NAME];

    (void)context;
    entry_name(name, entry);
    return entry->generation >= d->generation || unlinkat(d->fd, name, 0) == 0;
}

bool account_dir_sweep(struct account_dir *d, struct failure *why)
{
    if (!d->past)
        return true;
    if (!account_dir_sync(d, why))
        return false;
    if (!each_entry(d, unlink_past, NULL)) {
        disk_failure(why, errno, "delete old files in", d->path);
        return false;
    }
    d->past = false;
    return true;
}

/* The directory to move into, opened; `*number` is its. Negative with errno. */
static int make_aside(struct account_dir *d, const char *what, unsigned *number)
{
    enum { ASIDE_MAX = 10000 };
    char name[ACCOUNT_FILE_NAME];

    for (*number = 1; *number <= ASIDE_MAX; (*number)++) {
        snprintf(name, sizeof name, "%s-%u", what, *number);
        if (mkdirat(d->fd, name, 0700) == 0)
            return disk_open_dir(d->fd, name);
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

struct aside {
    int fd;
    bool journals; /* whether it is their turn */
    struct entry next;
    bool found;
};

/* The newest of those whose turn it is. */
static bool find_next(struct account_dir *d, const struct entry *entry, void *context)
{
    struct aside *aside = context;

    (void)d;
    if (entry->journal == aside->journals &&
        (!aside->found || entry->generation > aside->next.generation)) {
        aside->next = *entry;
        aside->found = true;
    }
    return true;
}

static bool move_kind(struct account_dir *d, struct aside *aside)
{
    char name[ACCOUNT_FILE_NAME];

    for (;;) {
        aside->found = false;
        if (!each_entry(d, find_next, aside))
            return false;
        if (!aside->found)
            return true;
        entry_name(name, &aside->next);
        if (renameat(d->fd, name, aside->fd, name) != 0)
            return false;
    }
}

bool account_dir_set_aside(struct account_dir *d, unsigned *where, struct failure *why)
{
    struct aside aside = {.fd = make_aside(d, "damaged", where)};
    bool moved = aside.fd >= 0 && move_kind(d, &aside);

    aside.journals = true;
    moved = moved && move_kind(d, &aside) && fsync(aside.fd) == 0 && fsync(d->fd) == 0;
    int error = errno;
    if (aside.fd >= 0)
        close(aside.fd);
    if (!moved)
        disk_failure(why, error, "set aside the damaged files of", d->path);
    return moved;
}

/* ---- preserving ---- */

static bool link_entry(struct account_dir *d, const struct entry *entry, void *context)
{
    const int *aside = context;
    char name[ACCOUNT_FILE_NAME];

    entry_name(name, entry);
    return linkat(d->fd, name, *aside, name, 0) == 0;
}

bool account_dir_preserve(struct account_dir *d, unsigned *where, struct failure *why)
{
    int aside = make_aside(d, "replaced", where);
    bool linked = aside >= 0 && each_entry(d, link_entry, &aside) &&
                  bodies_keys_preserve(d->fd, aside) && fsync(aside) == 0 && fsync(d->fd) == 0;
    int error = errno;

    if (aside >= 0)
        close(aside);
    if (!linked)
        disk_failure(why, error, "keep the present files of", d->path);
    return linked;
}
