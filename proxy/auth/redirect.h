/*
 * Where a person's browser comes back to with the provider's answer (RFC 8252 section 7.3): a
 * listener on this machine's loopback, which understands just enough HTTP to read one address and
 * to show one page.
 */
#ifndef PROXY_AUTH_REDIRECT_H
#define PROXY_AUTH_REDIRECT_H

#include <uv.h>

#include "translate/text/failure.h"

struct redirect;

/* `target` is what stands behind the host: "/?code=...". It holds secrets. True when it was the
 * answer that was waited for: the browser is told so. redirect_close() may be called in it. */
typedef bool (*redirect_came)(void *owner, struct slice target);

/* Whether we can listen there: http on 127.0.0.1, [::1] or localhost. */
bool redirect_is_local(const char *address);

/* `wanted` is the address that the provider expects; without a port in it any free one is taken
 * (which providers permit for loopback). NULL with the reason. */
struct redirect *redirect_open(uv_loop_t *loop, const char *wanted, redirect_came came, void *owner,
                               struct failure *why);

/* With the port; valid until it is closed. */
const char *redirect_address(const struct redirect *r);

/* The browser still gets its page; the loop has handles of it for a moment. NULL is fine. */
void redirect_close(struct redirect *r);

#endif
