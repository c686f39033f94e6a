/* See imapd_cursor.h. */
#include "translate/imap/imapd_cursor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "translate/text/utf7.h"
#include "translate/text/utf8.h"

enum {
    NO_ATOM = 1,
    NO_ASTRING = 2,
    NO_LIST = 4,
    NO_WORD = NO_ATOM | NO_ASTRING | NO_LIST,
};

/* Control characters and octets above 0x7E are added by may_be(). */
static const unsigned char specials[256] = {
    ['('] = NO_WORD,  [')'] = NO_WORD, ['{'] = NO_WORD,
    [' '] = NO_WORD,  ['"'] = NO_WORD, ['%'] = NO_ATOM | NO_ASTRING,
    ['\\'] = NO_WORD, [']'] = NO_ATOM, ['*'] = NO_ATOM | NO_ASTRING,
};

static bool may_be(char c, unsigned class)
{
    return c > ' ' && c < 0x7f && !(specials[(unsigned char)c] & class);
}

bool imapd_is_atom_char(char c)
{
    return may_be(c, NO_ATOM);
}

bool imapd_is_astring_char(char c)
{
    return may_be(c, NO_ASTRING);
}

bool imapd_is_list_char(char c)
{
    return may_be(c, NO_LIST);
}

static bool fail_at(struct imapd_cursor *c, const char *at, const char *format, va_list args)
{
    char text[sizeof c->why->text];

    vsnprintf(text, sizeof text, format, args);
    failure_set(c->why, FAILURE_PERMANENT, "%s: character %zu: %s", c->verb,
                (size_t)(at - c->begin) + 1, text);
    return false;
}

bool imapd_fail_at(struct imapd_cursor *c, const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail_at(c, at, format, args);
    va_end(args);
    return false;
}

bool imapd_fail(struct imapd_cursor *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail_at(c, c->rest.p, format, args);
    va_end(args);
    return false;
}

bool imapd_fail_unknown(struct imapd_cursor *c, const char *what, struct slice word)
{
    enum { SHOWN_MAX = 60 };

    if (!c->quotes)
        return imapd_fail_at(c, word.p, "unknown %s", what);
    if (word.n > SHOWN_MAX)
        return imapd_fail_at(c, word.p, "unknown %s \"%.*s...\"", what, SHOWN_MAX, word.p);
    return imapd_fail_at(c, word.p, "unknown %s \"%.*s\"", what, SLICE_ARG(word));
}

bool imapd_fail_memory(struct imapd_cursor *c)
{
    failure_set(c->why, FAILURE_TEMPORARY, "%s: the server is out of memory", c->verb);
    return false;
}

bool imapd_at(const struct imapd_cursor *c, char ch)
{
    return c->rest.n && c->rest.p[0] == ch;
}

bool imapd_maybe(struct imapd_cursor *c, char ch)
{
    return imapd_at(c, ch) && slice_take(&c->rest, 1).n == 1;
}

bool imapd_maybe_word(struct imapd_cursor *c, const char *word)
{
    size_t n = strlen(word);

    if (c->rest.n < n || !slice_is_nocase(slice_make(c->rest.p, n), word))
        return false;
    if (c->rest.n > n && imapd_is_atom_char(c->rest.p[n]))
        return false;
    slice_take(&c->rest, n);
    return true;
}

bool imapd_space(struct imapd_cursor *c)
{
    if (imapd_maybe(c, ' '))
        return true;
    return c->rest.n ? imapd_fail(c, "a space was expected")
                     : imapd_fail(c, "the command ends too early");
}

bool imapd_open(struct imapd_cursor *c, const char *what)
{
    return imapd_maybe(c, '(') || imapd_fail(c, "\"(\" was expected before %s", what);
}

bool imapd_close(struct imapd_cursor *c, const char *what)
{
    return imapd_maybe(c, ')') || imapd_fail(c, "\")\" was expected behind %s", what);
}

bool imapd_end(struct imapd_cursor *c)
{
    while (imapd_maybe(c, ' '))
        ;
    return c->rest.n == 0 || imapd_fail(c, "nothing more was expected");
}

