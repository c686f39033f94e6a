#include "proxy/auth/vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "proxy/store/account_name.h"
#include "proxy/store/disk.h"
#include "translate/state/json_at.h"
#include "translate/text/base64.h"

enum { VERSION = 1, OCTETS_MAX = 1 << 20 };

static const char new_name[] = ".new"; /* no account's name begins so */

static bool failed(const struct vault_file *f, const char *doing, struct failure *why)
{
    disk_failure(why, errno, doing, f->path);
    return false;
}

void vault_file_close(struct vault_file *f)
{
    if (f->dir >= 0)
        close(f->dir);
    if (f->lock >= 0)
        close(f->lock);
    free(f->path);
    free(f->name);
    json_decref(f->document);
    *f = (struct vault_file){.dir = -1, .lock = -1};
}

/* ---- finding it -------------------------------------------------------------------------- */

/* Owned; NULL when memory is out. */
static char *name_of(struct slice login)
{
    char *account = account_name(login);
    char *name;

    if (!account || asprintf(&name, "%s.json", account) < 0)
        name = NULL;
    free(account);
    return name;
}

static bool set_names(struct vault_file *f, const char *state_dir, struct slice login,
                      struct failure *why)
{
    f->name = name_of(login);
    if (f->name && asprintf(&f->path, "%s/vault/%s", state_dir, f->name) >= 0)
        return true;
    f->path = NULL;
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return false;
}

static int open_all(const char *state_dir, bool make)
{
    int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = state >= 0 && (!make || disk_make_dir(state, "vault"));
    int all = good ? disk_open_dir(state, "vault") : -1;
    int error = errno;

    if (state >= 0)
        close(state);
    errno = error;
    return all;
}

int vault_file_open_all(const char *state_dir)
{
    return open_all(state_dir, false);
}

/* A directory that is not there is no failure, unless it is to be made. */
static bool open_dir(struct vault_file *f, const char *state_dir, bool make, struct failure *why)
{
    f->dir = open_all(state_dir, make);
    return f->dir >= 0 || (!make && errno == ENOENT) || failed(f, "open", why);
}

bool vault_file_stamp(int all, struct slice login, struct file_stamp *stamp)
{
    char *name = name_of(login);
    bool taken = name && file_stamp_take(stamp, all, name, AT_SYMLINK_NOFOLLOW);

    free(name);
    return taken;
}

static bool take_lock(struct vault_file *f, struct failure *why)
{
    f->lock = disk_open(f->dir, ".lock", O_RDWR | O_CREAT);
    while (f->lock >= 0 && flock(f->lock, LOCK_EX) != 0)
        if (errno != EINTR)
            return failed(f, "lock", why);
    return f->lock >= 0 || failed(f, "lock", why);
}

/* ---- what is in it ----------------------------------------------------------------------- */

static bool read_cost(struct vault_file *f, struct failure *why)
{
    struct json_at at = {
        .object = json_object_get(f->document, "kdf"), .pointer = "/kdf", .why = why};
    struct slice name, salt;
    struct buf octets = BUF_INIT;
    int64_t n, r, p;

    if (!json_is_object(at.object))
        return json_at_wrong(&(struct json_at){.object = f->document, .why = why}, "kdf",
                             "not an object");
    if (!json_at_text(&at, "name", &name) || !json_at_integer(&at, "n", 2, INT64_MAX, &n) ||
        !json_at_integer(&at, "r", 1, INT64_MAX, &r) ||
        !json_at_integer(&at, "p", 1, INT64_MAX, &p) || !json_at_text(&at, "salt", &salt))
        return false;
    f->cost = (struct seal_cost){.n = (uint64_t)n, .r = (uint64_t)r, .p = (uint64_t)p};
    if (!slice_is(name, "scrypt") || !seal_cost_is_sane(&f->cost))
        return json_at_wrong(&at, "n", "not a cost of scrypt that is known here");
    bool whole = base64_decode(&octets, salt) && buf_size(&octets) == SEAL_SALT;
    if (whole)
        memcpy(f->salt, buf_slice(&octets).p, SEAL_SALT);
    buf_clear(&octets);
    return whole || json_at_wrong(&at, "salt", "not 16 octets in base64");
}

static bool check(struct vault_file *f, struct slice login, struct failure *why)
{
    struct json_at at = {.object = f->document, .why = why};
    struct slice whose;
    int64_t version;

    if (!json_at_integer(&at, "version", 1, INT64_MAX, &version))
        return false;
    if (version > VERSION) {
        failure_set(why, FAILURE_PERMANENT, "version %lld was written by a newer mailferry",
                    (long long)version);
        return false;
    }
    if (!json_at_text(&at, "login", &whose))
        return false;
    if (!slice_equal(whose, login))
        return json_at_wrong(&at, "login", "this file is another user's");
    if (!json_is_array(json_object_get(f->document, "devices")))
        return json_at_wrong(&at, "devices", "not an array");
    return read_cost(f, why);
}

/* What is wrong with a file is said with its name; it stays as it is. */
static bool damaged(const struct vault_file *f, struct failure *why)
{
    struct failure inner = *why;

    if (inner.kind == FAILURE_PERMANENT)
        failure_set(why, FAILURE_PERMANENT,
                    "%s: %s; restore it from a backup, or make a new one with --replace", f->path,
                    inner.text);
    return false;
}

static bool read_document(struct vault_file *f, struct slice login, struct failure *why)
{
    struct buf text = BUF_INIT;

    if (!disk_read(f->dir, f->name, OCTETS_MAX, &text)) {
        buf_clear(&text);
        return errno == ENOENT || failed(f, "read", why);
    }
    f->document = json_at_parse(buf_slice(&text), why);
    buf_clear(&text);
    if (f->document && check(f, login, why))
        return true;
    json_decref(f->document);
    f->document = NULL;
    return damaged(f, why);
}

bool vault_file_open(struct vault_file *f, const char *state_dir, struct slice login,
                     enum vault_file_use use, struct failure *why)
{
    bool change = use != VAULT_FILE_READ;

    *f = (struct vault_file){.dir = -1, .lock = -1};
    if (set_names(f, state_dir, login, why) && open_dir(f, state_dir, change, why) &&
        (!change || take_lock(f, why)) &&
        (f->dir < 0 || use == VAULT_FILE_REPLACE || read_document(f, login, why)))
        return true;
    vault_file_close(f);
    return false;
}

/* ---- changing it ------------------------------------------------------------------------- */

static bool write_new(const struct vault_file *f, struct slice text)
{
    int fd = disk_open(f->dir, new_name, O_WRONLY | O_CREAT | O_TRUNC);

    if (fd < 0)
        return false;
    bool written = disk_write(fd, text) && fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return written;
}

bool vault_file_save(const struct vault_file *f, struct failure *why)
{
    char *text = json_dumps(f->document, JSON_INDENT(2));

    if (!text) {
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
        return false;
    }
    bool saved = write_new(f, slice_of(text)) && renameat(f->dir, new_name, f->dir, f->name) == 0 &&
                 fsync(f->dir) == 0;
    int error = errno;
    free(text);
    if (saved)
        return true;
    unlinkat(f->dir, new_name, 0);
    errno = error;
    return failed(f, "write", why);
}

bool vault_file_remove(const struct vault_file *f, struct failure *why)
{
    if (unlinkat(f->dir, f->name, 0) == 0 && fsync(f->dir) == 0)
        return true;
    return failed(f, "delete", why);
}
