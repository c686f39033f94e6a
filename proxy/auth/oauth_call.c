#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/oauth_parts.h"

enum { CONNECT_SECONDS = 10, SECONDS = 30 };

struct oauth_call *oauth_call_new(struct http *h, const struct oauth_provider *p, int64_t now_s,
                                  void *owner, struct failure *why)
{
    struct oauth_call *c = calloc(1, sizeof *c);

    if (!c)
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    else
        *c = (struct oauth_call){.http = h, .provider = p, .now_s = now_s, .owner = owner};
    return c;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void oauth_call_free(struct oauth_call *c)
{
    if (c->request)
        http_cancel(c->request);
    if (c->device_code)
        memset(c->device_code, 0, strlen(c->device_code));
    free(c->device_code);
    if (c->has_timer)
        uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    else
        free(c);
}

void oauth_cancel(struct oauth_call *c)
{
    oauth_call_free(c);
}

void oauth_call_done(struct oauth_call *c, struct oauth_tokens *tokens, const struct failure *why)
{
    c->done(c->owner, tokens, why);
    oauth_call_free(c);
}

/* ---- requests ---------------------------------------------------------------------------- */

void oauth_put_field(struct buf *form, const char *name, const char *value)
{
    if (!value)
        return;
    if (buf_size(form))
        buf_putc(form, '&');
    buf_puts(form, name);
    buf_putc(form, '=');
    http_put_encoded(form, slice_of(value));
}

static bool is_loopback(struct slice host)
{
    char text[INET_ADDRSTRLEN] = "";
    unsigned char address[4];

    if (host.n < sizeof text)
        memcpy(text, host.p, host.n);
    return slice_is_nocase(host, "localhost") || slice_is(host, "[::1]") ||
           (inet_pton(AF_INET, text, address) == 1 && address[0] == 127);
}

/* Tokens do not cross a network in the clear. */
static bool url_permitted(const struct oauth_provider *p, const char *url, struct failure *why)
{
    static const char secure[] = "https://", clear[] = "http://";

    if (strncmp(url, secure, sizeof secure - 1) == 0)
        return true;
    if (p->allow_http && strncmp(url, clear, sizeof clear - 1) == 0 && is_loopback(oauth_host(url)))
        return true;
    failure_set(why, FAILURE_PERMANENT, "%s: the endpoint %.100s is not https", p->name, url);
    return false;
}

static void on_answer(void *owner, const struct http_answer *http, const struct failure *failed)
{
    struct oauth_call *c = owner;
    struct failure why = *failed;
    json_t *answer = NULL;

    c->request = NULL;
    if (http)
        answer = json_loadb(http->body.p ? http->body.p : "", http->body.n, 0, NULL);
    if (http && !json_is_object(answer))
        failure_set(&why, FAILURE_TEMPORARY, "%s answered %ld without a JSON object",
                    c->provider->name, http->status);
    bool good = json_is_object(answer);
    c->answered(c, http ? http->status : 0, good ? answer : NULL, &why);
    json_decref(answer);
}

static bool start(struct oauth_call *c, const struct http_request *request, struct failure *why)
{
    if (!url_permitted(c->provider, request->url, why))
        return false;
    c->request = http_start(c->http, request, on_answer, c);
    if (!c->request)
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return c->request != NULL;
}

bool oauth_get(struct oauth_call *c, const char *url, struct failure *why)
{
    static const struct http_header headers[] = {{"Accept", "application/json"}};

    return start(c,
                 &(struct http_request){
                     .url = url,
                     .headers = headers,
                     .header_count = 1,
                     .ca = c->provider->ca,
                     .connect_seconds = CONNECT_SECONDS,
                     .seconds = SECONDS,
                 },
                 why);
}

/* RFC 6749 section 2.3.1: encoded, then as user and password of HTTP. */
static bool put_client(struct buf *out, const char *text)
{
    out->secret = true;
    http_put_encoded(out, slice_of(text));
    buf_putc(out, '\0');
    return !buf_failed(out);
}

static bool post(struct oauth_call *c, const char *url, const struct buf *form, struct failure *why)
{
    static const struct http_header headers[] = {
        {"Accept", "application/json"},
        {"Content-Type", "application/x-www-form-urlencoded"},
    };
    struct buf id = BUF_INIT, secret = BUF_INIT;
    struct http_request request = {
        .url = url,
        .headers = headers,
        .header_count = 2,
        .post = true,
        .body = buf_slice(form),
        .ca = c->provider->ca,
        .connect_seconds = CONNECT_SECONDS,
        .seconds = SECONDS,
    };
    bool good = true;

    if (c->provider->client_secret) {
        good = put_client(&id, c->provider->client_id) &&
               put_client(&secret, c->provider->client_secret);
        request.user = buf_slice(&id).p;
        request.password = buf_slice(&secret).p;
    }
    if (good && !buf_failed(form))
        good = start(c, &request, why);
    else
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    buf_wipe(&id);
    buf_wipe(&secret);
    return good && !buf_failed(form);
}

bool oauth_post(struct oauth_call *c, const char *endpoint, const char *what, struct buf *form,
                struct failure *why)
{
    bool posted = false;

    if (!c->provider->client_secret)
        oauth_put_field(form, "client_id", c->provider->client_id);
    if (endpoint)
        posted = post(c, endpoint, form, why);
    else
        failure_set(why, FAILURE_PERMANENT,
                    "%s has no %s endpoint that is known; give it in the route's \"oauth\"",
                    c->provider->name, what);
    buf_wipe(form);
    return posted;
}

struct oauth_call *oauth_post_first(struct oauth_call *c, const char *endpoint, const char *what,
                                    struct buf *form, struct failure *why)
{
    if (oauth_post(c, endpoint, what, form, why))
        return c;
    oauth_call_free(c);
    return NULL;
}

/* ---- answers ----------------------------------------------------------------------------- */

const char *oauth_error(const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));

    return error ? error : "";
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

