/*
 * What a client may ask of a message: the items of FETCH (RFC 3501 and RFC 9051 section 6.4.5,
 * BINARY of RFC 3516, MODSEQ and CHANGEDSINCE of RFC 7162), and the names under which the response
 * gives them back.
 *
 * QRESYNC's VANISHED (RFC 7162 section 3.2.6) would be another modifier beside CHANGEDSINCE; items
 * such as EMAILID (RFC 8474) are unknown, which is a BAD.
 */
#ifndef TRANSLATE_IMAP_IMAPD_FETCH_H
#define TRANSLATE_IMAP_IMAPD_FETCH_H

#include "translate/imap/imapd_cursor.h"
#include "translate/text/buf.h"

/* Items in a command, numbers in a part, header fields in an item. */
enum { IMAPD_FETCH_ITEMS_MAX = 256, IMAPD_PARTS_MAX = 128, IMAPD_FIELDS_MAX = 1024 };

enum imapd_fetch_kind {
    IMAPD_FETCH_FLAGS,
    IMAPD_FETCH_UID,
    IMAPD_FETCH_INTERNALDATE,
    IMAPD_FETCH_SIZE, /* RFC822.SIZE */
    IMAPD_FETCH_ENVELOPE,
    IMAPD_FETCH_BODY, /* BODYSTRUCTURE without its extension data */
    IMAPD_FETCH_BODYSTRUCTURE,
    IMAPD_FETCH_MODSEQ,
    IMAPD_FETCH_SECTION,     /* BODY[...]; also RFC822, RFC822.HEADER, RFC822.TEXT */
    IMAPD_FETCH_BINARY,      /* a part with its transfer encoding undone */
    IMAPD_FETCH_BINARY_SIZE, /* the size of that */
};

/* What of the message or part is meant. */
enum imapd_section_text {
    IMAPD_SECTION_ALL,        /* BODY[], BODY[1.2] */
    IMAPD_SECTION_HEADER,     /* of the message, or of the message that the part is */
    IMAPD_SECTION_FIELDS,     /* HEADER.FIELDS */
    IMAPD_SECTION_FIELDS_NOT, /* HEADER.FIELDS.NOT */
    IMAPD_SECTION_TEXT,
    IMAPD_SECTION_MIME, /* the part's own MIME header; never without a part */
};

/* BODY[1.2.HEADER.FIELDS (DATE FROM)]: `parts` {1, 2}, `fields` {"DATE", "FROM"}. */
struct imapd_section {
    uint32_t *parts; /* each from 1 on */
    size_t depth;    /* how many; 0 is the whole message */
    enum imapd_section_text text;
    struct slice *fields; /* as the client wrote them: ASCII without control characters */
    size_t field_count;
};

struct imapd_fetch_item {
    enum imapd_fetch_kind kind;
    const char *alias; /* "RFC822.TEXT", under which the response gives a SECTION; else NULL */
    bool peek;         /* does not set \Seen; true of all but SECTION and BINARY */
    struct imapd_section section;
    bool partial; /* only `length` octets (1..) from `offset` (0..) on */
    uint64_t offset;
    uint64_t length;
};

struct imapd_fetch {
    struct imapd_fetch_item *items;
    size_t count;
    bool changed;           /* only messages with a MODSEQ above `changed_since` */
    uint64_t changed_since; /* 1.. */
};

/* Takes the items, and the modifiers if there are any. Macros come out as their items. */
bool imapd_fetch_take(struct imapd_cursor *c, struct imapd_fetch *fetch);

/* True when one of the items sets \Seen. */
bool imapd_fetch_sets_seen(const struct imapd_fetch *fetch);

/* True when one of the items is of that kind. */
bool imapd_fetch_has(const struct imapd_fetch *fetch, enum imapd_fetch_kind kind);

/* Appends the name of an item as the response has it: "FLAGS", "BODY[HEADER.FIELDS (DATE)]<0>",
 * "BINARY.SIZE[1]". */
void imapd_fetch_put_name(struct buf *out, const struct imapd_fetch_item *item);

#endif
