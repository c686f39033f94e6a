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

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

static void put_unescaped(struct buf *key, const char *name)
{
    while (*name) {
        int high = *name == '%' ? hex_digit(name[1]) : -1;
        int low = high >= 0 ? hex_digit(name[2]) : -1;
        buf_putc(key, low >= 0 ? (char)(16 * high + low) : *name);
        name += low >= 0 ? 3 : 1;
    }
}

char *account_name_key(const char *name)
{
    struct buf key = BUF_INIT;

    if (strcmp(name, "~") != 0)
        put_unescaped(&key, name);
    char *text = buf_failed(&key) ? NULL : slice_dup(buf_slice(&key));
    buf_clear(&key);
    /* Only what account_name() would call so: that a name was cut shows there too. */
    char *again = text ? account_name(slice_of(text)) : NULL;
    if (!again || strcmp(again, name) != 0) {
        free(text);
        text = NULL;
    }
    free(again);
    return text;
}
