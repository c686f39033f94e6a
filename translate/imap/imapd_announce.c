/* See imapd_announce.h. */
#include "translate/imap/imapd_announce.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(struct imapd_announce *a, char c)
{
    uint64_t digit = (uint64_t)(c - '0');

    a->size = a->size > (INT64_MAX - digit) / 10 ? UINT64_MAX : a->size * 10 + digit;
}

static enum imapd_announce_part next_part(struct imapd_announce *a, char c)
{
    enum imapd_announce_part part = a->part;

    if (is_digit(c) && (part == IMAPD_ANNOUNCE_BRACE || part == IMAPD_ANNOUNCE_DIGITS)) {
        add_digit(a, c);
        return IMAPD_ANNOUNCE_DIGITS;
    }
    if (c == '+' && part == IMAPD_ANNOUNCE_DIGITS) {
        a->nonsync = true;
        return IMAPD_ANNOUNCE_PLUS;
    }
    if (c == '}' && (part == IMAPD_ANNOUNCE_DIGITS || part == IMAPD_ANNOUNCE_PLUS))
        return IMAPD_ANNOUNCE_CLOSED;
    if (c == '\r' && part == IMAPD_ANNOUNCE_CLOSED)
        return IMAPD_ANNOUNCE_CR;
    return IMAPD_ANNOUNCE_NONE;
}

void imapd_announce_see(struct imapd_announce *a, struct slice piece)
{
    for (size_t i = 0; i < piece.n; i++) {
        if (piece.p[i] == '{')
            *a = (struct imapd_announce){.part = IMAPD_ANNOUNCE_BRACE};
        else if (a->part != IMAPD_ANNOUNCE_NONE)
            a->part = next_part(a, piece.p[i]);
    }
}

bool imapd_announce_made(const struct imapd_announce *a)
{
    return a->part == IMAPD_ANNOUNCE_CLOSED || a->part == IMAPD_ANNOUNCE_CR;
}
