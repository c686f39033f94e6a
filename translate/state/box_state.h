/*
 * What is remembered of an account whose upstream is a POP3 maildrop and whose clients speak IMAP:
 * the folders, the messages in them with UIDs, flags and modification sequences, and what each
 * message is: its *content*. A content is one mail, known for ever by a number of ours; it is
 * either upstream (recognised by its UIDL and size, or where that does not do by a digest of its
 * header) or local (APPENDed; its octets are in the message store under a key). Several
 * messages may refer to one content, which is what COPY makes. INBOX holds what is upstream and was
 * not moved elsewhere.
 *
 * The state is a value: records (JSON objects, one line of the journal each) are applied to it one
 * after the other, and a snapshot is itself a JSON object that contains the whole. One record is
 * all that one command, or one look at the maildrop, changes; it is applied whole or not at all, so
 * a message that is moved is in exactly one place (CASES D14). What may stand in a record is said
 * in box_draft.h, by which records are made.
 *
 * Each record carries the account's next modification sequence, "modseq". One that was applied
 * before is passed over, one behind a gap is refused: so a record counts once, however often it is
 * read. The messages that it changes get that modseq (RFC 7162), and so do their folders.
 *
 * The account has one owner. It drafts a record, lets it be made durable, then applies it and tells
 * its sessions; meanwhile it drafts no other.
 *
 * Deletion upstream (CASES D8, D9) is remembered in three states of a content:
 *
 *     KEPT      --remove-->    INTENDED   the last message that refers to it is expunged
 *     INTENDED  --sent-->      SENT       DELE was answered +OK; durable before QUIT is sent
 *     INTENDED  --spared-->    KEPT       refused upstream, and certainly not deleted
 *     SENT      --intended-->  INTENDED   a new listing still has it: QUIT was not carried out
 *     any       --gone-->      (no more)  QUIT was answered +OK, or a listing lacks it
 *
 * While it is INTENDED or SENT its last message stays in its folder, doomed: it can be read but
 * neither copied nor moved; `gone` takes it away, `spared` makes it an ordinary one again. What a
 * restart has to do follows from the state alone: INTENDED: a listing has it: DELE; lacks it: gone.
 * SENT: the same, but it may not be spared before a listing has told. Nobody is told in between. So
 * the intent survives each crash: after it (DELE is sent), after DELE (a session without QUIT
 * deletes nothing; DELE is sent again), after `sent` and QUIT (the listing tells whether it was
 * carried out), after QUIT's answer (the listing lacks it: gone).
 *
 * A content that is INTENDED without any message (its folder was deleted, or it was expunged while
 * the upstream no longer listed it) is remembered until the upstream lists it and it can be
 * deleted: so nothing that was deleted comes back.
 *
 * Costs: lookups are bisections; counts are kept; what is appended costs what it says; what is
 * removed costs the moving of the messages behind it, once for each record and folder.
 */
#ifndef TRANSLATE_STATE_BOX_STATE_H
#define TRANSLATE_STATE_BOX_STATE_H

#include "translate/state/box_changes.h"
#include "translate/state/state_kind.h"
#include "translate/text/slice.h"

/* Messages that are looked at together: see box_folder.newest. */
enum { BOX_RUN = 256 };

enum { BOX_STATE_VERSION = 1, BOX_KEYWORDS_MAX = 56, BOX_NAME_MAX = 1000 };

/* Flags of a message. Above the system flags the account's keywords follow: keyword `i` is
 * BOX_KEYWORD << i. */
#define BOX_ANSWERED UINT64_C(1)
#define BOX_FLAGGED  UINT64_C(2)
#define BOX_DELETED  UINT64_C(4)
#define BOX_SEEN     UINT64_C(8)
#define BOX_DRAFT    UINT64_C(16)
#define BOX_SYSTEM   UINT64_C(31)
#define BOX_KEYWORD  UINT64_C(128)
#define BOX_FLAGS    (BOX_SYSTEM | ((BOX_KEYWORD << BOX_KEYWORDS_MAX) - BOX_KEYWORD))

enum box_deletion { BOX_KEPT, BOX_INTENDED, BOX_SENT };

struct box_content {
    uint32_t id;         /* from 1, ascending, never given again */
    uint32_t references; /* messages that refer to it */
    uint64_t size;       /* octets with CRLF, as far as known: as received, else as listed */
    uint64_t listed;     /* as LIST said when last seen */
    char *uidl;          /* as the upstream gave it, any octets but NUL; NULL: none. Owned. */
    char *digest;        /* of the header, or of all of a local one; NULL: not known. Owned. */
    char *key;           /* in the message store; NULL: the body is not kept here. Owned. */
    uint32_t folder;     /* where a message was last seen that refers to it; 0: nowhere known */
    uint32_t uid;
    enum box_deletion deletion;
    bool upstream;
    bool unlisted; /* upstream: the listing no longer has it, which here does not mean deleted */
    bool undated;  /* upstream: no header of it was seen yet, and what its messages have for a date
                      is the time of first sight; it may become another one as nobody was told it */
    bool suspect;  /* missing in one listing that was not to be believed yet (CASES D12) */
    bool dead;     /* no longer there; for the state's own files */
};

struct box_message {
    uint32_t uid;
    uint32_t content;
    uint64_t flags;
    uint64_t modseq;
    int64_t date; /* INTERNALDATE, seconds since 1970 */
};

/* RFC 6154 */
enum box_use { BOX_NO_USE, BOX_DRAFTS, BOX_SENT_MAIL, BOX_TRASH, BOX_JUNK, BOX_ARCHIVE, BOX_USES };

