/*
 * Reading an account's state back: its snapshot, and its journal on top of it.
 */
#ifndef PROXY_STORE_ACCOUNT_STATE_H
#define PROXY_STORE_ACCOUNT_STATE_H

#include "proxy/store/account_dir.h"

/* No file is read, or let grow, beyond this: some ten million messages. */
enum { ACCOUNT_FILE_MAX = 1 << 30 };

enum account_read {
    ACCOUNT_READ,    /* `*state` is the receiver's; empty for an account never seen */
    ACCOUNT_DAMAGED, /* what is there does not make sense */
    ACCOUNT_FAILED,  /* could not be read, or not by this version; nothing is known to be wrong */
};

/* What was read, for people. */
struct account_size {
    uint64_t snapshot; /* octets */
    uint64_t journal;  /* octets of whole lines */
    uint64_t torn;     /* octets behind them */
    size_t records;    /* of the journal */
};

/* A state of the directory's kind. But for ACCOUNT_READ, `*why` is the reason and `*state` NULL. */
enum account_read account_state_read(struct account_dir *d, void **state, struct failure *why);

/* The same beside a server that may append and fold meanwhile: begins anew, a few times, when the
 * files have changed under it. */
enum account_read account_state_read_beside(struct account_dir *d, void **state,
                                            struct account_size *size, struct failure *why);

#endif
