/*
 * What the files of a job share: what it waits for (needs), the messages it works on ahead (slots
 * in a window), and the engines of FETCH and SEARCH.
 *
 *     job.c                life, turns, answers to whom they belong
 *     job_slot.c           needs, slots, the window
 *     job_texts.c          what is remembered of many messages
 *     job_fetch.c          messages in order, one response each
 *     job_fetch_item.c     the items that need no stream of octets
 *     job_section.c        BODY[...] and BINARY[...]
 *     job_search.c         messages through the stages: state, header, body
 *     job_search_key.c     the keys, and what they say of a message
 *     job_search_header.c  header fields against the keys
 *     job_search_body.c    parts against the keys
 *     job_search_answer.c  SEARCH, ESEARCH, "$"
 */
#ifndef TRANSLATE_MAILBOX_JOB_INTERNAL_H
#define TRANSLATE_MAILBOX_JOB_INTERNAL_H

#include "translate/mailbox/mailbox_job.h"
#include "translate/mailbox/mailbox_texts.h"
#include "translate/mime/mime_decoder.h"
#include "translate/mime/mime_match.h"
#include "translate/mime/mime_section.h"

enum {
    JOB_WINDOW = 128,            /* messages whose octets are asked for ahead, */
    JOB_WINDOW_LOW = 96,         /* more of them when there are so few: many at once are cheaper */
    JOB_PARSED = 8,              /* of those, how many structures: they take memory; but of */
    JOB_PARSED_OCTETS = 2 << 20, /* small messages with so few octets together they take little */
    JOB_HEADER_MAX = 1 << 20,    /* octets of one header that are gathered */
    JOB_GATHERED_MAX = 2 << 20,  /* of all that is gathered ahead */
    JOB_TRIES = 3,               /* to find in the store what was brought there */
    JOB_PIECE = 16 << 10,        /* octets between two looks whether there is room */
    JOB_CHUNK = 256 << 10,       /* octets of a text that are asked for at once, in a search */
    JOB_SMALL = 120 << 10,       /* octets of a message that is gathered whole, and ahead */
    JOB_WORK = 4000,             /* units in a turn: about a microsecond each */
    JOB_OCTETS_IN_UNIT = 64,     /* looked at in one of them */
};

/* ---- needs -------------------------------------------------------------------------------- */

enum job_ask {
    JOB_ASK_PROBE,  /* is it in the store? */
    JOB_ASK_PARSE,  /* the structure */
    JOB_ASK_GATHER, /* octets, into the slot */
    JOB_ASK_STREAM, /* octets, to the engine */
    JOB_ASK_DATE,   /* INTERNALDATE, of the account */
};

enum job_progress {
    JOB_IDLE,
    JOB_ASKED,  /* of the store */
    JOB_WANTED, /* of the account; then the store is asked again */
    JOB_READY,
    JOB_FAILED, /* the result says why */
};

struct job_need {
    enum job_ask ask;
    enum job_progress progress;
    uint32_t content;
    enum account_part part;
    uint64_t offset, length;
    uint32_t request;
    unsigned tries;
};

/* Asks; `ask`, `content`, `part` and the range are set. Not while it is asked or wanted. */
void job_need_begin(struct job *j, struct job_need *need);

/* The store does not have it: the account is asked. */
void job_need_absent(struct job *j, struct job_need *need);

/* The account's answer. */
void job_need_have(struct job *j, struct job_need *need, const struct failure *why);
void job_need_fail(struct job *j, struct job_need *need, const struct failure *why);
bool job_need_is_pending(const struct job_need *need);

/* ---- slots -------------------------------------------------------------------------------- */

enum job_verdict { JOB_UNKNOWN, JOB_FALSE, JOB_TRUE };

