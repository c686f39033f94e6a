/*
 * What a vault holds: by what its user is logged in upstream.
 */
#ifndef PROXY_AUTH_SECRET_H
#define PROXY_AUTH_SECRET_H

#include "proxy/auth/oauth.h"
#include "translate/sasl/credential.h"

enum secret_kind {
    SECRET_PASSWORD, /* {"password": "..."}: the upstream's */
    SECRET_TOKENS,   /* {"tokens": {...}} (oauth_tokens_to_json()) */
    SECRET_GATEWAY,  /* {"gateway": true}: none; the upstream lets the gateway in for the user */
};

/* All zero holds nothing. */
struct secret {
    enum secret_kind kind;
    char *password;             /* owned, wiped by secret_clear() */
    struct oauth_tokens tokens; /* the same */
};
void secret_clear(struct secret *s);

/* New reference; NULL when memory is out. */
json_t *secret_to_json(const struct secret *s);

/* False with the reason; then `*s` holds nothing. */
bool secret_from_json(struct secret *s, const json_t *object, struct failure *why);

/* The password or the access token, borrowed; NULL when it holds none, "" where none is wanted. */
const char *secret_word(const struct secret *s);

/* The credential of user `login` upstream; `*c` is empty before. False when memory is out. Not of
 * SECRET_GATEWAY: that is the route's (settings_auth_credential()). */
bool secret_credential(const struct secret *s, struct slice login, struct credential *c);

#endif
