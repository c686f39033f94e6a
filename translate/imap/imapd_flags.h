/*
 * Flags and keywords as clients write them (RFC 3501 section 2.3.2, RFC 5788).
 */
#ifndef TRANSLATE_IMAP_IMAPD_FLAGS_H
#define TRANSLATE_IMAP_IMAPD_FLAGS_H

#include "translate/imap/imapd_cursor.h"

enum {
    IMAPD_FLAG_ANSWERED = 1 << 0,
    IMAPD_FLAG_FLAGGED = 1 << 1,
    IMAPD_FLAG_DELETED = 1 << 2,
    IMAPD_FLAG_SEEN = 1 << 3,
    IMAPD_FLAG_DRAFT = 1 << 4,
    IMAPD_FLAG_RECENT = 1 << 5, /* never in what a client sets */
};

/* Octets of a keyword; keywords in a command. */
enum { IMAPD_KEYWORD_MAX = 128, IMAPD_KEYWORDS_MAX = 100 };

struct imapd_flags {
    unsigned system;        /* IMAPD_FLAG_... */
    struct slice *keywords; /* atoms, none twice in any case */
    size_t count;
};

/* "\Seen"; `bit` is one of the above. */
const char *imapd_flag_name(unsigned bit);

/* Takes a keyword that is no system flag: of KEYWORD and UNKEYWORD in a search. */
bool imapd_keyword_take(struct imapd_cursor *c, struct slice *out);

/*
 * Takes "(\Seen $Forwarded)", or the same without its parentheses when `bare` permits that, as
 * STORE does (RFC 3501 section 9, store-att-flags). \Recent is passed over: clients that copy mail
 * send back the flags they were given. Any other flag with a backslash is unknown.
 */
bool imapd_flags_take(struct imapd_cursor *c, bool bare, struct imapd_flags *flags);

#endif
