/*
 * Both directions are strict: what one writes the other reads, and each name has one spelling only,
 * so that names can be compared as they are on the wire.
 */
#include "translate/text/utf7.h"

#include "translate/text/base64.h"
#include "translate/text/utf8.h"

/* RFC 3501 section 5.1.3: base64 with "," for "/" and without padding. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t code)
{
    return code >= 0x20 && code <= 0x7e;
}

/* Bits between UTF-16 units and base64 characters, in either direction. */
struct bits {
    uint32_t value;
    unsigned count;
};

static void put_unit(struct buf *out, struct bits *b, uint32_t unit)
{
    b->value = b->value << 16 | unit;
    b->count += 16;
    while (b->count >= 6) {
        b->count -= 6;
        buf_putc(out, alphabet[b->value >> b->count & 63]);
    }
}

static void put_shifted(struct buf *out, struct bits *b, uint32_t code)
{
    if (code < 0x10000) {
        put_unit(out, b, code);
        return;
    }
    put_unit(out, b, 0xd800 + ((code - 0x10000) >> 10));
    put_unit(out, b, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* Ends a base64 run: what is left of the last unit, filled with zero bits. */
static void put_shift_end(struct buf *out, struct bits *b)
{
    if (b->count)
        buf_putc(out, alphabet[b->value << (6 - b->count) & 63]);
    buf_putc(out, '-');
    *b = (struct bits){0};
}

bool utf7_encode(struct buf *out, struct slice utf8)
{
    size_t before = buf_size(out);
    struct bits bits = {0};
    bool shifted = false;

    while (utf8.n) {
        uint32_t code = 0;
        size_t n = utf8_decode(utf8, &code);
        if (n == 0) {
            buf_truncate(out, before);
            return false;
        }
        slice_take(&utf8, n);
        if (shifted == is_direct(code)) {
            if (shifted)
                put_shift_end(out, &bits);
            else
                buf_putc(out, '&');
            shifted = !shifted;
        }
        if (shifted)
            put_shifted(out, &bits, code);
        else
            buf_puts(out, code == '&' ? "&-" : (char[]){(char)code, '\0'});
    }
    if (shifted)
        put_shift_end(out, &bits);
    return true;
}

/* Base64 with "," in place of "/" (RFC 3501 section 5.1.3). */
static int value_of(char c)
{
    return c == ',' ? 63 : c == '/' ? -1 : base64_value(c);
}

/* Takes a UTF-16 unit; `*high` is the surrogate that waits for its second half, or 0. */
static bool take_unit(struct buf *out, uint32_t *high, uint32_t unit)
{
    bool low = unit >= 0xdc00 && unit <= 0xdfff;

    if (low != (*high != 0))
        return false;
    if (low) {
        utf8_put(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
        *high = 0;
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
        *high = unit;
    } else {
        if (is_direct(unit))
            return false;
        utf8_put(out, unit);
    }
    return true;
}

/* A base64 run, behind its "&", up to and with its "-". */
static bool decode_run(struct buf *out, struct slice *in)
{
    struct bits b = {0};
    uint32_t high = 0;

    while (in->n && in->p[0] != '-') {
        int value = value_of(slice_take(in, 1).p[0]);
        if (value < 0)
            return false;
        b.value = b.value << 6 | (uint32_t)value;
        b.count += 6;
        if (b.count < 16)
            continue;
        b.count -= 16;
        if (!take_unit(out, &high, b.value >> b.count & 0xffff))
            return false;
    }
    bool ended = slice_take(in, 1).n == 1;
    /* Only zero bits may be left, and fewer than a whole character of them. */
    return ended && high == 0 && b.count < 6 && (b.value & ((1u << b.count) - 1)) == 0;
}

/* What stands at the front, whose "&" is already taken. `*run_ended` says that the octet before
 * ended a run: the next run should have been part of it. */
static bool decode_shift(struct buf *out, struct slice *in, bool *run_ended)
{
    bool ampersand = in->n && in->p[0] == '-';

    if (ampersand) {
        slice_take(in, 1);
        buf_putc(out, '&');
        *run_ended = false;
        return true;
    }
    if (*run_ended)
        return false;
    *run_ended = true;
    return decode_run(out, in);
}

bool utf7_decode(struct buf *out, struct slice utf7)
{
    size_t before = buf_size(out);
    bool run_ended = false;
    bool good = true;

    while (utf7.n && good) {
        char c = slice_take(&utf7, 1).p[0];
        if (c == '&') {
            good = decode_shift(out, &utf7, &run_ended);
        } else {
            good = is_direct((unsigned char)c);
            buf_putc(out, c);
            run_ended = false;
        }
    }
    if (!good)
        buf_truncate(out, before);
    return good;
}
