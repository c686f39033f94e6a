/*
 * What a user's vault holds, while somebody is logged in by it. All who want a token that has to be
 * renewed first wait here for the one renewal: the provider's endpoints, if they are not known, the
 * token, the vault. A provider may give a new refresh token and take the old one back, so nobody
 * hears of a renewal before the vault has it on the disk, if that can be had.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/auth/gatekeeper_parts.h"
#include "proxy/log.h"

struct holding {
    struct holding *prev, *next;
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

static const char ending_text[] = "the server is being shut down, try again later";

static bool is_busy(const struct holding *h)
{
    return h->call || h->writing;
}

/* ---- its life ---------------------------------------------------------------------------- */

static void holding_free(struct holding *h)
{
    struct gatekeeper *g = h->gatekeeper;

    *(h->prev ? &h->prev->next : &g->holdings) = h->next;
    if (h->next)
        h->next->prev = h->prev;
    secret_clear(&h->secret);
    vault_key_wipe(&h->key);
    oauth_endpoints_clear(&h->endpoints);
    settings_release(h->settings);
    free(h->login);
    free(h);
    gatekeeper_look(g);
}

void holding_hold(struct holding *h)
{
    h->grants++;
}

static void free_unless_wanted(struct holding *h)
{
    if (h->grants == 0 && !is_busy(h))
        holding_free(h);
}

void holding_release(struct holding *h)
{
    h->grants--;
    free_unless_wanted(h);
}

const char *holding_login(const struct holding *h)
{
    return h->login;
}

const struct vault_key *holding_key(const struct holding *h)
{
    return &h->key;
}

/* ---- what is known ----------------------------------------------------------------------- */

/* The same vault: one that was made anew has another key. */
static struct holding *find(const struct gatekeeper *g, const struct admission *a)
{
    for (struct holding *h = g->holdings; h; h = h->next)
        if (slice_equal_nocase(slice_of(h->login), buf_slice(&a->login)) &&
            CRYPTO_memcmp(h->key.octets, a->key.octets, VAULT_KEY) == 0)
            return h;
    return NULL;
}

static struct holding *holding_new(struct gatekeeper *g, const struct admission *a)
{
    struct holding *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->gatekeeper = g;
    h->login = slice_dup(buf_slice(&a->login));
    h->key = a->key;
    h->generation = 1;
    h->next = g->holdings;
    if (h->next)
        h->next->prev = h;
    g->holdings = h;
    if (h->login)
        return h;
    holding_free(h);
    return NULL;
}

/* Of two of the same vault, the one that lasts longer is the later one; a password always is. */
static bool is_later(const struct secret *its, const struct secret *other)
{
    return its->kind != SECRET_TOKENS || other->kind != SECRET_TOKENS ||
           its->tokens.expires > other->tokens.expires;
}

static const char *word_of(const struct secret *s)
{
    return s->kind == SECRET_TOKENS ? s->tokens.access : s->password;
}

static bool is_same(const struct secret *a, const struct secret *b)
{
    const char *one = word_of(a), *other = word_of(b);

    return a->kind == b->kind && one && other && strcmp(one, other) == 0;
}

/* Takes `from` over. */
static void learn(struct holding *h, struct secret *from)
{
    if (word_of(&h->secret) && (is_same(from, &h->secret) || !is_later(from, &h->secret))) {
        secret_clear(from);
        return;
    }
    secret_clear(&h->secret);
    h->secret = *from;
    *from = (struct secret){.kind = SECRET_PASSWORD};
    h->generation++;
    h->unwritten = false;
    h->failure.kind = FAILURE_NONE;
}

/* The route that was asked for last says who renews. */
static void set_provider(struct holding *h, const struct admission *a)
{
    size_t route = (size_t)(a->route - a->settings->config->routes);

    const struct oauth_provider *p = &a->settings->auth.providers[route];
    const char *issuer = h->provider.issuer ? h->provider.issuer : "";

    if (is_busy(h))
        return;
    if (strcmp(issuer, p->issuer ? p->issuer : "") != 0)
        oauth_endpoints_clear(&h->endpoints);
    h->provider = *p;
    struct settings *old = h->settings;
    h->settings = settings_hold(a->settings);
    settings_release(old);
    oauth_provider_complete(&h->provider, &h->endpoints);
}

