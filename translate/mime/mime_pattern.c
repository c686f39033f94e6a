/* See mime_pattern.h. */
#include "translate/mime/mime_pattern.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "translate/mime/mime_match.h"

/* Folded characters. */
struct run {
    uint32_t *c;
    size_t n;
};

/* Behind the character at `i` and the accents that its folding took off it, so that "?" is what a
 * person takes for one character. */
static size_t next(const struct run *text, size_t i)
{
    do
        i++;
    while (i < text->n && g_unichar_ismark(text->c[i]));
    return i;
}

/* What a "*" stands for is tried from the shortest on, and only the last one's is ever changed: an
 * earlier one's being longer would help nothing that this one's cannot. */
static bool has_shape(const struct run *text, const struct run *pattern)
{
    size_t t = 0;
    size_t p = 0;
    size_t star = SIZE_MAX; /* behind the last one */
    size_t from = 0;        /* where the text goes on behind it */

    while (t < text->n) {
        if (p < pattern->n && pattern->c[p] == '*') {
            star = ++p;
            from = t;
        } else if (p < pattern->n && pattern->c[p] == '?') {
            t = next(text, t);
            p++;
        } else if (p < pattern->n && pattern->c[p] == text->c[t]) {
            t++;
            p++;
        } else if (star != SIZE_MAX) {
            t = ++from;
            p = star;
        } else {
            return false;
        }
    }
    while (p < pattern->n && pattern->c[p] == '*')
        p++;
    return p == pattern->n;
}

static bool is_same(const struct run *text, const struct run *wanted)
{
    return text->n == wanted->n && memcmp(text->c, wanted->c, text->n * sizeof *text->c) == 0;
}

static enum mime_verdict compare(struct slice text, struct slice with,
                                 bool (*question)(const struct run *text, const struct run *with))
{
    struct run left = {NULL, 0};
    struct run right = {NULL, 0};
    enum mime_verdict verdict = MIME_NO_MEMORY;

    left.c = mime_match_fold(text, &left.n);
    right.c = mime_match_fold(with, &right.n);
    if (left.c && right.c)
        verdict = question(&left, &right) ? MIME_MATCHES : MIME_DIFFERS;
    free(left.c);
    free(right.c);
    return verdict;
}

enum mime_verdict mime_text_is(struct slice text, struct slice wanted)
{
    return compare(text, wanted, is_same);
}

enum mime_verdict mime_text_matches(struct slice text, struct slice pattern)
{
    return compare(text, pattern, has_shape);
}
