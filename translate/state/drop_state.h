/*
 * What is remembered of an account between two POP3 sessions: for each folder its UIDVALIDITY, the
 * UIDs and the sizes of its messages, their UIDLs where these cannot be computed, and which
 * messages are hidden from the client.
 *
 * The state is a value: records (JSON objects, one line of the journal each) are applied to it one
 * after the other, and a snapshot is itself a JSON object that contains the whole. Records say
 * facts ("these UIDs of this UIDVALIDITY have these sizes"), so that applying one twice in a row
 * changes nothing more, and those of two sessions may come in any order.
 *
 * Two orders need a rule:
 *
 * - UIDVALIDITY. A session that still speaks of the old one must not undo what a newer one has
 *   written. `messages` with a larger UIDVALIDITY than the folder's begins it anew: the standard
 *   demands that a new one is larger (RFC 9051 section 2.3.1.1). Every record with another one is
 *   passed over. A server that was replaced by one with a smaller UIDVALIDITY breaks that rule:
 *   `begun`, which names the UIDVALIDITY that the session had read, begins the folder anew
 *   whichever is larger, and is passed over when another session was quicker.
 * - A slow session may report as new what a quicker one has seen to be gone. So the folder may hold
 *   messages that the server no longer has, never the reverse: whoever uses it compares its count
 *   with EXISTS, and asks for all UIDs when the folder has more.
 */
#ifndef TRANSLATE_STATE_DROP_STATE_H
#define TRANSLATE_STATE_DROP_STATE_H

#include <jansson.h>

#include "translate/state/state_kind.h"
#include "translate/text/failure.h"
#include "translate/text/slice.h"

enum { DROP_STATE_VERSION = 1 };

struct drop_message {
    uint32_t uid;
    uint64_t size;    /* octets as POP3 sends them; at most 2^63 - 1 */
    int64_t received; /* INTERNALDATE, seconds since 1970; 0: not known */
    char *id;         /* the server's own message id, or what the UIDL format took from the header;
                         UTF-8; NULL: none. Owned. */
    char *uidl;     /* an exception to the route's UIDL format (imported, or kept across a change of
                       UIDVALIDITY); UTF-8; NULL: none. Owned. */
    int64_t hidden; /* -1: not hidden; else the account's age in seconds (see drop_state.age) when
                       it was deleted by the client in a `keep` mode */
};

/* What a login whose folder has not changed needs to know of its messages. */
struct drop_sum {
    uint64_t octets;           /* of all messages that are not hidden */
    uint64_t texts;            /* octets of the strings of all messages */
    size_t hidden, ids, uidls; /* how many messages have it */
};

struct drop_share; /* drop_folder.c's */

struct drop_folder {
    char *name; /* UTF-8 */
    uint32_t uidvalidity;
    uint32_t uidnext;              /* 0: not known */
    uint64_t modseq;               /* HIGHESTMODSEQ; 0: not known */
    struct drop_message *messages; /* ascending by uid; changed by records only */
    size_t count;
    size_t capacity;
    struct drop_sum sum;
    struct drop_share *share; /* the array is that of copies too; NULL: it is not */
};

struct drop_state {
    struct drop_folder *folders;
    size_t folder_count;
    int64_t last_login; /* wall clock, seconds since 1970; 0: never */
    int64_t age; /* seconds of time that certainly passed while this account was in use: grows by at
                    most a day from one login to the next, never falls, so that no jump of the
                    clock makes a retention end early (CASES D18, D19) */
};

/* An empty state; NULL when memory is out. */
struct drop_state *drop_state_new(void);
void drop_state_free(struct drop_state *s);

/* A copy, or NULL. It shares the messages with `s` until either is changed at another place than
 * the end, so it costs nothing that grows with them. Each of both may be on a thread of its own. */
struct drop_state *drop_state_copy(struct drop_state *s);

/* Octets of memory that it takes, about; costs nothing that grows with the messages. */
size_t drop_state_octets(const struct drop_state *s);