static struct slice take_while(struct imapd_cursor *c, bool (*fits)(char))
{
    size_t n = 0;

    while (n < c->rest.n && fits(c->rest.p[n]))
        n++;
    return slice_take(&c->rest, n);
}

bool imapd_atom(struct imapd_cursor *c, const char *what, struct slice *out)
{
    *out = take_while(c, imapd_is_atom_char);
    return out->n || imapd_fail(c, "%s was expected", what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool imapd_number(struct imapd_cursor *c, const char *what, uint64_t min, uint64_t max,
                  uint64_t *out)
{
    const char *at = c->rest.p;
    struct slice digits = take_while(c, is_digit);

    if (digits.n == 0)
        return imapd_fail(c, "%s was expected", what);
    if (!slice_number(digits, max, out) || *out < min)
        return imapd_fail_at(c, at, "%s is out of range", what);
    return true;
}

bool imapd_literal_size(struct imapd_cursor *c, uint64_t *size, bool *binary)
{
    *binary = imapd_maybe(c, '~');
    if (!imapd_maybe(c, '{'))
        return imapd_fail(c, "a literal was expected");
    if (!imapd_number(c, "the size of a literal", 0, INT64_MAX, size))
        return false;
    imapd_maybe(c, '+');
    return imapd_maybe(c, '}') || imapd_fail(c, "\"}\" was expected behind the size of a literal");
}

/* Binary ones (RFC 3516 section 4.4) are for messages; in a string no NUL can be of use. */
static bool take_literal(struct imapd_cursor *c, struct slice *out)
{
    const char *at = c->rest.p;
    uint64_t size = 0;
    bool binary = false;

    if (!imapd_literal_size(c, &size, &binary))
        return false;
    if (!imapd_maybe(c, '\r') || !imapd_maybe(c, '\n') || c->rest.n < size)
        return imapd_fail_at(c, at, "the octets of a literal are missing");
    *out = slice_take(&c->rest, (size_t)size);
    return !slice_has_nul(*out) || imapd_fail_at(c, at, "a literal with a NUL octet");
}

/* The length of what stands in front of the closing quote, and whether it has escapes. */
static bool scan_quoted(struct imapd_cursor *c, size_t *length, bool *escaped)
{
    size_t n = 0;

    for (*escaped = false; n < c->rest.n && c->rest.p[n] != '"'; n++) {
        char ch = c->rest.p[n];
        if (ch == '\r' || ch == '\n' || ch == '\0')
            return imapd_fail_at(c, c->rest.p + n, "a control character in a quoted string");
        if (ch != '\\')
            continue;
        n++;
        *escaped = true;
        if (n == c->rest.n || (c->rest.p[n] != '"' && c->rest.p[n] != '\\'))
            return imapd_fail_at(c, c->rest.p + n, "only quotes and backslashes can be escaped");
    }
    *length = n;
    return n < c->rest.n || imapd_fail(c, "a quoted string without its closing quote");
}

static bool unescape(struct imapd_cursor *c, struct slice *text)
{
    char *copy = imapd_arena_alloc(c->memory, text->n);
    size_t n = 0;

    if (!copy)
        return imapd_fail_memory(c);
    for (size_t i = 0; i < text->n; i++) {
        if (text->p[i] == '\\')
            i++;
        copy[n++] = text->p[i];
    }
    *text = slice_make(copy, n);
    return true;
}

static bool take_quoted(struct imapd_cursor *c, struct slice *out)
{
    size_t length = 0;
    bool escaped;

    slice_take(&c->rest, 1);
    if (!scan_quoted(c, &length, &escaped))
        return false;
    *out = slice_take(&c->rest, length);
    slice_take(&c->rest, 1);
    return !escaped || unescape(c, out);
}

static bool at_literal(const struct imapd_cursor *c)
{
    return imapd_at(c, '{') || (imapd_at(c, '~') && c->rest.n > 1 && c->rest.p[1] == '{');
}

bool imapd_string(struct imapd_cursor *c, const char *what, struct slice *out)
{
    if (imapd_at(c, '"'))
        return take_quoted(c, out);
    if (at_literal(c))
        return take_literal(c, out);
    return imapd_fail(c, "%s was expected as a string", what);
}

static bool take_string_or(struct imapd_cursor *c, bool (*fits)(char), const char *what,
                           struct slice *out)
{
    if (imapd_at(c, '"') || at_literal(c))
        return imapd_string(c, what, out);
    *out = take_while(c, fits);
    return out->n || imapd_fail(c, "%s was expected", what);
}

bool imapd_astring(struct imapd_cursor *c, const char *what, struct slice *out)
{
    return take_string_or(c, imapd_is_astring_char, what, out);
}

bool imapd_nstring(struct imapd_cursor *c, const char *what, struct slice *out)
{
    *out = slice_make(NULL, 0);
    return imapd_maybe_word(c, "NIL") || imapd_string(c, what, out);
}

static bool decode_utf7(struct imapd_cursor *c, struct slice *name)
{
    struct buf decoded = BUF_INIT;
    bool valid = utf7_decode(&decoded, *name);
    bool failed = buf_failed(&decoded);

    if (valid && !failed)
        *name = imapd_arena_copy(c->memory, buf_slice(&decoded));
    buf_clear(&decoded);
    c->memory->failed = c->memory->failed || failed;
    return valid && !c->memory->failed;
}

static bool is_clean_utf8(struct slice name)
{
    while (name.n) {
        unsigned char first = (unsigned char)name.p[0];
        size_t n = utf8_length(name);
        if (n == 0 || first < 0x20 || first == 0x7f)
            return false;
        slice_take(&name, n);
    }
    return true;
}

/* A "&" is rare, and what has none is the same in both spellings. */
static bool decode_name(struct imapd_cursor *c, const char *at, struct slice *name)
{
    bool plain = true;

    for (size_t i = 0; i < name->n; i++)
        plain = plain && name->p[i] != '&' && (unsigned char)name->p[i] < 0x80;
    if (!c->utf8 && !plain && !decode_utf7(c, name)) {
        if (c->memory->failed)
            return imapd_fail_memory(c);
        return imapd_fail_at(c, at,
                             "a mailbox name that is no modified UTF-7 (RFC 3501 section "
                             "5.1.3)");
    }
    if (name->n > IMAPD_MAILBOX_MAX)
        return imapd_fail_at(c, at, "a mailbox name of more than %d octets", IMAPD_MAILBOX_MAX);
    return is_clean_utf8(*name) ||
           imapd_fail_at(c, at, "a mailbox name with control characters or broken UTF-8");
}

/* RFC 9051 section 5.1: INBOX is the same name in any case, and so it is for what is below it. */
static bool settle_inbox(struct imapd_cursor *c, struct slice *name)
{
    static const char inbox[] = "INBOX";
    const size_t n = sizeof inbox - 1;

    if (name->n < n || (name->n > n && name->p[n] != '/') ||
        !slice_is_nocase(slice_make(name->p, n), inbox) || slice_is(slice_make(name->p, n), inbox))
        return true;
    char *copy = imapd_arena_alloc(c->memory, name->n);
    if (!copy)
        return imapd_fail_memory(c);
    memcpy(copy, name->p, name->n);
    memcpy(copy, inbox, n);
    *name = slice_make(copy, name->n);
    return true;
}

bool imapd_mailbox(struct imapd_cursor *c, struct slice *out)
{
    const char *at = c->rest.p;

    if (!imapd_astring(c, "a mailbox name", out) || !decode_name(c, at, out))
        return false;
    if (out->n > 1 && out->p[out->n - 1] == '/')
        out->n--;
    if (out->n == 0)
        return imapd_fail_at(c, at, "a mailbox name cannot be empty");
    return settle_inbox(c, out);
}

bool imapd_reference(struct imapd_cursor *c, struct slice *out)
{
    const char *at = c->rest.p;

    return imapd_astring(c, "a reference name", out) && decode_name(c, at, out);
}

bool imapd_pattern(struct imapd_cursor *c, struct slice *out)
{
    const char *at = c->rest.p;

    return take_string_or(c, imapd_is_list_char, "a mailbox pattern", out) &&
           decode_name(c, at, out);
}
