/*
 * The pattern is followed in all ways at once: a set of the places in it that the name, octet by
 * octet, can have led to.
 */
#include "translate/imap/imapd_list.h"

#include <string.h>

static bool is_wildcard(char c)
{
    return c == '*' || c == '%';
}

static void put_piece(struct buf *out, size_t start, struct slice piece)
{
    for (size_t i = 0; i < piece.n; i++) {
        struct slice made = buf_slice(out);
        char last = made.n > start ? made.p[made.n - 1] : '\0';
        if (!is_wildcard(piece.p[i]) || !is_wildcard(last)) {
            buf_putc(out, piece.p[i]);
        } else if (piece.p[i] == '*' && last == '%') {
            buf_truncate(out, made.n - 1);
            buf_putc(out, '*');
        }
    }
}

bool imapd_list_pattern(struct buf *out, struct slice reference, struct slice pattern)
{
    size_t start = buf_size(out);

    put_piece(out, start, reference);
    put_piece(out, start, pattern);
    if (buf_size(out) - start <= IMAPD_PATTERN_MAX)
        return true;
    buf_truncate(out, start);
    return false;
}

/* Octets at the front of the name that are the same in any case. */
static size_t inbox_length(struct slice name)
{
    enum { INBOX = 5 };

    if (name.n < INBOX || !slice_is_nocase(slice_make(name.p, INBOX), "INBOX"))
        return 0;
    return name.n == INBOX || name.p[INBOX] == '/' ? INBOX : 0;
}

/* Who is at a wildcard is behind it too, without an octet. `*to` is the highest place reached. */
static void pass_wildcards(struct slice pattern, bool *at, size_t *to)
{
    for (size_t i = 0; i <= *to && i < pattern.n; i++) {
        if (!at[i] || !is_wildcard(pattern.p[i]))
            continue;
        at[i + 1] = true;
        *to = i + 1 > *to ? i + 1 : *to;
    }
}

/* One octet of the name. False when no way is left. */
static bool follow(struct slice pattern, bool *at, size_t *to, struct slice octet, bool any_case)
{
    bool left = false;

    for (size_t i = *to + 1; i-- > 0;) {
        if (!at[i])
            continue;
        char c = i < pattern.n ? pattern.p[i] : '\0';
        at[i] = c == '*' || (c == '%' && octet.p[0] != '/');
        left = left || at[i];
        if (i == pattern.n || is_wildcard(c))
            continue;
        struct slice here = slice_make(pattern.p + i, 1);
        if (!(any_case ? slice_equal_nocase(here, octet) : slice_equal(here, octet)))
            continue;
        at[i + 1] = true;
        left = true;
        *to = i + 1 > *to ? i + 1 : *to;
    }
    return left;
}

bool imapd_list_match(struct slice pattern, struct slice name)
{
    bool at[IMAPD_PATTERN_MAX + 2] = {true};
    size_t to = 0;
    size_t inbox = inbox_length(name);

    if (pattern.n > IMAPD_PATTERN_MAX)
        return false;
    pass_wildcards(pattern, at, &to);
    for (size_t i = 0; i < name.n; i++) {
        if (!follow(pattern, at, &to, slice_make(name.p + i, 1), i < inbox))
            return false;
        pass_wildcards(pattern, at, &to);
    }
    return at[pattern.n];
}
