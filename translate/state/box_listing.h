/*
 * What a session's listing of the maildrop says: which messages are known, which are new, which are
 * missing, and whether that is to be believed.
 *
 * A message is known by its UIDL and its size. Where that is not enough a digest is asked for, of
 * what the caller likes to hash of its header, always the same (CASES D11): where the upstream
 * gives no UIDL, lists one twice, lists one with another size than before, or where two contents
 * had it; where a new one might be a known message by another name (box_renamed.h); and before a
 * message is deleted whose digest is known. A UIDL with another size and a header that nobody knew
 * is another message. What could be two messages is never taken for one that is to be deleted.
 * Messages without UIDL whose headers and sizes are alike are told apart by their order; where some
 * of them are missing, it is first of all those that were to be deleted.
 *
 * A listing that lacks everything that was known, or half of it and ten messages or more, is
 * suspicious; one that its caller doubts (it broke off; LIST and UIDL disagree), or with messages
 * whose digest could not be had, is not believed at all (CASES D12). From a suspicious one, what it
 * lacks is only remembered as suspect, and believed when the next listing lacks it too; from one
 * that is not believed nothing follows for what it lacks. Contents that wait for their deletion
 * make no listing suspicious, since they are expected to be missing; but they too are believed gone
 * only when the listing is believed.
 */
#ifndef TRANSLATE_STATE_BOX_LISTING_H
#define TRANSLATE_STATE_BOX_LISTING_H

#include "translate/state/box_draft.h"

/* Whether a digest is a message's own: one that begins with "?" is of a header that others may have
 * too, and means something only together with the size. */
bool box_digest_is_own(const char *digest);

/* What it means that the upstream no longer lists a message. */
enum box_policy {
    BOX_VANISHED_GONE,     /* it was deleted */
    BOX_VANISHED_UNLISTED, /* only no longer listed (Gmail, the last 30 days), or archived here */
};

struct box_entry {
    uint32_t number;     /* in the maildrop, of this session */
    uint64_t size;       /* as listed */
    struct slice uidl;   /* empty: none. Without NUL. Borrowed, as the digest is. */
    struct slice digest; /* empty: not known. With NUL behind it, as the UIDL */
    bool mute;           /* no header can be had of it: `digest` is made of its size */
    bool ask;            /* out: the digest is needed */
    bool fresh;          /* out: never seen before */
    uint32_t content;    /* out: what it is; 0: fresh, or not to be said without the digest */
};

struct box_listing {
    struct box_entry *entries; /* in the maildrop's order */
    size_t count;
    bool doubtful;
    enum box_policy policy;
};

/*
 * Says of each entry what it is. `*asked` is how many need a digest: the caller may get it (TOP),
 * and match again. False when memory is out.
 *
 * A content whose deletion is INTENDED or SENT is to be deleted (again) by the number of its entry.
 */
bool box_listing_match(const struct box_state *s, struct box_listing *l, size_t *asked);

/*
 * Puts into a draft what the listing, which was matched with the draft's state, says of contents
 * that are known: "listed", "unlisted", "suspected", "intended", "gone", and digests and UIDLs
 * that they did not have. The fresh ones are the caller's to add, in order, each filed where it
 * belongs.
 * `*suspicious` (may be NULL) tells whether another look is due before what is missing is believed.
 */
void box_listing_draft(struct box_draft *d, const struct box_listing *l, bool *suspicious);

#endif
