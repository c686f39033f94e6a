/*
 * The tokens of what an IMAP server says, out of a stream that may be cut anywhere. Private to
 * imap_response: the parser says with each call what may come next, because IMAP has no tokens
 * without context (a "[" is one thing in BODY[TEXT] and another in a mailbox name).
 *
 * A token that lies whole in the input is handed out as a slice of it; one that is cut is gathered,
 * up to IMAP_LINE_MAX. Literals are streamed or gathered, as the caller wants.
 */
#ifndef TRANSLATE_IMAP_IMAP_LEXER_H
#define TRANSLATE_IMAP_IMAP_LEXER_H

#include "translate/text/buf.h"

/* What the parser expects. After IMAP_LEX_MORE the same must be asked for again. */
enum imap_want {
    IMAP_WANT_TOKEN,  /* anything */
    IMAP_WANT_STRING, /* anything, a literal being gathered and handed out as a STRING */
    IMAP_WANT_ITEM,   /* anything, an atom taking "[...]" whole: BODY[HEADER.FIELDS (X Y)]<0> */
    IMAP_WANT_SET,    /* anything, commas being tokens */
    IMAP_WANT_TEXT,   /* the rest of the line as one TEXT */
    IMAP_WANT_LINE,   /* EOL: the rest of the line is skipped, with the literals in it */
    IMAP_WANT_OCTETS, /* the octets of the LITERAL that was the last token */
    IMAP_WANT_NOTHING /* not for the lexer: the parser has something to say by itself */
};

enum imap_token_type {
    IMAP_TOKEN_ATOM,
    IMAP_TOKEN_STRING,  /* quoted, or a gathered literal; unescaped */
    IMAP_TOKEN_LITERAL, /* `length` octets follow; they are skipped unless asked for */
    IMAP_TOKEN_OCTETS,  /* some of them */
    IMAP_TOKEN_OCTETS_END,
    IMAP_TOKEN_OPEN,
    IMAP_TOKEN_CLOSE,
    IMAP_TOKEN_COMMA,
    IMAP_TOKEN_TEXT, /* without its line end, which is taken off too */
    IMAP_TOKEN_EOL,
};

struct imap_token {
    enum imap_token_type type;
    struct slice text; /* valid until the next call */
    uint64_t length;
};

enum imap_lex { IMAP_LEX_TOKEN, IMAP_LEX_MORE, IMAP_LEX_ERROR };

/* Where the lexer stands in a token. */
enum imap_lexer_state {
    IMAP_LEXER_BETWEEN,
    IMAP_LEXER_ATOM,
    IMAP_LEXER_BRACKET, /* inside the brackets of an IMAP_WANT_ITEM */
    IMAP_LEXER_BRACKET_QUOTED,
    IMAP_LEXER_BRACKET_ESCAPE,
    IMAP_LEXER_QUOTED,
    IMAP_LEXER_ESCAPE,
    IMAP_LEXER_LITERAL, /* behind the "{" */
    IMAP_LEXER_GATHER,  /* inside a literal that becomes a STRING */
    IMAP_LEXER_TEXT,
    IMAP_LEXER_LINE,
    IMAP_LEXER_CR, /* behind a CR that must be a line end */
};

/* How much of "{123+}" CR has been seen. */
enum imap_literal_part {
    IMAP_LITERAL_NONE,
    IMAP_LITERAL_BRACE,
    IMAP_LITERAL_DIGITS,
    IMAP_LITERAL_PLUS,
    IMAP_LITERAL_CLOSED,
    IMAP_LITERAL_CR,
};

struct imap_lexer {
    enum imap_lexer_state state;
    enum imap_literal_part part;
    uint64_t number; /* of the literal announced */
    bool too_large;
    uint64_t left;     /* octets of the literal still to come */
    size_t at;         /* octets at the front of the input that belong to the token already */
    struct buf held;   /* the token's beginning, when it came with an earlier input */
    bool given;        /* the last token handed out lies in `held` */
    const char *error; /* after IMAP_LEX_ERROR: what is wrong, for a person */
};

/* The zeroed struct is a lexer at the beginning of a stream. */
void imap_lexer_clear(struct imap_lexer *l);

/* Takes octets off `*in` until `*token` is complete. IMAP_LEX_MORE: `*in` is used up. */
enum imap_lex imap_lexer_next(struct imap_lexer *l, struct slice *in, enum imap_want want,
                              struct imap_token *token);

/* True when nothing of a token or literal has been taken in. */
bool imap_lexer_between(const struct imap_lexer *l);

#endif
