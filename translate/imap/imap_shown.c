/* See imap_shown.h. */
#include "translate/imap/imap_shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(struct imap_shown *s, struct slice text)
{
    size_t room = sizeof s->text - s->n;
    size_t n = text.n < room ? text.n : room;

    if (n)
        memcpy(s->text + s->n, text.p, n);
    s->n += n;
}

static void put_word(struct imap_shown *s, struct slice text)
{
    if (s->n && s->text[s->n - 1] != '(')
        put(s, slice_of(" "));
    put(s, text);
    s->words++;
}

/* Responses whose strings are names of mailboxes or of the server (RFC 9051 section 7.3, RFC 2971).
 * In all others they may be pieces of mail. */
static bool has_names(struct slice verb)
{
    static const char *const verbs[] = {"LIST", "LSUB", "STATUS", "NAMESPACE", "ID"};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (slice_is_nocase(verb, verbs[i]))
            return true;
    return false;
}

static void put_atom(struct imap_shown *s, struct slice text)
{
    if (s->words == 0)
        s->challenge = slice_is(text, "+");
    else if (s->words == 1)
        s->names = has_names(text);
    put_word(s, text);
}

static void put_literal(struct imap_shown *s, uint64_t length)
{
    char text[32];

    snprintf(text, sizeof text, "{%" PRIu64 "}", length);
    put_word(s, slice_of(text));
}

bool imap_shown_token(struct imap_shown *s, const struct imap_token *token)
{
    if (s->over)
        *s = (struct imap_shown){.n = 0};
    switch (token->type) {
    case IMAP_TOKEN_ATOM:
        put_atom(s, token->text);
        break;
    case IMAP_TOKEN_STRING:
        put_word(s, s->names ? token->text : slice_of("\"...\""));
        break;
    case IMAP_TOKEN_LITERAL:
        put_literal(s, token->length);
        break;
    case IMAP_TOKEN_OPEN:
        put_word(s, slice_of("("));
        break;
    case IMAP_TOKEN_CLOSE:
        put(s, slice_of(")"));
        break;
    case IMAP_TOKEN_COMMA:
        put(s, slice_of(","));
        break;
    case IMAP_TOKEN_TEXT:
        if (!s->challenge)
            put_word(s, token->text);
        s->over = true;
        break;
    case IMAP_TOKEN_EOL:
        s->over = true;
        break;
    case IMAP_TOKEN_OCTETS:
    case IMAP_TOKEN_OCTETS_END:
        break;
    }
    return s->over;
}

struct slice imap_shown_line(const struct imap_shown *s)
{
    return slice_make(s->text, s->n);
}
