/*
 * One small function for each state. Each works on the front of the input: `at` octets of it belong
 * to the token already. When the input ends inside a token those octets move to `held`; the state
 * says how to go on, so nothing is scanned twice.
 */
#include "translate/imap/imap_lexer.h"

#include <string.h>

#include "translate/imap/imap_response.h"

/* Between the states: go on with the state now set. Never seen outside. */
enum { LEX_AGAIN = IMAP_LEX_ERROR + 1 };

enum {
    ENDS_ATOM = 1,
    ENDS_SET_PIECE = 2,
    OPENS_BRACKET = 4,
};

static const unsigned char classes[256] = {
    ['\0'] = ENDS_ATOM, ['\t'] = ENDS_ATOM,     ['\n'] = ENDS_ATOM,    ['\r'] = ENDS_ATOM,
    [' '] = ENDS_ATOM,  ['"'] = ENDS_ATOM,      ['('] = ENDS_ATOM,     [')'] = ENDS_ATOM,
    ['{'] = ENDS_ATOM,  [','] = ENDS_SET_PIECE, ['['] = OPENS_BRACKET,
};

void imap_lexer_clear(struct imap_lexer *l)
{
    buf_wipe(&l->held);
    *l = (struct imap_lexer){0};
}

bool imap_lexer_between(const struct imap_lexer *l)
{
    return l->state == IMAP_LEXER_BETWEEN && l->left == 0;
}

static int fail(struct imap_lexer *l, const char *error)
{
    l->error = error;
    return IMAP_LEX_ERROR;
}

static int go(struct imap_lexer *l, enum imap_lexer_state state)
{
    l->state = state;
    return LEX_AGAIN;
}

/* Moves the token's octets at the front of the input to `held`. */
static bool hold(struct imap_lexer *l, struct slice *in)
{
    if (buf_size(&l->held) + l->at > IMAP_LINE_MAX) {
        fail(l, "a token or line is too long");
        return false;
    }
    buf_put(&l->held, slice_take(in, l->at));
    l->at = 0;
    if (buf_failed(&l->held))
        fail(l, "out of memory");
    return !buf_failed(&l->held);
}

/* The input ends inside a token. */
static int cut(struct imap_lexer *l, struct slice *in)
{
    return hold(l, in) ? IMAP_LEX_MORE : IMAP_LEX_ERROR;
}

/* The token is complete; `behind` octets of the input end it and are dropped. */
static int finish(struct imap_lexer *l, struct slice *in, struct imap_token *token,
                  enum imap_token_type type, size_t behind)
{
    token->type = type;
    if (buf_size(&l->held)) {
        if (!hold(l, in))
            return IMAP_LEX_ERROR;
        token->text = buf_slice(&l->held);
        l->given = true;
    } else {
        if (l->at > IMAP_LINE_MAX)
            return fail(l, "a token or line is too long");
        token->text = slice_take(in, l->at);
        l->at = 0;
    }
    slice_take(in, behind);
    l->state = IMAP_LEXER_BETWEEN;
    return IMAP_LEX_TOKEN;
}

/* A token of one octet. */
static int mark(struct slice *in, struct imap_token *token, enum imap_token_type type)
{
    token->type = type;
    slice_take(in, 1);
    return IMAP_LEX_TOKEN;
}

static int begin_literal(struct imap_lexer *l)
{
    l->part = IMAP_LITERAL_BRACE;
    return go(l, IMAP_LEXER_LITERAL);
}

static int lex_line_end(struct imap_lexer *l, struct slice *in, struct imap_token *token)
{
    if (in->n == 0)
        return IMAP_LEX_MORE;
    if (in->p[0] != '\n')
        return fail(l, "a CR without LF");
    l->state = IMAP_LEXER_BETWEEN;
    return mark(in, token, IMAP_TOKEN_EOL);
}

static void skip_blanks(struct slice *in)
{
    size_t n = 0;

    while (n < in->n && (in->p[n] == ' ' || in->p[n] == '\t'))
        n++;
    slice_take(in, n);
}

