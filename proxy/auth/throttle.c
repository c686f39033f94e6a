/*
 * One table of counters of four kinds, each under a key of 16 octets: an address, a network, or a
 * keyed digest of what is too long for that or would be a secret worth stealing.
 */
#include "proxy/auth/throttle.h"

#include <ctype.h>
#include <math.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    KEY = 16,
    SEED = 32,
    BUCKETS = 8192,
    COUNTERS_MAX = 65536,
    HALF_LIFE_MS = 5 * 60 * 1000,
    FIRST_WAIT_MS = 500, /* doubled with each refusal more */
    V4_NEIGHBOURS = 96 + 24,
    V6_NEIGHBOURS = 48,
};

static const uint64_t KNOWN_MS = 30ULL * 24 * 3600 * 1000; /* an admission makes known so long */

enum counter_kind {
    COUNTER_ADDRESS,
    COUNTER_NEIGHBOURS,
    COUNTER_LOGIN,
    COUNTER_KNOWN, /* an address and a login that was admitted from it */
    COUNTER_KINDS,
};

/* `free` refusals cost nothing; a wait is never longer than `most`. */
static const struct {
    double free;
    uint64_t most;
} terms[COUNTER_KINDS] = {
    [COUNTER_ADDRESS] = {3, THROTTLE_WAIT_MAX},
    [COUNTER_NEIGHBOURS] = {30, 10000},
    [COUNTER_LOGIN] = {10, 5000},
    [COUNTER_KNOWN] = {3, THROTTLE_WAIT_MAX},
};

struct counter {
    struct counter *next;          /* in its bucket */
    struct counter *older, *newer; /* by use */
    enum counter_kind kind;
    uint8_t key[KEY];
    double refusals; /* as of `counted_ms` */
    uint64_t counted_ms;
    uint64_t turn_ms; /* when the last one that waits has its turn */
    uint64_t blocked_ms;
    uint64_t admitted_ms; /* KNOWN */
};

struct throttle {
    uv_mutex_t lock;
    unsigned char seed[SEED];
    struct counter *buckets[BUCKETS];
    struct counter *oldest, *newest;
    size_t count;
};

/* What counts of one login. */
struct keys {
    uint8_t of[COUNTER_KINDS][KEY];
    bool by_address;
};

struct throttle *throttle_new(void)
{
    struct throttle *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    if (RAND_bytes(t->seed, sizeof t->seed) == 1 && uv_mutex_init(&t->lock) == 0)
        return t;
    free(t);
    return NULL;
}

void throttle_free(struct throttle *t)
{
    if (!t)
        return;
    while (t->oldest) {
        struct counter *c = t->oldest;
        t->oldest = c->newer;
        free(c);
    }
    uv_mutex_destroy(&t->lock);
    free(t);
}

/* ---- keys -------------------------------------------------------------------------------- */

static bool is_v4(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(address, mapped, sizeof mapped) == 0;
}

bool throttle_trusts(const struct throttle_options *o, const struct gate_address *from)
{
    if (!from->known)
        return true;
    for (size_t i = 0; i < o->trusted_count; i++)
        if (network_contains(&o->trusted[i], from->octets))
            return true;
    return false;
}

/* False when there is no digest, as memory is out: then nothing can be counted. */
static bool digest(const struct throttle *t, const uint8_t *address, struct slice login,
                   uint8_t key[KEY])
{
    unsigned char out[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, t->seed, sizeof t->seed) == 1 &&
                (!address || EVP_DigestUpdate(ctx, address, 16) == 1);

    for (size_t i = 0; i < login.n && good; i++) {
        unsigned char c = (unsigned char)tolower((unsigned char)login.p[i]);
        good = EVP_DigestUpdate(ctx, &c, 1) == 1;
    }
    good = good && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (good)
        memcpy(key, out, KEY);
    return good;
}

