/*
 * Journals that end in lines which were not synced, and could not be cut off either: the disk
 * failed twice. Whoever asked for them was told that they are not there, and goes on without them,
 * so the next record would contradict them, and the whole account be taken for damaged when it is
 * read. Therefore nothing is read of such an account and nothing appended before they are cut off.
 *
 * For threads at once, but no account is to be touched by two: the store sees to that. A process
 * that begins reads what is there, and goes on from that: it needs no such memory.
 */
#ifndef PROXY_STORE_UNCUT_JOURNALS_H
#define PROXY_STORE_UNCUT_JOURNALS_H

#include "proxy/store/account_dir.h"

struct uncut_journals;

/* NULL when memory is out. */
struct uncut_journals *uncut_journals_new(void);
void uncut_journals_free(struct uncut_journals *u); /* NULL: nothing */

/* Room to remember an account, got before its journal is touched: afterwards it must not fail. NULL
 * when memory is out. free() gives it back. */
struct uncut_journal;
struct uncut_journal *uncut_journal_new(const char *name);

/* What `d->uncut` says is remembered; takes `room` over. */
void uncut_journals_add(struct uncut_journals *u, const struct account_dir *d,
                        struct uncut_journal *room);

/* Cuts off what is remembered of this account, and forgets it; nothing when nothing is. False with
 * the reason: it could not be cut off yet. */
bool uncut_journals_cut(struct uncut_journals *u, struct account_dir *d, struct failure *why);

#endif
