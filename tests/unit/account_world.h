/*
 * An account with everything around it: the upstream (pop3_model.h), a journal, a store of bodies,
 * a clock, and mailboxes that only write down what they are told.
 */
#ifndef TESTS_UNIT_ACCOUNT_WORLD_H
#define TESTS_UNIT_ACCOUNT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/credentials.h"
#include "tests/unit/pop3_model.h"
#include "translate/mailbox/account.h"
#include "translate/state/box_draft.h"

enum { WORLD_CLIENTS = 3, WORLD_EVENTS = 64, WORLD_BODIES = 512 };

struct world_client {
    struct account_client client;
    struct account_event events[WORLD_EVENTS];
    size_t count;
};

struct world_body {
    uint32_t content;
    enum account_part part;
    struct buf octets;
    bool whole, durable;
    uint64_t announced;
};

struct world {
    struct pop3_model upstream;
    struct account_options options;
    struct account *account;
    struct world_client clients[WORLD_CLIENTS];
    json_t *journal;
    struct world_body bodies[WORLD_BODIES];
    size_t body_count;
    uint64_t ms;
    bool connecting, connected, refuse_connect, hold_saves, fail_saves, fail_keeps, hold_kept;
    const char *fail_record; /* saves of records of this name fail; NULL: none */
    json_t *held;
    size_t begins, aborts, releases, connects, credentials, notices, piece;
    bool credential_asked;
};

static inline const struct box_state *world_state(const struct world *w)
{
    return account_state(w->account);
}

static inline void world_start(struct world *w)
{
    struct box_state *state = box_state_new();
    struct failure why;

    for (size_t i = 0; i < json_array_size(w->journal); i++)
        assert_true(box_state_apply(state, json_array_get(w->journal, i), NULL, &why));
    w->account = account_new(&w->options, state, 1700000000, w->ms, 1700000000);
    assert_non_null(w->account);
    for (size_t i = 0; i < WORLD_CLIENTS; i++) {
        w->clients[i] = (struct world_client){.count = 0};
        w->clients[i].client.owner = &w->clients[i];
        account_attach(w->account, &w->clients[i].client);
    }
}

static inline void world_init(struct world *w)
{
    *w = (struct world){.ms = 1000000, .journal = json_array(), .piece = SIZE_MAX};
    model_init(&w->upstream);
    w->options = (struct account_options){
        .idle_seconds = 30,
        .poll_seconds = 60,
        .login_seconds = 30,
        .noop_seconds = 5,
        .response_seconds = 20,
    };
}

/* The process dies: what is in the journal and upstream stays. */
static inline void world_stop(struct world *w)
{
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        account_detach(&w->clients[i].client);
    account_free(w->account);
    json_decref(w->held);
    w->account = NULL;
    w->held = NULL;
    w->connecting = w->connected = false;
}

static inline void world_end(struct world *w)
{
    world_stop(w);
    for (size_t i = 0; i < w->body_count; i++)
        buf_clear(&w->bodies[i].octets);
    json_decref(w->journal);
    model_clear(&w->upstream);
}

/* ---- the owner's side */

static inline struct world_body *world_body(struct world *w, uint32_t content,
                                            enum account_part part)
{
    for (size_t i = 0; i < w->body_count; i++)
        if (w->bodies[i].content == content && w->bodies[i].part == part)
            return &w->bodies[i];
    return NULL;
}

static inline void world_keep_begin(struct world *w, const struct account_action *action)
{
    struct world_body *body = world_body(w, action->content, action->part);

    if (!body)
        body = &w->bodies[w->body_count++];
    buf_clear(&body->octets);
    *body = (struct world_body){
        .content = action->content,
        .part = action->part,
        .durable = action->durable,
        .announced = action->announced,
    };
    w->begins++;
}

static inline void world_keep_end(struct world *w, const struct account_action *action)
{
    struct world_body *body = world_body(w, action->content, action->part);
    struct failure why = {.kind = FAILURE_NONE};
    char key[32];

    if (w->hold_kept)
        return;
    if (w->fail_keeps)
        failure_set(&why, FAILURE_TEMPORARY, "the disk is full");
    body->whole = !w->fail_keeps;
    snprintf(key, sizeof key, "k%u", action->content);
    account_kept(w->account, action->content, action->part,
                 body->durable && body->whole ? strdup(key) : NULL, &why);
}