struct box_folder {
    char *name;  /* UTF-8, levels separated by '/' */
    uint32_t id; /* from 1, never given again; INBOX is 1. Stays when it is renamed */
    uint32_t uidvalidity;
    uint32_t uidnext;
    uint32_t unseen;      /* messages without \Seen */
    uint32_t seen_before; /* the messages before this place have it */
    uint32_t deleted;
    uint32_t count; /* of messages */
    uint32_t capacity;
    enum box_use use;
    bool noselect;
    uint64_t modseq;              /* of the last change in it, expunged messages included */
    struct box_message *messages; /* ascending by uid: sequence number n is messages[n - 1] */
    uint64_t *newest;             /* for each BOX_RUN messages, no modseq among them is above it */
    uint64_t removals;            /* grows when messages are taken out; not kept on the disk */
    struct folder_uids *uids; /* of all messages; NULL: nobody has asked since one was taken out */
    uint64_t size;            /* of all messages */
};

struct box_poll {
    uint64_t count;      /* messages in the last listing */
    int64_t login_delay; /* seconds between two logins, as the upstream demands; 0: not known */
    int64_t at;          /* wall clock of the last look; for people */
};

struct box_state {
    uint64_t modseq;      /* of the last record; 0: not even born */
    uint32_t uidvalidity; /* that the next folder gets; only grows */
    uint32_t folder_next;
    uint32_t content_next;
    char **keywords; /* at most BOX_KEYWORDS_MAX, UTF-8, unlike each other whatever their case */
    size_t keyword_count;
    struct box_folder *folders;
    size_t folder_count;
    char *subscriptions; /* names, whether or not there are such folders (RFC 9051 6.3.5), each with
                            NUL behind it; see box_state_subscription() */
    size_t subscription_octets;
    struct box_content *contents; /* ascending by id; some are dead */
    size_t content_count;         /* the dead included */
    size_t content_capacity;
    size_t content_dead;
    struct box_poll poll;
};

enum { BOX_INBOX = 1 };

/* An account that is not born yet; NULL when memory is out. */
struct box_state *box_state_new(void);
void box_state_free(struct box_state *s);

/* Octets of memory that it takes, about; costs nothing that grows with the messages. */
size_t box_state_octets(const struct box_state *s);

/* The folder, or NULL. INBOX in whatever case. Borrowed, until the next record is applied, as is
 * everything that is looked up. */
struct box_folder *box_state_folder(const struct box_state *s, struct slice name);
struct box_folder *box_state_folder_by_id(const struct box_state *s, uint32_t id);

/* Whether there is a folder below this one, as "Work/2024" is below "Work". */
bool box_state_has_children(const struct box_state *s, const struct box_folder *f);

bool box_state_subscribed(const struct box_state *s, struct slice name);

/* The name behind `name`, the first one behind NULL; NULL behind the last. */
const char *box_state_subscription(const struct box_state *s, const char *name);

/* The content, or NULL. */
struct box_content *box_state_content(const struct box_state *s, uint32_t id);

/* The flag of a keyword, 0 when the account has none of that name; ASCII case does not matter. */
uint64_t box_state_keyword(const struct box_state *s, struct slice name);

/* "\\Sent" and so on, NULL for BOX_NO_USE; and back, BOX_NO_USE for any other text. */
const char *box_use_name(enum box_use use);
enum box_use box_use_of(struct slice name);

/* Where the first message stands whose UID is `uid` or above; f->count when there is none. */
size_t box_folder_position(const struct box_folder *f, uint32_t uid);

/* Where the first message without \Seen stands; f->count when there is none. The place is
 * remembered, so that who asks again does not walk there once more. */
size_t box_folder_first_unseen(struct box_folder *f);

/* The UIDs of all messages; the folder's, to be held by who keeps it. NULL when memory is out. */
struct folder_uids *box_folder_uids(struct box_folder *f);

/* The message, or NULL. */
struct box_message *box_folder_message(const struct box_folder *f, uint32_t uid);

/* Where, from `position` on, the first message stands that was changed after `modseq`; f->count
 * when there is none (RFC 7162, CHANGEDSINCE). */
size_t box_folder_changed(const struct box_folder *f, size_t position, uint64_t modseq);

/* Whether the message is expunged but for the upstream's word; see the head comment. */
bool box_message_is_doomed(const struct box_state *s, const struct box_message *m);

/*
 * As JSON (new reference): what is in the structs, members with the same names; the contents are
 * columns, and so are each folder's messages (box_columns.h). NULL when memory is out.
 */
json_t *box_state_to_json(const struct box_state *s);

/* Reads a snapshot; members it does not know are passed over. Everything is checked, also that
 * messages refer to contents that there are, and that none is without. NULL with FAILURE_PERMANENT
 * and the JSON pointer of the fault, with FAILURE_TEMPORARY when memory is out. */
struct box_state *box_state_from_json(const json_t *snapshot, struct failure *why);

/*
 * Applies one record. `changes` (NULL: not of interest) gets what sessions must be told; it was
 * empty. False, with the reason, when it is no valid record (FAILURE_PERMANENT, with the JSON
 * pointer) or memory is out (FAILURE_TEMPORARY): then the record may be applied in part, and the
 * state is of no use but to be freed and loaded again. A record from box_draft_end() is refused
 * only for want of memory.
 */
bool box_state_apply(struct box_state *s, const json_t *record, struct box_changes *changes,
                     struct failure *why);

/* For the journal and the store. */
extern const struct state_kind box_state_kind;

#endif
