#include "proxy/store/account_name.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/buf.h"

enum { NAME_LONGEST = 200, DIGEST = 32 };

static bool stands_for_itself(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("@._-", c));
}

static void put_escaped(struct buf *name, struct slice key)
{
    for (size_t i = 0; i < key.n && buf_size(name) <= NAME_LONGEST; i++)
        if (stands_for_itself(key.p[i]) && (i || key.p[i] != '.'))
            buf_putc(name, key.p[i]);
        else
            buf_printf(name, "%%%02X", (unsigned char)key.p[i]);
}

static void put_digest(struct buf *name, struct slice key)
{
    unsigned char digest[DIGEST];

    buf_truncate(name, NAME_LONGEST - 1 - 2 * DIGEST);
    if (!EVP_Digest(key.p, key.n, digest, NULL, EVP_sha256(), NULL))
        name->failed = true; /* libcrypto fails here only for want of memory */
    buf_putc(name, '~');
    for (size_t i = 0; i < DIGEST; i++)
        buf_printf(name, "%02x", digest[i]);
}

char *account_name(struct slice key)
{
    struct buf name = BUF_INIT;

    put_escaped(&name, key);
    if (key.n == 0)
        buf_putc(&name, '~');
    if (buf_size(&name) > NAME_LONGEST)
        put_digest(&name, key);
    char *text = buf_failed(&name) ? NULL : slice_dup(buf_slice(&name));
    buf_clear(&name);
    return text;
}
