/*
 * A borrowed piece of memory: where it begins and how long it is. Nothing is owned, nothing ends
 * with NUL. Every function that hands out a slice says until when it stays valid.
 */
#ifndef TRANSLATE_TEXT_SLICE_H
#define TRANSLATE_TEXT_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

/* For printf("%.*s"): SLICE_ARG(s). */
#define SLICE_ARG(s) (int)(s).n, (s).p

/* The characters of a C string, without its NUL; NULL gives an empty slice. Borrows `text`. */
static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_make(const char *p, size_t n)
{
    return (struct slice){p, n};
}

/* The first `n` octets taken off the front of `*s` (at most what it has). */
static inline struct slice slice_take(struct slice *s, size_t n)
{
    struct slice head = {s->p, n < s->n ? n : s->n};

    if (head.n) { /* `p` may be NULL else */
        s->p += head.n;
        s->n -= head.n;
    }
    return head;
}

/* Takes the piece that goes on with a line begun: to the LF, which is taken off too but not given,
 * or all there is. */
struct slice slice_take_piece(struct slice *in, bool *ended);

/* `s` without the ASCII spaces and tabs at both ends. */
struct slice slice_trim(struct slice s);

/* Octets alike / alike but for the case of ASCII letters. */
bool slice_equal(struct slice a, struct slice b);
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_is(struct slice s, const char *text);
bool slice_is_nocase(struct slice s, const char *text);

/* For tables (FNV-1a). Where a stranger chooses what is in the table, a `seed` that he cannot know
 * keeps him from choosing what meets in one place; elsewhere 0. */
uint64_t slice_hash(struct slice s, uint64_t seed);

/* `text` stands somewhere in `s`, in whatever case of ASCII letters. */
bool slice_contains_nocase(struct slice s, const char *text);

/* The next word of `*s`, which is moved behind it: separators are ASCII spaces. Empty at the end.
 */
struct slice slice_word(struct slice *s);

/* A decimal number that fills the whole slice. False when it is empty, has anything but digits,
 * or is larger than `max`; then `*out` is untouched. */
bool slice_number(struct slice s, uint64_t max, uint64_t *out);

/* An owned, NUL-terminated copy, free() it; NULL when memory is out. Octets are copied as they are,
 * so a NUL inside ends the C string early: check with slice_has_nul where that matters. */
char *slice_dup(struct slice s);
bool slice_has_nul(struct slice s);

/* It can stand in a line of a protocol: no CR, LF or NUL. */
bool slice_is_line(struct slice s);

#endif
