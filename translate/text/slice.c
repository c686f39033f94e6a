#include "translate/text/slice.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_take_piece(struct slice *in, bool *ended)
{
    const char *lf = in->n ? memchr(in->p, '\n', in->n) : NULL;
    struct slice piece = slice_take(in, lf ? (size_t)(lf - in->p) : in->n);

    *ended = lf != NULL;
    if (lf)
        slice_take(in, 1);
    return piece;
}

struct slice slice_trim(struct slice s)
{
    while (s.n && is_blank(s.p[0]))
        slice_take(&s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Not strncasecmp: that stops at a NUL and folds letters by the locale. */
bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

bool slice_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_of(text));
}

bool slice_is_nocase(struct slice s, const char *text)
{
    for (size_t i = 0; i < s.n; i++)
        if (!text || !text[i] || ascii_lower(s.p[i]) != ascii_lower(text[i]))
            return false;
    return !text || text[s.n] == '\0';
}

bool slice_contains_nocase(struct slice s, const char *text)
{
    struct slice part = slice_of(text);

    for (; s.n >= part.n; slice_take(&s, 1)) {
        if (slice_equal_nocase(slice_make(s.p, part.n), part))
            return true;
        if (s.n == 0)
            break;
    }
    return false;
}

struct slice slice_word(struct slice *s)
{
    size_t n = 0;

    while (s->n && s->p[0] == ' ')
        slice_take(s, 1);
    while (n < s->n && s->p[n] != ' ')
        n++;
    return slice_take(s, n);
}

bool slice_number(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    if (value > max)
        return false;
    *out = value;
    return true;
}

char *slice_dup(struct slice s)
{
    char *copy = malloc(s.n + 1);

    if (!copy)
        return NULL;
    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

uint64_t slice_hash(struct slice s, uint64_t seed)
{
    uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.n; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

bool slice_has_nul(struct slice s)
{
    return s.n && memchr(s.p, '\0', s.n) != NULL;
}

bool slice_is_line(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
            return false;
    return true;
}
