/*
 * What a user's vault holds, while somebody is logged in by it. All who want a token that has to be
 * renewed first wait here for the one renewal: the provider's endpoints, if they are not known, the
 * token, the vault. A provider may give a new refresh token and take the old one back, so nobody
 * hears of a renewal before the vault has it on the disk, if that can be had.
 *
 * What holding.c and holding_renewal.c share; to others a holding is what gatekeeper_parts.h says.
 */
#ifndef PROXY_AUTH_HOLDING_H
#define PROXY_AUTH_HOLDING_H

#include "proxy/auth/gatekeeper_parts.h"

struct holding {
    struct holding *prev, *next; /* in its bucket */
    struct gatekeeper *gatekeeper;
    unsigned grants;
    char *login;
    struct vault_key key;
    struct secret secret;
    uint64_t generation; /* of the secret, from 1 */
    int64_t lifetime;    /* of the token, as it was given; 0: not known */
    struct settings *settings;
    struct oauth_provider provider;
    struct oauth_endpoints endpoints;
    struct admission *waiting;
    struct oauth_call *call; /* under way */
    bool writing;            /* to the vault */
    uv_work_t work;
    json_t *written;
    struct failure write_why;
    bool unwritten;         /* the vault has not the secret that is here */
    struct failure failure; /* of the last renewal; kind NONE: it did not fail */
    uint64_t again_ms;      /* not tried before */
    uint64_t refused;       /* the generation that was refused upstream last */
    uint64_t refused_ms;    /* when; 0: none was */
    uint64_t earlier_ms;    /* when the one before that was */
};

/* ---- holding.c ---- */

/* All who wait get what is held. */
void holding_give_all(struct holding *h);

/* There is no renewed token: all who wait hear `why`, unless the one that is held does yet. */
void holding_answer_without(struct holding *h, const struct failure *why);

/* Frees it, if nobody wants it any more and nothing is under way. */
void holding_free_unless_wanted(struct holding *h);

/* ---- holding_renewal.c ---- */

/* Begins a renewal; none is under way. Those who wait are answered when it has ended, or before
 * this returns: then `h` may be gone. */
void holding_renew(struct holding *h);

/* Writes what is held to the vault; those who wait are answered then. */
void holding_write(struct holding *h);

#endif
