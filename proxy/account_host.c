/*
 * Its life: loading, guests, the account's actions and clock, the end.
 */
#include "proxy/account_host.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/account_host_parts.h"
#include "proxy/log.h"
#include "proxy/session_parts.h"

/* A mail program that comes back finds the account open. Where everybody was refused there is
 * nothing to come back to. */
enum { LINGER_MS = 60 * 1000 };

char *account_host_key(const struct config_route *route, const char *user)
{
    char *name = place_account(route, user);
    char *key = NULL;

    if (name && asprintf(&key, "imap:%s", name) < 0)
        key = NULL;
    free(name);
    return key;
}

struct account *account_host_account(struct account_host *h)
{
    return h->account;
}

struct bodies_account *account_host_bodies(struct account_host *h)
{
    return h->bodies;
}

void account_host_log(const struct account_host *h, int level, const char *event, const char *text)
{
    struct log_field fields[4];
    size_t count = 0;

    /* The lines of a dialogue are many, and the account's others tell whose it is. */
    if (level != LOG_DEBUG) {
        fields[count++] = LOG_FIELD("account", slice_of(h->key));
        fields[count++] = LOG_FIELD("route", slice_of(h->route->name));
    }
    fields[count++] = LOG_FIELD("message", slice_of(text));
    fields[count] = LOG_FIELD_END;
    log_event((enum log_level)level, h->id, event, fields);
}

/* ---- guests ---- */

static void guest_add(struct account_guest **list, struct account_guest *g)
{
    g->next = *list;
    *list = g;
}

static bool guest_remove(struct account_guest **list, const struct account_guest *g)
{
    while (*list && *list != g)
        list = &(*list)->next;
    if (!*list)
        return false;
    *list = g->next;
    return true;
}

static void refuse_all(struct account_host *h, const struct failure *why)
{
    while (h->joining) {
        struct account_guest *g = h->joining;
        h->joining = g->next;
        g->on_joined(g, why);
    }
}

/* The account has tokens from whoever came by one last. */
static void host_take_grant(struct account_host *h, const struct account_guest *g)
{
    if (!g->grant)
        return;
    grant_release(h->grant);
    h->grant = grant_hold(g->grant);
    h->generation = g->generation;
}

/* A guest's first command may lose the account: the others wait until it begins anew. */
static void admit_all(struct account_host *h)
{
    struct failure none = {.kind = FAILURE_NONE};

    while (h->joining && h->account) {
        struct account_guest *g = h->joining;
        h->joining = g->next;
        guest_add(&h->guests, g);
        host_take_grant(h, g);
        g->on_joined(g, &none);
    }
}

/* ---- the end ---- */

static struct account_host *host_of(struct alarm *a)
{
    return (struct account_host *)((char *)a - offsetof(struct account_host, alarm));
}

static void on_end(struct alarm *a)
{
    account_host_release(host_of(a));
}

static void on_bodies_closed(void *owner)
{
    account_host_release(owner);
}

/* The next one to open the account finds its state in memory. */
static void host_part(struct account_host *h)
{
    if (account_is_idle(h->account) && !account_failed(h->account))
        store_give(h->house->store, &box_state_kind, slice_of(h->key), account_end(h->account));
    else
        account_free(h->account);
    h->account = NULL;
}

/* Guests have left. What is being made durable goes on; what is merely kept is fetched again. */
static void host_end(struct account_host *h)
{
    if (h->ending)
        return;
    h->ending = true;
    account_host_keep_none(h);
    account_host_renew_cancel(h);
    account_host_disconnect(h, false);
    grant_release(h->grant);
    h->grant = NULL;
    if (h->account)
        host_part(h);
    if (h->bodies)
        bodies_account_close(h->bodies, on_bodies_closed, h);
    h->bodies = NULL;
    box_state_free(h->state);
    h->state = NULL;
    h->alarm.ring = on_end;
    alarm_set(h->loop, &h->alarm, uv_now(h->house->loop));
}

static bool host_begin(struct account_host *h);

/* Those who came while it ended begin it anew. */
static bool host_begin_again(struct account_host *h)
{
    struct failure why;

    if (!h->joining || h->house->draining)
        return false;
    h->ending = false;
    if (host_begin(h))
        return true;
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    refuse_all(h, &why);
    return false;
}

void account_host_release(struct account_host *h)
{
    struct session_house *house = h->house;
    struct failure why;

    if (--h->pending > 0 || host_begin_again(h))
        return;
    failure_set(&why, FAILURE_TEMPORARY, "the server is being shut down, try again later");
    refuse_all(h, &why);
    if (h->next)
        h->next->prev = h->prev;
    *(h->prev ? &h->prev->next : &house->hosts) = h->next;
    box_state_free(h->state);
    settings_release(h->settings);
    place_clear(&h->place);
    h->home->host = NULL;
    homes_leave(house->homes, h->home);
    loop_release(h->loop);
    free(h);
    house->on_ended(house->owner);
}

