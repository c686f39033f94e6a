#include "proxy/auth/held_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/disk.h"

enum { OCTETS = 32 };

static const char own_name[] = "held.key";

void held_key_wipe(struct held_key *k)
{
    OPENSSL_cleanse(k, sizeof *k);
}

char *held_key_path(const char *state_dir, const char *file)
{
    char *path;

    if (file)
        return strdup(file);
    return asprintf(&path, "%s/%s", state_dir, own_name) < 0 ? NULL : path;
}

static bool no_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory or randomness, try again later");
    return false;
}

static bool failed(struct failure *why, const char *doing, const char *path)
{
    disk_failure(why, errno, doing, path);
    return false;
}

/* ---- reading it -------------------------------------------------------------------------- */

static bool derive(const struct buf *octets, const char *what, unsigned char out[OCTETS])
{
    return HMAC(EVP_sha256(), buf_slice(octets).p, OCTETS, (const unsigned char *)what,
                strlen(what), out, NULL) != NULL;
}

/* A secret that is mounted is a symbolic link often: it is followed, other than what disk_open()
 * opens. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

static bool take(struct held_key *k, const struct buf *octets, const char *path,
                 struct failure *why)
{
    if (buf_size(octets) != OCTETS) {
        failure_set(why, FAILURE_PERMANENT,
                    "%s does not hold the %d octets of a key: restore it from a backup; without it "
                    "the passwords that it sealed are lost (mailferry passwd --revoke them)",
                    path, OCTETS);
        return false;
    }
    return (derive(octets, "mailferry held 1 seal", k->seal) &&
            derive(octets, "mailferry held 1 decoy", k->decoy)) ||
           no_memory(why);
}

bool held_key_read(struct held_key *k, const char *path, struct failure *why)
{
    struct buf octets = {.secret = true};
    int fd = open_file(path);

    if (fd < 0 && errno == ENOENT)
        failure_set(why, FAILURE_AUTH,
                    "there is no %s: restore it from a backup; \"mailferry passwd\" makes one with "
                    "the first --held",
                    path);
    else if (fd < 0)
        failed(why, "open", path);
    if (fd < 0)
        return false;
    /* One octet more than there should be, so that a longer file is told from a key. */
    bool read =
        disk_read_all(fd, OCTETS + 1, &octets) || errno == EFBIG || failed(why, "read", path);
    read = read && take(k, &octets, path, why);
    close(fd);
    buf_wipe(&octets);
    return read;
}

/* ---- making it --------------------------------------------------------------------------- */

static bool write_octets(int dir, const char *name)
{
    unsigned char octets[OCTETS];
    int fd = disk_open(dir, name, O_WRONLY | O_CREAT | O_TRUNC);
    bool written = fd >= 0 && RAND_priv_bytes(octets, OCTETS) == 1 &&
                   disk_write(fd, slice_make((const char *)octets, OCTETS)) && fsync(fd) == 0;
    int error = errno;

    OPENSSL_cleanse(octets, sizeof octets);
    if (fd >= 0)
        close(fd);
    errno = error;
    return written;
}

/* Under the lock: nobody else makes one. It has its name when it is whole. */
static bool make(int dir, const char *name, const char *path, struct failure *why)
{
    char *new;

    if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    if (asprintf(&new, ".%s.new", name) < 0)
        return no_memory(why);
    bool made = write_octets(dir, new) && renameat(dir, new, dir, name) == 0 && fsync(dir) == 0;
    if (!made) {
        failed(why, "write", path);
        unlinkat(dir, new, 0);
    }
    free(new);
    return made;
}

static bool make_under_lock(const char *path, struct failure *why)
{
    char *for_dir = strdup(path), *for_name = strdup(path);
    bool made = false;

    if (for_dir && for_name) {
        int dir = open(dirname(for_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0 && flock(dir, LOCK_EX) == 0)
            made = make(dir, basename(for_name), path, why);
        else
            failed(why, "write", path);
        if (dir >= 0)
            close(dir);
    } else {
        no_memory(why);
    }
    free(for_dir);
    free(for_name);
    return made;
}

bool held_key_make(struct held_key *k, const char *path, struct failure *why)
{
    if (held_key_read(k, path, why))
        return true;
    return why->kind == FAILURE_AUTH && make_under_lock(path, why) && held_key_read(k, path, why);
}