static int lex_between(struct imap_lexer *l, struct slice *in, enum imap_want want,
                       struct imap_token *token)
{
    skip_blanks(in);
    if (in->n == 0)
        return IMAP_LEX_MORE;
    if (want == IMAP_WANT_TEXT)
        return go(l, IMAP_LEXER_TEXT);
    switch (in->p[0]) {
    case '(':
        return mark(in, token, IMAP_TOKEN_OPEN);
    case ')':
        return mark(in, token, IMAP_TOKEN_CLOSE);
    case '\n':
        return mark(in, token, IMAP_TOKEN_EOL);
    case '\r':
        slice_take(in, 1);
        return go(l, IMAP_LEXER_CR);
    case '"':
        slice_take(in, 1);
        return go(l, IMAP_LEXER_QUOTED);
    case '{':
        slice_take(in, 1);
        return begin_literal(l);
    case '\0':
        return fail(l, "a NUL octet outside a literal");
    case ',':
        if (want == IMAP_WANT_SET)
            return mark(in, token, IMAP_TOKEN_COMMA);
        return go(l, IMAP_LEXER_ATOM);
    default:
        return go(l, IMAP_LEXER_ATOM);
    }
}

/* The atom so far is "~": with a "{" behind it, it announces a literal8 (RFC 3516). */
static bool is_tilde(const struct imap_lexer *l, struct slice in)
{
    struct slice held = buf_slice(&l->held);

    return (held.n == 1 && l->at == 0 && held.p[0] == '~') ||
           (held.n == 0 && l->at == 1 && in.p[0] == '~');
}

static int lex_atom(struct imap_lexer *l, struct slice *in, enum imap_want want,
                    struct imap_token *token)
{
    unsigned stops = ENDS_ATOM | (want == IMAP_WANT_SET ? ENDS_SET_PIECE : 0u) |
                     (want == IMAP_WANT_ITEM ? OPENS_BRACKET : 0u);

    size_t at = l->at; /* in a register: octets might be the lexer's own */
    const char *p = in->p;
    while (at < in->n && !(classes[(unsigned char)p[at]] & stops))
        at++;
    l->at = at;
    if (l->at == in->n)
        return cut(l, in);
    if (in->p[l->at] == '[') {
        l->at++;
        return go(l, IMAP_LEXER_BRACKET);
    }
    if (in->p[l->at] == '{' && is_tilde(l, *in)) {
        slice_take(in, l->at + 1);
        l->at = 0;
        buf_truncate(&l->held, 0);
        return begin_literal(l);
    }
    return finish(l, in, token, IMAP_TOKEN_ATOM, 0);
}

/* Inside the brackets of BODY[...]: header names may be quoted there. */
static int lex_bracket(struct imap_lexer *l, struct slice *in)
{
    while (l->at < in->n) {
        char c = in->p[l->at];
        if (c == '\r' || c == '\n' || c == '\0')
            return fail(l, "a section without its closing bracket");
        l->at++;
        if (l->state == IMAP_LEXER_BRACKET_ESCAPE)
            l->state = IMAP_LEXER_BRACKET_QUOTED;
        else if (l->state == IMAP_LEXER_BRACKET_QUOTED && c == '\\')
            l->state = IMAP_LEXER_BRACKET_ESCAPE;
        else if (c == '"')
            l->state =
                l->state == IMAP_LEXER_BRACKET ? IMAP_LEXER_BRACKET_QUOTED : IMAP_LEXER_BRACKET;
        else if (l->state == IMAP_LEXER_BRACKET && c == ']')
            return go(l, IMAP_LEXER_ATOM);
    }
    return cut(l, in);
}

static int lex_quoted(struct imap_lexer *l, struct slice *in, struct imap_token *token)
{
    while (l->at < in->n) {
        char c = in->p[l->at];
        if (c == '"')
            return finish(l, in, token, IMAP_TOKEN_STRING, 1);
        if (c == '\r' || c == '\n' || c == '\0')
            return fail(l, "a quoted string without its closing quote");
        if (c == '\\') {
            if (!hold(l, in))
                return IMAP_LEX_ERROR;
            slice_take(in, 1);
            return go(l, IMAP_LEXER_ESCAPE);
        }
        l->at++;
    }
    return cut(l, in);
}