/* The folder of that name, or NULL. Borrowed, until the next record is applied. */
struct drop_folder *drop_state_folder(struct drop_state *s, struct slice name);

/* The message, or NULL. Borrowed, until the next record is applied. */
const struct drop_message *drop_folder_message(const struct drop_folder *f, uint32_t uid);

/* As JSON (new reference), with "version". Messages are columns, not an object each: "uids" is a
 * sequence set ("1:3,7"), "sizes" and "received" lists of numbers in the same order ("310 4711 95",
 * the latter absent when none is known). What few messages have says which: "ids" and "uidls" are
 * {"uids":"1,7","texts":["a","b"]}, "hidden" is {"uids":"3","ages":"86400"}; each is absent when no
 * message has any. NULL when memory is out. */
json_t *drop_state_to_json(const struct drop_state *s);

/* Reads a snapshot; members it does not know are passed over. NULL with FAILURE_PERMANENT and the
 * JSON pointer of the fault when it is damaged or its version is newer than this program's, with
 * FAILURE_TEMPORARY when memory is out. */
struct drop_state *drop_state_from_json(const json_t *snapshot, struct failure *why);

/* Applies one record. False, with the reason, when it is no valid record (FAILURE_PERMANENT, with
 * the JSON pointer of the fault) or memory is out (FAILURE_TEMPORARY); then the state is as
 * before. */
bool drop_state_apply(struct drop_state *s, const json_t *record, struct failure *why);

/* For the journal and the store. */
extern const struct state_kind drop_state_kind;

/*
 * Records. Each builder returns a new reference, or NULL when memory is out or the facts cannot be
 * said: a text is not UTF-8, a number is above 2^63 - 1, a UID or UIDVALIDITY is 0, UIDs are not
 * strictly ascending. So drop_state_apply() accepts whatever a builder returns, also when it comes
 * back from a file.
 */
/* The folder's UIDVALIDITY is now another one, where the session had read `was` in the state (0:
 * the folder was not there): the folder begins anew, empty. Passed over when the folder has neither
 * of that; see the head comment. */
json_t *drop_record_begun(struct slice folder, uint32_t uidvalidity, uint32_t was);
/* Messages seen for the first time, or seen to be otherwise (a size corrected at RETR). `messages`
 * borrows: uid and size are taken, and received, id, uidl and hidden where they are set; of a
 * message that is known already, what is not set stays as it is, and of two `hidden` the later
 * stands. */
json_t *drop_record_messages(struct slice folder, uint32_t uidvalidity,
                             const struct drop_message *messages, size_t count);
/* Messages that the server no longer has. */
json_t *drop_record_gone(struct slice folder, uint32_t uidvalidity, const uint32_t *uids,
                         size_t count);
/* UIDNEXT and HIGHESTMODSEQ up to which `messages` and `gone` are complete, so it comes behind
 * them. The last one stands, even when it is smaller: then the next session only asks for more. */
json_t *drop_record_synced(struct slice folder, uint32_t uidvalidity, uint32_t uidnext,
                           uint64_t modseq);
/* Messages the client deleted in a `keep` mode, at the account's `age`. */
json_t *drop_record_hidden(struct slice folder, uint32_t uidvalidity, const uint32_t *uids,
                           size_t count, int64_t age);
/* A login at wall time `now`: last_login becomes `now`, `age` what drop_state_age_at() said.
 * Passed over when another login has already made the account older. */
json_t *drop_record_login(int64_t now, int64_t age);

/*
 * The age at a login at `now`: what it was, and the time since the last login, but at least nothing
 * and at most a day. The first login adds nothing.
 *
 * So one jump of the clock ages the account by at most a day, in whatever direction and by however
 * much. A clock that keeps jumping adds up to a day at each login before which it went forward: an
 * account that logs in every minute on a clock that flaps between two years would age 12 hours in a
 * minute. Against this `now` should be the wall time of the process's start plus what its monotonic
 * clock has counted since; then it can jump only from one start of the process to the next, and a
 * retention ends early by at most a day for each of those.
 */
int64_t drop_state_age_at(const struct drop_state *s, int64_t now);

#endif