static bool is_over(const struct account_host *h)
{
    return !h->guests && !h->joining && h->account && account_is_idle(h->account) && !h->keeps &&
           (h->house->draining || !account_is_open(h->account) ||
            uv_now(h->house->loop) >= h->empty + LINGER_MS);
}

static void host_lost(struct account_host *h)
{
    account_host_log(h, LOG_ERROR, "account-lost", "out of memory");
    while (h->guests) {
        struct account_guest *g = h->guests;
        h->guests = g->next;
        g->on_lost(g);
    }
    host_end(h);
}

/* ---- the clock ---- */

void account_host_tell(struct account_host *h)
{
    account_now(h->account, uv_now(h->house->loop), (int64_t)time(NULL));
    account_keep_queued(h->account, account_host_keep_queued(h));
}

/* Deadlines mostly move away: the alarm is left as it is then, and looks again when it rings. */
static void host_arm(struct account_host *h)
{
    uint64_t due = account_deadline(h->account);
    uint64_t now = uv_now(h->house->loop);

    if (!h->guests && due > h->empty + LINGER_MS)
        due = h->empty + LINGER_MS > now ? h->empty + LINGER_MS : now + 1000;
    if (due < h->alarm.due)
        alarm_set(h->loop, &h->alarm, due);
}

static void on_alarm(struct alarm *a)
{
    struct account_host *h = host_of(a);

    if (h->account)
        admit_all(h);
    if (!h->account)
        return;
    account_host_tell(h);
    if (account_deadline(h->account) <= uv_now(h->house->loop))
        account_tick(h->account);
    account_host_pump(h);
}

/* ---- what the account asks for ---- */

static void on_saved(void *owner, const struct failure *why)
{
    struct account_host *h = owner;

    if (why->kind != FAILURE_NONE)
        account_host_log(h, LOG_ERROR, "state-not-saved", why->text);
    if (h->account) {
        account_host_tell(h);
        account_saved(h->account, why);
        account_host_pump(h);
    }
    account_host_release(h);
}

/* The account keeps the record to apply it, and the store's text is made on another thread: each
 * has its own, for jansson's counts of references are nobody's to share. */