/* Behind a backslash. Only a quote and a backslash need one; servers put it before others too. */
static int lex_escape(struct imap_lexer *l, struct slice *in)
{
    if (in->n == 0)
        return IMAP_LEX_MORE;
    if (in->p[0] == '\r' || in->p[0] == '\n' || in->p[0] == '\0')
        return fail(l, "a quoted string without its closing quote");
    l->at = 1;
    return hold(l, in) ? go(l, IMAP_LEXER_QUOTED) : IMAP_LEX_ERROR;
}

static void add_digit(struct imap_lexer *l, char c)
{
    uint64_t digit = (uint64_t)(c - '0');

    if (l->part == IMAP_LITERAL_BRACE) {
        l->number = 0;
        l->too_large = false;
    }
    if (l->number > (INT64_MAX - digit) / 10)
        l->too_large = true;
    else
        l->number = l->number * 10 + digit;
}

/* The part of a literal's announcement that follows `part` by `c`; NONE when it is none. */
static enum imap_literal_part literal_part(struct imap_lexer *l, char c)
{
    enum imap_literal_part part = l->part;

    if (c >= '0' && c <= '9' && (part == IMAP_LITERAL_BRACE || part == IMAP_LITERAL_DIGITS)) {
        add_digit(l, c);
        return IMAP_LITERAL_DIGITS;
    }
    if (c == '+' && part == IMAP_LITERAL_DIGITS)
        return IMAP_LITERAL_PLUS;
    if (c == '}' && (part == IMAP_LITERAL_DIGITS || part == IMAP_LITERAL_PLUS))
        return IMAP_LITERAL_CLOSED;
    if (c == '\r' && part == IMAP_LITERAL_CLOSED)
        return IMAP_LITERAL_CR;
    return c == '{' ? IMAP_LITERAL_BRACE : IMAP_LITERAL_NONE;
}

static bool literal_announced(const struct imap_lexer *l)
{
    return l->part == IMAP_LITERAL_CLOSED || l->part == IMAP_LITERAL_CR;
}

static int start_literal(struct imap_lexer *l, enum imap_want want, struct imap_token *token)
{
    if (l->too_large)
        return fail(l, "a literal is larger than any message can be");
    l->left = l->number;
    l->part = IMAP_LITERAL_NONE;
    if (want == IMAP_WANT_STRING) {
        if (l->number > IMAP_LINE_MAX)
            return fail(l, "a string is too long");
        return go(l, IMAP_LEXER_GATHER);
    }
    token->type = IMAP_TOKEN_LITERAL;
    token->length = l->number;
    l->state = IMAP_LEXER_BETWEEN;
    return IMAP_LEX_TOKEN;
}

static int lex_literal(struct imap_lexer *l, struct slice *in, enum imap_want want,
                       struct imap_token *token)
{
    while (in->n) {
        char c = slice_take(in, 1).p[0];
        if (c == '\n' && literal_announced(l))
            return start_literal(l, want, token);
        l->part = c == '{' ? IMAP_LITERAL_NONE : literal_part(l, c);
        if (l->part == IMAP_LITERAL_NONE)
            return fail(l, "a literal's length is not a number");
    }
    return IMAP_LEX_MORE;
}

static int lex_gather(struct imap_lexer *l, struct slice *in, struct imap_token *token)
{
    size_t n = in->n < l->left ? in->n : (size_t)l->left;

    l->at = n;
    l->left -= n;
    return l->left ? cut(l, in) : finish(l, in, token, IMAP_TOKEN_STRING, 0);
}

static int lex_text(struct imap_lexer *l, struct slice *in, struct imap_token *token)
{
    const char *end = in->n ? memchr(in->p, '\n', in->n) : NULL;

    l->at = end ? (size_t)(end - in->p) : in->n;
    if (!end)
        return cut(l, in);
    if (finish(l, in, token, IMAP_TOKEN_TEXT, 1) == IMAP_LEX_ERROR)
        return IMAP_LEX_ERROR;
    if (token->text.n && token->text.p[token->text.n - 1] == '\r')
        token->text.n--;
    if (slice_has_nul(token->text))
        return fail(l, "a NUL octet outside a literal");
    return IMAP_LEX_TOKEN;
}

