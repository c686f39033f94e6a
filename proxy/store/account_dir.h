/*
 * One account's directory: which files are in it, and how they may come and go.
 *
 * Generations. snapshot-N.json contains everything up to its writing, journal-N.jsonl what came
 * after it; before the first snapshot there is journal-0.jsonl alone. A new snapshot is N + 1, and
 * from the moment it has its name, journal N is of the past, whether or not there was still time to
 * delete it: so no record is ever applied to a snapshot that contains it (CASES D16). A journal
 * that is newer than every snapshot is damage: its snapshot is lost.
 *
 * Not for two threads at once; the store sees to that.
 */
#ifndef PROXY_STORE_ACCOUNT_DIR_H
#define PROXY_STORE_ACCOUNT_DIR_H

#include "proxy/store/state_dir.h"
#include "translate/state/state_kind.h"

enum { ACCOUNT_FILE_NAME = 48 };

struct account_dir {
    const struct state_kind *kind; /* of the state in it */
    const struct state_dir *state;
    const char *name; /* of the directory; borrowed */
    char *path;       /* for sentences */
    int fd;           /* -1: there is none yet */
    uint64_t generation;
    uint64_t newest; /* generation of any file; the same, but for damage */
    bool snapshot;   /* whether there is one of that generation */
    bool journal;
    bool journal_ahead; /* there is one of a later generation */
    bool past;          /* there are files of earlier generations */
    off_t uncut; /* where lines begin in the journal of which it was said that they are not there,
                    and that could not be cut off; -1: there are none */
    char snapshot_name[ACCOUNT_FILE_NAME];
    char journal_name[ACCOUNT_FILE_NAME];
};

/* Looks at the account's directory, and makes it before when `make`. False with the reason; then
 * there is nothing to close. */
bool account_dir_open(struct account_dir *d, const struct state_kind *kind,
                      const struct state_dir *state, const char *name, bool make,
                      struct failure *why);
void account_dir_close(struct account_dir *d);

/* Looks again at what is there. */
bool account_dir_look(struct account_dir *d, struct failure *why);

/* disk_failure() with the full path of the account's file `name` and the present errno. False. */
bool account_dir_failed(const struct account_dir *d, const char *doing, const char *name,
                        struct failure *why);

/* The names of a generation's files. */
void account_snapshot_name(char name[ACCOUNT_FILE_NAME], uint64_t generation);
void account_journal_name(char name[ACCOUNT_FILE_NAME], uint64_t generation);

/* Puts the entries of this directory, and its own in its parent, on the disk. */
bool account_dir_sync(const struct account_dir *d, struct failure *why);

/* Deletes files of earlier generations, once it is certain that the present one is on the disk. */
bool account_dir_sweep(struct account_dir *d, struct failure *why);

/* Moves all files into damaged-N, N being the first that is free. `*where` is N. The newest
 * snapshot goes first and journals last: a crash between leaves a journal without its snapshot,
 * which is damage again, never a state that looks whole but lacks its newest records. */
bool account_dir_set_aside(struct account_dir *d, unsigned *where, struct failure *why);

/* Gives all files, and the durable bodies, a second name in replaced-N: so they outlast what takes
 * their place. `*where` is N. */
bool account_dir_preserve(struct account_dir *d, unsigned *where, struct failure *why);

#endif