static void host_save(struct account_host *h, json_t *records)
{
    struct failure why;
    json_t *copy = json_deep_copy(records);

    json_decref(records);
    if (copy && store_append(h->house->store, h->house->loop, &box_state_kind, slice_of(h->key),
                             copy, on_saved, h)) {
        h->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    account_saved(h->account, &why);
}

static void host_act(struct account_host *h, struct account_action *action)
{
    switch (action->type) {
    case ACCOUNT_CREDENTIAL:
        account_host_renew(h, action->text);
        break;
    case ACCOUNT_CONNECT:
        account_host_connect(h);
        break;
    case ACCOUNT_DISCONNECT:
        account_host_flush(h);
        account_host_disconnect(h, false);
        account_disconnected(h->account);
        break;
    case ACCOUNT_UPSTREAM_TLS:
        account_host_flush(h);
        account_host_tls(h);
        break;
    case ACCOUNT_SAVE:
        host_save(h, action->records);
        break;
    case ACCOUNT_RELEASE:
        bodies_release(h->bodies, action->key);
        free(action->key);
        break;
    case ACCOUNT_LOG:
        account_host_log(h, action->level, action->event, action->text);
        break;
    default:
        account_host_keep(h, action);
        break;
    }
}

static struct account_guest *guest_of(const struct account_host *h,
                                      const struct account_client *client)
{
    struct account_guest *g = h->guests;

    while (g && g->mailbox != client->owner)
        g = g->next;
    return g;
}

/* True when something was done. */
static bool host_step(struct account_host *h)
{
    struct account_action action;
    bool done = false;

    while (account_next_action(h->account, &action)) {
        host_act(h, &action);
        done = true;
    }
    account_host_flush(h);
    struct account_client *client = account_next_client(h->account);
    struct account_guest *g = client ? guest_of(h, client) : NULL;
    if (g)
        g->on_touched(g);
    return done || g;
}

void account_host_pump(struct account_host *h)
{
    if (h->pumping || !h->account)
        return;
    h->pumping = true;
    while (host_step(h) && !account_failed(h->account))
        continue;
    h->pumping = false;
    if (account_failed(h->account)) {
        host_lost(h);
    } else if (is_over(h)) {
        host_end(h);
    } else {
        account_host_resume(h);
        account_host_offer(h);
        host_arm(h);
    }
}

/* ---- the beginning ---- */

static struct account_options host_options(const struct account_host *h)
{
    const struct config_imap *o = &h->route->imap;
    const struct config_limits *limits = &h->settings->config->limits;
    struct account_options options = {
        .unlisted = o->unlisted,
        .archive = o->archive,
        .idle_seconds = o->idle_seconds,
        .poll_seconds = o->poll_seconds,
        .noop_seconds = o->noop_seconds,
        .debug = log_enabled(LOG_DEBUG),
        .login_seconds = limits->connect_seconds + limits->response_seconds,
        .response_seconds = limits->response_seconds,
        .filing = o->filing,
        .filing_count = o->filing_count,
    };

    return options;
}

static void host_fail(struct account_host *h, const struct failure *why)
{
    account_host_log(h, LOG_ERROR, "account-not-opened", why->text);
    refuse_all(h, why);
    host_end(h);
}

static void host_open(struct account_host *h)
{
    struct account_options options = host_options(h);
    struct failure why;

    h->account = account_new(&options, h->state, (uint32_t)time(NULL), uv_now(h->house->loop),
                             (int64_t)time(NULL));
    h->state = NULL;
    if (!h->account) {
        failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
        host_fail(h, &why);
        return;
    }
    h->empty = uv_now(h->house->loop);
    admit_all(h);
    account_host_pump(h);
}

static void on_bodies_opened(void *owner, const struct failure *why)
{
    struct account_host *h = owner;

    if (why->kind != FAILURE_NONE)
        host_fail(h, why);
    else
        host_open(h);
}

/* Without the memory for all keys none is swept. */
static bool named_bodies(const struct box_state *s, struct bodies_keys *named)
{
    bool all = true;

    for (size_t i = 0; all && i < s->content_count; i++)
        if (s->contents[i].key && !s->contents[i].dead)
            all = bodies_keys_add(named, s->contents[i].key);
    bodies_keys_sort(named);
    return all;
}

static void host_open_bodies(struct account_host *h)
{
    struct bodies_keys named = {0};
    struct bodies_options options = {
        .account = slice_of(h->key),
        .octets = h->route->imap.cache,
        .newborn = h->state->modseq == 0,
        .told = account_host_told,
        .named = named_bodies(h->state, &named) ? &named : NULL,
    };
    struct failure why;

    h->bodies =
        bodies_account_open(h->house->bodies, h->house->loop, &options, on_bodies_opened, h);
    bodies_keys_clear(&named);
    if (h->bodies) {
        h->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    host_fail(h, &why);
}

static void on_loaded(void *owner, void *state, const struct failure *why)
{
    struct account_host *h = owner;

    if (h->ending) {
        box_state_free(state);
    } else if (!state) {
        host_fail(h, why);
    } else {
        h->state = state;
        host_open_bodies(h);
    }
    account_host_release(h);
}

/* Loads the state. False when memory is out; then nothing is pending. */
static bool host_begin(struct account_host *h)
{
    if (!store_load(h->house->store, h->house->loop, &box_state_kind, slice_of(h->key), on_loaded,
                    h))
        return false;
    alarm_init(&h->alarm, on_alarm);
    h->pending = 2; /* the request and the alarm */
    return true;
}

/* Takes the home over, but when memory is out. */
static struct account_host *host_new(struct session_house *house, struct settings *settings,
                                     const struct config_route *route, struct home *home)
{
    struct account_host *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->house = house;
    h->route = route;
    h->home = home;
    h->key = home->key;
    session_make_id(h->id);
    h->loop = loop_acquire(house->loop);
    if (!h->loop || !host_begin(h)) {
        if (h->loop)
            loop_release(h->loop);
        free(h);
        return NULL;
    }
    h->settings = settings_hold(settings);
    home->host = h;
    h->next = house->hosts;
    if (h->next)
        h->next->prev = h;
    house->hosts = h;
    return h;
}

/* A turn of the loop sees to who came and who went. */
static void host_look_soon(struct account_host *h)
{
    if (!h->account)
        return;
    alarm_set(h->loop, &h->alarm, uv_now(h->house->loop));
}

struct account_host *account_host_join(struct session_house *house, struct settings *settings,
                                       const struct config_route *route, const struct place *place,
                                       struct home *home, struct account_guest *g)
{
    bool anew = !home->host;
    struct account_host *h = anew ? host_new(house, settings, route, home) : home->host;

    if (!anew || !h)
        homes_leave(house->homes, home);
    if (!h || !place_copy(&h->place, place))
        return NULL;
    guest_add(&h->joining, g);
    host_look_soon(h);
    return h;
}

void account_host_leave(struct account_host *h, struct account_guest *g)
{
    if (guest_remove(&h->joining, g) || !guest_remove(&h->guests, g))
        return;
    if (!h->guests)
        h->empty = uv_now(h->house->loop);
    host_look_soon(h);
}

/* ---- the process ends ---- */

static void each_host(struct session_house *house, void (*act)(struct account_host *h))
{
    struct account_host *next;

    for (struct account_host *h = house->hosts; h; h = next) {
        next = h->next;
        act(h);
    }
}

static void end_if_empty(struct account_host *h)
{
    if (!h->guests)
        host_end(h);
}

void account_hosts_drain(struct session_house *house)
{
    each_host(house, host_look_soon);
}

void account_hosts_stop(struct session_house *house)
{
    each_host(house, end_if_empty);
}
