/*
 * Any octets as an IMAP server's words: the parser must give the same events when it gets them at
 * once and when it gets them in pieces, and must never read what it was not given. The first octet
 * of the input chooses the size of the pieces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/imap_event_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False: the stream is lost. */
static bool parse_piece(struct imap_response *r, struct slice piece, struct buf *log)
{
    struct imap_event ev;
    struct failure why;
    char *copy = malloc(piece.n ? piece.n : 1);
    enum imap_parse result;

    if (!copy)
        abort();
    memcpy(copy, piece.p, piece.n);
    struct slice in = slice_make(copy, piece.n);
    while ((result = imap_response_next(r, &in, &ev, &why)) == IMAP_PARSE_EVENT)
        imap_event_text(log, &ev);
    if (result == IMAP_PARSE_ERROR)
        buf_puts(log, "error\n");
    else if (in.n)
        abort();
    free(copy);
    return result == IMAP_PARSE_MORE;
}

static void parse(struct slice text, size_t piece, struct buf *log)
{
    struct imap_response *r = imap_response_new();

    if (!r)
        abort();
    while (text.n && parse_piece(r, slice_take(&text, piece), log))
        ;
    imap_response_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct buf whole = BUF_INIT;
    struct buf split = BUF_INIT;

    if (size == 0)
        return 0;
    size_t piece = (uint8_t)slice_take(&text, 1).p[0] % 16 + 1;
    parse(text, SIZE_MAX, &whole);
    parse(text, piece, &split);
    if (!slice_equal(buf_slice(&whole), buf_slice(&split))) {
        fprintf(stderr, "whole:\n%.*s\nin pieces of %zu:\n%.*s\n", SLICE_ARG(buf_slice(&whole)),
                piece, SLICE_ARG(buf_slice(&split)));
        abort();
    }
    buf_clear(&whole);
    buf_clear(&split);
    return 0;
}
