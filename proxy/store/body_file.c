#include "proxy/store/body_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/disk.h"

enum { PIECE = 65536, DIGEST_OCTETS = 32 };

static void close_keeping_errno(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
}

bool body_file_size(int dir, const char *name, uint64_t *octets)
{
    int fd = disk_open(dir, name, O_RDONLY);
    struct stat st;

    if (fd < 0)
        return false;
    bool looked = fstat(fd, &st) == 0;
    close_keeping_errno(fd);
    *octets = looked ? (uint64_t)st.st_size : 0;
    return looked;
}

/* libcrypto fails only for want of memory. */
static bool no_memory(void)
{
    errno = ENOMEM;
    return false;
}

/* Takes the octets up to the end of `from` into the digest, and into `to` unless that is negative.
 */
static bool take_all(int from, int to, EVP_MD_CTX *digest, uint64_t *octets)
{
    char piece[PIECE];
    ssize_t n;

    *octets = 0;
    while ((n = read(from, piece, sizeof piece)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (!EVP_DigestUpdate(digest, piece, (size_t)n))
            return no_memory();
        if (to >= 0 && !disk_write(to, slice_make(piece, (size_t)n)))
            return false;
        *octets += (uint64_t)n;
    }
    return true;
}

static bool take_digest(EVP_MD_CTX *digest, struct body_file *is)
{
    unsigned char octets[DIGEST_OCTETS];

    if (!EVP_DigestFinal_ex(digest, octets, NULL))
        return no_memory();
    for (int i = 0; i < DIGEST_OCTETS; i++)
        snprintf(is->sha256 + 2 * i, 3, "%02x", octets[i]);
    return true;
}

static bool take_file(int from, int to, struct body_file *is)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool taken = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL);

    taken =
        taken ? take_all(from, to, digest, &is->octets) && take_digest(digest, is) : no_memory();
    EVP_MD_CTX_free(digest);
    return taken;
}

bool body_file_digest(int dir, const char *name, struct body_file *is)
{
    int fd = disk_open(dir, name, O_RDONLY);

    if (fd < 0)
        return false;
    bool taken = take_file(fd, -1, is);
    close_keeping_errno(fd);
    return taken;
}

bool body_file_copy(int dir, const char *name, int to_dir, const char *to, struct body_file *is)
{
    int from = disk_open(dir, name, O_RDONLY);

    if (from < 0)
        return false;
    int fd = disk_open(to_dir, to, O_WRONLY | O_CREAT | O_EXCL);
    bool copied = fd >= 0 && take_file(from, fd, is) && fsync(fd) == 0;
    close_keeping_errno(from);
    if (fd < 0)
        return false;
    close_keeping_errno(fd);
    if (!copied) {
        int error = errno;
        (void)unlinkat(to_dir, to, 0);
        errno = error;
    }
    return copied;
}
