/*
 * What the files of oauth.h share; nobody else includes it.
 *
 *     oauth_provider.c   presets
 *     oauth_tokens.c     tokens
 *     oauth_call.c       a request to an endpoint, and what its answer means
 *     oauth_device.c     a code that a person types elsewhere
 *     oauth_code.c       a browser that comes back with a code
 *     oauth_discover.c   endpoints of an issuer
 *     oauth_revoke.c     what was granted is taken back
 */
#ifndef PROXY_AUTH_OAUTH_PARTS_H
#define PROXY_AUTH_OAUTH_PARTS_H

#include "proxy/auth/oauth.h"

struct oauth_call {
    struct http *http;
    const struct oauth_provider *provider;
    struct http_call *request; /* NULL: none is under way */
    /* What comes of a request: a JSON object (borrowed) with HTTP's status, or NULL with the
     * reason. */
    void (*answered)(struct oauth_call *c, long status, const json_t *answer,
                     const struct failure *why);
    int64_t now_s; /* when the call began */
    oauth_done done;
    oauth_device_shown shown;
    oauth_discovered discovered;
    oauth_revoked revoked;
    void *owner;
    const char *tried; /* discovery: the well-known name that was asked for last */
    uv_timer_t timer;  /* polls for a device's code */
    bool has_timer;
    char *device_code;
    uint64_t interval_ms;
    uint64_t began_ms, until_ms; /* loop time */
};

/* NULL when memory is out, with the reason. */
struct oauth_call *oauth_call_new(struct http *h, const struct oauth_provider *p, int64_t now_s,
                                  void *owner, struct failure *why);
void oauth_call_free(struct oauth_call *c);

/* Ends it with tokens (taken over) or a failure. */
void oauth_call_done(struct oauth_call *c, struct oauth_tokens *tokens, const struct failure *why);

/* One form field, encoded; `value` NULL: none. */
void oauth_put_field(struct buf *form, const char *name, const char *value);

/* Sends a form (wiped) with the client's identity; `answered` follows. False with the reason: no
 * such endpoint, one that may not be used, memory. */
bool oauth_post(struct oauth_call *c, const char *endpoint, const char *what, struct buf *form,
                struct failure *why);

/* The same for a call that begins with it: gives the call; NULL when it failed, and it is freed. */
struct oauth_call *oauth_post_first(struct oauth_call *c, const char *endpoint, const char *what,
                                    struct buf *form, struct failure *why);

bool oauth_get(struct oauth_call *c, const char *url, struct failure *why);

/* For `answered`: tokens, or what the error means. Ends the call. */
void oauth_take_tokens(struct oauth_call *c, long status, const json_t *answer,
                       const struct failure *failed);

/* The "error" of an answer, "" when there is none. */
const char *oauth_error(const json_t *answer);
void oauth_explain(const struct oauth_call *c, long status, const json_t *answer,
                   struct failure *why);

/* A number of seconds of an answer. */
int64_t oauth_seconds(const json_t *object, const char *key, int64_t otherwise);
bool oauth_tokens_of_answer(struct oauth_tokens *t, const struct oauth_provider *p,
                            const json_t *answer, int64_t now_s, struct failure *why);

/* The host of an address, with the brackets of IPv6; empty when there is none. Borrowed. */
struct slice oauth_host(const char *url);

#endif
