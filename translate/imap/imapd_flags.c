/* See imapd_flags.h. */
#include "translate/imap/imapd_flags.h"

static const char *const names[] = {"\\Answered", "\\Flagged", "\\Deleted",
                                    "\\Seen",     "\\Draft",   "\\Recent"};

enum { NAMES = sizeof names / sizeof *names };

const char *imapd_flag_name(unsigned bit)
{
    size_t i = 0;

    while (i + 1 < NAMES && bit != 1U << i)
        i++;
    return names[i];
}

bool imapd_keyword_take(struct imapd_cursor *c, struct slice *out)
{
    if (!imapd_atom(c, "a keyword", out))
        return false;
    return out->n <= IMAPD_KEYWORD_MAX ||
           imapd_fail_at(c, out->p, "a keyword of more than %d characters", IMAPD_KEYWORD_MAX);
}

/* The backslash is there. */
static bool take_system(struct imapd_cursor *c, unsigned *flags)
{
    const char *at = c->rest.p;
    struct slice word;

    slice_take(&c->rest, 1);
    if (!imapd_atom(c, "the name of a flag", &word))
        return false;
    word = slice_make(at, word.n + 1);
    for (size_t i = 0; i < NAMES; i++) {
        if (slice_is_nocase(word, names[i])) {
            *flags |= 1U << i;
            return true;
        }
    }
    return imapd_fail_unknown(c, "flag", word);
}

static bool has_keyword(const struct imapd_flags *flags, struct slice keyword)
{
    for (size_t i = 0; i < flags->count; i++)
        if (slice_equal_nocase(flags->keywords[i], keyword))
            return true;
    return false;
}

static bool take_flag(struct imapd_cursor *c, struct imapd_flags *flags)
{
    struct slice keyword;

    if (imapd_at(c, '\\'))
        return take_system(c, &flags->system);
    if (!imapd_keyword_take(c, &keyword))
        return false;
    if (has_keyword(flags, keyword))
        return true;
    if (flags->count == IMAPD_KEYWORDS_MAX)
        return imapd_fail_at(c, keyword.p, "more than %d keywords", IMAPD_KEYWORDS_MAX);
    flags->keywords =
        imapd_arena_room(c->memory, flags->keywords, flags->count, sizeof *flags->keywords);
    if (!flags->keywords)
        return imapd_fail_memory(c);
    flags->keywords[flags->count++] = keyword;
    return true;
}

bool imapd_flags_take(struct imapd_cursor *c, bool bare, struct imapd_flags *flags)
{
    bool open = imapd_at(c, '(') || !bare;

    *flags = (struct imapd_flags){0};
    if (open && !imapd_open(c, "flags"))
        return false;
    if (open && imapd_maybe(c, ')'))
        return true;
    do {
        if (!take_flag(c, flags))
            return false;
    } while (imapd_maybe(c, ' '));
    flags->system &= ~(unsigned)IMAPD_FLAG_RECENT;
    return !open || imapd_close(c, "flags");
}
