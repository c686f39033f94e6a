/*
 * The frame of an account: what is fed in, the queue of actions, and time.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "translate/mailbox/account_internal.h"
#include "translate/text/array.h"

struct account *account_new(const struct account_options *options, struct box_state *state,
                            uint32_t seed, uint64_t now_ms, int64_t now_s)
{
    struct account *a = calloc(1, sizeof *a);

    if (!a || RAND_bytes(a->logins.key, sizeof a->logins.key) != 1 ||
        RAND_bytes((unsigned char *)&a->uidl_seed, sizeof a->uidl_seed) != 1) {
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

static void actions_clear(struct account *a)
{
    struct account_action action;

    while (account_next_action(a, &action)) {
        json_decref(action.records);
        free(action.key);
    }
}

void account_free(struct account *a)
{
    if (!a)
        return;
    link_clear(a);
    logins_clear(a);
    listing_free(a);
    numbers_clear(a);
    uidls_clear(a);
    jobs_clear(a);
    commits_clear(a);
    delete_clear(a);
    facts_clear(&a->facts);
    facts_clear(&a->facts_saving);
    askers_clear(&a->polls);
    actions_clear(a);
    box_state_free(a->state);
    free(a);
}

struct box_state *account_end(struct account *a)
{
    struct box_state *state = a->state;

    a->state = NULL;
    account_free(a);
    return state;
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
    void *moved = array_grow(*items, cap, *count, size);

    if (!moved) {
        a->failed = true;
        return NULL;
    }
    *items = moved;
    return memset((char *)*items + (*count)++ * size, 0, size);
}

/* ---- actions ----------------------------------------------------------------------------- */

struct account_action *account_act(struct account *a, enum account_action_type type)
{
    struct account_action *action = ring_add(&a->actions, sizeof *action);

    if (action)
        action->type = type;
    else
        a->failed = true;
    return action;
}

void account_log(struct account *a, int level, const char *event, const char *format, ...)
{
    struct account_action *action = account_act(a, ACCOUNT_LOG);
    va_list args;

    if (!action)
        return;
    va_start(args, format);
    text_vformat(action->text, sizeof action->text, format, args);
    va_end(args);
    action->level = level;
    action->event = event;
}

bool account_next_action(struct account *a, struct account_action *action)
{
    return ring_take(&a->actions, action, sizeof *action);
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
    uint64_t overdue = link_overdue_at(a);
    uint64_t upstream = link_deadline(a);

    return overdue < upstream ? overdue : upstream;
}

void account_tick(struct account *a)
{
    if (a->now_ms >= link_overdue_at(a))
        link_overdue(a);
    account_advance(a);
}
