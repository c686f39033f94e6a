/*
 * Making a record of a box_state: everything that one command changes, put together piece by piece.
 *
 *     box_draft_begin(&d, s, "move");
 *     box_draft_move(&d, BOX_INBOX, uids, count, trash, fresh);
 *     json_t *record = box_draft_end(&d);
 *
 * What cannot be done (memory is out, a folder is not there, a name is taken) is remembered, as in
 * struct buf: then box_draft_end() gives NULL. The state is only read, and must not change between.
 *
 * The record is {"record":"move","modseq":18} and sections; "record" is for people. Sections, in
 * the order in which they are applied:
 *
 *     "born": 1700000000            the first record only: the UIDVALIDITY to begin with
 *     "keywords": ["$Junk"]         put at the end of the account's table
 *     "delete": [{"folder":7}]      with all of its messages; "noselect":true leaves the name
 *     "create": [{"folder":7,"name":"Work","uidvalidity":1700000006,"use":"\\Archive"}]
 *     "rename": [{"folder":7,"name":"Job"}]
 *     "contents": {...}             new ones, as box_columns.h says
 *     "add": [{"folder":7,...}]     messages, as box_columns.h says
 *     "flags": [{"folder":7,"uids":"1:5","set":8,"clear":0}]
 *     "remove": [{"folder":7,"uids":"1:5"}]
 *     "subscribe", "unsubscribe": ["Work"]
 *     "known": [{"content":3,"size":310,"digest":"...","key":"...","date":1700000000,
 *                "uidl":"a%20b"}]   each but "content" optional; a date (null: that of first sight)
 *                                   counts for what is undated; a UIDL as in box_columns.h
 *     "listed": {"contents":"3","sizes":"312"}   listed again, or with these sizes
 *     "unlisted", "suspected", "intended", "sent", "spared", "gone": "3,7:9"   contents
 *     "poll": {"count":2000,"login_delay":0,"at":1700000000}
 */
#ifndef TRANSLATE_STATE_BOX_DRAFT_H
#define TRANSLATE_STATE_BOX_DRAFT_H

#include "translate/state/box_state.h"

struct box_place; /* new messages of one folder */

struct box_draft {
    const struct box_state *s;
    json_t *record;
    bool failed;
    struct box_place *places;
    size_t place_count;
    struct box_content *contents; /* new ones; their strings are borrowed */
    size_t content_count;
    size_t content_capacity;
    uint32_t content_next;
    uint32_t folder_next;
    uint32_t uidvalidity;
};

/* Both leave nothing to be cleared but by box_draft_end() or box_draft_drop(). */
void box_draft_begin(struct box_draft *d, const struct box_state *s, const char *what);

/* The first record of an account: INBOX and the standard folders. `seconds` is the wall clock: a
 * UIDVALIDITY larger than those of a state that was lost (CASES D18: the clock is never asked
 * again). */
void box_draft_born(struct box_draft *d, const struct box_state *s, int64_t seconds);

/* The record, a new reference, or NULL; the draft is cleared. */
json_t *box_draft_end(struct box_draft *d);

/* Clears a draft that is not wanted. */
void box_draft_drop(struct box_draft *d);

/* The keyword's flag; adds it to the account's when it is new. 0 when it is none, or there is no
 * room for one more: that makes no draft fail (an IMAP server may ignore it, RFC 9051 2.3.2). */
uint64_t box_draft_keyword(struct box_draft *d, struct slice name);

/* Makes a folder, and gives its id, 0 when it cannot be made. Superior names are the caller's to
 * make. A name that is there as \Noselect becomes a folder anew. */
uint32_t box_draft_folder(struct box_draft *d, struct slice name, enum box_use use);

/* The folder of that name, made and subscribed to where it is missing, superior names too. 0 when
 * it cannot be made. */
uint32_t box_draft_folder_named(struct box_draft *d, struct slice name);

/* With all folders below it. INBOX keeps its name: its messages move (RFC 9051 section 6.3.6). */
void box_draft_rename(struct box_draft *d, uint32_t folder, struct slice name);

/* Where there are folders below, the name stays as \Noselect (RFC 9051 section 6.3.5). */
void box_draft_delete(struct box_draft *d, uint32_t folder);

void box_draft_subscribe(struct box_draft *d, struct slice name, bool subscribe);

/* A new content, of which size, listed, uidl, digest, key, upstream and undated are taken; its
 * strings are borrowed until box_draft_end(). Gives its id, 0 on failure. A message must refer to
 * it. */
uint32_t box_draft_content(struct box_draft *d, const struct box_content *content);

/* A new message at the end of the folder; gives its UID, 0 on failure. */
uint32_t box_draft_message(struct box_draft *d, uint32_t folder, uint32_t content, uint64_t flags,
                           int64_t date);

/* Copies messages (UIDs ascending) with flags and dates. `fresh` gets each new UID, 0 for one that
 * is not there or is doomed. */
void box_draft_copy(struct box_draft *d, uint32_t from, const uint32_t *uids, size_t count,
                    uint32_t to, uint32_t *fresh);
/* And removes those that were copied. */
void box_draft_move(struct box_draft *d, uint32_t from, const uint32_t *uids, size_t count,
                    uint32_t to, uint32_t *fresh);

/* Flags of messages (UIDs ascending): sets and clears. FLAGS replaces: `clear` is BOX_FLAGS. */
void box_draft_flags(struct box_draft *d, uint32_t folder, const uint32_t *uids, size_t count,
                     uint64_t set, uint64_t clear);

/* Expunges messages (UIDs ascending); see box_state.h for those that wait for the upstream. */
void box_draft_remove(struct box_draft *d, uint32_t folder, const uint32_t *uids, size_t count);

/* What became known of a content; `digest` and `key` are left out when NULL, and an empty `key`
 * says that the body is no longer kept. */
void box_draft_known(struct box_draft *d, uint32_t content, uint64_t size, const char *digest,
                     const char *key);

/* What is known of its header from now on; and how the upstream names it now. */
void box_draft_digest(struct box_draft *d, uint32_t content, const char *digest);
void box_draft_renamed(struct box_draft *d, uint32_t content, const char *uidl);

/* When the content arrived, NULL: nobody knows, so that it keeps the time of first sight. It is
 * undated no more, and the date of its messages is final. */
void box_draft_dated(struct box_draft *d, uint32_t content, const int64_t *date);

/* The section `name`, one of "unlisted", "suspected", "intended", "sent", "spared" and "gone", of
 * these contents (ascending). Without any, only "suspected" says something. */
void box_draft_set(struct box_draft *d, const char *name, const uint32_t *contents, size_t count);

/* Contents listed again or with another size. */
void box_draft_listed(struct box_draft *d, const uint32_t *contents, const uint64_t *sizes,
                      size_t count);

void box_draft_poll(struct box_draft *d, const struct box_poll *poll);

#endif
