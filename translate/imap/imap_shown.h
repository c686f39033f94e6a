/*
 * An IMAP server's response as a line that may be shown: put together from its tokens, so that it
 * holds nothing of a literal, nothing of a string but where that is a name or a word about the
 * server, and nothing of a SASL challenge. What the parser skips is not in it.
 */
#ifndef TRANSLATE_IMAP_IMAP_SHOWN_H
#define TRANSLATE_IMAP_IMAP_SHOWN_H

#include "translate/imap/imap_lexer.h"

enum { IMAP_SHOWN_MAX = 240 };

/* All zero: at the beginning of a line. */
struct imap_shown {
    char text[IMAP_SHOWN_MAX];
    size_t n;
    unsigned words; /* so far */
    bool challenge; /* the line began with "+" */
    bool names;     /* its strings may be shown */
    bool over;      /* the line is complete; the next token begins another */
};

/* The next token of the stream. True when it ends a line. */
bool imap_shown_token(struct imap_shown *s, const struct imap_token *token);

/* The line so far, at most IMAP_SHOWN_MAX octets. */
struct slice imap_shown_line(const struct imap_shown *s);

#endif
