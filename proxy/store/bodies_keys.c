#include "proxy/store/bodies_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/store/bodies_dir.h"
#include "proxy/store/disk.h"
#include "translate/text/array.h"

void bodies_keys_clear(struct bodies_keys *k)
{
    free(k->numbers);
    *k = (struct bodies_keys){0};
}

bool bodies_keys_add(struct bodies_keys *k, const char *key)
{
    uint64_t number;

    if (!bodies_key_number(key, &number))
        return true;
    uint64_t *numbers = array_grow(k->numbers, &k->capacity, k->count, sizeof *numbers);
    if (!numbers)
        return false;
    k->numbers = numbers;
    k->numbers[k->count++] = number;
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

void bodies_keys_sort(struct bodies_keys *k)
{
    if (k->count)
        qsort(k->numbers, k->count, sizeof *k->numbers, by_number);
}

bool bodies_keys_has(const struct bodies_keys *k, uint64_t number)
{
    return k->count && bsearch(&number, k->numbers, k->count, sizeof *k->numbers, by_number);
}

bool bodies_keys_list(int dir, struct bodies_keys *k)
{
    int fd = disk_open_dir(dir, ".");
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!entries) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (errno = 0; (entry = readdir(entries)) != NULL; errno = 0)
        if (!bodies_keys_add(k, entry->d_name)) {
            errno = ENOMEM;
            break;
        }
    int error = errno;
    closedir(entries);
    errno = error;
    bodies_keys_sort(k);
    return error == 0;
}

/* ---- what is done with each of them ---- */

typedef bool (*key_visit)(int dir, const char *name, uint64_t number, void *context);

static bool each_key(int dir, key_visit visit, void *context)
{
    struct bodies_keys found = {0};
    bool went = bodies_keys_list(dir, &found);
    char name[BODIES_NAME];

    for (size_t i = 0; went && i < found.count; i++) {
        bodies_key_name(name, found.numbers[i]);
        went = visit(dir, name, found.numbers[i], context);
    }
    int error = errno;
    bodies_keys_clear(&found);
    errno = error;
    return went;
}

struct sweeping {
    const struct bodies_keys *named;
    size_t swept;
};

static bool sweep_one(int dir, const char *name, uint64_t number, void *context)
{
    struct sweeping *s = context;

    if (bodies_keys_has(s->named, number))
        return true;
    s->swept++;
    return unlinkat(dir, name, 0) == 0;
}

bool bodies_keys_sweep(int dir, const struct bodies_keys *named, size_t *swept)
{
    struct sweeping s = {.named = named};
    bool done = each_key(dir, sweep_one, &s);

    *swept = s.swept;
    return done;
}

static bool link_one(int dir, const char *name, uint64_t number, void *context)
{
    const int *to = context;

    (void)number;
    return linkat(dir, name, *to, name, 0) == 0;
}

static bool move_one(int dir, const char *name, uint64_t number, void *context)
{
    const int *to = context;

    (void)number;
    return renameat(dir, name, *to, name) == 0;
}

/* Visits the account's bodies with the directory `aside`/bodies, which is made. */
static bool each_to(int bodies, int aside, key_visit visit)
{
    int to = disk_make_dir(aside, "bodies") ? disk_open_dir(aside, "bodies") : -1;
    bool done = to >= 0 && each_key(bodies, visit, &to) && fsync(to) == 0 && fsync(aside) == 0;
    int error = errno;

    if (to >= 0)
        close(to);
    errno = error;
    return done;
}

static void close_keeping_errno(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
}

bool bodies_keys_preserve(int account, int aside)
{
    int bodies = disk_open_dir(account, "bodies");

    if (bodies < 0)
        return errno == ENOENT;
    bool done = each_to(bodies, aside, link_one);
    close_keeping_errno(bodies);
    return done;
}

/* The directory to which the last state was moved that was lost, unless there are bodies in it
 * already; else a new one. Negative with errno. */
static int open_damaged(int account, unsigned *where)
{
    enum { ASIDE_MAX = 10000 };
    char name[32];
    char bodies[48];
    unsigned last = 0;

    do {
        snprintf(name, sizeof name, "damaged-%u", ++last);
    } while (last < ASIDE_MAX && faccessat(account, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    snprintf(bodies, sizeof bodies, "damaged-%u/bodies", last - 1);
    if (last > 1 && faccessat(account, bodies, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        last--;
    snprintf(name, sizeof name, "damaged-%u", last);
    *where = last;
    return disk_make_dir(account, name) ? disk_open_dir(account, name) : -1;
}

static bool set_aside_from(int account, int bodies, unsigned *where)
{
    int aside = open_damaged(account, where);
    bool done =
        aside >= 0 && each_to(bodies, aside, move_one) && fsync(bodies) == 0 && fsync(account) == 0;

    if (aside >= 0)
        close_keeping_errno(aside);
    return done;
}

bool bodies_keys_set_aside(int account, unsigned *where, size_t *moved)
{
    struct bodies_keys found = {0};
    int bodies = disk_open_dir(account, "bodies");

    *moved = 0;
    if (bodies < 0)
        return errno == ENOENT;
    bool done = bodies_keys_list(bodies, &found);
    if (done && found.count)
        done = set_aside_from(account, bodies, where);
    *moved = found.count;
    bodies_keys_clear(&found);
    close_keeping_errno(bodies);
    return done;
}
