/*
 * Deletions that the state intends are carried out: DELE of each, by the number that this
 * connection's whole listing gives it and, where a digest is known, after a look at its header;
 * then what was marked is made durable as sent; then QUIT, by which the upstream deletes; then they
 * are gone. Wherever this breaks off, the state says what is still to be done (box_state.h, CASES
 * D8 to D11).
 */
#include <stdlib.h>

#include "translate/mailbox/account_internal.h"

static bool is_doomed(const struct box_content *c)
{
    return !c->dead && c->upstream && !c->unlisted && c->deletion != BOX_KEPT;
}

void delete_count(struct account *a, bool fresh)
{
    struct deletion *d = &a->deletion;
    size_t pending = 0;

    for (size_t i = 0; i < a->state->content_count; i++)
        pending += is_doomed(&a->state->contents[i]);
    if (pending && fresh) {
        link_hurry(a);
        d->since = d->pending ? d->since : a->now_ms;
        d->tried = false;
    }
    d->pending = pending;
}

static void ids_clear(struct ids *ids)
{
    free(ids->items);
    *ids = (struct ids){.items = NULL};
}

static void ids_add(struct account *a, struct ids *ids, uint32_t id)
{
    uint32_t *item = account_grow(a, (void **)&ids->items, &ids->count, &ids->cap, sizeof *item);

    if (item)
        *item = id;
}

void delete_clear(struct account *a)
{
    ids_clear(&a->deletion.marked);
    ids_clear(&a->deletion.refused);
    free(a->deletion.refusal);
    a->deletion.refusal = NULL;
}

/* ---- when -------------------------------------------------------------------------------- */

bool delete_is_possible(const struct account *a)
{
    const struct deletion *d = &a->deletion;

    return d->pending && d->phase == DELETE_NONE && !d->tried && a->now_ms >= d->again_at;
}

/* Downloads that are waited for go first, for a while. */
bool delete_is_due(const struct account *a)
{
    return delete_is_possible(a) && ((!jobs_are_waiting(a) && jobs_are_drained(a)) ||
                                     a->now_ms >= a->deletion.since + DELETE_GRACE_MS);
}

uint64_t delete_deadline(const struct account *a)
{
    const struct deletion *d = &a->deletion;
    uint64_t at = d->since + DELETE_GRACE_MS;

    if (!d->pending || d->phase != DELETE_NONE || d->tried)
        return UINT64_MAX;
    at = at > d->again_at ? at : d->again_at;
    return a->now_ms < at ? at : UINT64_MAX;
}

bool delete_needs_upstream(const struct account *a)
{
    return a->deletion.pending && a->deletion.phase == DELETE_NONE;
}

/* ---- marking ----------------------------------------------------------------------------- */

static void delete_over(struct account *a)
{
    delete_clear(a);
    a->deletion.phase = DELETE_NONE;
}

void delete_put_off(struct account *a)
{
    a->deletion.failures++;
    a->deletion.again_at = a->now_ms + link_delay(a->deletion.failures);
}

static void delete_failed(struct account *a)
{
    delete_over(a);
    delete_put_off(a);
}

static void marked_save(struct account *a);

static void dele_event(struct account *a, struct account_op *op, const struct pop3_client_event *ev)
{
    struct deletion *d = &a->deletion;

    if (ev->type != POP3_CLIENT_DONE)
        return;
    ids_add(a, ev->ok ? &d->marked : &d->refused, op->content);
    if (!ev->ok && !failure_keep(&d->refusal, &ev->failure))
        a->failed = true;
    if (--d->awaited == 0)
        marked_save(a);
}

static void dele_issue(struct account *a, uint32_t content, uint32_t number)
{
    struct account_op *op = link_op(a, dele_event);

    if (!op)
        return;
    op->content = content;
    a->deletion.awaited++;
    op->command = pop3_client_dele(a->link.client, number);
}

/* Nothing but its size is known of it: others may be as large (CASES D11). */
static bool is_guessed(const struct box_content *c)
{
    return !c->uidl && c->digest && digest_is_provisional(c->digest);
}

static void delete_refuse(struct account *a, uint32_t content)
{
    struct deletion *d = &a->deletion;
    struct failure why;

    ids_add(a, &d->refused, content);
    failure_set(&why, FAILURE_TEMPORARY,
                "it cannot be told from other mail of its size, read it first");
    if (!failure_keep(&d->refusal, &why))
        a->failed = true;
}

