/*
 * How a UIDL is written: a route's format, so that a provider who changes servers can go on giving
 * the unique-ids that the old server gave and no client loads all its mail again.
 *
 *     %u  UID                   %v  UIDVALIDITY
 *     %g  the server's own message id (EMAILID, X-GM-MSGID, X-GUID)
 *     %f  the same as a maildir file name: without directory and without ":2,FLAGS"
 *     %i  Message-ID where it is a legal UIDL, else its MD5 in hex (OpenWave)
 *     %m  MD5 of the header in hex
 *     %F  folder name           %%  a percent sign
 *
 * Everything else stands for itself and must be printable ASCII. Numbers take the modifiers of
 * Dovecot's pop3_uidl_format: a width with a leading zero, then x, X or d: "%08Xu%08Xv". `%g` takes
 * them too, where the id is a decimal number of at most 64 bits: "GmailId%xg".
 *
 * What is written is always a unique-id as RFC 1939 section 7 wants it: 1 to 70 octets in the range
 * 0x21 to 0x7E. Octets outside become "=XX"; what would be longer than 70 is the first 40 hex
 * digits of its SHA-256 instead. The same source gives the same UIDL for ever. A message that lacks
 * what the format asks for (no Message-ID, a server without ids) gets UIDVALIDITY and UID in its
 * place.
 *
 * Two messages can still come out alike (a repeated Message-ID): whoever lists a maildrop keeps
 * them apart.
 */
#ifndef TRANSLATE_MAILDROP_UIDL_FORMAT_H
#define TRANSLATE_MAILDROP_UIDL_FORMAT_H

#include "translate/text/failure.h"
#include "translate/text/slice.h"

enum {
    UIDL_MAX = 70,          /* octets of a UIDL, without NUL */
    UIDL_FORMAT_PARTS = 70, /* literal characters and % items of a format */
};

/* What must be fetched before a UIDL can be written; bits of uidl_format_needs(). */
enum {
    UIDL_NEEDS_GUID = 1 << 0,
    UIDL_NEEDS_MESSAGE_ID = 1 << 1,
    UIDL_NEEDS_HEADER_MD5 = 1 << 2,
    UIDL_NEEDS_FOLDER = 1 << 3,
};

struct uidl_part {
    char item;           /* letter of a % item, 0 for a literal */
    char literal;        /* the character, when item is 0 */
    char radix;          /* 'd', 'x', 'X'; 0: none was written */
    unsigned char width; /* digits, filled with zeros; 0: as many as there are */
};

/* Filled by uidl_format_parse(), then read only. It owns nothing. */
struct uidl_format {
    struct uidl_part parts[UIDL_FORMAT_PARTS];
    size_t count;
    unsigned needs; /* UIDL_NEEDS_* */
};

/* One message. Slices are borrowed for the call; empty or NULL where not known or not needed. */
struct uidl_source {
    uint32_t uid;
    uint32_t uidvalidity;
    struct slice id;         /* the server's own */
    struct slice message_id; /* as in the header, with its angle brackets */
    const char *header_md5;  /* 32 hex digits */
    struct slice folder;     /* UTF-8 */
};

/* Compiles `text`. False, with a sentence in `*why`, when an item or modifier is unknown, a
 * character is not printable, or nothing in it tells one message from another. */
bool uidl_format_parse(struct uidl_format *f, const char *text, struct failure *why);

/* Bits UIDL_NEEDS_*. */
unsigned uidl_format_needs(const struct uidl_format *f);

/* True when messages of different folders differ too: the format says more than a bare `%u`. */
bool uidl_format_spans_folders(const struct uidl_format *f);

/* Writes the UIDL of one message and a NUL. False when memory is out or the crypto library refuses
 * MD5 (FIPS mode); then `out` is empty. */
bool uidl_format_print(const struct uidl_format *f, const struct uidl_source *src,
                       char out[UIDL_MAX + 1]);

#endif
