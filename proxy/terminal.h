/*
 * The person at the terminal: what is asked of him, and what can be shown to him. Answers come from
 * standard input, a line each, whether that is a terminal or not; questions go to standard error.
 */
#ifndef PROXY_TERMINAL_H
#define PROXY_TERMINAL_H

#include <stdio.h>

#include "translate/text/buf.h"
#include "translate/text/failure.h"

/* A line of standard input, without its end, and no octet more is read. It is appended to `out`,
 * which the caller makes secret. False at the end of input, for a line without characters, one that
 * is too long or has NUL in it; `what` names it in the sentence. */
bool terminal_read_line(struct buf *out, const char *what, struct failure *why);

/* Asks for a secret: on a terminal with `question` and without echo, which an interrupt (Ctrl-C)
 * gives back. */
bool terminal_ask_secret(struct buf *out, const char *question, const char *what,
                         struct failure *why);

/* Whether what is written to `out` is seen by a person in UTF-8. */
bool terminal_shows_utf8(FILE *out);

/* A QR code of `text`, dark on light whatever the terminal's colours, in half blocks: two rows of
 * it in a line. Nothing when `text` is too long for one. */
void terminal_show_qr(const char *text, FILE *out);

#endif
