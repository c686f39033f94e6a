#include "translate/text/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One to three octets as four characters. */
static void put_group(char out[4], struct slice octets)
{
    unsigned char in[3] = {0};

    memcpy(in, octets.p, octets.n);
    out[0] = alphabet[in[0] >> 2];
    out[1] = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
    out[2] = octets.n > 1 ? alphabet[(in[1] & 15) << 2 | in[2] >> 6] : '=';
    out[3] = octets.n > 2 ? alphabet[in[2] & 63] : '=';
    explicit_bzero(in, sizeof in);
}

void base64_encode(struct buf *out, struct slice octets)
{
    while (octets.n) {
        char *p = buf_reserve(out, 4);
        if (!p)
            return;
        put_group(p, slice_take(&octets, 3));
        buf_added(out, 4);
    }
}

static int digit_value(char c)
{
    const char *p = c ? strchr(alphabet, c) : NULL;

    return p ? (int)(p - alphabet) : -1;
}

/* Up to four characters without padding; false when one is foreign, or when bits are left over that
 * are not zero (two spellings of the same octets, RFC 4648 section 3.5). */
static bool get_group(char out[3], struct slice digits)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < digits.n ? digit_value(digits.p[i]) : 0;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    out[0] = (char)(bits >> 16);
    out[1] = (char)(bits >> 8 & 0xff);
    out[2] = (char)(bits & 0xff);
    return digits.n == 4 || (digits.n == 3 && out[2] == 0) ||
           (digits.n == 2 && out[1] == 0 && out[2] == 0);
}

bool base64_decode(struct buf *out, struct slice text)
{
    if (text.n % 4 != 0)
        return false;
    if (text.n == 0)
        return true;
    size_t padding = text.p[text.n - 1] != '=' ? 0 : text.p[text.n - 2] != '=' ? 1 : 2;
    char *p = buf_reserve(out, text.n / 4 * 3);
    if (!p)
        return false;
    size_t size = text.n / 4 * 3 - padding;
    text.n -= padding;
    while (text.n) {
        if (!get_group(p, slice_take(&text, 4)))
            return false;
        p += 3;
    }
    buf_added(out, size);
    return true;
}