/* Skips what is not understood. Quotes mean nothing here, since it may be prose; but a line that
 * ends with "{n}" goes on behind the literal. */
static int lex_line(struct imap_lexer *l, struct slice *in, struct imap_token *token)
{
    while (in->n) {
        char c = slice_take(in, 1).p[0];
        if (c == '\0')
            return fail(l, "a NUL octet outside a literal");
        if (c != '\n') {
            l->part = literal_part(l, c);
            continue;
        }
        bool literal = literal_announced(l);
        l->part = IMAP_LITERAL_NONE;
        if (!literal) {
            token->type = IMAP_TOKEN_EOL;
            l->state = IMAP_LEXER_BETWEEN;
            return IMAP_LEX_TOKEN;
        }
        if (l->too_large)
            return fail(l, "a literal is larger than any message can be");
        l->left = l->number;
        return LEX_AGAIN;
    }
    return IMAP_LEX_MORE;
}

static int lex_octets(struct imap_lexer *l, struct slice *in, struct imap_token *token)
{
    if (l->left == 0) {
        token->type = IMAP_TOKEN_OCTETS_END;
        return IMAP_LEX_TOKEN;
    }
    if (in->n == 0)
        return IMAP_LEX_MORE;
    token->type = IMAP_TOKEN_OCTETS;
    token->text = slice_take(in, in->n < l->left ? in->n : (size_t)l->left);
    l->left -= token->text.n;
    return IMAP_LEX_TOKEN;
}

/* Drops the octets of a literal that nobody asked for. */
static void skip_literal(struct imap_lexer *l, struct slice *in)
{
    l->left -= slice_take(in, in->n < l->left ? in->n : (size_t)l->left).n;
}

static int step(struct imap_lexer *l, struct slice *in, enum imap_want want,
                struct imap_token *token)
{
    switch (l->state) {
    case IMAP_LEXER_BETWEEN:
        if (want == IMAP_WANT_LINE)
            return go(l, IMAP_LEXER_LINE);
        return lex_between(l, in, want, token);
    case IMAP_LEXER_ATOM:
        return lex_atom(l, in, want, token);
    case IMAP_LEXER_BRACKET:
    case IMAP_LEXER_BRACKET_QUOTED:
    case IMAP_LEXER_BRACKET_ESCAPE:
        return lex_bracket(l, in);
    case IMAP_LEXER_QUOTED:
        return lex_quoted(l, in, token);
    case IMAP_LEXER_ESCAPE:
        return lex_escape(l, in);
    case IMAP_LEXER_LITERAL:
        return lex_literal(l, in, want, token);
    case IMAP_LEXER_GATHER:
        return lex_gather(l, in, token);
    case IMAP_LEXER_TEXT:
        return lex_text(l, in, token);
    case IMAP_LEXER_LINE:
        return lex_line(l, in, token);
    case IMAP_LEXER_CR:
        break;
    }
    return lex_line_end(l, in, token);
}

enum imap_lex imap_lexer_next(struct imap_lexer *l, struct slice *in, enum imap_want want,
                              struct imap_token *token)
{
    int result = LEX_AGAIN;

    if (l->given) {
        buf_truncate(&l->held, 0);
        l->given = false;
    }
    *token = (struct imap_token){.text = slice_make("", 0)};
    if (want == IMAP_WANT_OCTETS)
        return (enum imap_lex)lex_octets(l, in, token);
    while (result == LEX_AGAIN) {
        if (l->left && l->state != IMAP_LEXER_GATHER)
            skip_literal(l, in);
        if (l->left && l->state != IMAP_LEXER_GATHER)
            return IMAP_LEX_MORE;
        result = step(l, in, want, token);
    }
    return (enum imap_lex)result;
}
