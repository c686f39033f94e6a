/*
 * Lines out of what a POP3 client or server sends, ended by CRLF or by LF alone.
 *
 * A line that lies whole in the input is handed out where it lies; only the part of a line whose
 * end has not come is kept, and wiped when it is dropped, for it may be a password. A line is
 * bounded by a limit that the caller gives with each call, because a SASL response may be longer
 * than a command; one beyond it is reported once, as soon as it is too long, and skipped to its
 * end.
 *
 * All zero is a reader at the start of a stream.
 */
#ifndef TRANSLATE_POP3_POP3_READER_H
#define TRANSLATE_POP3_POP3_READER_H

#include "translate/text/buf.h"

/* Octets of a line without its line end: of a command (RFC 2449 section 4 asks for 255), and of a
 * SASL response (RFC 5034 section 4 sets no limit; RFC 4954 section 4 takes 12,288 for the same).
 */
enum { POP3_LINE_MAX = 1024, POP3_SASL_LINE_MAX = 12288 };

enum pop3_line_result {
    POP3_LINE,          /* a whole line */
    POP3_LINE_MORE,     /* the input is used up, the line goes on */
    POP3_LINE_TOO_LONG, /* said once per line; the lines behind it are read as usual */
};

/* private but for `bare_lf` */
struct pop3_reader {
    bool bare_lf;       /* the line handed out last ended with LF alone */
    struct buf partial; /* the line begun, or the one handed out last */
    bool handed_out;    /* it is the latter */
    bool skipping;      /* within a line that was too long */
};

/* Forgets everything that was read; the reader is as new. STLS needs this: what came in the clear
 * behind it must not be obeyed. */
void pop3_reader_clear(struct pop3_reader *r);

/*
 * Takes the next line off the front of `*in`, or all of it when no line ends there. `*line` is set
 * only with POP3_LINE, without its line end; it is valid until the next call and as long as the
 * memory of `*in` is. `max` is the longest line permitted, in octets without the line end, and may
 * differ from call to call.
 */
enum pop3_line_result pop3_reader_next(struct pop3_reader *r, struct slice *in, size_t max,
                                       struct slice *line);

/* True in the middle of a line. */
bool pop3_reader_partial(const struct pop3_reader *r);

/* True when memory for a part of a line was missing: no whole line comes any more. */
bool pop3_reader_failed(const struct pop3_reader *r);

#endif
