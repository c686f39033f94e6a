/*
 * States that were asked for lately, in memory: so a login need not read again what is remembered
 * of a large mailbox. They take a bounded number of octets in all; whichever was asked for longest
 * ago makes room. Small ones are not kept: they are read as quickly as they are found here.
 *
 * A kept state counts only as long as the files are the ones that it came from (account_stamp.h).
 * One that has an owner outside is lent: its place here only says which files it came from, until
 * it is given back.
 *
 * For threads at once, but no account is to be touched by two: the store sees to that.
 */
#ifndef PROXY_STORE_KEPT_STATES_H
#define PROXY_STORE_KEPT_STATES_H

#include "proxy/store/account_stamp.h"
#include "translate/state/state_kind.h"

/* A state of fewer octets is not kept. */
enum { KEPT_STATE_MIN = 16 * 1024 };

struct kept_states;

/* NULL when memory is out. */
struct kept_states *kept_states_new(size_t octets_max);
void kept_states_free(struct kept_states *k);

/* Takes what is kept of the account out. True when it is of that kind and its files are as the
 * stamp says: then `*state` is the caller's, or NULL when it is lent. */
bool kept_states_take(struct kept_states *k, const struct state_kind *kind, const char *name,
                      const struct account_stamp *stamp, void **state);

/* Keeps the state of an account of which nothing is kept, or frees it: it is taken over. NULL: it
 * is lent. */
void kept_states_put(struct kept_states *k, const struct state_kind *kind, const char *name,
                     const struct account_stamp *stamp, void *state);

/* A lent state comes back, and is taken over: what was appended meanwhile is in it. */
void kept_states_give(struct kept_states *k, const struct state_kind *kind, const char *name,
                      void *state);

/* For tests: how many there are, and their octets. */
size_t kept_states_count(struct kept_states *k, size_t *octets);

#endif
