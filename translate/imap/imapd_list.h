/*
 * LIST's patterns (RFC 3501 section 6.3.8): which mailbox names they mean.
 *
 * The separator is "/". "*" stands for any characters, "%" for any but the separator. INBOX, alone
 * or as the beginning of a name, is the same in any case. Nothing is tried twice: the time is the
 * product of both lengths at most, whatever the pattern.
 */
#ifndef TRANSLATE_IMAP_IMAPD_LIST_H
#define TRANSLATE_IMAP_IMAPD_LIST_H

#include "translate/text/buf.h"

/* Octets of a pattern, reference included, once imapd_list_pattern() has made it. */
enum { IMAPD_PATTERN_MAX = 2000 };

/* Appends the pattern that a reference and a pattern make together, with runs of wildcards made
 * one. False, and nothing appended, when it is longer than IMAPD_PATTERN_MAX. */
bool imapd_list_pattern(struct buf *out, struct slice reference, struct slice pattern);

/* True when the pattern means the mailbox; both in UTF-8. `pattern` has at most IMAPD_PATTERN_MAX
 * octets: a longer one means nothing. */
bool imapd_list_match(struct slice pattern, struct slice name);

#endif
