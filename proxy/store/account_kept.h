/*
 * An account's state in memory and its files, kept in step: what is read stays in memory, what is
 * appended is applied to it, and what somebody else has changed is read again.
 */
#ifndef PROXY_STORE_ACCOUNT_KEPT_H
#define PROXY_STORE_ACCOUNT_KEPT_H

#include "proxy/store/account_state.h"
#include "proxy/store/kept_states.h"

/* As account_state_read(), from memory when nobody has changed the files. `*state` shares with what
 * is kept, or where its kind has no copies is lent until kept_states_give(). */
enum account_read account_kept_read(struct kept_states *all, struct account_dir *d, void **state,
                                    struct failure *why);

/* What is kept of an account while its journal is appended to. */
struct account_kept {
    struct kept_states *all;
    bool known;  /* which files it belongs to: else there is nothing to keep */
    void *state; /* NULL: it is lent */
};

/* Takes it out, before anything is written. */
void account_kept_take(struct account_kept *kept, struct kept_states *all, struct account_dir *d);

/* The records (a JSON array) are on the disk. Where they cannot be applied, nothing is kept. */
void account_kept_apply(struct account_kept *kept, const struct account_dir *d,
                        const json_t *records);

/* Keeps it again; the files are as the directory says. */
void account_kept_put(struct account_kept *kept, const struct account_dir *d);

/* It is not certain what the files hold: nothing is kept. */
void account_kept_drop(struct account_kept *kept, const struct account_dir *d);

#endif
