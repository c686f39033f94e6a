/*
 * A client's command, taken apart: RFC 3501 and RFC 9051 section 6 and 9, with LIST of RFC 5258,
 * 5819 and 6154, CONDSTORE of RFC 7162, UIDPLUS, MOVE, ID, ENABLE, UNSELECT,
 * NAMESPACE, SASL-IR, BINARY, and UTF8=ACCEPT's APPEND. The text comes whole from imapd_reader.
 *
 * Whether a verb may be used now (imapd_verb_states), whether what it names exists, whether an
 * extension was enabled: that is for the session to ask.
 *
 * Strict, for a guess could do harm, but for spaces at the end of a command, a hierarchy separator
 * at the end of a mailbox name and \Recent among flags.
 */
#ifndef TRANSLATE_IMAP_IMAPD_COMMAND_H
#define TRANSLATE_IMAP_IMAPD_COMMAND_H

#include "translate/imap/imapd_arena.h"
#include "translate/imap/imapd_fetch.h"
#include "translate/imap/imapd_flags.h"
#include "translate/imap/imapd_search.h"
#include "translate/imap/imapd_set.h"
#include "translate/imap/imapd_verb.h"
#include "translate/text/failure.h"

/* STATUS items (RFC 9051 section 6.3.11, RFC 7162 section 3.1.7, RFC 7889 section 3.2). */
enum {
    IMAPD_STATUS_MESSAGES = 1 << 0,
    IMAPD_STATUS_RECENT = 1 << 1,
    IMAPD_STATUS_UIDNEXT = 1 << 2,
    IMAPD_STATUS_UIDVALIDITY = 1 << 3,
    IMAPD_STATUS_UNSEEN = 1 << 4,
    IMAPD_STATUS_DELETED = 1 << 5,
    IMAPD_STATUS_SIZE = 1 << 6,
    IMAPD_STATUS_HIGHESTMODSEQ = 1 << 7,
    IMAPD_STATUS_APPENDLIMIT = 1 << 8,
};

/* What LIST selects and returns (RFC 5258 section 3; SPECIAL-USE: RFC 6154 section 3; STATUS:
 * RFC 5819). */
enum {
    IMAPD_LIST_SUBSCRIBED = 1 << 0,
    IMAPD_LIST_REMOTE = 1 << 1, /* selection only */
    IMAPD_LIST_RECURSIVEMATCH =
        1 << 2, /* selection only, never without SUBSCRIBED or SPECIAL-USE */
    IMAPD_LIST_SPECIAL_USE = 1 << 3,
    IMAPD_LIST_CHILDREN = 1 << 4, /* return only */
    IMAPD_LIST_STATUS = 1 << 5,   /* return only; the items in `status` */
};

/* Patterns in a LIST, special uses in a CREATE, names in an ENABLE, pairs in an ID (RFC 2971
 * section 3.3 has that number). */
enum { IMAPD_WORDS_MAX = 100, IMAPD_ID_MAX = 30 };

/* LOGIN. Both may have any octets but NUL. */
struct imapd_login {
    struct slice user;
    struct slice password;
};

struct imapd_authenticate {
    struct slice mechanism;
    bool has_initial;
    struct slice initial; /* base64, empty for "=" (RFC 4959) */
};

struct imapd_words {
    struct slice *words;
    size_t count;
};

/* LIST and LSUB. `extended` is true when there was anything of RFC 5258 in it: then an empty
 * pattern no longer asks for the separator (RFC 5258 section 3). */
struct imapd_list {
    bool extended;
    unsigned select; /* IMAPD_LIST_... */
    unsigned returns;
    unsigned status; /* IMAPD_STATUS_... */
    struct slice reference;
    struct imapd_words patterns; /* one at least; imapd_list_pattern() adds the reference */
};

/* APPEND up to its literal. */
struct imapd_append {
    struct imapd_flags flags;
    bool dated;
    int64_t date; /* seconds since 1970, UTC */
    bool utf8;    /* the literal is within UTF8 (...): 8-bit headers (RFC 6855 section 4) */
    bool binary;  /* literal8: NUL may be in it (RFC 3516) */
    uint64_t size;
};

enum imapd_store_how { IMAPD_STORE_SET, IMAPD_STORE_ADD, IMAPD_STORE_REMOVE };

struct imapd_store {
    enum imapd_store_how how;
    bool silent;
    struct imapd_flags flags;
    bool conditional; /* only messages with a MODSEQ of at most `unchanged_since` (0..) */
    uint64_t unchanged_since;
};

/* ID's fields; a value that is NIL has a NULL `p`. No pairs for NIL. */
struct imapd_id {
    struct slice *names;
    struct slice *values;
    size_t count;
};

struct imapd_command {
    struct slice tag; /* empty when it could not be read */
    enum imapd_verb verb;
    bool uid;             /* UID stood before it */
    struct slice mailbox; /* UTF-8; of all verbs that name one: COPY's destination too */
    struct imapd_set set; /* COPY, MOVE, FETCH, STORE, UID EXPUNGE */
    union {
        struct imapd_login login;
        struct imapd_authenticate authenticate;
        bool condstore;                  /* SELECT, EXAMINE. QRESYNC would stand beside it. */
        struct imapd_words special_uses; /* CREATE: "\Sent" */
        struct slice to;                 /* RENAME: the new name, UTF-8 */
        struct imapd_list list;          /* LIST, LSUB */
        unsigned status;                 /* STATUS: IMAPD_STATUS_... */
        struct imapd_append append;
        struct imapd_search search;
        struct imapd_fetch fetch;
        struct imapd_store store;
        struct imapd_id id;
        struct imapd_words enable;
    };
    struct imapd_arena memory; /* of everything above */
};

/*
 * Takes the text of a command apart, which is copied: all slices stay valid until
 * imapd_command_clear(), which must be called in any case. `utf8` says how mailbox names are
 * written: as UTF-8 (after ENABLE UTF8=ACCEPT or IMAP4rev2), or in modified UTF-7.
 *
 * False when it is no valid command: `*why` says where and what, for imapd_put_bad(). The tag and
 * the verb are set if they could be read. No sentence has anything of the arguments of a verb that
 * imapd_verb_is_secret().
 */
bool imapd_command_parse(struct imapd_command *cmd, struct slice text, bool utf8,
                         struct failure *why);

/* Wipes and frees what the command holds. */
void imapd_command_clear(struct imapd_command *cmd);

#endif
