#include "translate/text/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_MIN = 64, DIGITS_MAX = 20 };

static void buf_free(struct buf *b)
{
    if (b->p && b->secret)
        explicit_bzero(b->p, b->cap);
    free(b->p);
}

void buf_clear(struct buf *b)
{
    buf_free(b);
    *b = (struct buf)BUF_INIT;
}

void buf_wipe(struct buf *b)
{
    b->secret = true;
    buf_clear(b);
}

/*
 * Moves what is there to the front when that alone makes room and at least half of the memory is
 * free then, doubles otherwise: so an octet is moved a bounded number of times, however small the
 * steps are in which a nearly full buffer is filled and emptied. The memory left behind is wiped,
 * for it may have held a password.
 */
static bool buf_grow(struct buf *b, size_t n)
{
    size_t used = b->end - b->start;
    size_t cap = b->cap ? 2 * b->cap : BUF_MIN;

    if (n > SIZE_MAX / 2 - used)
        return false;
    if (b->p && b->start && used + n <= b->cap && used <= b->cap / 2) {
        memmove(b->p, b->p + b->start, used);
        b->start = 0;
        b->end = used;
        return true;
    }
    while (cap < used + n)
        cap *= 2;
    char *p = malloc(cap);
    if (!p)
        return false;
    if (b->p)
        memcpy(p, b->p + b->start, used);
    buf_free(b);
    *b = (struct buf){.p = p, .end = used, .cap = cap, .secret = b->secret};
    return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if ((!b->p || b->cap - b->end < n) && !buf_grow(b, n)) {
        b->failed = true;
        return NULL;
    }
    return b->p + b->end;
}

void buf_added(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->end);
    b->end += n;
}

void buf_put(struct buf *b, struct slice s)
{
    char *p = s.n ? buf_reserve(b, s.n) : NULL;

    if (!p)
        return;
    memcpy(p, s.p, s.n);
    buf_added(b, s.n);
}

void buf_keep(struct buf *b, struct slice s)
{
    struct buf kept = {.secret = b->secret};

    if (s.n) {
        kept.p = s.n < SIZE_MAX ? malloc(s.n + 1) : NULL;
        kept.failed = !kept.p;
    }
    if (kept.p) {
        memcpy(kept.p, s.p, s.n);
        kept.p[s.n] = '\0';
        kept.end = s.n;
        kept.cap = s.n + 1;
    }
    buf_free(b);
    *b = kept;
}

void buf_puts(struct buf *b, const char *text)
{
    buf_put(b, slice_of(text));
}

void buf_putc(struct buf *b, char c)
{
    char *p = b->p && b->end < b->cap ? b->p + b->end : buf_reserve(b, 1);

    if (!p || b->failed)
        return;
    *p = c;
    b->end++;
}

void buf_put_number(struct buf *b, uint64_t number)
{
    char digits[DIGITS_MAX];
    size_t start = sizeof digits;

    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    buf_put(b, slice_make(digits + start, sizeof digits - start));
}

/* Printed into the room that there is, and a second time only where that was too small. */
void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;
    size_t room = b->cap - b->end;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(room ? b->p + b->end : NULL, room, format, args);
    if (n < 0)
        b->failed = true;
    char *p = buf_reserve(b, n < 0 ? 0 : (size_t)n + 1);
    if (p && (size_t)n >= room)
        vsnprintf(p, (size_t)n + 1, format, again);
    if (p)
        buf_added(b, (size_t)n);
    va_end(again);
    va_end(args);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= buf_size(b)) {
        bool failed = b->failed;
        buf_clear(b);
        b->failed = failed;
        return;
    }
    b->start += n;
}

void buf_reuse(struct buf *b)
{
    b->start = b->end = 0;
}

void buf_truncate(struct buf *b, size_t n)
{
    if (n == 0)
        buf_drop(b, buf_size(b));
    else if (n < buf_size(b))
        b->end = b->start + n;
}

void buf_move(struct buf *b, struct buf *from)
{
    if (from->failed)
        b->failed = true;
    if (buf_size(b) == 0 && !b->failed) {
        buf_clear(b);
        *b = *from;
    } else {
        b->secret = b->secret || from->secret;
        buf_put(b, buf_slice(from));
        buf_free(from);
    }
    *from = (struct buf)BUF_INIT;
}
