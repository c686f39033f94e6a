/*
 * The accounts of a state directory, and which of them a person means. An account's key is what it
 * is called in the store: the user and the upstream, with "imap:" before it when the clients speak
 * IMAP (account_host.h, session_parts.h); its directory's name is made of the key.
 */
#ifndef PROXY_STATE_ACCOUNT_H
#define PROXY_STATE_ACCOUNT_H

#include "proxy/config.h"
#include "proxy/store/state_dir.h"
#include "translate/state/state_kind.h"

struct state_account {
    char *name; /* of its directory. Owned, as is the key. */
    char *key;  /* the name once more where that was cut and does not tell */
    const struct state_kind *kind;
};

struct state_accounts {
    struct state_account *list; /* ascending by key */
    size_t count, capacity;
};

/* All that there are. False with the reason. */
bool state_accounts_read(struct state_accounts *a, const struct state_dir *dir,
                         struct failure *why);
void state_accounts_clear(struct state_accounts *a);

/* Adds the account of this key, when it is not in the list yet. False when memory is out. */
bool state_accounts_add(struct state_accounts *a, const char *key);

/* Those of `all` that `user` may mean: the one with exactly this key or directory; else those to
 * which the routes of `c` (NULL: none are known) lead a client who logs in so; else those of this
 * user, whatever the upstream. False when memory is out. */
bool state_accounts_find(const struct state_accounts *all, const char *user, const struct config *c,
                         struct state_accounts *found);

/* The accounts that a login as `user` leads to by the routes, whether or not they have a state. */
bool state_accounts_of_routes(const char *user, const struct config *c,
                              struct state_accounts *found);

/* The key without "imap:", and where the user ends in it: what follows is "@" and the upstream.
 * NULL: nowhere. */
const char *state_account_login(const char *key, const char **end);

/* "mailbox" or "maildrop", and a sentence's worth of it. */
const char *state_kind_word(const struct state_kind *kind);
const char *state_kind_words(const struct state_kind *kind);

#endif
