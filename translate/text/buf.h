/*
 * A growable run of octets that is filled at the end and emptied at the front: what a session has
 * to send, or a token of which only a part has come in.
 *
 * Running out of memory is remembered, not reported at each call: from then on appends do nothing
 * and buf_failed() is true. Whoever owns the session asks once, after it was fed, and ends it; no
 * half-written reply is ever sent, because a failed buffer yields no octets.
 *
 * An empty buffer holds no memory, but after buf_reuse() or buf_reserve().
 */
#ifndef TRANSLATE_TEXT_BUF_H
#define TRANSLATE_TEXT_BUF_H

#include "translate/text/slice.h"

struct buf {
    char *p;      /* allocation, or NULL */
    size_t start; /* first octet not yet taken */
    size_t end;   /* behind the last octet */
    size_t cap;
    bool failed;
    bool secret; /* set by the owner: memory is wiped before it is given back. Lasts until the
                    buffer is next empty, and goes along with buf_move() */
};

#define BUF_INIT \
    {            \
        0        \
    }

/* Frees what it holds; the buffer is as new. */
void buf_clear(struct buf *b);

/* As buf_clear, and wipes the memory first: for passwords. (What a growing buffer leaves behind is
 * wiped in any case.) */
void buf_wipe(struct buf *b);

static inline bool buf_failed(const struct buf *b)
{
    return b->failed;
}

static inline size_t buf_size(const struct buf *b)
{
    return b->failed ? 0 : b->end - b->start;
}

/* All octets; valid until the buffer is next changed. */
static inline struct slice buf_slice(const struct buf *b)
{
    return buf_size(b) ? slice_make(b->p + b->start, buf_size(b)) : slice_make("", 0);
}

void buf_put(struct buf *b, struct slice s);
/* Becomes a copy of `s` with no room for more, for what stays for long; behind it is a NUL that
 * does not count. */
void buf_keep(struct buf *b, struct slice s);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
/* In decimal. */
void buf_put_number(struct buf *b, uint64_t number);
/* A format that cannot be printed makes the buffer fail, as missing memory does. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for `n` more octets, to be written by the caller and then claimed with buf_added();
 * NULL when memory is out. */
char *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

/* Drops `n` octets from the front (at most what there is); frees the memory when none is left. */
void buf_drop(struct buf *b, size_t n);

/* Drops all octets, and keeps the memory for what is put in next. */
void buf_reuse(struct buf *b);

/* Cuts the buffer back to its first `n` octets. */
void buf_truncate(struct buf *b, size_t n);

/* Appends all of `from` and leaves it empty; takes over its memory when `b` is empty. */
void buf_move(struct buf *b, struct buf *from);

#endif
