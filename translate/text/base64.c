/* See base64.h. */
#include "translate/text/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One to three octets as four characters. */
static void encode_group(char out[4], const unsigned char *octets, size_t n)
{
    uint32_t bits = (uint32_t)octets[0] << 16;

    if (n > 1)
        bits |= (uint32_t)octets[1] << 8;
    if (n > 2)
        bits |= octets[2];
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = n > 1 ? alphabet[bits >> 6 & 63] : '=';
    out[3] = n > 2 ? alphabet[bits & 63] : '=';
}

void base64_encode(struct buf *out, struct slice octets)
{
    if (octets.n)
        buf_reserve(out, (octets.n + 2) / 3 * 4);
    while (octets.n) {
        struct slice group = slice_take(&octets, 3);
        char text[4];
        encode_group(text, (const unsigned char *)group.p, group.n);
        buf_put(out, slice_make(text, sizeof text));
    }
}

int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters as one to three octets; 0 when they are not canonical. */
static size_t decode_group(char out[3], const char text[4], bool last)
{
    size_t n = !last || text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
    uint32_t bits = 0;

    for (size_t i = 0; i < n + 1; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return 0;
        bits |= (uint32_t)value << (18 - 6 * i);
    }
    if ((bits & (0xffffffu >> (8 * n))) != 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(bits >> (16 - 8 * i) & 0xff);
    return n;
}

bool base64_decode(struct buf *out, struct slice text)
{
    size_t before = buf_size(out);

    if (text.n % 4 != 0)
        return false;
    if (text.n)
        buf_reserve(out, text.n / 4 * 3);
    while (text.n) {
        struct slice group = slice_take(&text, 4);
        char octets[3];
        size_t n = decode_group(octets, group.p, text.n == 0);
        if (n == 0) {
            buf_truncate(out, before);
            return false;
        }
        buf_put(out, slice_make(octets, n));
    }
    return true;
}