static inline bool is_record_of(const json_t *records, const char *name)
{
    const json_t *record = json_object_get(json_array_get(records, 0), "record");

    return name && strcmp(json_string_value(record), name) == 0;
}

static inline void world_save(struct world *w, json_t *records)
{
    struct failure why = {.kind = FAILURE_NONE};

    if (w->hold_saves) {
        assert_null(w->held);
        w->held = records;
        return;
    }
    if (w->fail_saves || is_record_of(records, w->fail_record))
        failure_set(&why, FAILURE_TEMPORARY, "the disk is full");
    else
        json_array_extend(w->journal, records);
    json_decref(records);
    account_saved(w->account, &why);
}

static inline void world_act(struct world *w, struct account_action *action)
{
    switch (action->type) {
    case ACCOUNT_CONNECT:
        assert_false(w->connecting || w->connected);
        w->connecting = true;
        w->connects++;
        break;
    case ACCOUNT_CREDENTIAL:
        assert_false(w->connecting || w->connected || w->credential_asked);
        w->credential_asked = true;
        w->credentials++;
        break;
    case ACCOUNT_DISCONNECT:
        w->connected = false;
        w->upstream.open = false;
        account_disconnected(w->account);
        break;
    case ACCOUNT_SAVE:
        world_save(w, action->records);
        break;
    case ACCOUNT_KEEP_BEGIN:
        world_keep_begin(w, action);
        break;
    case ACCOUNT_KEEP_DATA:
        buf_put(&world_body(w, action->content, action->part)->octets, action->octets);
        break;
    case ACCOUNT_KEEP_END:
        world_keep_end(w, action);
        break;
    case ACCOUNT_KEEP_ABORT:
        w->aborts++;
        break;
    case ACCOUNT_RELEASE:
        w->releases++;
        free(action->key);
        break;
    case ACCOUNT_UPSTREAM_TLS:
    case ACCOUNT_LOG:
        break;
    }
}

static inline bool world_actions(struct world *w)
{
    struct account_action action;
    bool any = false;

    while (account_next_action(w->account, &action)) {
        any = true;
        world_act(w, &action);
    }
    return any;
}

static inline void world_events(struct world *w)
{
    struct account_client *client;

    while ((client = account_next_client(w->account)) != NULL) {
        struct world_client *c = client->owner;
        while (c->count < WORLD_EVENTS && account_next_event(client, &c->events[c->count]))
            c->count++;
        assert_true(c->count < WORLD_EVENTS);
    }
}

static inline bool world_connect(struct world *w)
{
    struct pop3_client_options client = {.allow_cleartext = true};
    struct failure why;

    if (!w->connecting)
        return false;
    w->connecting = false;
    if (w->refuse_connect) {
        failure_set(&why, FAILURE_TEMPORARY, "connection refused");
        account_connect_failed(w->account, &why);
        return true;
    }
    w->connected = true;
    model_open(&w->upstream);
    account_connected(w->account, &client);
    return true;
}

/* One octet to the server, one piece from it, the break of the connection. */
static inline bool world_carry(struct world *w)
{
    struct failure orderly = {.kind = FAILURE_NONE};
    struct buf *out = account_upstream_out(w->account);
    struct pop3_model *u = &w->upstream;

    if (!w->connected)
        return false;
    if (out && buf_size(out)) {
        buf_put(&u->in, buf_slice(out));
        buf_drop(out, buf_size(out));
        model_answer(u);
        return true;
    }
    if (buf_size(&u->out) && account_wants_upstream(w->account)) {
        size_t n = buf_size(&u->out) < w->piece ? buf_size(&u->out) : w->piece;
        struct slice in = slice_make(buf_slice(&u->out).p, n);
        account_upstream_data(w->account, &in);
        world_actions(w);
        buf_drop(&u->out, buf_size(&u->out) ? n - in.n : 0);
        return true;
    }
    if (u->dead && !u->deaf_when_dead && !buf_size(&u->out)) {
        w->connected = false;
        account_upstream_closed(w->account, &orderly);
        return true;
    }
    return false;
}

