/*
 * What the files of the account share about looks at the maildrop: what is in it, whether that is
 * so still, which message has which number. For account_internal.h.
 */
#ifndef TRANSLATE_MAILBOX_ACCOUNT_LOOKS_H
#define TRANSLATE_MAILBOX_ACCOUNT_LOOKS_H

#include "translate/pop3/pop3_client.h"
#include "translate/state/box_listing.h"
#include "translate/text/buf.h"

struct account;
struct commit_op;
struct filing_rule;

enum { LISTED_DIGEST = 32 }; /* characters of a message's digest */

/* ---- octets ------------------------------------------------------------------------------ */

/* Makes every line end CRLF, and finds the end of the header. Zero is the beginning. */
struct octets {
    bool after_cr;
    bool line_begun;
    bool header_over;
    struct buf out;
};

/* ---- listing ----------------------------------------------------------------------------- */

enum listing_stage {
    LISTING_NONE,
    LISTING_GLANCE,     /* STAT, UIDL of a few */
    LISTING_GLANCE_NEW, /* LIST and UIDL of the new ones */
    LISTING_ASKED,      /* UIDL, LIST */
    LISTING_DIGESTS,    /* TOP of those that are not recognised */
    LISTING_FILING,     /* TOP of those that are new, where there are filing rules */
    LISTING_COMMIT,     /* the record is on its way */
    LISTING_KNOWN,      /* the numbers of this connection are known */
    LISTING_CHECKING,   /* known; digests of what is to be deleted are asked for */
};

/* Beside each box_entry. */
struct listed {
    bool tried; /* a digest was asked for */
    bool seen;  /* its header came in */
    bool dated; /* and told when it arrived */
    bool heard; /* or it will not come */
    int64_t date;
    const struct filing_rule *rule; /* NULL: none is about it */
    char digest[LISTED_DIGEST + 1];
};

/* One that is to be kept, in `headers` of the listing. */
struct listed_header {
    size_t entry;
    size_t at, n;
};

struct listing {
    enum listing_stage stage;
    struct box_listing list;
    struct listed *beside;
    size_t cap;
    struct buf uidls;
    struct uidl_row {
        uint32_t number;
        uint32_t n;
        size_t at; /* in `uidls`, each with NUL behind it */
    } * rows;
    size_t row_count, row_cap;
    size_t awaited;          /* answers */
    struct failure *failure; /* owned: what is asked for was refused; NULL: nothing was */
    uint64_t matched; /* 1 + modseq of the state with which `list` was matched, and nothing asked;
                         0: it has to be */
    bool drafted;
    bool told; /* what it says of messages that were known is in the state */
    bool suspicious;
    struct buf headers; /* of this batch */
    struct listed_header *kept;
    size_t kept_count, kept_cap;
    struct octets octets;
    bool again;     /* not the first one on this connection */
    bool glance;    /* `list` has only what is new */
    bool wrong;     /* an answer was not as it should be */
    uint32_t count; /* by STAT */
    uint64_t octets_of_all;
};

/* ---- numbers ----------------------------------------------------------------------------- */

struct numbered {
    uint32_t content;
    uint32_t number;
    unsigned seen; /* the connection that said so, by link.ended */
};

struct numbers {
    struct numbered *list; /* ascending by content */
    size_t count, cap;
    uint32_t first, last; /* contents, by number */
    uint64_t octets;      /* of all, by LIST */
    bool usable;          /* on the next connection, where a glance confirms it */
    unsigned whole;       /* the connection that listed all, by link.ended */
    uint64_t listed_at;
    size_t next;      /* that a glance asks for */
    size_t asked;     /* UIDLs, on this connection, for what was to be fetched */
    bool doubted;     /* a glance on this connection did not confirm it */
    unsigned refuted; /* glances that were wrong, in a row */
    size_t archived;  /* that were looked at for `archive` */
};

/* ---- UIDLs ------------------------------------------------------------------------------- */

struct uidls {
    uint64_t *marks; /* 0: an empty place; NULL: not made yet */
    size_t room;     /* a power of two */
    size_t count;
};

/* account_octets.c */
/* The octets with every line end CRLF: `in` itself where they are so already. Valid until the next
 * call, and while `in` is. */
struct slice octets_lines(struct octets *o, struct slice in);
/* How many of them (as octets_lines() gave them) belong to the header, its empty line included. */
size_t octets_of_header(struct octets *o, struct slice lines);
void octets_clear(struct octets *o);

/* account_listing.c */
/* Room for what is listed on a connection that begins; false when memory is out. */
bool listing_make(struct account *a);
void listing_free(struct account *a);
void listing_begin(struct account *a);
/* Nothing is being listed. */
void listing_clear(struct account *a);
/* The whole, on a connection that has only had a glance; when it is known the link is open again.
 */
void listing_again(struct account *a);
/* Looks at what is to be deleted once more, by digest where one is known; then delete_checked().
 * After a whole listing on this connection. */
void listing_check(struct account *a);
/* A message in the answer to LIST or UIDL; and when all are there, both put together. */
void listing_entry(struct account *a, const struct pop3_client_event *ev);
void listing_join(struct account *a);
/* Everything is recognised: the fresh ones are filed, and what there is to say becomes a record. */
void listing_file(struct account *a);
/* It is in the state, or there was nothing to say. */
void listing_known(struct account *a);
bool listing_keeps_durably(const struct account *a);
/* Whether headers can be had: never by RETR from a server that deletes what it has given out
 * (EXPIRE 0, RFC 2449 section 6.7), as what comes so is not kept. */
bool listing_has_headers(const struct account *a);
extern const struct commit_op listing_commit;
/* Headers of the batch are there, or refused. */
void listing_filed(struct account *a);

/* account_glance.c */
/* Whether one may be had on this connection; else the whole is listed. */
bool glance_will_do(const struct account *a);
/* Ends with listing_known(), or with the whole listing. */
void glance_begin(struct account *a);
/* The connection is lost, perhaps in a glance. */
void glance_lost(struct account *a);

/* account_numbers.c */
/* What the listing says, of all, or of those that are more. */
void numbers_learn(struct account *a);
void numbers_extend(struct account *a);
/* NULL: it is not in the maildrop, as far as is known. Borrowed, until they are learnt anew. */
const struct numbered *numbers_find(const struct account *a, uint32_t content);
/* This connection has listed all; or has said that the number is that content's. */
bool numbers_are_whole(const struct account *a);
bool numbers_confirmed(const struct account *a, const struct numbered *n);
/* So many were confirmed one by one that the whole listing costs no more; with it there is an end
 * to that. */
bool numbers_are_cheaper_whole(const struct account *a);
/* The upstream says that the content's number has this UIDL; false: it is another's. */
bool numbers_confirm(struct account *a, uint32_t content, struct slice uidl);
/* The next connection lists all. */
void numbers_forget(struct account *a);
void numbers_clear(struct account *a);

/* account_uidls.c */
/* Room for `count` UIDLs, before those that came together are added. False: memory is out. */
bool uidls_reserve(struct account *a, size_t count);
/* False when a content has it, or had it since the last whole listing, or may have it. */
bool uidls_add(struct account *a, struct slice uidl);
void uidls_clear(struct account *a);

#endif
