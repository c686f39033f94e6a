/*
 * A message on its way from a POP3 server: the octets between the status line and the lone dot,
 * with the dots that the server put before lines taken away again (RFC 1939 section 3).
 *
 * Data is handed out as runs of the input as long as they can be; line ends stay as they came.
 * A dot, or a dot and a CR, at the start of a line are held back while their meaning is open, so
 * the end is found at every cut of the input.
 *
 * What a line is. Servers that end lines with LF alone exist, and so do messages with a bare LF in
 * them. To take every LF for a line end would let the writer of such a message end it early
 * ("LF . CRLF") and have the rest of it read as the server's answers. So the first line decides,
 * which the delivering system wrote: if it ends with LF alone, or the server's status line did,
 * LF ends a line and the closing dot may be followed by LF alone; else only CRLF does either.
 *
 * What a dot is. A server that stuffs sends no line with one dot and text behind it: such a line
 * comes from one that does not stuff, and keeps its dot. Not to be told apart, and taken as a
 * stuffing server means it: a line of two dots and more (loses one) and a line of a dot alone
 * (ends the message; what follows is then no answer of POP3, and the connection fails). A dot that
 * closes a message behind an unfinished line cannot be known for one.
 */
#ifndef TRANSLATE_POP3_POP3_UNSTUFF_H
#define TRANSLATE_POP3_POP3_UNSTUFF_H

#include "translate/text/slice.h"

enum pop3_unstuff_result {
    POP3_UNSTUFF_MORE, /* the input is used up; the message goes on */
    POP3_UNSTUFF_DATA, /* octets of the message */
    POP3_UNSTUFF_END,  /* the closing line has passed; what follows it is still in the input */
};

/* private */
struct pop3_unstuff {
    enum { POP3_LINES_UNKNOWN, POP3_LINES_CRLF, POP3_LINES_LF } lines;
    enum {
        POP3_UNSTUFF_LINE_START,
        POP3_UNSTUFF_IN_LINE,
        POP3_UNSTUFF_DOT,    /* held back: a dot at the start of a line */
        POP3_UNSTUFF_DOT_CR, /* the same and a CR */
    } at;
    bool after_cr; /* in a line: the last octet of it was a CR */
};

/* Behind the status line of RETR or TOP; `lf_server`: that line ended with LF alone. Nothing is
 * owned, so there is no clear. */
void pop3_unstuff_init(struct pop3_unstuff *u, bool lf_server);

/*
 * Takes octets off the front of `*in`. With POP3_UNSTUFF_DATA `*data` is set, never empty; it lies
 * in the input, or in constant memory where octets held back turned out to be data. Not to be
 * called again after POP3_UNSTUFF_END. When the connection ends before that, the message is not
 * whole: even a dot that came as the last octet may have been the first of two.
 */
enum pop3_unstuff_result pop3_unstuff_next(struct pop3_unstuff *u, struct slice *in,
                                           struct slice *data);

#endif