/* One message of the window. */
struct job_slot {
    uint32_t number, uid, content;
    bool wants_header;
    bool wants_whole;
    bool wants_structure;
    bool small;             /* it has at most JOB_SMALL octets */
    size_t octets_expected; /* then: how many */
    size_t reserved;        /* of them asked for, to be gathered */
    bool wants_date;        /* INTERNALDATE, if it is not known */
    struct job_need date;   /* in the state */
    struct job_need header; /* gathered into `octets` */
    struct job_need whole;  /* in the store, parsed into `message`, or gathered into `octets` */
    uint64_t size;          /* of what is gathered, whole */
    struct buf octets;
    struct slice lent;              /* instead of `octets`, while job_fetch_take() goes on */
    bool remembered;                /* all that it wants came at once: */
    struct buf envelope, structure; /* as they are sent */
    bool cut;                       /* the header has more than JOB_HEADER_MAX */
    bool dropped; /* too much was gathered: to be asked for again when it is the first */
    struct mime_message *message;
    /* SEARCH */
    enum job_verdict verdict;
    bool begun;          /* the header is being matched */
    bool header_done;    /* it was matched */
    bool unreadable;     /* some of the body could not be had */
    bool wants_octets;   /* once the structure is there: all of a small message, into `octets` */
    struct job_need all; /* those */
    uint8_t *verdicts;   /* of the leaves, after the header; owned, NULL: all unknown */
};

struct job_window {
    struct job_slot slots[JOB_WINDOW]; /* a ring */
    size_t head, count;
    size_t gathered; /* octets in the slots */
    size_t reserved; /* octets of messages that were asked for, and will be gathered */
    bool stirred;    /* something may have to be asked for, in any slot */
    bool held;       /* something is not asked for before slots go, or their octets */
    size_t advanced; /* the first so many slots were looked at since they came */
};

struct job_slot *job_window_at(struct job_window *w, size_t i);

/* A new last slot; there is room. */
struct job_slot *job_window_push(struct job_window *w, uint32_t number, uint32_t uid,
                                 uint32_t content);
void job_window_pop(struct job_window *w);
void job_window_clear(struct job_window *w);

/* Begins what slots still want, those first in the window first. Costs little when there is nothing
 * new. */
void job_window_advance(struct job *j);

/* An answer came for it (NULL: for none): looks whether more is to be asked for now. */
void job_window_stir(struct job_window *w, struct job_slot *slot);

/* The whole message, and with its structure; of small ones more is asked for ahead. */
void job_slot_want_whole(struct job *j, struct job_slot *slot);
void job_slot_want_structure(struct job *j, struct job_slot *slot);

/* Nothing more will come of what the slot wants. */
bool job_slot_is_settled(const struct job_slot *slot);

/* Whether it must be learnt when the messages of a content arrived, before it is told. */
bool job_date_is_unknown(const struct job *j, uint32_t content);
bool job_slot_waits_for_date(const struct job_slot *slot);

/* The structure is there; the gathered header is. */
bool job_slot_has_header(const struct job_slot *slot);
bool job_slot_has_whole(const struct job_slot *slot);

/* What was gathered. */
struct slice job_slot_octets(const struct job_slot *slot);

/* ---- texts -------------------------------------------------------------------------------- */

enum { JOB_RUNS = 2 };

struct job_run {
    enum job_progress progress;
    uint32_t request;
    struct mailbox_texts *texts; /* owned; NULL while somebody else has them */
    size_t next;                 /* to be taken out */
};

struct job_texts {
    unsigned kinds; /* as in struct mailbox_texts; 0: messages are asked for one by one */
    struct job_run runs[JOB_RUNS];
    size_t first;
    bool walked; /* by struct job's walk: there are no more messages */
};

/* Sets `content`, `number` and `uid` of the next message. False at the end, which is noted in
 * `texts.walked`, or out of work. */
typedef bool (*job_walk)(struct job *j, struct mailbox_texts_of *of);

enum job_texts_step { JOB_TEXTS_NEXT, JOB_TEXTS_WAIT, JOB_TEXTS_END };

/* The next message in order, valid until the next call. */
enum job_texts_step job_texts_next(struct job *j, job_walk walk,
                                   const struct mailbox_texts_of **of);

/* What came of it, valid as long. */
struct slice job_texts_of(const struct job *j, const struct mailbox_texts_of *of);

