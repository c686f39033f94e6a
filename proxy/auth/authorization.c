#include "proxy/auth/authorization.h"

#include <stdlib.h>
#include <time.h>

#include "proxy/auth/redirect.h"

static const char any_port[] = "http://127.0.0.1/";

struct authorization {
    struct authorization_request request;
    struct oauth_provider provider;
    struct oauth_endpoints endpoints;
    const struct authorization_handler *handler;
    void *owner;
    struct oauth_call *call; /* NULL: none is under way */
    struct redirect *redirect;
    struct oauth_code code;
};

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

static void authorization_free(struct authorization *a)
{
    redirect_close(a->redirect);
    oauth_code_clear(&a->code);
    oauth_endpoints_clear(&a->endpoints);
    free(a);
}

void authorization_cancel(struct authorization *a)
{
    if (a->call)
        oauth_cancel(a->call);
    authorization_free(a);
}

static void on_done(void *owner, struct oauth_tokens *tokens, const struct failure *why)
{
    struct authorization *a = owner;

    a->handler->on_done(a->owner, tokens, why);
    authorization_free(a);
}

/* ---- a code for another machine ---------------------------------------------------------- */

static void on_shown(void *owner, const struct oauth_device *device)
{
    struct authorization *a = owner;

    a->handler->on_device(a->owner, device);
}

/* ---- a browser --------------------------------------------------------------------------- */

/* False when this is no answer to the request. One that says no, does answer it. */
static bool take_answer(struct authorization *a, struct slice answer)
{
    struct failure why;

    if (a->call)
        return false; /* there was one already */
    a->call = oauth_code_finish(a->request.http, &a->provider, &a->code, answer, now_s(), on_done,
                                a, &why);
    if (a->call) {
        redirect_close(a->redirect);
        a->redirect = NULL;
        return true;
    }
    if (why.kind == FAILURE_AUTH) {
        on_done(a, NULL, &why);
        return true;
    }
    a->handler->on_wrong_answer(a->owner, &why);
    return false;
}

static bool on_redirect(void *owner, struct slice target)
{
    return take_answer(owner, target);
}

void authorization_paste(struct authorization *a, struct slice address)
{
    if (a->code.state && slice_trim(address).n)
        take_answer(a, address);
}

static bool begin_code(struct authorization *a, struct failure *why)
{
    const char *wanted = a->request.redirect ? a->request.redirect : any_port;

    if (redirect_is_local(wanted)) {
        a->redirect = redirect_open(http_loop(a->request.http), wanted, on_redirect, a, why);
        if (!a->redirect)
            return false;
    }
    if (!oauth_code_begin(&a->code, &a->provider,
                          a->redirect ? redirect_address(a->redirect) : wanted,
                          a->request.login_hint, why))
        return false;
    a->handler->on_address(a->owner, a->code.address, a->redirect != NULL);
    return true;
}

/* ---- the beginning ----------------------------------------------------------------------- */

static bool begin_grant(struct authorization *a, struct failure *why)
{
    struct http *http = a->request.http;

    switch (a->provider.grant) {
    case OAUTH_CODE:
        return begin_code(a, why);
    case OAUTH_CLIENT:
        a->call = oauth_client(http, &a->provider, now_s(), on_done, a, why);
        break;
    case OAUTH_DEVICE:
        a->call = oauth_device(http, &a->provider, now_s(), on_shown, on_done, a, why);
        break;
    }
    return a->call != NULL;
}

static void on_discovered(void *owner, struct oauth_endpoints *endpoints,
                          const struct failure *failed)
{
    struct authorization *a = owner;
    struct failure why = *failed;

    a->call = NULL;
    if (endpoints) {
        a->endpoints = *endpoints;
        oauth_provider_complete(&a->provider, &a->endpoints);
    }
    if (!endpoints || !begin_grant(a, &why))
        on_done(a, NULL, &why);
}

static bool endpoints_are_known(const struct oauth_provider *p)
{
    return p->token_endpoint && (p->grant != OAUTH_DEVICE || p->device_endpoint) &&
           (p->grant != OAUTH_CODE || p->authorization_endpoint);
}

struct authorization *authorization_start(const struct authorization_request *request,
                                          const struct authorization_handler *handler, void *owner,
                                          struct failure *why)
{
    struct authorization *a = calloc(1, sizeof *a);
    bool begun;

    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (!a)
        return NULL;
    *a = (struct authorization){
        .request = *request, .provider = *request->provider, .handler = handler, .owner = owner};
    if (endpoints_are_known(&a->provider) || !a->provider.issuer) {
        begun = begin_grant(a, why);
    } else {
        a->call = oauth_discover(request->http, &a->provider, on_discovered, a, why);
        begun = a->call != NULL;
    }
    if (begun)
        return a;
    authorization_free(a);
    return NULL;
}
