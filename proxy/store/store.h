/*
 * Where sync state is kept. A store is asked from any loop; the work is done on the thread pool and
 * the answer comes back on the loop that asked. Behind it stands a directory today; the functions
 * are what a shared database would have to offer too.
 *
 * One directory for each account:
 *     STATE_DIR/lock                      who holds the directory (pid, host), flock()ed
 *     STATE_DIR/accounts/NAME/snapshot-N.json
 *     STATE_DIR/accounts/NAME/journal-N.jsonl
 * NAME is the account key with everything but letters, digits and "@.-_" as %XX; never "." or "..";
 * over 200 octets it is cut and a SHA-256 digest is put behind (CASES I2). N is a generation: each
 * snapshot has its own journal, and the files of the largest N are the account's state. So a crash
 * between the writing of a snapshot and the deletion of the journal that it contains is harmless
 * (account_dir.h).
 *
 * Files are 0600, directories 0700. Damage is set aside as NAME/damaged-K/..., reported, and never
 * overwritten. What a newer version wrote is refused and left where it is.
 */
#ifndef PROXY_STORE_STORE_H
#define PROXY_STORE_STORE_H

#include <uv.h>

#include "translate/state/state_kind.h"
#include "translate/text/failure.h"

struct store;

/* Opens (and creates) the directory and takes the lock. NULL with the reason and the remedy: not
 * writable, owned by another, read-only, held by process N (CASES D17, P4). */
struct store *store_open(const char *dir, struct failure *why);

/* Waits for what is under way. No loop may have a request pending. NULL: nothing. */
void store_close(struct store *s);

/* The open directory STATE_DIR/accounts, for what else is kept of an account beside its state (its
 * name in there is account_name()'s). The store's, as long as it is open. */
int store_accounts(const struct store *s);

/* What went wrong without failing a request: a journal could not be folded, old files not deleted.
 * Comes from a thread of the pool. To be set before the first request. */
typedef void (*store_notice)(void *owner, const struct failure *what);
void store_on_notice(struct store *s, store_notice notice, void *owner);

/* `state`, of the kind that was asked for, is owned by the receiver: empty for an account never
 * seen. NULL with the reason when it cannot be read: nothing is ever served from a guess.
 * FAILURE_TEMPORARY when a later load may succeed: after a disk error, and after damaged files were
 * set aside, when the next load begins anew. FAILURE_PERMANENT: a newer version wrote it. */
typedef void (*store_loaded)(void *owner, void *state, const struct failure *why);
typedef void (*store_saved)(void *owner, const struct failure *why); /* FAILURE_NONE: durable */

/* Valid until its callback has come. Requests about one account are served in the order in which
 * they were made. */
struct store_request;

/* One request, made on `loop`'s thread; the callback comes there, never before this returns, unless
 * it was cancelled. NULL when memory is out: then no callback comes. An account key stands for one
 * kind of state for ever: the state of the other kind would look damaged, and be set aside. */
struct store_request *store_load(struct store *s, uv_loop_t *loop, const struct state_kind *kind,
                                 struct slice account, store_loaded done, void *owner);

/*
 * Appends records to the journal of the account (a JSON array of records; the reference is taken
 * over, also when this returns NULL, and must be the only one, for the text is made by a thread of
 * the pool) and syncs it to the disk: concurrent requests share one fsync. When
 * the journal has outgrown the snapshot it is folded: written anew, synced, renamed, directory
 * synced. A failed write is cut off again, so that the next one finds a whole journal, and while
 * that cannot be done, nothing of the account is read or written; the failure is one of
 * proxy/store/disk.h's and names the remedy. All records or none, but for a crash, which
 * may leave the first few of a request that was not answered.
 *
 * For an account that was loaded before: it is not read here, so damage is not noticed.
 */
struct store_request *store_append(struct store *s, uv_loop_t *loop, const struct state_kind *kind,
                                   struct slice account, json_t *records, store_saved done,
                                   void *owner);

/*
 * The receiver of a loaded state that has one owner (state_kind.copy is NULL) needs it no more, and
 * has applied to it all that store_append() has answered, and nothing else: so the next load may
 * get it again. The state is taken over.
 */
void store_give(struct store *s, const struct state_kind *kind, struct slice account, void *state);

/* The work goes on, but no callback comes. On the thread of the request's loop; NULL: nothing. */
void store_request_cancel(struct store_request *r);

#endif
