/*
 * Pieces of IMAP command lines: mailbox names, strings, sets of UIDs.
 */
#ifndef TRANSLATE_IMAP_IMAP_WRITE_H
#define TRANSLATE_IMAP_IMAP_WRITE_H

#include "translate/text/buf.h"

/* A quoted string (RFC 3501 section 4.3). False, and nothing appended, when `text` has CR, LF, NUL
 * or an octet above 0x7F and `utf8` is not set: then only a literal will do. */
bool imap_put_quoted(struct buf *out, struct slice text, bool utf8);

/* A UTF-8 mailbox name as a quoted string: in modified UTF-7 (RFC 3501 section 5.1.3), or as it is
 * when `utf8` is set (RFC 6855). "INBOX" in any case becomes INBOX. False, and nothing appended,
 * when the name is empty, longer than 1,000 octets, no valid UTF-8 or has control characters. */
bool imap_put_mailbox(struct buf *out, struct slice name, bool utf8);

/* A run of UIDs, `first` <= `last`. */
struct uid_range {
    uint32_t first, last;
};

/* "1:3,7,9:12" (RFC 3501 section 9, sequence-set) from UIDs in ascending order: as many as fit into
 * about `max` octets. Returns how many of the `count` UIDs were written, at least 1. */
size_t imap_put_set(struct buf *out, const uint32_t *uids, size_t count, size_t max);

#endif
