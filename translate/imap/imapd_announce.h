/*
 * Whether a line ends with the announcement of a literal, "{310}", "{310+}" (RFC 7888) or "~{310}"
 * (RFC 3516): seen octet by octet, so that it is known of a line that was thrown away too. Private
 * to imapd_reader.
 */
#ifndef TRANSLATE_IMAP_IMAPD_ANNOUNCE_H
#define TRANSLATE_IMAP_IMAPD_ANNOUNCE_H

#include "translate/text/slice.h"

/* How much of an announcement stands at the end of what was seen. */
enum imapd_announce_part {
    IMAPD_ANNOUNCE_NONE,
    IMAPD_ANNOUNCE_BRACE,
    IMAPD_ANNOUNCE_DIGITS,
    IMAPD_ANNOUNCE_PLUS,
    IMAPD_ANNOUNCE_CLOSED,
    IMAPD_ANNOUNCE_CR,
};

/* All zero is one at the beginning of a line. */
struct imapd_announce {
    enum imapd_announce_part part;
    bool nonsync;  /* the client does not wait: the octets follow in any case */
    uint64_t size; /* UINT64_MAX when it is larger than 2^63 - 1 */
};

/* Takes in more of the line, without its LF. */
void imapd_announce_see(struct imapd_announce *a, struct slice piece);

/* True when the line, if it ended here, announced a literal. */
bool imapd_announce_made(const struct imapd_announce *a);

#endif
