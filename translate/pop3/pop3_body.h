/*
 * A message on its way to a POP3 client (RFC 1939 sections 3, 7, 11).
 *
 * What is changed, and nothing else:
 * - an LF without a CR before it gets one. A bare CR is no line end to anyone and stays as it is
 *   ("a CR CR LF" is a line "a CR"); only as the very last octet of a message it gets its LF;
 * - a dot at the start of a line is doubled, the lone dot is put at the end;
 * - NUL becomes 0x80, which Dovecot does too: clients end the text there or choke on it;
 * - a last line without a line end gets one;
 * - a message without an empty line (a header alone, or nothing at all) gets one at its end:
 * Outlook Express waits for it for ever.
 *
 * `octets` is the size as LIST has to announce it: after the line ends, before the stuffing,
 * without the closing dot. No octet is held back between two pieces, so a message may come cut at
 * any place and its octets leave as they come.
 */
#ifndef TRANSLATE_POP3_POP3_BODY_H
#define TRANSLATE_POP3_POP3_BODY_H

#include "translate/text/buf.h"

struct pop3_body {
    uint64_t octets;    /* as LIST counts them, so far */
    uint32_t lines_max; /* TOP: lines behind the header's empty line; UINT32_MAX: all */
    uint32_t lines;     /* whole lines of the body that were let through */
    bool in_body;       /* the empty line behind the header has passed */
    bool full;          /* TOP has its lines: the rest of the input is ignored */
    /* private */
    uint64_t line_size; /* octets of the line begun, without the doubled dot */
    bool after_cr;      /* and the last of them is a CR */
};

/* For RETR `lines_max` is UINT32_MAX, for TOP its second argument; with 0 the header and its empty
 * line pass. Nothing is owned, so there is no clear. */
void pop3_body_init(struct pop3_body *b, uint32_t lines_max);

/* Appends the wire form of `octets` to `out`. `full` is true as soon as the last line that TOP asks
 * for is complete: no more needs to be fetched. */
void pop3_body_put(struct pop3_body *b, struct buf *out, struct slice octets);

/* The message is complete, or `full`: supplies what is missing and appends ".\r\n". Once for each
 * message; never for one of which not every octet came. */
void pop3_body_end(struct pop3_body *b, struct buf *out);

/* The size that will be announced for a message the upstream says has `size` octets: what is known
 * without reading it (an empty message is sent as one empty line). */
uint64_t pop3_body_expected_size(uint64_t size);

#endif
