/*
 * The selected folder as one session has been told of it: which UID each message number stands for.
 * The account's state runs ahead of it; the view catches up at the places where the protocol
 * permits (RFC 9051 section 7.5.1: no EXPUNGE while FETCH, STORE or SEARCH by number is in
 * progress).
 */
#ifndef TRANSLATE_MAILBOX_MAILBOX_VIEW_H
#define TRANSLATE_MAILBOX_MAILBOX_VIEW_H

#include "translate/imap/imapd_set.h"
#include "translate/state/box_state.h"
#include "translate/state/folder_uids.h"
#include "translate/text/buf.h"

struct mailbox_view {
    uint32_t folder; /* id; 0: none is selected */
    bool read_only;
    struct folder_uids *list; /* NULL: of nothing. As the folder has it, or the view's own where the
                              folder has lost what this view still has */
    size_t count;             /* the first of them: number n is list->uids[n - 1] */
    uint64_t modseq;          /* up to which flags and new messages were told */
    uint64_t settled;  /* up to which it was told that messages are gone: behind when that had to
                          wait */
    uint64_t removals; /* box_folder.removals, as far as they were told */
    size_t keywords;   /* of the account's, how many were told */
    uint64_t silent;   /* changes with this modseq are the session's own and silent; 0: none */
    uint32_t *saved;   /* SEARCHRES "$": UIDs */
    size_t saved_count;
};

/* Takes the folder as it is. False when memory is out. */
bool mailbox_view_open(struct mailbox_view *v, const struct box_state *s,
                       const struct box_folder *f, bool read_only);
void mailbox_view_close(struct mailbox_view *v);

/* The number of a UID, 0 when it is not in the view; the UID of a number. */
uint32_t mailbox_view_number(const struct mailbox_view *v, uint32_t uid);
uint32_t mailbox_view_uid(const struct mailbox_view *v, uint32_t number);

/* The UID is one that `$` names; it may be gone. */
bool mailbox_view_has_saved(const struct mailbox_view *v, uint32_t uid);

/* A walk over the messages that a set of numbers or UIDs (or `$`) names, ascending, as they are in
 * the view. All zero is its beginning; false at the end. */
struct mailbox_walk {
    size_t at;
    struct imapd_set_walk set;
    struct imapd_range range;
    bool begun;
};
bool mailbox_view_next(const struct mailbox_view *v, const struct imapd_set *set, bool by_uid,
                       struct mailbox_walk *walk, uint32_t *number, uint32_t *uid);

/* The folder that is selected; NULL when there is none, or it was deleted meanwhile. */
const struct box_folder *mailbox_view_folder(const struct mailbox_view *v,
                                             const struct box_state *s);

/* "(\\Seen $Forwarded)": a message's flags. */
void mailbox_put_flags(struct buf *out, const struct box_state *s, uint64_t flags);

/* "* FLAGS (...)" and "* OK [PERMANENTFLAGS (...)] ..." (RFC 9051 section 7.3.5
 * and 7.1): all that there are in the account, none permanent
 * when `read_only`. */
void mailbox_put_all_flags(struct buf *out, const struct box_state *s, bool read_only);

/* The same, when there are keywords of which the client was not told yet. */
void mailbox_tell_keywords(struct mailbox_view *v, const struct box_state *s, struct buf *out);

/*
 * Catches up with the folder: appends EXPUNGE where `expunge` permits, EXISTS, and FETCH with FLAGS
 * (and UID, MODSEQ when asked for) of messages whose flags changed. A folder that was deleted is
 * one whose messages are all gone. False when memory is out.
 */
struct mailbox_tell {
    bool expunge; /* the place permits it */
    bool uid;     /* UID in unsolicited FETCH (after a UID command; always with IMAP4rev2) */
    bool modseq;  /* CONDSTORE is enabled */
};
bool mailbox_view_sync(struct mailbox_view *v, const struct box_state *s,
                       const struct mailbox_tell *tell, struct buf *out);

/* True when the folder has changes that sync would tell. */
bool mailbox_view_is_behind(const struct mailbox_view *v, const struct box_state *s, bool expunge);

#endif
