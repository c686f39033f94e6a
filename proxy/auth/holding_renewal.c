/*
 * How a token is renewed and kept: asked for at the provider, whose endpoints are looked up first
 * where they are not known, and written to the vault before anybody has it.
 */
#include <time.h>

#include "proxy/auth/holding.h"
#include "proxy/log.h"

/* What the provider said is for the log: the client is told what to do. */
static void say_what_to_do(struct failure *told, enum failure_kind kind, const char *login)
{
    if (kind == FAILURE_AUTH)
        failure_set(told, kind,
                    "The access to this mailbox has run out or was taken back. Run \"mailferry "
                    "authorize %s\" again",
                    login);
    else
        failure_set(told, kind, "%s",
                    kind == FAILURE_TEMPORARY
                        ? "The mailbox's provider gives no token now, try again later; the "
                          "gateway's log tells why"
                        : "The mailbox's provider gives this gateway no token; the gateway's log "
                          "tells why");
}

/* Until it is tried again, those who come hear the same. */
static void renewal_failed(struct holding *h, const struct failure *why)
{
    say_what_to_do(&h->failure, why->kind, h->login);
    h->again_ms = now_ms() + (why->kind == FAILURE_TEMPORARY ? AGAIN_MS : REFUSED_MS);
    log_event(LOG_WARNING, NULL, "token-failed",
              (struct log_field[]){LOG_FIELD("user", slice_of(h->login)),
                                   LOG_FIELD("provider", slice_of(h->provider.name)),
                                   LOG_FIELD("message", slice_of(why->text)), LOG_FIELD_END});
    holding_answer_without(h, &h->failure);
    holding_free_unless_wanted(h);
}

/* ---- the vault --------------------------------------------------------------------------- */

/* On the thread pool. */
static void write_vault(uv_work_t *work)
{
    struct holding *h = work->data;

    h->write_why = (struct failure){.kind = FAILURE_NONE};
    vault_write(h->gatekeeper->state_dir, slice_of(h->login), &h->key, h->written, &h->write_why);
}

/* What could not be written is still good while this process lives, and is written later: unless
 * the vault is gone, or another one. */
static void on_written(uv_work_t *work, int status)
{
    struct holding *h = work->data;
    enum failure_kind failed = h->write_why.kind;

    (void)status;
    h->writing = false;
    h->gatekeeper->writes++;
    json_decref(h->written);
    h->written = NULL;
    h->unwritten = failed == FAILURE_TEMPORARY || failed == FAILURE_FULL;
    h->again_ms = h->unwritten ? now_ms() + AGAIN_MS : 0;
    if (failed != FAILURE_NONE)
        log_event(LOG_ERROR, NULL, "vault",
                  (struct log_field[]){LOG_FIELD("user", slice_of(h->login)),
                                       LOG_FIELD("message", slice_of(h->write_why.text)),
                                       LOG_FIELD_END});
    holding_give_all(h);
    holding_free_unless_wanted(h);
}

void holding_write(struct holding *h)
{
    h->unwritten = true;
    h->written = secret_to_json(&h->secret);
    if (!h->written) {
        holding_give_all(h);
        return;
    }
    h->writing = true;
    h->work.data = h;
    uv_queue_work(&h->gatekeeper->loop, &h->work, write_vault, on_written);
}

/* ---- the provider ------------------------------------------------------------------------ */

/* RFC 6749 section 6: without a new refresh token the old one goes on. */
static void take_tokens(struct holding *h, struct oauth_tokens *tokens)
{
    if (!tokens->refresh) {
        tokens->refresh = h->secret.tokens.refresh;
        h->secret.tokens.refresh = NULL;
    }
    oauth_tokens_wipe(&h->secret.tokens);
    h->secret.tokens = *tokens;
    h->generation++;
    h->lifetime = tokens->expires ? tokens->expires - (int64_t)time(NULL) : 0;
    h->failure.kind = FAILURE_NONE;
}

static void on_tokens(void *owner, struct oauth_tokens *tokens, const struct failure *why)
{
    struct holding *h = owner;

    h->call = NULL;
    if (!tokens) {
        renewal_failed(h, why);
        return;
    }
    take_tokens(h, tokens);
    log_event(LOG_INFO, NULL, "token-renewed",
              (struct log_field[]){LOG_FIELD("user", slice_of(h->login)),
                                   LOG_FIELD("provider", slice_of(h->provider.name)),
                                   LOG_FIELD_NUMBER("seconds", h->lifetime), LOG_FIELD_END});
    holding_write(h);
}

static void ask_for_tokens(struct holding *h)
{
    const struct oauth_provider *p = &h->provider;
    const char *refresh = h->secret.tokens.refresh;
    int64_t now_s = (int64_t)time(NULL);
    struct failure why;

    if (p->grant == OAUTH_CLIENT)
        h->call = oauth_client(h->gatekeeper->http, p, now_s, on_tokens, h, &why);
    else if (refresh)
        h->call = oauth_refresh(h->gatekeeper->http, p, refresh, now_s, on_tokens, h, &why);
    else
        failure_set(&why, FAILURE_AUTH,
                    "the token has expired and %s gave none to renew it with. Run \"mailferry "
                    "authorize\" for this user",
                    p->name);
    if (!h->call)
        renewal_failed(h, &why);
}

static void on_endpoints(void *owner, struct oauth_endpoints *endpoints, const struct failure *why)
{
    struct holding *h = owner;

    h->call = NULL;
    if (!endpoints) {
        renewal_failed(h, why);
        return;
    }
    oauth_endpoints_clear(&h->endpoints);
    h->endpoints = *endpoints;
    oauth_provider_complete(&h->provider, &h->endpoints);
    ask_for_tokens(h);
}

void holding_renew(struct holding *h)
{
    struct failure why;

    if (h->provider.token_endpoint || !h->provider.issuer) {
        ask_for_tokens(h);
    } else {
        h->call = oauth_discover(h->gatekeeper->http, &h->provider, on_endpoints, h, &why);
        if (!h->call)
            renewal_failed(h, &why);
    }
}
