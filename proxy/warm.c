#include "proxy/warm.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/gatekeeper.h"

enum { LOOK_MS = 1000 };

struct warm_entry {
    struct warm_entry *next;
    struct warm *warm;
    struct settings *settings;
    const struct config_route *route;
    unsigned char key[MAILDROP_WARM_KEY];
    struct connection *connection;
    struct grant *grant;           /* NULL: none */
    struct maildrop_warm *session; /* NULL: it is logged out, its connection is closing */
    uint64_t due;
    char id[9];
};

struct warm {
    uv_loop_t *loop;
    uv_timer_t timer; /* runs while something is kept */
    unsigned char secret[MAILDROP_WARM_KEY];
    struct warm_entry *entries; /* the latest first */
    size_t kept;
    bool closed;
};

static void entry_unlink(struct warm_entry *e)
{
    struct warm_entry **at = &e->warm->entries;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
}

static void entry_free(struct warm_entry *e)
{
    entry_unlink(e);
    settings_release(e->settings);
    grant_release(e->grant);
    free(e);
}

/* The session is not kept any more, whoever has it now. */
static void entry_empty(struct warm_entry *e)
{
    struct warm *w = e->warm;

    e->session = NULL;
    if (--w->kept == 0 && !w->closed)
        uv_timer_stop(&w->timer);
}

static void entry_close(struct warm_entry *e)
{
    connection_write(e->connection, maildrop_warm_logout(e->session));
    connection_close(e->connection, false);
    maildrop_warm_free(e->session);
    entry_empty(e);
}

/* ---- what the connection says ---- */

/* It was ready before it came here. */
static void on_ready(void *owner)
{
    (void)owner;
}

static void on_data(void *owner, struct slice *in)
{
    struct warm_entry *e = owner;

    if (!maildrop_warm_data(e->session, in))
        entry_close(e);
}

static void on_end(void *owner, const struct failure *why)
{
    (void)why;
    entry_close(owner);
}

static void on_closed(void *owner, const struct connection *c)
{
    (void)c;
    entry_free(owner);
}

static const struct connection_handler handler = {on_ready, on_end, on_data,
                                                  on_ready, on_end, on_closed};

/* ---- time ---- */

static void on_timer(uv_timer_t *timer)
{
    struct warm *w = timer->data;
    uint64_t now = uv_now(w->loop);

    for (struct warm_entry *e = w->entries; e; e = e->next)
        if (e->session && e->due <= now)
            entry_close(e);
}

/* ---- keeping ---- */

static bool is_revoked(const struct warm_entry *e)
{
    return e->grant && grant_is_revoked(e->grant);
}

/* Of two sessions of a user the later one knows more. */
static void close_former(struct warm *w, const struct warm_entry *latest)
{
    for (struct warm_entry *e = w->entries; e; e = e->next)
        if (e != latest && e->session && e->route == latest->route &&
            CRYPTO_memcmp(e->key, latest->key, sizeof e->key) == 0)
            entry_close(e);
}

static void entry_begin(struct warm_entry *e, const struct warm_offer *offer)
{
    struct warm *w = e->warm;

    e->settings = settings_hold(offer->settings);
    e->route = offer->route;
    e->connection = offer->connection;
    e->grant = offer->grant ? grant_hold(offer->grant) : NULL;
    e->due = uv_now(w->loop) + offer->route->pop3.warm_seconds * 1000ULL;
    snprintf(e->id, sizeof e->id, "%s", offer->id);
    connection_adopt(e->connection, e->id, &handler, e);
    e->next = w->entries;
    w->entries = e;
    if (w->kept++ == 0 && !w->closed)
        uv_timer_start(&w->timer, on_timer, LOOK_MS, LOOK_MS);
}

bool warm_keep(struct warm *w, const struct warm_offer *offer, size_t most)
{
    struct warm_entry *e = calloc(1, sizeof *e);
    struct slice nothing = slice_of("");
    bool full = w->closed || w->kept >= most;

    if (!e)
        return false;
    e->warm = w;
    full = !maildrop_warm_key(offer->maildrop, w->secret, e->key) || full;
    e->session = maildrop_part(offer->maildrop);
    if (!e->session) {
        free(e);
        return false;
    }
    entry_begin(e, offer);
    close_former(w, e);
    if (full || is_revoked(e) || !maildrop_warm_data(e->session, &nothing))
        entry_close(e);
    return true;
}

bool warm_find(struct warm *w, const struct settings *settings, const struct config_route *route,
               const struct maildrop *maildrop, struct warm_found *found)
{
    unsigned char key[MAILDROP_WARM_KEY];
    struct warm_entry *e = w->entries;

    if (w->kept == 0 || !maildrop_warm_key(maildrop, w->secret, key))
        return false;
    while (e && !(e->session && e->settings == settings && e->route == route &&
                  CRYPTO_memcmp(e->key, key, sizeof key) == 0))
        e = e->next;
    if (!e || !maildrop_warm_is_quiet(e->session))
        return false;
    found->connection = e->connection;
    found->session = e->session;
    snprintf(found->id, sizeof found->id, "%s", e->id);
    entry_empty(e);
    entry_free(e);
    return true;
}

void warm_revoke(struct warm *w)
{
    for (struct warm_entry *e = w ? w->entries : NULL; e; e = e->next)
        if (e->session && is_revoked(e))
            entry_close(e);
}

/* ---- the beginning and the end ---- */

struct warm *warm_new(uv_loop_t *loop)
{
    struct warm *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    if (RAND_bytes(w->secret, sizeof w->secret) != 1) {
        free(w);
        return NULL;
    }
    w->loop = loop;
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    return w;
}

void warm_free(struct warm *w)
{
    if (!w)
        return;
    OPENSSL_cleanse(w->secret, sizeof w->secret);
    free(w);
}

void warm_drain(struct warm *w)
{
    if (!w->closed)
        uv_close((uv_handle_t *)&w->timer, NULL);
    w->closed = true;
    for (struct warm_entry *e = w->entries; e; e = e->next)
        if (e->session)
            entry_close(e);
}

void warm_stop(struct warm *w)
{
    warm_drain(w);
    for (struct warm_entry *e = w->entries; e; e = e->next)
        connection_close(e->connection, true);
}
