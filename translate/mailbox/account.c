/*
 * The frame of an account: what is fed in, the queue of actions, and time.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "translate/mailbox/account_internal.h"

struct account *account_new(const struct account_options *options, struct box_state *state,
                            uint32_t seed, uint64_t now_ms, int64_t now_s)
{
    struct account *a = calloc(1, sizeof *a);

    if (!a || RAND_bytes(a->logins.key, sizeof a->logins.key) != 1) {
        free(a);
        box_state_free(state);
        return NULL;
    }
    a->options = *options;
    a->state = state;
    a->seed = seed;
    a->now_ms = now_ms;
    a->now_s = now_s;
    a->suspect_at = UINT64_MAX;
    a->touched_last = &a->touched;
    a->logins.last = &a->logins.first;
    a->commits.last = &a->commits.first;
    link_init(a);
    delete_count(a, true);
    sizes_init(a);
    account_advance(a);
    return a;
}

static void actions_clear(struct account_actions *q)
{
    for (size_t i = 0; i < q->count; i++) {
        struct account_action *action = &q->items[(q->head + i) % q->cap];
        json_decref(action->records);
        free(action->key);
    }
    free(q->items);
}

void account_free(struct account *a)
{
    if (!a)
        return;
    link_clear(a);
    logins_clear(a);
    listing_clear(a);
    jobs_clear(a);
    commits_clear(a);
    delete_clear(a);
    facts_clear(&a->facts);
    facts_clear(&a->facts_saving);
    askers_clear(&a->polls);
    actions_clear(&a->actions);
    box_state_free(a->state);
    free(a);
}

void account_now(struct account *a, uint64_t now_ms, int64_t now_s)
{
    a->now_ms = now_ms;
    a->now_s = now_s;
}

bool account_failed(const struct account *a)
{
    return a->failed || (a->link.client && buf_failed(pop3_client_out(a->link.client)));
}

void *account_grow(struct account *a, void **items, size_t *count, size_t *cap, size_t size)
{
    if (*count == *cap) {
        size_t larger = *cap ? *cap * 2 : 8;
        void *moved = reallocarray(*items, larger, size);
        if (!moved) {
            a->failed = true;
            return NULL;
        }
        *items = moved;
        *cap = larger;
    }
    return memset((char *)*items + (*count)++ * size, 0, size);
}

/* ---- actions ----------------------------------------------------------------------------- */

static bool actions_grow(struct account_actions *q)
{
    size_t cap = q->cap ? q->cap * 2 : 4;
    struct account_action *items = calloc(cap, sizeof *items);

    if (!items)
        return false;
    for (size_t i = 0; i < q->count; i++)
        items[i] = q->items[(q->head + i) % q->cap];
    free(q->items);
    *q = (struct account_actions){.items = items, .count = q->count, .cap = cap};
    return true;
}

struct account_action *account_act(struct account *a, enum account_action_type type)
{
    struct account_actions *q = &a->actions;

    if (q->count == q->cap && !actions_grow(q)) {
        a->failed = true;
        return NULL;
    }
    struct account_action *action = &q->items[(q->head + q->count++) % q->cap];
    *action = (struct account_action){.type = type};
    return action;
}

void account_log(struct account *a, int level, const char *event, const char *format, ...)
{
    struct account_action *action = account_act(a, ACCOUNT_LOG);
    char raw[2 * sizeof action->text];
    va_list args;

    if (!action)
        return;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    action->level = level;
    action->event = event;
    text_clean(action->text, sizeof action->text, slice_of(raw));
}

bool account_next_action(struct account *a, struct account_action *action)
{
    struct account_actions *q = &a->actions;

    if (q->count == 0)
        return false;
    *action = q->items[q->head];
    q->head = (q->head + 1) % q->cap;
    if (--q->count == 0) {
        free(q->items);
        *q = (struct account_actions){.items = NULL};
    }
    return true;
}

/* ---- feeding ----------------------------------------------------------------------------- */

void account_advance(struct account *a)
{
    if (a->failed)
        return;
    do {
        logins_advance(a);
        link_advance(a);
    } while (commits_advance(a));
    a->failed = account_failed(a);
}

static bool takes_upstream(const struct account *a)
{
    return a->link.state > LINK_CONNECTING && !a->link.cut;
}

void account_upstream_data(struct account *a, struct slice *in)
{
    unsigned connection = a->link.ended;
    struct pop3_client_event ev;

    a->jobs.gave = false;
    if (takes_upstream(a) && in->n)
        a->link.heard = a->now_ms;
    while (takes_upstream(a) && jobs_have_room(a) && !a->jobs.gave && !a->failed) {
        pop3_client_next(a->link.client, in, &ev);
        if (ev.type == POP3_CLIENT_MORE)
            break;
        link_event(a, &ev);
        account_advance(a);
    }
    if (!link_is_up(a) || a->link.ended != connection)
        slice_take(in, in->n); /* of a connection that was given up */
}

bool account_wants_upstream(const struct account *a)
{
    return takes_upstream(a) && jobs_have_room(a);
}

void account_keep_queued(struct account *a, size_t octets)
{
    if (!jobs_have_room(a))
        a->link.heard = a->now_ms; /* it could not be heard so far */
    a->jobs.keep_queued = octets;
}

void account_upstream_closed(struct account *a, const struct failure *why)
{
    struct failure reason = *why;

    if (!link_is_up(a))
        return;
    if (a->link.client && why->kind == FAILURE_NONE)
        pop3_client_closed(a->link.client, &reason);
    link_lost(a, &reason);
    account_advance(a);
}

bool account_is_idle(const struct account *a)
{
    return !a->clients && a->link.state == LINK_CLOSED && commits_are_idle(a) &&
           jobs_are_drained(a) && a->actions.count == 0 &&
           (!delete_needs_upstream(a) || !a->logins.known || a->link.failures);
}

/* ---- time -------------------------------------------------------------------------------- */

uint64_t account_deadline(const struct account *a)
{
    uint64_t answer = link_answer_deadline(a);
    uint64_t upstream = link_deadline(a);

    return answer < upstream ? answer : upstream;
}

void account_tick(struct account *a)
{
    struct failure why;

    if (a->now_ms >= link_answer_deadline(a)) {
        failure_set(&why, FAILURE_TEMPORARY, "the mail server did not answer within %u seconds",
                    a->options.response_seconds);
        if (a->link.client && pop3_client_under_way(a->link.client) > 1 &&
            pop3_client_stalled(a->link.client))
            a->link.window = pop3_client_window(a->link.client);
        link_lost(a, &why);
    }
    account_advance(a);
}