struct holding *holding_open(struct gatekeeper *g, struct admission *a, struct failure *why)
{
    struct secret secret;
    struct holding *h = NULL;

    if (!secret_from_json(&secret, a->secret, why))
        return NULL;
    h = find(g, a);
    if (!h && a->settings)
        h = holding_new(g, a);
    if (h) {
        learn(h, &secret);
        if (a->settings)
            set_provider(h, a);
    }
    secret_clear(&secret);
    return h;
}

/* ---- answers ----------------------------------------------------------------------------- */

static void give(struct holding *h, struct admission *a)
{
    struct admission_answer *answer = &a->answer;

    if (!secret_credential(&h->secret, slice_of(a->grant->upstream), &answer->credential)) {
        admission_refuse(a, FAILURE_TEMPORARY, "out of memory, try again later");
        return;
    }
    answer->credential.vouched = true;
    answer->generation = h->generation;
    answer->grant = a->grant;
    a->grant = NULL;
    admission_answer(a);
}

static void refuse(const struct failure *why, struct admission *a)
{
    admission_refuse(a, why->kind, why->text);
}

/* Whether the token lasts for `seconds` more, or for a fifth of its life where that is less. */
static bool lasts(const struct holding *h, int64_t seconds)
{
    int64_t expires = h->secret.tokens.expires;

    if (h->lifetime && h->lifetime / 5 < seconds)
        seconds = h->lifetime / 5;
    return expires == 0 || expires - (int64_t)time(NULL) > seconds;
}

static struct admission *take_waiting(struct holding *h)
{
    struct admission *first = h->waiting;

    h->waiting = NULL;
    return first;
}

static void give_all(struct holding *h)
{
    struct admission *next;

    for (struct admission *a = take_waiting(h); a; a = next) {
        next = a->next;
        give(h, a);
    }
}

static bool is_refused(const struct holding *h)
{
    return h->refused_ms && h->refused == h->generation;
}

/* A token that has not expired does, though it could not be renewed ahead of time. */
static void answer_without(struct holding *h, const struct failure *why)
{
    bool good = why->kind != FAILURE_AUTH && lasts(h, 0) && !is_refused(h);
    struct admission *next;

    for (struct admission *a = take_waiting(h); a; a = next) {
        next = a->next;
        if (good)
            give(h, a);
        else
            refuse(why, a);
    }
}

/* Until it is tried again, those who come hear the same. What the provider said is for the log: the
 * client is told what to do. */
static void renewal_failed(struct holding *h, const struct failure *why)
{
    h->failure = *why;
    h->again_ms = now_ms() + (why->kind == FAILURE_TEMPORARY ? AGAIN_MS : REFUSED_MS);
    if (why->kind == FAILURE_AUTH)
        failure_set(&h->failure, FAILURE_AUTH,
                    "The access to this mailbox has run out or was taken back. Run \"mailferry "
                    "authorize %s\" again",
                    h->login);
    log_event(LOG_WARNING, NULL, "token-failed",
              (struct log_field[]){LOG_FIELD("user", slice_of(h->login)),
                                   LOG_FIELD("provider", slice_of(h->provider.name)),
                                   LOG_FIELD("message", slice_of(why->text)), LOG_FIELD_END});
    answer_without(h, &h->failure);
    free_unless_wanted(h);
}

/* ---- renewal ----------------------------------------------------------------------------- */

/* On the thread pool. */
static void write_vault(uv_work_t *work)
{
    struct holding *h = work->data;

    h->write_why = (struct failure){.kind = FAILURE_NONE};
    vault_write(h->gatekeeper->state_dir, slice_of(h->login), &h->key, h->written, &h->write_why);
}

/* What could not be written is still good while this process lives, and is written later. */
static void on_written(uv_work_t *work, int status)
{
    struct holding *h = work->data;

    (void)status;
    h->writing = false;
    json_decref(h->written);
    h->written = NULL;
    h->unwritten = h->write_why.kind != FAILURE_NONE;
    h->again_ms = h->unwritten ? now_ms() + AGAIN_MS : 0;
    if (h->unwritten)
        log_event(LOG_ERROR, NULL, "vault",
                  (struct log_field[]){LOG_FIELD("user", slice_of(h->login)),
                                       LOG_FIELD("message", slice_of(h->write_why.text)),
                                       LOG_FIELD_END});
    give_all(h);
    free_unless_wanted(h);
}

