/*
 * What an IMAP server says (RFC 3501 and RFC 9051 section 7), taken apart as it arrives.
 *
 * imap_response_next() is fed slices of the stream and yields one event at a time. Nothing that can
 * be streamed is kept: the octets of a BODY[] literal pass through as slices of the input, and a
 * SEARCH answer of a million numbers comes as a million events out of a fixed-size parser. Only a
 * token or line cut by the end of the input is held, up to IMAP_LINE_MAX.
 *
 * The parser is tolerant where servers differ (any case, items in any order, unknown items and
 * responses skipped whole, extra spaces, LF alone) and strict where a mistake would let one
 * message be taken for another: a literal's length is exact, and what is not IMAP is an error.
 */
#ifndef TRANSLATE_IMAP_IMAP_RESPONSE_H
#define TRANSLATE_IMAP_IMAP_RESPONSE_H

#include "translate/text/failure.h"
#include "translate/text/slice.h"
#include "translate/text/trace.h"

enum { IMAP_LINE_MAX = 65536 };

enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH };

enum imap_event_type {
    IMAP_EV_STATUS,     /* OK, NO, BAD, BYE, PREAUTH: `tag` (empty when untagged), `status`, `code`,
                           `text` */
    IMAP_EV_CONTINUE,   /* "+": `text` */
    IMAP_EV_CAPABILITY, /* `text`: the list, for slice_word(). A status with a [CAPABILITY ...] code
                           gives this event first and its STATUS, code and all, right behind it:
                           whoever acts on the STATUS knows the capabilities already */
    IMAP_EV_ENABLED,    /* `text`: the list, for slice_word() */
    IMAP_EV_ID,         /* `text`: the "name" (RFC 2971), empty when none was given */
    IMAP_EV_EXISTS,     /* `number` */
    IMAP_EV_EXPUNGE,    /* `number`: a sequence number */
    IMAP_EV_LIST,       /* `list`: LIST, not LSUB */
    IMAP_EV_NAMESPACE,  /* first personal namespace: `list.name` is its prefix, `list.delimiter` */
    IMAP_EV_NUMBERS, /* `set`, `first`..`last`: a piece of SEARCH, ESEARCH ALL or VANISHED. Numbers
                        that follow each other come as one piece. For ESEARCH `set_tag`,
                        `set_uid` */
    IMAP_EV_NUMBERS_END, /* `set` is complete; there may have been no piece */
    IMAP_EV_BODY_BEGIN,  /* `fetch` as far as known, `section`, `origin`, `length`, `nil` */
    IMAP_EV_BODY_DATA,   /* `text`: octets of the section, a slice of the input */
    IMAP_EV_BODY_END,
    IMAP_EV_FETCH, /* a FETCH response is complete: `fetch` has all items but the bodies */
    IMAP_EV_OTHER, /* something else, well-formed and skipped */
};

enum imap_set { IMAP_SET_SEARCH, IMAP_SET_ESEARCH, IMAP_SET_VANISHED, IMAP_SET_VANISHED_EARLIER };

/* Items of a FETCH response; a bit in `has` for each that came. */
enum imap_fetch_item {
    IMAP_HAS_UID = 1 << 0,
    IMAP_HAS_SIZE = 1 << 1,         /* RFC822.SIZE */
    IMAP_HAS_INTERNALDATE = 1 << 2, /* seconds since 1970, UTC */
    IMAP_HAS_FLAGS = 1 << 3,
    IMAP_HAS_MODSEQ = 1 << 4,
    IMAP_HAS_ID = 1 << 5,   /* `id`: EMAILID, X-GM-MSGID or X-GUID */
    IMAP_HAS_BODY = 1 << 6, /* at least one BODY[...] came, NIL or not */
};

enum imap_flag { IMAP_FLAG_SEEN = 1, IMAP_FLAG_DELETED = 2 };

struct imap_fetch {
    uint32_t seq;
    unsigned has;
    uint32_t uid;
    uint64_t size;
    int64_t internaldate;
    uint64_t modseq;
    unsigned flags;  /* enum imap_flag; others are not kept */
    struct slice id; /* printable ASCII; valid until the next call */
};

struct imap_list {
    struct slice name; /* as on the wire, unquoted: modified UTF-7 or UTF-8; valid until the next
                          call */
    char delimiter;    /* 0: NIL, a flat name space */
    bool noselect;     /* \Noselect or \NonExistent */
    struct slice special_use; /* "\\Trash" ... (RFC 6154), the first one, empty when none */
};

struct imap_event {
    enum imap_event_type type;
    struct slice tag;
    enum imap_status status;
    struct slice code; /* inside the brackets, without them: "UIDVALIDITY 3"; empty when none */
    struct slice text; /* all slices are valid until the next call */
    uint32_t number;
    enum imap_set set;
    uint32_t first, last; /* `last` UINT32_MAX for `*` */
    struct slice set_tag; /* the command an ESEARCH belongs to (RFC 4466), empty when not said */
    bool set_uid;         /* the numbers are known to be UIDs: "ESEARCH ... UID", VANISHED */
    struct imap_list list;
    struct imap_fetch fetch;
    struct slice section; /* between the brackets, upper case: "", "HEADER", "TEXT" */
    uint64_t origin;      /* <n> of a partial, 0 otherwise */
    uint64_t length;      /* octets of the body that follow */
    bool nil;             /* the section was NIL: no octets */
};

enum imap_parse { IMAP_PARSE_EVENT, IMAP_PARSE_MORE, IMAP_PARSE_ERROR };

struct imap_response;

/* NULL when memory is out. */
struct imap_response *imap_response_new(void);

/* From now on each line is shown to `trace`, which is borrowed. False when memory is out. */
bool imap_response_trace(struct imap_response *r, const struct trace *trace);

void imap_response_free(struct imap_response *r);

/*
 * Takes octets off the front of `*in` until one event is complete.
 * IMAP_PARSE_EVENT: `*ev` is filled; of the input no more is taken than the event needed.
 * IMAP_PARSE_MORE: `*in` is used up. IMAP_PARSE_ERROR: `*why` says what came and where (kind
 * FAILURE_TEMPORARY); the stream cannot be trusted any more and every further call says so again.
 * The caller may stop calling at any time and go on later with the rest: between two calls the
 * parser owns no part of `*in`.
 */
enum imap_parse imap_response_next(struct imap_response *r, struct slice *in, struct imap_event *ev,
                                   struct failure *why);

/* True when everything that was fed is answered by events: no line has been begun. For the switch
 * to TLS or compression (CASES T2). */
bool imap_response_at_line_start(const struct imap_response *r);

#endif