/* Copies that into its slot. */
void job_texts_give(struct job *j, const struct mailbox_texts_of *of, struct job_slot *slot);
void job_texts_clear(struct job_texts *t);

/* ---- FETCH -------------------------------------------------------------------------------- */

enum job_section_progress { JOB_SECTION_IDLE, JOB_SECTION_READS, JOB_SECTION_DONE };

enum job_transform { JOB_AS_IS, JOB_FIELDS, JOB_DECODED };

/* One BODY[...] or BINARY[...] that is being read. What is changed on its way (HEADER.FIELDS,
 * decoding) is read twice: to count, for the literal's size, then to write. */
struct job_section {
    enum job_section_progress progress;
    const struct imapd_fetch_item *item;
    enum job_transform transform;
    enum mime_transfer transfer;
    struct mime_range range; /* of the part's octets; `end` UINT64_MAX: all there are */
    bool counting;
    bool announced; /* the name and the literal's size were written */
    bool nul;       /* one was met: a literal8 is needed */
    uint64_t made;  /* octets that came out of the transform in this pass */
    uint64_t skip;  /* of them, still to be passed over */
    uint64_t left;  /* of the literal */
    struct mime_header_filter filter;
    struct mime_decoder *decoder;
    struct buf scratch;
};

struct job_fetch {
    const struct imapd_fetch *fetch;
    const struct imapd_set *set;
    bool by_uid;
    bool add_uid, add_modseq; /* though not asked for */
    bool wants_header, wants_whole, wants_structure, wants_date;
    unsigned texts; /* what can be had of the items, as in struct mailbox_texts */
    bool apart;     /* some item is no such text */
    struct mailbox_walk walk;
    bool walked;
    /* The first slot's response: */
    bool begun;
    bool open; /* "* n FETCH (" was written */
    bool read; /* something that sets \Seen was given */
    size_t item;
    struct box_message message;
    uint64_t size;
    struct job_section section;
};

enum job_state job_fetch_run(struct job *j);

/* All octets of the first slot's message: answers it with them, uncopied, if that can be done now.
 * False when it could not be finished: then they are to be gathered. */
bool job_fetch_take(struct job *j, struct job_slot *slot, struct slice octets);

/* Opens the response or separates from the item before. */
void job_fetch_separate(struct job *j, const struct job_slot *slot);

/* Writes an item that is no section; nothing where it cannot be had. */
void job_item_put(struct job *j, const struct job_slot *slot, const struct imapd_fetch_item *item);
void job_item_put_kind(struct job *j, const struct job_slot *slot, enum imapd_fetch_kind kind);

/* Begins a section of the first slot; it may be done at once. */
void job_section_begin(struct job *j, struct job_slot *slot, const struct imapd_fetch_item *item);
void job_section_data(struct job *j, uint64_t size, struct slice *in);
void job_section_end(struct job *j);    /* all of the range came */
void job_section_failed(struct job *j); /* it will not come */
bool job_section_wants(const struct job *j);
void job_section_clear(struct job_section *section);

/* ---- SEARCH ------------------------------------------------------------------------------- */

enum { JOB_NO_KEY = UINT32_MAX };

/* A key with what it needs here; child and next as in struct imapd_search_key. */
struct job_key {
    const struct imapd_search_key *key;
    uint32_t child, next;
    uint32_t leaf;            /* of verdicts; JOB_NO_KEY when the state tells */
    struct mime_match *match; /* leaves with a text */
};

struct job_keys {
    struct job_key *keys; /* keys[0] is the tree's */
    uint32_t count;
    uint32_t *leaves; /* the keys that need octets */
    uint32_t leaf_count;
    uint8_t *verdicts; /* enum job_verdict of each leaf, for the message at hand */
    bool header;       /* some leaf needs no more than the header */
    bool beyond;       /* and some more of it than a digest has */
    bool dates;        /* some key asks for INTERNALDATE */
};

