/*
 * How a user's tokens are obtained by the grant that the provider is for, with a person where the
 * grant needs one: endpoints are discovered if they are not known, then a code is shown
 * (RFC 8628), or an address, from which a browser comes back (RFC 6749 section 4.1), or nobody is
 * asked (section 4.4). Who shows it, and where, is the owner's affair.
 */
#ifndef PROXY_AUTH_AUTHORIZATION_H
#define PROXY_AUTH_AUTHORIZATION_H

#include "proxy/auth/oauth.h"

struct authorization;

struct authorization_handler {
    /* The code that is to be typed elsewhere. */
    void (*on_device)(void *owner, const struct oauth_device *device);
    /* The address to open, also before authorization_start() returns; `listening`: the browser's
     * coming back is noticed, if it runs on this machine. authorization_paste() helps in any case.
     */
    void (*on_address)(void *owner, const char *address, bool listening);
    /* What came back is no answer to this request; it goes on waiting. */
    void (*on_wrong_answer)(void *owner, const struct failure *why);
    /* Comes once, as oauth_done. */
    oauth_done on_done;
};

struct authorization_request {
    struct http *http;
    const struct oauth_provider *provider; /* copied; its strings outlive the authorization */
    const char *redirect;                  /* of grant code; NULL: this machine, any port */
    const char *login_hint;                /* the same; NULL */
};

/* NULL with the reason. Otherwise valid until on_done has come. */
struct authorization *authorization_start(const struct authorization_request *request,
                                          const struct authorization_handler *handler, void *owner,
                                          struct failure *why);

/* The address that the browser ended at, as a person has copied it. Does nothing where none is
 * waited for. */
void authorization_paste(struct authorization *a, struct slice address);

/* on_done does not come. */
void authorization_cancel(struct authorization *a);

#endif
