/* See mime_base64.h. */
#include "translate/mime/mime_base64.h"

#include "translate/text/base64.h"

/* What the characters of the group give: one octet less than they are. */
static void put_group(struct mime_base64 *base64, struct buf *out)
{
    uint32_t bits = base64->bits << (6 * (4 - base64->n));
    char octets[3] = {(char)(bits >> 16 & 0xff), (char)(bits >> 8 & 0xff), (char)(bits & 0xff)};

    if (base64->n > 1)
        buf_put(out, slice_make(octets, base64->n - 1));
    *base64 = (struct mime_base64){0};
}

void mime_base64_feed(struct mime_base64 *base64, struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        int value = base64_value(text.p[i]);
        if (value >= 0) {
            base64->bits = base64->bits << 6 | (uint32_t)value;
            base64->n++;
        }
        if (base64->n == 4 || (text.p[i] == '=' && base64->n))
            put_group(base64, out);
    }
}

void mime_base64_end(struct mime_base64 *base64, struct buf *out)
{
    if (base64->n)
        put_group(base64, out);
}
