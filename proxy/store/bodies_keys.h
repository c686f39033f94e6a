/*
 * Durable bodies of an account as a whole: which keys there are, which of them the state names, and
 * what becomes of the others.
 *
 * One that no content names is what a crash left between the writing of the body and the record
 * that would have named it: nobody was told that it is kept, and it goes when the account is next
 * opened. But where the state itself was lost, all of them are without a name: those are moved
 * aside, for they may be all that is left of somebody's mail.
 *
 * All of this blocks: it is for the thread pool.
 */
#ifndef PROXY_STORE_BODIES_KEYS_H
#define PROXY_STORE_BODIES_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bodies_keys {
    uint64_t *numbers; /* owned */
    size_t count;
    size_t capacity;
};

void bodies_keys_clear(struct bodies_keys *k);

/* A key that cannot be one is passed over. False when memory is out. */
bool bodies_keys_add(struct bodies_keys *k, const char *key);

/* To be called behind the last bodies_keys_add(), before the look-ups. */
void bodies_keys_sort(struct bodies_keys *k);
bool bodies_keys_has(const struct bodies_keys *k, uint64_t number);

/* Adds all that are in the open directory `dir`; sorted. False with errno. */
bool bodies_keys_list(int dir, struct bodies_keys *k);

/* Deletes those in `dir` that are not `named`; `*swept` is how many. False with errno. */
bool bodies_keys_sweep(int dir, const struct bodies_keys *named, size_t *swept);

/* Gives all of the account's (whose directory is `account`) a second name in `aside`/bodies. False
 * with errno. */
bool bodies_keys_preserve(int account, int aside);

/* Moves all of the account's into damaged-N/bodies beside the state that was lost, durably.
 * `*where` is N, `*moved` how many; 0: there were none, and nothing was made. False with errno. */
bool bodies_keys_set_aside(int account, unsigned *where, size_t *moved);

#endif
