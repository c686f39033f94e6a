/*
 * RFC 8628: the provider gives a code, a person types it on another machine, meanwhile we ask
 * whether that has happened.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/oauth_parts.h"

enum { INTERVAL_MS = 5000, INTERVAL_MAX_MS = 60000, EXPIRES_S = 900 };

static void poll_later(struct oauth_call *c);

static void expired(struct oauth_call *c)
{
    struct failure why;

    failure_set(&why, FAILURE_AUTH,
                "nobody typed the code in time; run \"mailferry authorize\" again");
    oauth_call_done(c, NULL, &why);
}

/* RFC 8628 section 3.5. A provider that is away for a moment does not end it. */
static void polled(struct oauth_call *c, long status, const json_t *answer,
                   const struct failure *why)
{
    const char *error = oauth_error(answer);
    bool away = !answer && why->kind == FAILURE_TEMPORARY;

    if (away)
        c->interval_ms *= 2;
    else if (strcmp(error, "slow_down") == 0)
        c->interval_ms += INTERVAL_MS;
    if (c->interval_ms > INTERVAL_MAX_MS)
        c->interval_ms = INTERVAL_MAX_MS;
    if (away || strcmp(error, "slow_down") == 0 || strcmp(error, "authorization_pending") == 0) {
        poll_later(c);
        return;
    }
    c->now_s += (int64_t)((uv_now(http_loop(c->http)) - c->began_ms) / 1000);
    oauth_take_tokens(c, status, answer, why);
}

static void poll(uv_timer_t *timer)
{
    struct oauth_call *c = timer->data;
    struct buf form = {.secret = true};
    struct failure why;

    if (uv_now(http_loop(c->http)) >= c->until_ms) {
        expired(c);
        return;
    }
    c->answered = polled;
    oauth_put_field(&form, "grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    oauth_put_field(&form, "device_code", c->device_code);
    if (!oauth_post(c, c->provider->token_endpoint, "token", &form, &why))
        oauth_call_done(c, NULL, &why);
}

static void poll_later(struct oauth_call *c)
{
    uv_timer_start(&c->timer, poll, c->interval_ms, 0);
}

/* An address that a terminal or a QR code is to show. */
static const char *address_of(const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));

    return text && strncmp(text, "http", 4) == 0 ? text : NULL;
}

static void show(struct oauth_call *c, const json_t *answer, const struct oauth_device *device)
{
    uv_loop_t *loop = http_loop(c->http);

    c->interval_ms = 1000ULL * (uint64_t)oauth_seconds(answer, "interval", INTERVAL_MS / 1000);
    if (c->interval_ms > INTERVAL_MAX_MS)
        c->interval_ms = INTERVAL_MAX_MS;
    c->until_ms = uv_now(loop) + 1000ULL * device->seconds;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    c->has_timer = true;
    poll_later(c);
    c->shown(c->owner, device);
}

static void given(struct oauth_call *c, long status, const json_t *answer,
                  const struct failure *failed)
{
    const char *code = json_string_value(json_object_get(answer, "device_code"));
    int64_t seconds = oauth_seconds(answer, "expires_in", EXPIRES_S);
    struct failure why = *failed;
    struct oauth_device device = {
        .user_code = json_string_value(json_object_get(answer, "user_code")),
        .address = address_of(answer, "verification_uri"),
        .address_complete = address_of(answer, "verification_uri_complete"),
        .seconds = (unsigned)(seconds < EXPIRES_S * 4 ? seconds : EXPIRES_S * 4),
    };

    if (!device.address) /* as Google calls it */
        device.address = address_of(answer, "verification_url");
    if (answer && status != 200)
        oauth_explain(c, status, answer, &why);
    else if (answer && (!code || !device.user_code || !device.address))
        failure_set(&why, FAILURE_PERMANENT, "%s gave no code for a device", c->provider->name);
    else if (answer && !(c->device_code = strdup(code)))
        failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (c->device_code)
        show(c, answer, &device);
    else
        oauth_call_done(c, NULL, &why);
}

struct oauth_call *oauth_device(struct http *h, const struct oauth_provider *p, int64_t now_s,
                                oauth_device_shown shown, oauth_done done, void *owner,
                                struct failure *why)
{
    struct oauth_call *c = oauth_call_new(h, p, now_s, owner, why);
    struct buf form = BUF_INIT;

    if (!c)
        return NULL;
    c->done = done;
    c->shown = shown;
    c->answered = given;
    c->began_ms = uv_now(http_loop(h));
    oauth_put_field(&form, "scope", p->scope);
    if (p->client_secret) /* RFC 8628 section 3.1 wants it in the form all the same */
        oauth_put_field(&form, "client_id", p->client_id);
    return oauth_post_first(c, p->device_endpoint, "device authorization", &form, why);
}
