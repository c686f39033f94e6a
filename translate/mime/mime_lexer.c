/* See mime_lexer.h. */
#include "translate/mime/mime_lexer.h"

#include <string.h>

/* Of RFC 5322's specials, controls and blanks none; everything above 0x7F. */
static bool is_atext(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 0x80 || (u > 0x20 && u < 0x7f && !strchr("\"(),.:;<>@[\\]", u));
}

/* An atom's octets but for RFC 2045's tspecials, and the dot. */
static bool is_token(char c)
{
    return c == '.' || (is_atext(c) && c != '/' && c != '=' && c != '?');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool mime_lex_at(const struct mime_lexer *lex, char c)
{
    return lex->rest.n && lex->rest.p[0] == c;
}

static enum mime_lex more(const struct mime_lexer *lex)
{
    return lex->rest.n ? MIME_LEX_MORE : MIME_LEX_END;
}

static void put(struct buf *out, struct slice text)
{
    if (out)
        buf_put(out, text);
}

enum pair {
    PAIR_CUT,    /* nothing follows the backslash */
    PAIR_QUOTED, /* the octet that it quotes was taken with it */
    PAIR_PLAIN,  /* line ends and NUL cannot be quoted: the backslash stands for itself */
};

/* `rest` is at a backslash. */
static enum pair take_pair(struct mime_lexer *lex, struct buf *out, bool keep_backslash)
{
    if (lex->rest.n < 2)
        return PAIR_CUT;
    char next = lex->rest.p[1];
    bool plain = next == '\r' || next == '\n' || next == '\0';
    struct slice pair = slice_take(&lex->rest, plain ? 1 : 2);
    if (!plain && !keep_backslash)
        slice_take(&pair, 1);
    put(out, pair);
    return plain ? PAIR_PLAIN : PAIR_QUOTED;
}

/* The next octet inside quotes, parentheses or brackets, where it means nothing to them. True when
 * it was one of those that are not taken as they are: NUL, and line ends, which are left out. */
static bool take_inner(struct mime_lexer *lex, struct buf *out)
{
    struct slice c = slice_take(&lex->rest, 1);

    if (c.p[0] == '\0') {
        put(out, slice_of("\xef\xbf\xbd"));
        return true;
    }
    if (c.p[0] == '\r' && mime_lex_at(lex, '\n'))
        c = slice_take(&lex->rest, 1);
    if (c.p[0] == '\n')
        return true;
    put(out, c);
    return false;
}

static size_t size_of(const struct buf *out)
{
    return out ? buf_size(out) : 0;
}

/*
 * What is between two delimiters, the first already taken; the last is taken, and appended for a
 * domain literal only. Where the end is missing, only what was before the last quoted pair, NUL or
 * line end stays in `out`: a quirk of Dovecot's that shows in the display names of broken
 * addresses.
 */
static enum mime_lex delimited(struct mime_lexer *lex, struct buf *out, char open, char close)
{
    size_t kept = size_of(out);
    size_t depth = 1;

    while (lex->rest.n) {
        char c = lex->rest.p[0];
        size_t before = size_of(out);
        if (c == '\\') {
            enum pair pair = take_pair(lex, out, close == ']');
            if (pair == PAIR_CUT)
                break;
            kept = pair == PAIR_QUOTED ? before : kept;
        } else if (c == close && --depth == 0) {
            struct slice end = slice_take(&lex->rest, 1);
            if (close == ']')
                put(out, end);
            return MIME_LEX_MORE;
        } else if (c == open && close == ']') {
            break;
        } else {
            depth += c == open && close == ')';
            if (take_inner(lex, out))
                kept = size_of(out);
        }
    }
    if (out)
        buf_truncate(out, kept);
    return MIME_LEX_BAD;
}

static enum mime_lex skip_comment(struct mime_lexer *lex)
{
    slice_take(&lex->rest, 1);
    if (lex->comment)
        buf_truncate(lex->comment, 0);
    return delimited(lex, lex->comment, '(', ')');
}

enum mime_lex mime_lex_space(struct mime_lexer *lex)
{
    while (lex->rest.n) {
        if (is_blank(lex->rest.p[0]))
            slice_take(&lex->rest, 1);
        else if (!mime_lex_at(lex, '('))
            break;
        else if (skip_comment(lex) == MIME_LEX_BAD)
            return MIME_LEX_BAD;
    }
    return more(lex);
}

/* Octets from the front as long as they are of the kind; how many there were. */
static size_t take_while(struct mime_lexer *lex, struct buf *out, bool (*of_kind)(char))
{
    size_t n = 0;

    while (n < lex->rest.n && of_kind(lex->rest.p[n]))
        n++;
    buf_put(out, slice_take(&lex->rest, n));
    return n;
}

enum mime_lex mime_lex_atom(struct mime_lexer *lex, struct buf *out)
{
    return take_while(lex, out, is_atext) ? mime_lex_space(lex) : MIME_LEX_BAD;
}

enum mime_lex mime_lex_dot_atom(struct mime_lexer *lex, struct buf *out)
{
    while (take_while(lex, out, is_atext)) {
        enum mime_lex left = mime_lex_space(lex);
        if (left != MIME_LEX_MORE || !mime_lex_at(lex, '.'))
            return left;
        buf_put(out, slice_take(&lex->rest, 1));
        if (mime_lex_space(lex) != MIME_LEX_MORE)
            return MIME_LEX_BAD;
    }
    return MIME_LEX_BAD;
}

enum mime_lex mime_lex_token(struct mime_lexer *lex, struct buf *out)
{
    take_while(lex, out, is_token);
    return mime_lex_space(lex);
}

enum mime_lex mime_lex_quoted(struct mime_lexer *lex, struct buf *out)
{
    slice_take(&lex->rest, 1);
    if (delimited(lex, out, '"', '"') == MIME_LEX_BAD)
        return MIME_LEX_BAD;
    return mime_lex_space(lex);
}

static bool is_atext_or_dot(char c)
{
    return c == '.' || is_atext(c);
}

static enum mime_lex word(struct mime_lexer *lex, struct buf *out)
{
    if (mime_lex_at(lex, '"'))
        return mime_lex_quoted(lex, out);
    take_while(lex, out, is_atext_or_dot);
    return mime_lex_space(lex);
}

enum mime_lex mime_lex_phrase(struct mime_lexer *lex, struct buf *out)
{
    if (lex->rest.n == 0)
        return MIME_LEX_END;
    if (mime_lex_at(lex, '.'))
        return MIME_LEX_BAD;
    for (;;) {
        enum mime_lex left = word(lex, out);
        if (left != MIME_LEX_MORE)
            return left;
        if (!is_atext_or_dot(lex->rest.p[0]) && !mime_lex_at(lex, '"'))
            return MIME_LEX_MORE;
        buf_putc(out, ' ');
    }
}

enum mime_lex mime_lex_domain(struct mime_lexer *lex, struct buf *out)
{
    slice_take(&lex->rest, 1);
    enum mime_lex left = mime_lex_space(lex);
    if (left != MIME_LEX_MORE)
        return MIME_LEX_BAD;
    if (!mime_lex_at(lex, '['))
        return mime_lex_dot_atom(lex, out);
    buf_put(out, slice_take(&lex->rest, 1));
    if (delimited(lex, out, '[', ']') == MIME_LEX_BAD)
        return MIME_LEX_BAD;
    return mime_lex_space(lex);
}