static bool keys_make(struct keys *k, const struct throttle *t, const struct throttle_options *o,
                      const struct gate_address *from, struct slice login)
{
    *k = (struct keys){.by_address = !throttle_trusts(o, from)};
    memcpy(k->of[COUNTER_ADDRESS], from->octets, KEY);
    memcpy(k->of[COUNTER_NEIGHBOURS], from->octets, KEY);
    network_mask(k->of[COUNTER_NEIGHBOURS], is_v4(from->octets) ? V4_NEIGHBOURS : V6_NEIGHBOURS);
    return digest(t, NULL, login, k->of[COUNTER_LOGIN]) &&
           digest(t, from->octets, login, k->of[COUNTER_KNOWN]);
}

/* ---- counters ---------------------------------------------------------------------------- */

/* The digests are keyed already; an address is spread by the seed. */
static struct counter **bucket_of(struct throttle *t, enum counter_kind kind,
                                  const uint8_t key[KEY])
{
    uint64_t hash = 0xcbf29ce484222325U + kind;

    for (size_t i = 0; i < KEY; i++)
        hash = (hash ^ key[i] ^ t->seed[i]) * 0x100000001b3U;
    return &t->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct counter **link_to(struct throttle *t, enum counter_kind kind, const uint8_t key[KEY])
{
    struct counter **link = bucket_of(t, kind, key);

    while (*link && ((*link)->kind != kind || memcmp((*link)->key, key, KEY) != 0))
        link = &(*link)->next;
    return link;
}

static void age_unlink(struct throttle *t, struct counter *c)
{
    *(c->older ? &c->older->newer : &t->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &t->newest) = c->older;
}

static void age_append(struct throttle *t, struct counter *c)
{
    c->older = t->newest;
    c->newer = NULL;
    *(t->newest ? &t->newest->newer : &t->oldest) = c;
    t->newest = c;
}

static void evict_oldest(struct throttle *t)
{
    struct counter *c = t->oldest;

    *link_to(t, c->kind, c->key) = c->next;
    age_unlink(t, c);
    free(c);
    t->count--;
}

static struct counter *counter_find(struct throttle *t, enum counter_kind kind,
                                    const struct keys *k)
{
    struct counter *c = *link_to(t, kind, k->of[kind]);

    if (c) {
        age_unlink(t, c);
        age_append(t, c);
    }
    return c;
}

/* NULL when memory is out: then this is not counted. */
static struct counter *counter_make(struct throttle *t, enum counter_kind kind,
                                    const struct keys *k)
{
    struct counter *c = counter_find(t, kind, k);

    if (c)
        return c;
    if (t->count >= COUNTERS_MAX)
        evict_oldest(t);
    c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->kind = kind;
    memcpy(c->key, k->of[kind], KEY);
    *link_to(t, kind, c->key) = c;
    age_append(t, c);
    t->count++;
    return c;
}

/* A clock that ran backwards forgets nothing. */
static double refusals_now(const struct counter *c, uint64_t now_ms)
{
    double since = now_ms > c->counted_ms ? (double)(now_ms - c->counted_ms) : 0;

    return c->refusals * exp2(-since / HALF_LIFE_MS);
}

static void counter_refuse(struct counter *c, const struct throttle_options *o, uint64_t now_ms)
{
    if (!c)
        return;
    c->refusals = refusals_now(c, now_ms) + 1;
    c->counted_ms = now_ms;
    bool blocks = c->kind == COUNTER_ADDRESS || c->kind == COUNTER_KNOWN;
    /* The first of them have faded a little when the last one comes. */
    if (blocks && c->refusals > o->refusals - 0.5)
        c->blocked_ms = now_ms + 1000ULL * o->block_seconds;
}

static uint64_t counter_delay(const struct counter *c, uint64_t now_ms)
{
    double beyond = refusals_now(c, now_ms) - terms[c->kind].free;

    if (beyond <= 0)
        return 0;
    double wait = FIRST_WAIT_MS * exp2(fmin(beyond, 20));
    return wait < (double)terms[c->kind].most ? (uint64_t)wait : terms[c->kind].most;
}

/* When the next one has its turn by this counter. */
static uint64_t counter_turn(const struct counter *c, uint64_t now_ms)
{
    uint64_t after = c->turn_ms > now_ms ? c->turn_ms : now_ms;

    return after + counter_delay(c, now_ms);
}

static bool is_known(const struct counter *c, uint64_t now_ms)
{
    return c && now_ms - c->admitted_ms < KNOWN_MS;
}

/* ---- the questions ----------------------------------------------------------------------- */

/* The counters that decide about this login. */
static size_t counters_of(struct throttle *t, const struct keys *k, uint64_t now_ms,
                          struct counter *list[COUNTER_KINDS])
{
    struct counter *known = counter_find(t, COUNTER_KNOWN, k);
    size_t count = 0;

    if (is_known(known, now_ms)) {
        list[count++] = known;
        return count;
    }
    for (enum counter_kind kind = COUNTER_ADDRESS; kind <= COUNTER_LOGIN; kind++) {
        struct counter *c = counter_find(t, kind, k);
        if (c && (kind == COUNTER_LOGIN || k->by_address))
            list[count++] = c;
    }
    return count;
}

static uint64_t turn_away(struct failure *why, const char *text)
{
    failure_set(why, FAILURE_AUTH, "%s", text);
    return UINT64_MAX;
}

static uint64_t ask(struct throttle *t, const struct keys *k, uint64_t now_ms, struct failure *why)
{
    struct counter *list[COUNTER_KINDS];
    size_t count = counters_of(t, k, now_ms, list);
    uint64_t turn = now_ms;

    for (size_t i = 0; i < count; i++) {
        uint64_t its = counter_turn(list[i], now_ms);
        if (list[i]->blocked_ms > now_ms)
            return turn_away(why, "too many logins from this address were refused: it is turned "
                                  "away for a while");
        turn = its > turn ? its : turn;
    }
    if (turn - now_ms > THROTTLE_WAIT_MAX)
        return turn_away(why, "too many logins are waiting for their turn after refusals");
    for (size_t i = 0; i < count; i++)
        list[i]->turn_ms = counter_turn(list[i], now_ms);
    return turn - now_ms;
}

uint64_t throttle_ask(struct throttle *t, const struct throttle_options *options,
                      const struct gate_address *from, struct slice login, uint64_t now_ms,
                      struct failure *why)
{
    uint64_t wait = 0;
    struct keys k;

    if (options->refusals == 0)
        return 0;
    uv_mutex_lock(&t->lock);
    if (keys_make(&k, t, options, from, login))
        wait = ask(t, &k, now_ms, why);
    uv_mutex_unlock(&t->lock);
    return wait;
}

static void refused(struct throttle *t, const struct throttle_options *options,
                    const struct keys *k, uint64_t now_ms)
{
    struct counter *known = counter_find(t, COUNTER_KNOWN, k);

    if (is_known(known, now_ms))
        counter_refuse(known, options, now_ms);
    else
        counter_refuse(counter_make(t, COUNTER_LOGIN, k), options, now_ms);
    if (!k->by_address)
        return;
    counter_refuse(counter_make(t, COUNTER_ADDRESS, k), options, now_ms);
    counter_refuse(counter_make(t, COUNTER_NEIGHBOURS, k), options, now_ms);
}

void throttle_refused(struct throttle *t, const struct throttle_options *options,
                      const struct gate_address *from, struct slice login, uint64_t now_ms)
{
    struct keys k;

    if (options->refusals == 0)
        return;
    uv_mutex_lock(&t->lock);
    if (keys_make(&k, t, options, from, login))
        refused(t, options, &k, now_ms);
    uv_mutex_unlock(&t->lock);
}

void throttle_admitted(struct throttle *t, const struct throttle_options *options,
                       const struct gate_address *from, struct slice login, uint64_t now_ms)
{
    struct counter *known;
    struct keys k;

    if (options->refusals == 0)
        return;
    uv_mutex_lock(&t->lock);
    if (keys_make(&k, t, options, from, login) &&
        (known = counter_make(t, COUNTER_KNOWN, &k)) != NULL) {
        known->admitted_ms = now_ms;
        known->refusals = 0;
        known->turn_ms = 0;
        known->blocked_ms = 0;
    }
    uv_mutex_unlock(&t->lock);
}