/* Header fields against the leaves; may stop anywhere for the next turn. */
enum job_scope {
    JOB_SCOPE_MESSAGE, /* the message's own header */
    JOB_SCOPE_PART,    /* that of a part, or of a message in it */
};
struct job_fields {
    struct slice rest; /* borrowed */
    enum job_scope scope;
    bool digest;        /* it is one, all decoded */
    bool busy;          /* begun and not yet at the end */
    bool open;          /* a field is being compared */
    bool is_field;      /* it has a name */
    struct slice name;  /* borrowed, as these: */
    struct slice raw;   /* the value as it is written; of a digest only Date's */
    struct slice value; /* decoded */
    struct slice text;  /* "Name: value"; of a digest the value */
    struct buf decoded;
    uint32_t leaf;
};

enum job_body_step { JOB_BODY_HEADER, JOB_BODY_TEXT };
struct job_body {
    bool begun;
    uint32_t part;
    enum job_body_step step;
    bool matching; /* `octets`, a header */
    bool reading;  /* a text, up to `at` so far */
    uint64_t at;
    struct slice left; /* of the slot's octets, which are not asked for once more */
    struct buf octets;
    struct buf scratch;
    struct mime_decoder *decoder;
};

struct job_search {
    const struct imapd_search *search;
    bool by_uid;
    struct slice tag;
    unsigned results;
    struct job_keys keys;
    struct job_fields fields;
    struct job_body body;
    const struct mailbox_texts_of *told; /* what is remembered of it is being matched */
    size_t ahead;  /* slots of the window whose header was matched or is not wanted */
    bool ends;     /* only MIN or MAX are of interest */
    bool backward; /* from the last message down to the first that was found */
    size_t next;   /* candidate: index in the view (`backward`: behind it) */
    size_t least;  /* `backward`: not below this index */
    bool walked;
    uint32_t *found; /* numbers */
    size_t found_count, found_capacity;
    uint64_t modseq; /* the highest of them */
};

enum job_state job_search_run(struct job *j);
void job_search_data(struct job *j, struct slice *in);
void job_search_end(struct job *j);

bool job_keys_build(struct job_keys *keys, const struct imapd_search *search, struct failure *why);
void job_keys_clear(struct job_keys *keys);
void job_keys_reset(struct job_keys *keys);

/* What the keys say, by the state and the verdicts of the leaves. Costs work. */
enum job_verdict job_keys_verdict(struct job *j, uint32_t number, const struct box_message *m);

/* Whether a leaf of that kind is undecided. */
bool job_keys_lack(const struct job_keys *keys, enum imapd_search_kind kind);

/* What is undecided of this kind is false. */
void job_keys_close(struct job_keys *keys, enum imapd_search_kind kind);

/* Begins, or goes on with, a header. False: out of work, call again. */
void job_fields_begin(struct job_fields *f, struct slice header, enum job_scope scope);
void job_fields_begin_digest(struct job_fields *f, struct slice digest);
bool job_fields_match(struct job *j, struct job_fields *f);
void job_fields_clear(struct job_fields *f);

/* The day of a Date field (RFC 5322 section 3.3) as written, in days since 1970. */
bool job_sent_day(struct slice value, int32_t *day);

/* Goes on with the first slot's parts. True when that is over: the verdicts are final. */
bool job_body_match(struct job *j, struct job_slot *slot);
void job_body_clear(struct job_body *body);

/* Writes the answer, and saves. */
void job_search_answer(struct job *j);

/* ---- all ---------------------------------------------------------------------------------- */

struct job {
    const struct job_host *host;
    bool searches;
    bool hungry;
    bool done;
    uint32_t work; /* units left in this turn */
    struct job_result result;
    size_t seen_capacity;
    struct job_window window;
    struct job_texts texts;
    struct job_need stream; /* of the first slot's section or part */
    union {
        struct job_fetch fetch;
        struct job_search search;
    };
};

/* Takes work off the turn's. False when there is none left: then the job is hungry. */
bool job_spend(struct job *j, uint64_t units);

/* Remembers the first failure. */
void job_note(struct job *j, const struct failure *why);

/* Memory is out: the session's output fails. */
void job_no_memory(struct job *j);

/* The message as it is now, NULL when it is gone. */
const struct box_message *job_message(const struct job *j, uint32_t uid);

#endif
