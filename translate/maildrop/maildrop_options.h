/*
 * The choices of a route for a maildrop served from an IMAP mailbox: one member for each "the
 * route's choice" of DESIGN.md. Filled by the configuration, immutable from then on.
 */
#ifndef TRANSLATE_MAILDROP_MAILDROP_OPTIONS_H
#define TRANSLATE_MAILDROP_MAILDROP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "translate/maildrop/uidl_format.h"

/* What DELE followed by QUIT means upstream. */
enum maildrop_deletion {
    MAILDROP_EXPUNGE,   /* deleted: UID EXPUNGE (RFC 4315), or a move to Trash where that deletes */
    MAILDROP_MOVE,      /* moved to the folder `move_to` */
    MAILDROP_FLAG,      /* \Deleted is set, nothing more; messages so marked are not listed */
    MAILDROP_KEEP,      /* hidden from this login's later sessions, untouched upstream */
    MAILDROP_KEEP_DAYS, /* as KEEP, and expunged `keep_days` days later */
};

struct maildrop_options {
    const char *uidl;               /* UIDL format as it was written */
    struct uidl_format uidl_format; /* and compiled */
    const char *const *folders;     /* UTF-8 names, in the order in which they are listed */
    size_t folder_count;            /* at least 1 */
    char folder_separator;          /* `user+Folder` at login; 0: the login is taken whole */
    enum maildrop_deletion deletion;
    const char *move_to;    /* UTF-8; NULL: the folder marked \Trash (RFC 6154) */
    unsigned keep_days;     /* for MAILDROP_KEEP_DAYS, at least 1 */
    bool seen;              /* RETR sets \Seen */
    bool unseen_only;       /* list only messages without \Seen */
    unsigned last_days;     /* list only messages of the last N days; 0: all */
    unsigned last_messages; /* list only the newest N messages; 0: all */
    size_t prefetch;        /* octets fetched ahead for sequential RETRs; 0: off */
    unsigned login_delay;   /* seconds between logins of one user (RFC 2449 section 6.5); 0: none */
    unsigned warm_seconds;  /* an upstream session is kept after QUIT for the next login; 0: off */
    bool allow_preauth;     /* an upstream that greets with PREAUTH is accepted */
    bool compress;          /* use COMPRESS=DEFLATE when offered (RFC 4978) */
};

#endif
