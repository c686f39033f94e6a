/*
 * Appending to an account's journal, and folding it into a new snapshot.
 *
 * An append is on the disk when it returns. One that fails is cut off again; where even that fails,
 * account_journal_cut() has to, before anything else is done. Where the process dies first, the
 * next append begins by cutting off the torn line. (Whole lines of a failed append may then remain:
 * they are facts that nobody was told are durable.)
 */
#ifndef PROXY_STORE_ACCOUNT_JOURNAL_H
#define PROXY_STORE_ACCOUNT_JOURNAL_H

#include "proxy/store/account_dir.h"

/* Appends whole lines to the journal of the present generation. False with the reason; then
 * `d->uncut` may say that they have to be cut off. The directory was opened with `make`. */
bool account_journal_append(struct account_dir *d, struct slice lines, struct failure *why);

/* Cuts off what begins at `d->uncut`, which is -1 then. False with the reason, and nothing is
 * changed. */
bool account_journal_cut(struct account_dir *d, struct failure *why);

/* Whether the journal has outgrown the snapshot, and is worth the work. */
bool account_journal_is_long(const struct account_dir *d);

/*
 * Writes snapshot N + 1 of what snapshot N and journal N contain: to a temporary file, synced,
 * renamed, directory synced; then what is of the past is deleted. False with the reason: before the
 * rename everything is as it was; after it the new snapshot is the account's, and the next append,
 * which makes a journal for it, syncs the directory too.
 */
bool account_journal_fold(struct account_dir *d, struct failure *why);

/*
 * Makes `state`, of the directory's kind, the account's, whatever was there before, in the same
 * way. What was there is of the past then, and deleted: who wants it preserves it before
 * (account_dir.h).
 */
bool account_journal_replace(struct account_dir *d, const void *state, struct failure *why);

#endif