/* What was read must be known by then, or another message could be deleted in its place. */
void delete_begin(struct account *a)
{
    if (facts_try_again(a))
        return;
    delete_clear(a);
    a->deletion.tried = true;
    a->deletion.awaited = 0;
    a->deletion.phase = DELETE_CHECKING;
    listing_check(a);
}

void delete_checked(struct account *a)
{
    struct deletion *d = &a->deletion;

    d->phase = DELETE_MARKING;
    numbers_forget(a);
    for (size_t i = 0; i < a->state->content_count; i++) {
        const struct box_content *c = &a->state->contents[i];
        const struct numbered *n = is_doomed(c) ? numbers_find(a, c->id) : NULL;
        if (!n || c->deletion != BOX_INTENDED)
            continue;
        if (is_guessed(c))
            delete_refuse(a, c->id);
        else
            dele_issue(a, c->id, n->number);
    }
    if (d->awaited)
        return;
    if (d->refused.count)
        marked_save(a);
    else
        delete_failed(a); /* none of them is here: the next look decides what became of them */
}

/* ---- sent -------------------------------------------------------------------------------- */

static int id_order(const void *left, const void *right)
{
    uint32_t x = *(const uint32_t *)left;
    uint32_t y = *(const uint32_t *)right;

    return x < y ? -1 : x > y;
}

static void draft_ids(const struct account *a, struct box_draft *d, const char *section,
                      struct ids *ids)
{
    size_t there = 0;

    for (size_t i = 0; i < ids->count; i++)
        if (box_state_content(a->state, ids->items[i]))
            ids->items[there++] = ids->items[i];
    ids->count = there;
    if (!there)
        return;
    qsort(ids->items, there, sizeof *ids->items, id_order);
    box_draft_set(d, section, ids->items, there);
}

static json_t *draft_end(struct account *a, struct box_draft *d)
{
    json_t *record = box_draft_end(d);

    a->failed = a->failed || !record;
    return record;
}

static json_t *marked_draft(struct account *a)
{
    struct box_draft d;

    if (a->deletion.phase != DELETE_SENDING)
        return NULL;
    box_draft_begin(&d, a->state, "sent");
    draft_ids(a, &d, "sent", &a->deletion.marked);
    draft_ids(a, &d, "spared", &a->deletion.refused);
    return draft_end(a, &d);
}

static void tell_refusal(struct account *a)
{
    struct failure why;

    failure_set(&why, FAILURE_PERMANENT, "the mail server did not delete %zu messages: %s",
                a->deletion.refused.count, a->deletion.refusal->text);
    account_log(a, LEVEL_WARNING, "delete-refused", "%s", why.text);
    clients_notice(a, &why);
}

/* What cannot be remembered is not done: a connection that is closed without QUIT deletes nothing.
 */
static void marked_done(struct account *a, const struct failure *why)
{
    if (a->deletion.phase != DELETE_SENDING)
        return;
    if (why->kind != FAILURE_NONE) {
        link_lost(a, why);
        return;
    }
    if (a->deletion.refusal)
        tell_refusal(a);
    if (a->deletion.marked.count) {
        a->deletion.phase = DELETE_QUITTING;
        link_quit(a);
    } else {
        delete_over(a);
    }
}

static const struct commit_op marked_commit = {marked_draft, marked_done};

static void marked_save(struct account *a)
{
    a->deletion.phase = DELETE_SENDING;
    commit_queue(a, &marked_commit);
}

/* ---- gone -------------------------------------------------------------------------------- */

static json_t *gone_draft(struct account *a)
{
    struct box_draft d;

    box_draft_begin(&d, a->state, "gone");
    draft_ids(a, &d, "gone", &a->deletion.marked);
    if (a->deletion.marked.count)
        return draft_end(a, &d);
    box_draft_drop(&d);
    return NULL;
}

/* When it could not be saved the next listing says the same. */
static void gone_done(struct account *a, const struct failure *why)
{
    if (why->kind != FAILURE_NONE) {
        delete_failed(a);
        return;
    }
    a->deletion.failures = 0;
    delete_over(a);
}

static const struct commit_op gone_commit = {gone_draft, gone_done};

void delete_quitted(struct account *a)
{
    if (pop3_client_quit_outcome(a->link.client) == POP3_QUIT_CONFIRMED) {
        a->deletion.phase = DELETE_GONE;
        commit_queue(a, &gone_commit);
    } else {
        delete_failed(a);
    }
}

/* Whether QUIT deleted them the next listing tells (CASES D9). */
void delete_lost(struct account *a)
{
    if (a->deletion.phase != DELETE_NONE && a->deletion.phase != DELETE_GONE)
        delete_failed(a);
}
