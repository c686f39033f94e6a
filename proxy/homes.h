/*
 * On which loop each account is at home. All of its sessions go there, so that no account is ever
 * touched by two threads.
 *
 * It is the loop that is home to the fewest when the first of them is let in: that one's own loop,
 * if no other is home to fewer. It stays the home as long as anyone holds it: a session that is let
 * in, until it has joined, and then the account's host until nothing of it is under way.
 *
 * The functions may be called from any thread.
 */
#ifndef PROXY_HOMES_H
#define PROXY_HOMES_H

#include <stddef.h>

struct account_host;
struct homes;

/* What is not marked does not change as long as it is held. */
struct home {
    struct home *next;         /* private */
    unsigned holders;          /* private */
    size_t number;             /* of the house */
    struct account_host *host; /* NULL: there is none. Used on the house's loop only */
    char key[];                /* the account's */
};

/* Among so many houses, each with its loop. NULL when memory is out. */
struct homes *homes_new(size_t count);

/* When nobody holds a home. NULL is fine. */
void homes_free(struct homes *h);

/* Holds the home of the account, for a session of house `number`. NULL when memory is out. */
struct home *homes_enter(struct homes *h, const char *key, size_t number);

/* Lets go of it; NULL is fine. */
void homes_leave(struct homes *h, struct home *home);

#endif
