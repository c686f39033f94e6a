#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/auth/holding.h"

static bool is_busy(const struct holding *h)
{
    return h->call || h->writing;
}

/* Vaults' keys are random, and spread without a hash. */
static struct holding **bucket_of(struct gatekeeper *g, const struct vault_key *key)
{
    uint16_t first;

    memcpy(&first, key->octets, sizeof first);
    return &g->holdings[first % HOLDING_BUCKETS];
}

/* ---- its life ---------------------------------------------------------------------------- */

static void holding_free(struct holding *h)
{
    struct gatekeeper *g = h->gatekeeper;

    *(h->prev ? &h->prev->next : bucket_of(g, &h->key)) = h->next;
    if (h->next)
        h->next->prev = h->prev;
    g->holding_count--;
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

static bool is_recent(uint64_t ms)
{
    return ms && now_ms() - ms < REFUSED_MS;
}

/* A device that comes every few seconds is alone each time: what failed just now is not to be tried
 * again because nobody was there in between, and what the vault has not, nobody else has. */
static bool is_remembered(const struct holding *h)
{
    bool failed = h->failure.kind != FAILURE_NONE && now_ms() < h->again_ms;

    return !h->gatekeeper->ending && (failed || h->unwritten || is_recent(h->refused_ms));
}

void holding_free_unless_wanted(struct holding *h)
{
    uv_timer_t *forgetting = &h->gatekeeper->forgetting;

    if (h->grants || is_busy(h))
        return;
    if (!is_remembered(h))
        holding_free(h);
    else if (!uv_is_active((uv_handle_t *)forgetting))
        uv_timer_start(forgetting, holdings_forget, AGAIN_MS, 0);
}

void holding_release(struct holding *h)
{
    h->grants--;
    holding_free_unless_wanted(h);
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
static struct holding *find(struct gatekeeper *g, const struct admission *a)
{
    for (struct holding *h = *bucket_of(g, &a->key); h; h = h->next)
        if (slice_equal_nocase(slice_of(h->login), buf_slice(&a->login)) &&
            CRYPTO_memcmp(h->key.octets, a->key.octets, VAULT_KEY) == 0)
            return h;
    return NULL;
}

bool holding_exists(struct gatekeeper *g, const struct admission *a)
{
    return find(g, a) != NULL;
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
    struct holding **bucket = bucket_of(g, &h->key);
    h->next = *bucket;
    if (h->next)
        h->next->prev = h;
    *bucket = h;
    g->holding_count++;
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

static bool is_same(const struct secret *a, const struct secret *b)
{
    const char *one = secret_word(a), *other = secret_word(b);

    return a->kind == b->kind && one && other && strcmp(one, other) == 0;
}

/* Takes `from` over. */
static void learn(struct holding *h, struct secret *from)
{
    if (secret_word(&h->secret) && (is_same(from, &h->secret) || !is_later(from, &h->secret))) {
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

static const struct oauth_provider *provider_of(const struct admission *a)
{
    return &a->settings->auth.providers[a->route - a->settings->config->routes];
}

/* The route that was asked for last says who renews, if he gave what is to be renewed. */
static void set_provider(struct holding *h, const struct admission *a)
{
    const struct oauth_provider *p = provider_of(a);
    const char *issuer = h->provider.issuer ? h->provider.issuer : "";

    if (is_busy(h) || !p->client_id || !oauth_tokens_are_of(&h->secret.tokens, p))
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

static bool is_gateways(const struct grant *grant)
{
    return buf_size(&grant->gateway.user) > 0;
}

/* One provider's tokens are not for servers that trust another. */
static bool are_of_another(const struct holding *h, const struct admission *a)
{
    return a->route && !is_gateways(a->grant) &&
           !oauth_tokens_are_of(&h->secret.tokens, provider_of(a));
}

static void refuse_anothers(struct admission *a)
{
    admission_refuse(a, FAILURE_PERMANENT,
                     "this user's tokens are of another provider than the route's; for both he "
                     "needs two names");
}

/* Whose they are may have come out while he waited. */
static void give(struct holding *h, struct admission *a)
{
    if (are_of_another(h, a)) {
        refuse_anothers(a);
        return;
    }
    struct admission_answer *answer = &a->answer;
    bool made = is_gateways(a->grant) ? credential_copy(&answer->credential, &a->grant->gateway)
                                      : secret_credential(&h->secret, slice_of(a->grant->upstream),
                                                          &answer->credential);

    if (!made) {
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

void holding_give_all(struct holding *h)
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
void holding_answer_without(struct holding *h, const struct failure *why)
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

/* ---- what was refused upstream ------------------------------------------------------------ */

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
    return h->secret.kind != SECRET_TOKENS || (lasts(h, URGENT_S) && !is_refused(h));
}

static bool is_fresh(const struct holding *h)
{
    return h->secret.kind != SECRET_TOKENS || lasts(h, MARGIN_S);
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
        holding_write(h);
        return;
    }
    give(h, a);
    if (again && !h->call && !is_fresh(h))
        holding_renew(h);
}

static void answer_renewed(struct holding *h, struct admission *a)
{
    struct failure why = h->failure;

    wait_for_renewal(h, a);
    if (h->call)
        return;
    if (why.kind == FAILURE_NONE || now_ms() >= h->again_ms)
        holding_renew(h);
    else
        holding_answer_without(h, &why);
}

/* The user's other routes lead to other servers, which tokens are not for. */
static bool may_have_tokens(const struct admission *a)
{
    return !a->route || a->route->oauth.client_id;
}

/* What the vault has is of no matter. */
static void answer_gateways(struct holding *h, struct admission *a)
{
    if (is_refused(h) && is_recent(h->refused_ms))
        admission_refuse(a, FAILURE_TEMPORARY,
                         "The mail server did not let the gateway in as this user, try again in a "
                         "minute");
    else
        give(h, a);
}

void holding_answer(struct holding *h, struct admission *a)
{
    struct failure why;

    holding_refused(h, a->refused);
    if (is_gateways(a->grant))
        answer_gateways(h, a);
    else if (h->secret.kind == SECRET_GATEWAY)
        admission_refuse(a, FAILURE_PERMANENT,
                         "Nothing is kept by which this user could log in here. Run \"mailferry "
                         "authorize\" for him again, with --replace");
    else if (h->secret.kind == SECRET_TOKENS && !may_have_tokens(a))
        admission_refuse(a, FAILURE_PERMANENT,
                         "this user has tokens, but the route says nothing of OAuth 2.0");
    else if (are_of_another(h, a))
        refuse_anothers(a);
    else if (is_hopeless(h, &why))
        refuse(&why, a);
    else if (h->writing)
        wait_for_renewal(h, a);
    else if (is_usable(h))
        answer_usable(h, a);
    else if (h->gatekeeper->ending)
        admission_refuse(a, FAILURE_TEMPORARY, gatekeeper_ending);
    else
        answer_renewed(h, a);
}

static void each(struct gatekeeper *g, void (*act)(struct holding *h, const struct failure *why),
                 const struct failure *why)
{
    struct holding *next;

    for (size_t i = 0; i < HOLDING_BUCKETS; i++) {
        for (struct holding *h = g->holdings[i]; h; h = next) {
            next = h->next;
            act(h, why);
        }
    }
}

static void forget(struct holding *h, const struct failure *why)
{
    (void)why;
    if (h->grants == 0 && h->unwritten && !is_busy(h))
        holding_write(h);
    holding_free_unless_wanted(h);
}

void holdings_forget(uv_timer_t *timer)
{
    each(timer->data, forget, NULL);
}

static void stop(struct holding *h, const struct failure *why)
{
    if (h->call)
        oauth_cancel(h->call);
    h->call = NULL;
    if (!h->writing)
        holding_answer_without(h, why);
    holding_free_unless_wanted(h);
}

void holdings_stop(struct gatekeeper *g)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "%s", gatekeeper_ending);
    each(g, stop, &why);
}
