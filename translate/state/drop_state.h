/*
 * What is remembered of an account between two POP3 sessions: for each folder its UIDVALIDITY, the
 * UIDs and the sizes of its messages, their UIDLs where these cannot be computed, and which
 * messages are hidden from the client.
 *
 * The state is a value: records (JSON objects, one line of the journal each) are applied to it one
 * after the other, and a snapshot is itself a JSON object that contains the whole. Records say
 * facts
 * ("these UIDs of this UIDVALIDITY have these sizes"), so that applying one twice, or those of two
 * sessions in either order, gives the same state.
 */
#ifndef TRANSLATE_STATE_DROP_STATE_H
#define TRANSLATE_STATE_DROP_STATE_H

#include <jansson.h>

#include "translate/text/failure.h"
#include "translate/text/slice.h"

enum { DROP_STATE_VERSION = 1 };

struct drop_message {
    uint32_t uid;
    uint64_t size;    /* octets as POP3 sends them */
    int64_t received; /* INTERNALDATE, seconds since 1970; 0: not known */
    char *id;         /* the server's own message id, or what the UIDL format took from the header;
                         NULL: none. Owned. */
    char *uidl;     /* an exception to the route's UIDL format (imported, or kept across a change of
                       UIDVALIDITY); NULL: none. Owned. */
    int64_t hidden; /* -1: not hidden; else the account's age in seconds (see drop_state.age) when
                       it was deleted by the client in a `keep` mode */
};

struct drop_folder {
    char *name; /* UTF-8 */
    uint32_t uidvalidity;
    uint32_t uidnext;              /* 0: not known */
    uint64_t modseq;               /* HIGHESTMODSEQ; 0: not known */
    struct drop_message *messages; /* ascending by uid */
    size_t count;
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

/* A deep copy, or NULL. */
struct drop_state *drop_state_copy(const struct drop_state *s);

/* The folder of that name, or NULL. Borrowed. */
struct drop_folder *drop_state_folder(struct drop_state *s, struct slice name);

/* The message, or NULL. Borrowed. */
struct drop_message *drop_folder_message(struct drop_folder *f, uint32_t uid);

/* As JSON (new reference), with "version", columns instead of objects for each message: "uids" is a
 * sequence set ("1:3,7"), "sizes" and "received" arrays in the same order, "ids", "uidls" and
 * "hidden" objects keyed by UID for those that have one. NULL when memory is out. */
json_t *drop_state_to_json(const struct drop_state *s);

/* Reads a snapshot. NULL, with the JSON pointer of the fault, when it is damaged or its version is
 * newer than this program's. */
struct drop_state *drop_state_from_json(const json_t *snapshot, struct failure *why);

/* Applies one record. False, with the reason, when it is no valid record; then the state is as
 * before. */
bool drop_state_apply(struct drop_state *s, const json_t *record, struct failure *why);

/*
 * Records. Each builder returns a new reference, or NULL when memory is out; arrays of UIDs are
 * ascending. `messages` borrows: uid, size, received, id are taken, uidl and hidden when set.
 */
/* Messages seen for the first time, or seen to be otherwise (a size corrected at RETR). */
json_t *drop_record_messages(struct slice folder, uint32_t uidvalidity,
                             const struct drop_message *messages, size_t count);
/* Messages that the server no longer has. */
json_t *drop_record_gone(struct slice folder, uint32_t uidvalidity, const uint32_t *uids,
                         size_t count);
/* UIDNEXT and HIGHESTMODSEQ up to which the two above are complete. */
json_t *drop_record_synced(struct slice folder, uint32_t uidvalidity, uint32_t uidnext,
                           uint64_t modseq);
/* Messages the client deleted in a `keep` mode, at the account's `age`. */
json_t *drop_record_hidden(struct slice folder, uint32_t uidvalidity, const uint32_t *uids,
                           size_t count, int64_t age);
/* A login at wall time `now`: last_login becomes `now`, `age` grows by what certainly passed. */
json_t *drop_record_login(int64_t now, int64_t age);

/* The age at a login at `now`: see drop_state.age. */
int64_t drop_state_age_at(const struct drop_state *s, int64_t now);

#endif
