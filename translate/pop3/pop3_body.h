/*
 * A message on its way to a POP3 client: line ends made CRLF, dots stuffed, NUL replaced, the
 * missing final line end or the missing empty line behind a header supplied, the lone dot at the
 * end - and the octets counted as LIST announces them: after the line ends, before the stuffing,
 * without the closing dot.
 *
 * It keeps a few bits between two pieces and no octet, so a message may come cut at any place.
 */
#ifndef TRANSLATE_POP3_POP3_BODY_H
#define TRANSLATE_POP3_POP3_BODY_H

#include "translate/text/buf.h"

struct pop3_body {
    uint64_t octets;    /* as LIST counts them, so far */
    uint32_t lines_max; /* TOP: lines behind the header's empty line; UINT32_MAX: all */
    uint32_t lines;     /* lines of the body that were let through */
    bool in_body;       /* the empty line behind the header has passed */
    bool full;          /* TOP has its lines: the rest of the input is ignored */
    /* private */
    bool line_start;
    bool held_cr;
    bool line_empty;
};

void pop3_body_init(struct pop3_body *b, uint32_t lines_max);

/* Appends the wire form of `octets` to `out`. */
void pop3_body_put(struct pop3_body *b, struct buf *out, struct slice octets);

/* The message is complete: supplies what is missing and appends ".\r\n". Never call it for a
 * message of which not every octet came. */
void pop3_body_end(struct pop3_body *b, struct buf *out);

/* The size that will be announced for a message the upstream says has `size` octets: what is known
 * without reading it (an empty message is sent as one empty line). */
uint64_t pop3_body_expected_size(uint64_t size);

#endif
