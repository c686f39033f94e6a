/*
 * The tokens of structured header fields (RFC 5322 section 3.2, RFC 2045 section 5.1), read from an
 * unfolded or folded value, and read from malformed ones too: what is taken for an atom, and where
 * a broken token ends, is as Dovecot has it, so that both give the same ENVELOPE and BODYSTRUCTURE.
 *
 * Each reader appends what the token means (quotes, escapes and line ends taken off; NUL becomes
 * U+FFFD) and goes behind the blanks and comments that follow it. It says whether anything is left.
 */
#ifndef TRANSLATE_MIME_MIME_LEXER_H
#define TRANSLATE_MIME_MIME_LEXER_H

#include "translate/text/buf.h"

enum mime_lex {
    MIME_LEX_BAD = -1, /* no such token here, or it has no end */
    MIME_LEX_END = 0,  /* read, and nothing follows */
    MIME_LEX_MORE = 1, /* read; `rest` is not empty */
};

struct mime_lexer {
    struct slice rest;
    struct buf *comment; /* gets the last comment that was passed over; NULL when not wanted */
};

/* The next octet is `c`. */
bool mime_lex_at(const struct mime_lexer *lex, char c);

/* Blanks, line ends and comments. */
enum mime_lex mime_lex_space(struct mime_lexer *lex);

enum mime_lex mime_lex_atom(struct mime_lexer *lex, struct buf *out);

/* With blanks around its dots, as RFC 822 allowed. */
enum mime_lex mime_lex_dot_atom(struct mime_lexer *lex, struct buf *out);

/* A token of MIME; may be empty. */
enum mime_lex mime_lex_token(struct mime_lexer *lex, struct buf *out);

/* The next octet is the opening quote. */
enum mime_lex mime_lex_quoted(struct mime_lexer *lex, struct buf *out);

/* Words, joined by one space each; may be empty. */
enum mime_lex mime_lex_phrase(struct mime_lexer *lex, struct buf *out);

/* "@" and what follows it; the next octet is the "@", which is not appended. */
enum mime_lex mime_lex_domain(struct mime_lexer *lex, struct buf *out);

#endif
