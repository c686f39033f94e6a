/* See utf8.h. */
#include "translate/text/utf8.h"

/* Octets that a character beginning with `c` has, 0 when none begins with it. */
static size_t length_by_lead(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c < 0xc2)
        return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

size_t utf8_length(struct slice s)
{
    unsigned char c = s.n ? (unsigned char)s.p[0] : 0;
    size_t n = s.n ? length_by_lead(c) : 0;

    if (n == 0 || n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 0;
    if (n < 3)
        return n;
    unsigned char second = (unsigned char)s.p[1];
    bool overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
    bool surrogate = c == 0xed && second >= 0xa0;
    bool beyond = c == 0xf4 && second >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

size_t utf8_decode(struct slice s, uint32_t *code)
{
    static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n = utf8_length(s);

    if (n == 0)
        return 0;
    *code = (unsigned char)s.p[0] & lead_bits[n];
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | ((unsigned char)s.p[i] & 0x3f);
    return n;
}

void utf8_put(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_putc(out, (char)code);
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    uint32_t lead = more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0;

    buf_putc(out, (char)(lead | code >> (6 * more)));
    while (more-- > 0)
        buf_putc(out, (char)(0x80 | (code >> (6 * more) & 0x3f)));
}

bool utf8_is_valid(struct slice text)
{
    while (text.n) {
        size_t n = utf8_length(text);
        if (n == 0)
            return false;
        slice_take(&text, n);
    }
    return true;
}