static void write_secret(struct holding *h)
{
    h->unwritten = true;
    h->written = secret_to_json(&h->secret);
    if (!h->written) {
        give_all(h);
        return;
    }
    h->writing = true;
    h->work.data = h;
    uv_queue_work(&h->gatekeeper->loop, &h->work, write_vault, on_written);
}

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
    write_secret(h);
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

static void renew(struct holding *h)
{
    struct failure why;

    if (!h->provider.client_id) {
        failure_set(&why, FAILURE_PERMANENT,
                    "this user has tokens, but the route says nothing of OAuth 2.0");
        renewal_failed(h, &why);
    } else if (h->provider.token_endpoint || !h->provider.issuer) {
        ask_for_tokens(h);
    } else {
        h->call = oauth_discover(h->gatekeeper->http, &h->provider, on_endpoints, h, &why);
        if (!h->call)
            renewal_failed(h, &why);
    }
}

/* ---- what was refused upstream ------------------------------------------------------------ */

static bool is_recent(uint64_t ms)
{
    return ms && now_ms() - ms < REFUSED_MS;
}

void holding_refused(struct holding *h, uint64_t generation)
{
    if (generation != h->generation || h->refused == generation)
        return;
    h->earlier_ms = h->refused_ms;
    h->refused = h->generation;
    h->refused_ms = now_ms();
}

/* What is held was refused upstream, and it is of no use to renew it or to try it again: servers
 * slow down, or lock out, who comes with a wrong secret again and again, and a gateway is one
 * address to them. */
static bool is_hopeless(const struct holding *h, struct failure *why)
{
    if (!is_refused(h))
        return false;
    if (h->secret.kind == SECRET_PASSWORD && is_recent(h->refused_ms)) {
        failure_set(why, FAILURE_AUTH,
                    "The mail server takes the password no more that is kept for this user. Run "
                    "\"mailferry authorize %s\" again",
                    h->login);
        return true;
    }
    if (h->secret.kind == SECRET_TOKENS && is_recent(h->earlier_ms)) {
        failure_set(why, FAILURE_TEMPORARY,
                    "The mail server refuses a token that was just renewed, try again in a minute");
        return true;
    }
    return false;
}

static bool is_usable(const struct holding *h)
{
    return h->secret.kind == SECRET_PASSWORD || (lasts(h, URGENT_S) && !is_refused(h));
}

static bool is_fresh(const struct holding *h)
{
    return h->secret.kind == SECRET_PASSWORD || lasts(h, MARGIN_S);
}

static void wait_for_renewal(struct holding *h, struct admission *a)
{
    a->next = h->waiting;
    h->waiting = a;
}

/* A token that will do for this login is renewed behind its back. */
static void answer_usable(struct holding *h, struct admission *a)
{
    bool again = now_ms() >= h->again_ms && !h->gatekeeper->ending;

    if (h->unwritten && again) {
        wait_for_renewal(h, a);
        write_secret(h);
        return;
    }
    give(h, a);
    if (again && !h->call && !is_fresh(h))
        renew(h);
}

static void answer_renewed(struct holding *h, struct admission *a)
{
    struct failure why = h->failure;

    wait_for_renewal(h, a);
    if (h->call)
        return;
    if (why.kind == FAILURE_NONE || now_ms() >= h->again_ms)
        renew(h);
    else
        answer_without(h, &why);
}

void holding_answer(struct holding *h, struct admission *a)
{
    struct failure why;

    holding_refused(h, a->refused);
    if (is_hopeless(h, &why))
        refuse(&why, a);
    else if (h->writing)
        wait_for_renewal(h, a);
    else if (is_usable(h))
        answer_usable(h, a);
    else if (h->gatekeeper->ending)
        admission_refuse(a, FAILURE_TEMPORARY, ending_text);
    else
        answer_renewed(h, a);
}

void holdings_stop(struct gatekeeper *g)
{
    struct failure why;
    struct holding *next;

    failure_set(&why, FAILURE_TEMPORARY, "%s", ending_text);
    for (struct holding *h = g->holdings; h; h = next) {
        next = h->next;
        if (h->call)
            oauth_cancel(h->call);
        h->call = NULL;
        if (!h->writing)
            answer_without(h, &why);
        free_unless_wanted(h);
    }
}