/* Until nothing happens any more without time passing, or `steps` things have; false then. */
static inline bool world_steps(struct world *w, size_t steps)
{
    bool more = true;

    for (size_t i = 0; more && i < steps; i++) {
        more = world_actions(w);
        more = world_connect(w) || more;
        more = world_carry(w) || more;
        world_events(w);
        assert_false(account_failed(w->account));
    }
    return !more;
}

static inline void world_run(struct world *w)
{
    assert_true(world_steps(w, 200000));
}

static inline void world_wait(struct world *w, uint64_t ms)
{
    w->ms += ms;
    account_now(w->account, w->ms, (int64_t)(w->ms / 1000));
    account_tick(w->account);
    world_run(w);
}

/* To the next thing that the account waits for; false when there is none. */
static inline bool world_wait_on(struct world *w)
{
    uint64_t at = account_deadline(w->account);

    if (at == UINT64_MAX)
        return false;
    world_wait(w, at > w->ms ? at - w->ms : 0);
    return true;
}

/* ---- the clients' side */

static inline struct account_client *world_client(struct world *w, size_t i)
{
    return &w->clients[i].client;
}

/* The answer to a request, NULL: none yet. It must not come twice. */
static inline const struct account_event *world_answer(struct world *w, size_t client,
                                                       uint32_t request)
{
    const struct account_event *found = NULL;

    for (size_t i = 0; i < w->clients[client].count; i++) {
        if (w->clients[client].events[i].request != request)
            continue;
        assert_null(found);
        found = &w->clients[client].events[i];
    }
    return found;
}

static inline size_t world_count(const struct world *w, size_t client, enum account_event_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < w->clients[client].count; i++)
        n += w->clients[client].events[i].type == type;
    return n;
}

static inline void world_forget_events(struct world *w)
{
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        w->clients[i].count = 0;
}

static inline uint32_t world_login(struct world *w, size_t client, const char *password)
{
    return account_password_login(world_client(w, client), slice_of("joe"), slice_of(password));
}

static inline enum failure_kind world_login_now(struct world *w, size_t client,
                                                const char *password)
{
    uint32_t request = world_login(w, client, password);

    world_run(w);
    const struct account_event *ev = world_answer(w, client, request);
    assert_non_null(ev);
    assert_int_equal(ev->type, ACCOUNT_EV_LOGGED_IN);
    return ev->failure.kind;
}

/* Starts, and the first client is let in. */
static inline void world_open(struct world *w)
{
    world_start(w);
    assert_int_equal(world_login_now(w, 0, "secret"), FAILURE_NONE);
}

static inline const struct box_folder *world_inbox(const struct world *w)
{
    return box_state_folder_by_id(world_state(w), BOX_INBOX);
}

/* The content that has this UIDL, 0: none. */
static inline uint32_t world_content(const struct world *w, const char *uidl)
{
    const struct box_state *s = world_state(w);

    for (size_t i = 0; i < s->content_count; i++)
        if (!s->contents[i].dead && s->contents[i].uidl && strcmp(s->contents[i].uidl, uidl) == 0)
            return s->contents[i].id;
    return 0;
}

/* Expunges what has these contents from INBOX, with a turn; true when it is committed. */
static inline bool world_expunge(struct world *w, size_t client, uint32_t content)
{
    const struct box_content *c = box_state_content(world_state(w), content);
    uint32_t turn = account_turn(world_client(w, client));
    struct box_draft d;

    world_run(w);
    const struct account_event *ev = world_answer(w, client, turn);
    if (!ev || ev->type != ACCOUNT_EV_TURN || !c)
        return false;
    world_forget_events(w);
    box_draft_begin(&d, world_state(w), "expunge");
    box_draft_remove(&d, BOX_INBOX, &c->uid, 1);
    account_commit(world_client(w, client), box_draft_end(&d));
    world_actions(w);
    world_events(w);
    ev = world_answer(w, client, turn);
    return ev && ev->type == ACCOUNT_EV_COMMITTED && ev->failure.kind == FAILURE_NONE;
}

#endif
