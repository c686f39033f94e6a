/*
 * What a client searches for (RFC 3501 and RFC 9051 section 6.4.4, ESEARCH of RFC 4731, SEARCHRES
 * of RFC 5182, MODSEQ of RFC 7162) as a tree of few kinds of keys: several of the grammar's keys
 * are one kind with other values.
 *
 *   UNSEEN            not FLAGS \Seen           NEW       RECENT and not SEEN
 *   FROM x            HEADER "From" x           OLD       not RECENT
 *   BEFORE d          DATE up to the day before SINCE d   DATE from that day on
 *   LARGER n          SIZE from n + 1 on        OR a OR b c   OR of three
 *
 * Strings are as the client sent them, in the charset that is noted; whether it is known is for
 * who searches to say (NO [BADCHARSET]). OLDER and YOUNGER (RFC 5032) would be DATE keys of their
 * own; they are unknown, which is a BAD.
 */
#ifndef TRANSLATE_IMAP_IMAPD_SEARCH_H
#define TRANSLATE_IMAP_IMAPD_SEARCH_H

#include "translate/imap/imapd_set.h"

/* Levels of parentheses and of ORs (an OR that is the last key of another is no new level, and a
 * NOT never is); keys altogether. */
enum { IMAPD_SEARCH_DEPTH_MAX = 50, IMAPD_SEARCH_KEYS_MAX = 5000 };

enum imapd_search_kind {
    IMAPD_SEARCH_ALL,
    IMAPD_SEARCH_AND,     /* all of `child` and what follows it by `next` */
    IMAPD_SEARCH_OR,      /* one of those, two at least */
    IMAPD_SEARCH_NUMBERS, /* `set`, of message numbers */
    IMAPD_SEARCH_UIDS,    /* `set` */
    IMAPD_SEARCH_FLAG,    /* `flag`: an IMAPD_FLAG_... bit */
    IMAPD_SEARCH_KEYWORD, /* `text` */
    IMAPD_SEARCH_DATE,    /* INTERNALDATE's day, in its own time zone, from `first` to `last` */
    IMAPD_SEARCH_SENT,    /* the Date header's day */
    IMAPD_SEARCH_SIZE,    /* octets from `least` to `most` */
    IMAPD_SEARCH_HEADER, /* a field `name` that has `text` in it; any such field when it is empty */
    IMAPD_SEARCH_BODY,   /* `text` */
    IMAPD_SEARCH_TEXT,   /* `text`, in the header or the body */
    IMAPD_SEARCH_MODSEQ, /* a mod-sequence of `least` or above */
};

struct imapd_search_key {
    enum imapd_search_kind kind;
    bool negated;
    struct imapd_search_key *next;  /* beside it, in the AND or OR above */
    struct imapd_search_key *child; /* AND, OR */
    struct imapd_set set;
    unsigned flag;
    struct slice name;
    bool envelope; /* HEADER: the field is meant as ENVELOPE says it, not as it is written */
    struct slice text;
    int32_t first; /* days since 1970-01-01; INT32_MIN and INT32_MAX where there is no bound */
    int32_t last;
    uint64_t least;
    uint64_t most; /* below `least`: nothing is that small */
};

/* Result options (RFC 9051 section 6.4.4). */
enum {
    IMAPD_RETURN_MIN = 1 << 0,
    IMAPD_RETURN_MAX = 1 << 1,
    IMAPD_RETURN_ALL = 1 << 2,
    IMAPD_RETURN_COUNT = 1 << 3,
    IMAPD_RETURN_SAVE = 1 << 4,
};

struct imapd_search {
    bool extended;                /* there was a RETURN: answer with ESEARCH */
    unsigned results;             /* IMAPD_RETURN_...; "RETURN ()" is ALL */
    struct slice charset;         /* as written; empty when none was given */
    struct imapd_search_key *key; /* an AND of all; freed with the arena */
    bool modseq; /* there is a MODSEQ key: that enables CONDSTORE, and the answer has a MODSEQ */
};

/* Takes the options, the charset and the keys. */
bool imapd_search_take(struct imapd_cursor *c, struct imapd_search *search);

#endif
