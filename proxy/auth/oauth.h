/*
 * OAuth 2.0 towards a provider's endpoints: how a grant is obtained and how its access token is
 * renewed. Each request goes by proxy/net/http.h on one loop; what comes back is a struct
 * oauth_tokens, or a failure in words that name the provider, the cause and the remedy.
 *
 *     oauth_device_*        RFC 8628: a code that a person types on another machine
 *     oauth_code_*          RFC 6749 section 4.1 with PKCE (RFC 7636)
 *     oauth_refresh         RFC 6749 section 6
 *     oauth_client          RFC 6749 section 4.4, client credentials
 *     oauth_revoke          RFC 7009: what was granted is taken back
 *     oauth_discover        OpenID Connect discovery, RFC 8414
 *
 * No token, code or secret is ever put into a failure.
 */
#ifndef PROXY_AUTH_OAUTH_H
#define PROXY_AUTH_OAUTH_H

#include <jansson.h>

#include "proxy/net/http.h"

enum oauth_grant {
    OAUTH_DEVICE, /* a person types a code elsewhere */
    OAUTH_CODE,   /* a person's browser comes back with a code */
    OAUTH_CLIENT, /* client credentials: no person at all */
};

/* What a route says of its provider (key "oauth"); presets fill in what is not said. Borrowed by
 * all that use it. */
struct oauth_provider {
    const char *name;   /* "google", "microsoft", ..., or the issuer's host: for people */
    const char *issuer; /* NULL: all endpoints are given */
    const char *authorization_endpoint; /* NULL: by oauth_discover(), or there is none; these too */
    const char *device_endpoint;
    const char *token_endpoint;
    const char *revocation_endpoint;
    const char *client_id;
    const char *client_secret; /* NULL: a public client */
    const char *scope;         /* separated by spaces; NULL: the provider's default */
    const char *extra; /* of the authorization request, encoded: "access_type=offline"; NULL */
    const char *ca;    /* PEM file; NULL: the system's authorities */
    enum oauth_grant grant;
    bool allow_http; /* endpoints without TLS, on loopback: sidecars, tests */
};

/* A known provider's preset, NULL when there is none of that name. Client ids are the operator's:
 * none is in it. */
const struct oauth_provider *oauth_preset(const char *name);
const char *oauth_preset_names(void); /* "google, microsoft, ...": for an error */

/* Owned strings; oauth_tokens_wipe() overwrites and frees them. */
struct oauth_tokens {
    char *access;
    char *refresh;   /* NULL: none was given; keep the old one */
    char *scope;     /* as granted; NULL: as asked for */
    char *provider;  /* the hosts of who gave them, parted by a space; NULL: it is not known */
    int64_t expires; /* wall clock, seconds since 1970; 0: not said */
};
void oauth_tokens_wipe(struct oauth_tokens *t);

/* As kept at rest: an object that oauth_tokens_from_json() takes back. */
json_t *oauth_tokens_to_json(const struct oauth_tokens *t);
bool oauth_tokens_from_json(struct oauth_tokens *t, const json_t *object, struct failure *why);

/* Whether `p` gave them, as far as is known: of those kept by earlier versions nothing is. They are
 * to be shown to nobody else, nor to who trusts somebody else. */
bool oauth_tokens_are_of(const struct oauth_tokens *t, const struct oauth_provider *p);

/* `tokens` is taken over by the receiver; NULL with a failure: FAILURE_AUTH when the grant is gone
 * or was refused (invalid_grant, access_denied, expired_token: a person has to authorize anew),
 * FAILURE_TEMPORARY when a later try may do, FAILURE_PERMANENT for a configuration at fault
 * (invalid_client, invalid_scope). */
typedef void (*oauth_done)(void *owner, struct oauth_tokens *tokens, const struct failure *why);

/* Under way; valid until its callback has come. */
struct oauth_call;
void oauth_cancel(struct oauth_call *c);

/* All: NULL with `*why` when it could not begin (no such endpoint, one without TLS, memory), then
 * no callback comes; `now_s` is the wall clock. */
struct oauth_call *oauth_refresh(struct http *h, const struct oauth_provider *p,
                                 const char *refresh, int64_t now_s, oauth_done done, void *owner,
                                 struct failure *why);
struct oauth_call *oauth_client(struct http *h, const struct oauth_provider *p, int64_t now_s,
                                oauth_done done, void *owner, struct failure *why);

/* `why->kind` is NONE when the provider has taken the token back, or knows it no more. */
typedef void (*oauth_revoked)(void *owner, const struct failure *why);

/* Takes back what `t` holds (RFC 7009 section 2): the refresh token, and with it at most providers
 * the access tokens that came of it, or the access token where there is no other. */
struct oauth_call *oauth_revoke(struct http *h, const struct oauth_provider *p,
                                const struct oauth_tokens *t, oauth_revoked done, void *owner,
                                struct failure *why);

/* What a person is shown (RFC 8628 section 3.2). Valid until the callback returns. */
struct oauth_device {
    const char *user_code;
    const char *address;          /* verification_uri */
    const char *address_complete; /* with the code in it; NULL */
    unsigned seconds;             /* until it expires */
};
typedef void (*oauth_device_shown)(void *owner, const struct oauth_device *device);

/* Asks for a code, shows it, polls as the provider wants (slow_down honoured), until it is granted,
 * refused or expired. */
struct oauth_call *oauth_device(struct http *h, const struct oauth_provider *p, int64_t now_s,
                                oauth_device_shown shown, oauth_done done, void *owner,
                                struct failure *why);

/* An authorization that is waiting for its code. */
struct oauth_code {
    char *address;  /* to open in a browser; owned */
    char *state;    /* what the answer must repeat */
    char *verifier; /* PKCE, secret */
    char *redirect;
};
/* `redirect` is "http://127.0.0.1:PORT/" or what the provider's registration says; `login_hint` may
 * be NULL. False when memory or randomness is out, or there is no authorization endpoint (`why`).
 */
bool oauth_code_begin(struct oauth_code *c, const struct oauth_provider *p, const char *redirect,
                      const char *login_hint, struct failure *why);
void oauth_code_clear(struct oauth_code *c);

/* `answer` is the address that the browser was sent to, or its query alone: state is compared, an
 * error is put in words. Then the code is exchanged. NULL with `why` when it is not an answer to
 * this request. */
struct oauth_call *oauth_code_finish(struct http *h, const struct oauth_provider *p,
                                     const struct oauth_code *c, struct slice answer, int64_t now_s,
                                     oauth_done done, void *owner, struct failure *why);

/* Endpoints of `issuer`, from its /.well-known/openid-configuration, or oauth-authorization-server
 * (RFC 8414). */
struct oauth_endpoints {
    /* NULL: there is none; owned by the receiver */
    char *authorization, *device, *token, *revocation;
};
void oauth_endpoints_clear(struct oauth_endpoints *e);

/* The endpoints that `p` has none of. Borrowed: `e` must outlive its use. */
void oauth_provider_complete(struct oauth_provider *p, const struct oauth_endpoints *e);

/* `endpoints` is the receiver's; NULL with the reason. */
typedef void (*oauth_discovered)(void *owner, struct oauth_endpoints *endpoints,
                                 const struct failure *why);
struct oauth_call *oauth_discover(struct http *h, const struct oauth_provider *p,
                                  oauth_discovered done, void *owner, struct failure *why);

#endif
