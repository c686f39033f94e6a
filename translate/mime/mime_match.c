/* See mime_match.h. The search is Knuth, Morris and Pratt's: it never goes back in the input. */
#include "translate/mime/mime_match.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/utf8.h"

enum {
    NO_CHARACTER = 0x110000,
    CHARACTER_OCTETS = 4,
    RARE_AMONG = 16, /* the first characters of a text */
    STRIDE = 32,     /* octets that are passed over at once */
};

struct mime_match {
    uint32_t *text; /* folded characters */
    size_t *border; /* of the first i + 1: how long a part both begins and ends them */
    size_t n;
    size_t rare;         /* where a character stands that texts seldom have, */
    char rare_octets[2]; /* and what it is in ASCII, both cases; 0x80: nothing */
    size_t matched;      /* how much of the text ends here */
    bool found;
    bool skips;                 /* `rare` is set */
    bool runs;                  /* of blanks are one space */
    bool blank;                 /* the character before was one */
    char cut[CHARACTER_OCTETS]; /* a character whose end has not come in */
    size_t cut_n;
};

static uint32_t fold_ascii(unsigned char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

/* The characters that one stands for; how many. */
static size_t fold(uint32_t c, uint32_t out[G_UNICHAR_MAX_DECOMPOSITION_LENGTH])
{
    if (c < 0x80 || c == NO_CHARACTER) {
        out[0] = c < 0x80 ? fold_ascii((unsigned char)c) : c;
        return 1;
    }
    size_t n = g_unichar_fully_decompose(g_unichar_totitle(c), TRUE, out,
                                         G_UNICHAR_MAX_DECOMPOSITION_LENGTH);
    /* RFC 5051 leaves the small letters of a ligature small. */
    for (size_t i = 0; i < n; i++)
        out[i] = g_unichar_totitle(out[i]);
    return n;
}

static void step(struct mime_match *match, uint32_t c)
{
    while (match->matched && match->text[match->matched] != c)
        match->matched = match->border[match->matched - 1];
    if (match->text[match->matched] == c)
        match->matched++;
    match->found = match->matched == match->n;
}

/* Whether this is one more blank of a run, which is to be passed over. */
static bool is_in_run(struct mime_match *match, uint32_t *c)
{
    bool blank = match->runs && (*c == ' ' || *c == '\t');
    bool again = blank && match->blank;

    match->blank = blank;
    if (blank)
        *c = ' ';
    return again;
}

static void take_character(struct mime_match *match, uint32_t c)
{
    uint32_t folded[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];

    if (is_in_run(match, &c))
        return;
    size_t n = fold(c, folded);

    for (size_t i = 0; i < n && !match->found; i++)
        step(match, folded[i]);
}

/* Whether more octets could make a character of these, which are none. */
static bool is_cut(struct slice octets)
{
    unsigned char lead = (unsigned char)octets.p[0];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc2 || lead > 0xf4 || octets.n >= wanted)
        return false;
    for (size_t i = 1; i < octets.n; i++)
        if (((unsigned char)octets.p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* Takes one character off the front, or one octet that is none. */
static uint32_t next_character(struct slice *octets)
{
    uint32_t c = NO_CHARACTER;
    size_t n = utf8_decode(*octets, &c);

    slice_take(octets, n ? n : 1);
    return c;
}

/* Takes the characters that `cut` has whole. */
static void take_whole(struct mime_match *match)
{
    while (match->cut_n && !match->found) {
        struct slice held = slice_make(match->cut, match->cut_n);
        if (utf8_length(held) == 0 && is_cut(held))
            return;
        take_character(match, next_character(&held));
        memmove(match->cut, held.p, held.n);
        match->cut_n = held.n;
    }
}

/* Completes the character that was cut, octet by octet: what follows may be none of it. */
static void finish_cut(struct mime_match *match, struct slice *octets)
{
    while (match->cut_n && octets->n && !match->found) {
        match->cut[match->cut_n++] = slice_take(octets, 1).p[0];
        take_whole(match);
    }
}

static bool is_rare(const struct mime_match *match, char c)
{
    return (unsigned char)c < 0x80 && (c == match->rare_octets[0] || c == match->rare_octets[1]);
}

/* How many octets are ASCII, and not the rare character. Without an early end the inner loop is one
 * of many octets at once. */
static size_t passed(const struct mime_match *match, struct slice octets)
{
    const char a = match->rare_octets[0];
    const char b = match->rare_octets[1];
    size_t n = 0;

    for (; n + STRIDE <= octets.n; n += STRIDE) {
        const char *p = octets.p + n;
        signed char met = 0; /* its sign */
        for (size_t i = 0; i < STRIDE; i++)
            met |= (signed char)(p[i] | (p[i] == a ? -1 : 0) | (p[i] == b ? -1 : 0));
        if (met < 0)
            break;
    }
    while (n < octets.n && (unsigned char)octets.p[n] < 0x80 && !is_rare(match, octets.p[n]))
        n++;
    return n;
}

/* Whether the text begins with so many octets. */
static bool begins_with(const struct mime_match *match, const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && fold_ascii((unsigned char)p[i]) == match->text[i])
        i++;
    return i == n;
}

/* As long as nothing of the text was met, ASCII without its rare character in the place where it
 * has it is nothing to it. What may be the text's beginning is left. */
static void skip_others(const struct mime_match *match, struct slice *octets)
{
    const char *p = octets->p;
    size_t rare = match->rare;
    size_t n = passed(match, *octets);

    while (n < octets->n && is_rare(match, p[n]) &&
           !(n >= rare && begins_with(match, p + n - rare, rare + 1))) {
        n++;
        n += passed(match, slice_make(p + n, octets->n - n));
    }
    size_t left = n < rare ? n : rare;
    while (left && !begins_with(match, p + n - left, left))
        left--;
    slice_take(octets, n - left);
}

bool mime_match_feed(struct mime_match *match, struct slice octets)
{
    finish_cut(match, &octets);
    while (octets.n && !match->found) {
        if (match->matched == 0 && match->skips) {
            skip_others(match, &octets);
            if (octets.n == 0)
                break;
        }
        if ((unsigned char)octets.p[0] >= 0x80 && utf8_length(octets) == 0 && is_cut(octets)) {
            memcpy(match->cut, octets.p, octets.n);
            match->cut_n = octets.n;
            break;
        }
        take_character(match, next_character(&octets));
    }
    return match->found;
}

void mime_match_reset(struct mime_match *match)
{
    match->matched = 0;
    match->cut_n = 0;
    match->blank = false;
    match->found = match->n == 0;
}

bool mime_match_in(struct mime_match *match, struct slice octets)
{
    mime_match_reset(match);
    return mime_match_feed(match, octets);
}

static void find_borders(struct mime_match *match)
{
    size_t border = 0;

    for (size_t i = 1; i < match->n; i++) {
        while (border && match->text[border] != match->text[i])
            border = match->border[border - 1];
        border += match->text[border] == match->text[i];
        match->border[i] = border;
    }
}

uint32_t *mime_match_fold(struct slice text, size_t *count)
{
    uint32_t some[G_UNICHAR_MAX_DECOMPOSITION_LENGTH];
    size_t most = 1;

    for (struct slice rest = text; rest.n;)
        most += fold(next_character(&rest), some);
    uint32_t *folded = calloc(most, sizeof *folded);
    *count = 0;
    while (folded && text.n)
        *count += fold(next_character(&text), folded + *count);
    return folded;
}

static void take_text(struct mime_match *match, struct slice text)
{
    while (text.n) {
        uint32_t c = next_character(&text);
        if (!is_in_run(match, &c))
            match->n += fold(c, match->text + match->n);
    }
}

/* What stands before it in a run of blanks has no known number of octets: there only the first
 * character will do. */
static void find_rare(struct mime_match *match)
{
    static const char common[] = "QZJXKVBPYGWFMUCLDHRSNIOATE "; /* the last the most, in English */
    size_t among = match->runs ? 1 : match->n < RARE_AMONG ? match->n : RARE_AMONG;
    size_t best = SIZE_MAX;

    match->skips = match->n && !(match->runs && match->text[0] == ' ');
    match->rare_octets[0] = match->rare_octets[1] = '\x80';
    for (size_t i = 0; i < among; i++) {
        const char *at =
            match->text[i] && match->text[i] < 0x80 ? strchr(common, (int)match->text[i]) : NULL;
        size_t rank = at ? (size_t)(at - common) + 1 : 0;
        if (match->text[i] >= 0x80 || rank >= best)
            continue;
        best = rank;
        match->rare = i;
        match->rare_octets[0] = (char)match->text[i];
        match->rare_octets[1] = (char)g_ascii_tolower((gchar)match->text[i]);
    }
}

struct mime_match *mime_match_new(struct slice text, enum mime_match_blanks blanks)
{
    struct mime_match *match = calloc(1, sizeof *match);
    /* A character of one octet has a decomposition of one, and others of 18 at most. */
    size_t most = text.n * G_UNICHAR_MAX_DECOMPOSITION_LENGTH + 1;

    if (!match)
        return NULL;
    match->runs = blanks == MIME_MATCH_RUNS_OF_BLANKS;
    match->text = calloc(most, sizeof *match->text);
    if (match->text)
        take_text(match, text);
    match->border = calloc(match->n + 1, sizeof *match->border);
    if (!match->text || !match->border) {
        mime_match_free(match);
        return NULL;
    }
    find_borders(match);
    find_rare(match);
    mime_match_reset(match);
    return match;
}

void mime_match_free(struct mime_match *match)
{
    if (!match)
        return;
    free(match->text);
    free(match->border);
    free(match);
}
