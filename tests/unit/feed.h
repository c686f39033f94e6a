/*
 * Feeds a text to something that takes slices of a stream, whole, octet by octet, and cut at every
 * position, and expects the same transcript each time. Each piece lies in an allocation of its own
 * that is given back at once, so that the sanitizers see a slice kept too long.
 */
#ifndef TESTS_UNIT_FEED_H
#define TESTS_UNIT_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/buf.h"

/* Takes one piece; what happens is written to `log`. False: no more is wanted. */
typedef bool feed_piece(void *session, struct slice piece, struct buf *log);

static inline bool feed(feed_piece *take, void *session, struct slice text, struct buf *log)
{
    char *copy = malloc(text.n ? text.n : 1);

    assert_non_null(copy);
    if (text.n)
        memcpy(copy, text.p, text.n);
    bool more = take(session, slice_make(copy, text.n), log);
    free(copy);
    return more;
}

/* The text in pieces of `size` octets, the first of them `first` octets long. */
static inline void feed_cut(feed_piece *take, void *session, struct slice text, size_t first,
                            size_t size, struct buf *log)
{
    bool more = feed(take, session, slice_take(&text, first), log);

    while (more && text.n)
        more = feed(take, session, slice_take(&text, size), log);
}

static inline void assert_log(struct buf *log, const char *expected)
{
    buf_putc(log, '\0');
    assert_false(buf_failed(log));
    assert_string_equal(buf_slice(log).p, expected);
    buf_clear(log);
}

#endif