void oauth_explain(const struct oauth_call *c, long status, const json_t *answer,
                   struct failure *why)
{
    static const char *const over[] = {"invalid_grant",    "expired_token",        "access_denied",
                                       "consent_required", "interaction_required", NULL};
    static const char *const ours[] = {"invalid_client",         "unauthorized_client",
                                       "unsupported_grant_type", "invalid_scope",
                                       "invalid_request",        NULL};
    const char *error = oauth_error(answer);
    const char *text = json_string_value(json_object_get(answer, "error_description"));
    const char *name = c->provider->name;

    text = text ? text : "no more is said";
    if (is_one_of(error, over))
        failure_set(why, FAILURE_AUTH,
                    "%s refuses: %.40s, %.90s. Run \"mailferry authorize\" for this user", name,
                    error, text);
    else if (is_one_of(error, ours))
        failure_set(why, FAILURE_PERMANENT,
                    "%s refuses this client: %.40s, %.90s. See the route's \"oauth\"", name, error,
                    text);
    else
        failure_set(why, FAILURE_TEMPORARY, "%s answered %ld: %.40s, %.90s", name, status,
                    error[0] ? error : "no error code", text);
}

void oauth_take_tokens(struct oauth_call *c, long status, const json_t *answer,
                       const struct failure *failed)
{
    struct failure why = *failed;
    struct oauth_tokens tokens;
    bool taken = false;

    if (answer && status == 200)
        taken = oauth_tokens_of_answer(&tokens, c->provider, answer, c->now_s, &why);
    else if (answer)
        oauth_explain(c, status, answer, &why);
    oauth_call_done(c, taken ? &tokens : NULL, &why);
}

/* ---- what needs no more than one request ------------------------------------------------- */

struct oauth_call *oauth_refresh(struct http *h, const struct oauth_provider *p,
                                 const char *refresh, int64_t now_s, oauth_done done, void *owner,
                                 struct failure *why)
{
    struct oauth_call *c = oauth_call_new(h, p, now_s, owner, why);
    struct buf form = {.secret = true};

    if (!c)
        return NULL;
    c->done = done;
    c->answered = oauth_take_tokens;
    oauth_put_field(&form, "grant_type", "refresh_token");
    oauth_put_field(&form, "refresh_token", refresh);
    return oauth_post_first(c, p->token_endpoint, "token", &form, why);
}

struct oauth_call *oauth_client(struct http *h, const struct oauth_provider *p, int64_t now_s,
                                oauth_done done, void *owner, struct failure *why)
{
    struct oauth_call *c = oauth_call_new(h, p, now_s, owner, why);
    struct buf form = BUF_INIT;

    if (!c)
        return NULL;
    c->done = done;
    c->answered = oauth_take_tokens;
    oauth_put_field(&form, "grant_type", "client_credentials");
    oauth_put_field(&form, "scope", p->scope);
    return oauth_post_first(c, p->token_endpoint, "token", &form, why);
}
