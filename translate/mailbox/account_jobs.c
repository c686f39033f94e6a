/*
 * Contents on their way into the store of bodies. Each is fetched once, whoever asks for it: by TOP
 * for a header, by RETR for the whole, several under way at a time. What nobody asked for, but what
 * is to be kept all the same (`archive`), comes when there is nothing else to do.
 *
 * A job waits, is sent, has ended when all of its octets were handed on, and is answered when they
 * are kept.
 */
#include <stdlib.h>

#include "translate/mailbox/account_internal.h"

/* ---- the lists and the table ------------------------------------------------------------- */

static struct job_list *list_of(struct account *a, enum job_phase phase)
{
    if (phase == JOB_WAITING)
        return &a->jobs.waiting;
    return phase == JOB_SENT ? &a->jobs.sent : &a->jobs.ended;
}

static void list_remove(struct job_list *list, struct account_job *j)
{
    if (j->prev)
        j->prev->next = j->next;
    else
        list->first = j->next;
    if (j->next)
        j->next->prev = j->prev;
    else
        list->last = j->prev;
    j->next = j->prev = NULL;
    list->count--;
}

static void list_append(struct job_list *list, struct account_job *j)
{
    j->prev = list->last;
    if (list->last)
        list->last->next = j;
    else
        list->first = j;
    list->last = j;
    list->count++;
}

static void list_prepend(struct job_list *list, struct account_job *j)
{
    j->next = list->first;
    if (list->first)
        list->first->prev = j;
    else
        list->last = j;
    list->first = j;
    list->count++;
}

static struct account_job **bucket(struct account *a, uint32_t content)
{
    return &a->jobs.table[content % JOB_BUCKETS];
}

static struct account_job *job_find(struct account *a, uint32_t content, enum account_part part)
{
    struct account_job *j = *bucket(a, content);

    while (j && (j->content != content || j->part != part))
        j = j->chain;
    return j;
}

static void table_remove(struct account *a, struct account_job *j)
{
    struct account_job **at = bucket(a, j->content);

    while (*at != j)
        at = &(*at)->chain;
    *at = j->chain;
}

static void table_add(struct account *a, struct account_job *j)
{
    struct account_job **at = bucket(a, j->content);

    j->chain = *at;
    *at = j;
}

static struct account_job *job_new(struct account *a, uint32_t content, enum account_part part)
{
    struct account_job *j = calloc(1, sizeof *j);

    if (!j) {
        a->failed = true;
        return NULL;
    }
    j->content = content;
    j->part = part;
    table_add(a, j);
    list_append(&a->jobs.waiting, j);
    return j;
}

/* It is not, or no longer, under way; what comes of it is nobody's. */
static void job_unsend(struct account *a, struct account_job *j)
{
    if (j->op)
        j->op->job = NULL;
    j->op = NULL;
    a->jobs.budget -= j->budget;
    j->budget = 0;
    j->begun = false;
    j->octets = 0;
}

static void job_move(struct account *a, struct account_job *j, enum job_phase phase)
{
    list_remove(list_of(a, j->phase), j);
    j->phase = phase;
    list_append(list_of(a, phase), j);
}

static void job_free(struct account *a, struct account_job *j)
{
    job_unsend(a, j);
    list_remove(list_of(a, j->phase), j);
    table_remove(a, j);
    askers_clear(&j->askers);
    free(j);
}

static void list_clear(struct account *a, struct job_list *list)
{
    while (list->first)
        job_free(a, list->first);
}

void jobs_clear(struct account *a)
{
    list_clear(a, &a->jobs.waiting);
    list_clear(a, &a->jobs.sent);
    list_clear(a, &a->jobs.ended);
    octets_clear(&a->jobs.octets);
}

static void list_forget_client(struct account *a, struct job_list *list,
                               const struct account_client *client)
{
    for (struct account_job *j = list->first, *next; j; j = next) {
        next = j->next;
        askers_forget(&j->askers, client);
        if (j->phase == JOB_WAITING && j->askers.count == 0)
            job_free(a, j);
    }
}

void jobs_forget_client(struct account *a, const struct account_client *client)
{
    list_forget_client(a, &a->jobs.waiting, client);
    list_forget_client(a, &a->jobs.sent, client);
    list_forget_client(a, &a->jobs.ended, client);
}

static void job_answer(struct account *a, struct account_job *j, const struct failure *why)
{
    struct account_event ev = {
        .type = ACCOUNT_EV_HAVE, .content = j->content, .part = j->part, .failure = *why};

    askers_tell(a, &j->askers, &ev);
    job_free(a, j);
}

/* ---- what is asked for ------------------------------------------------------------------- */

/* Whether the state says that the upstream has it. */
static bool may_be_had(const struct account *a, uint32_t content, struct failure *why)
{
    const struct box_content *c = box_state_content(a->state, content);

    if (!c)
        failure_set(why, FAILURE_PERMANENT, "the message was deleted");
    else if (!c->upstream)
        failure_set(why, FAILURE_PERMANENT,
                    "the message is kept here alone, and its octets are "
                    "not in the store of bodies");
    else if (c->unlisted)
        failure_set(why, FAILURE_PERMANENT, "the mail server no longer lists the message");
    return c && c->upstream && !c->unlisted;
}

uint32_t account_want(struct account_client *client, uint32_t content, enum account_part part)
{
    struct account *a = client->account;
    struct asker asker = {client, client_request(client)};
    struct account_event ev = {.type = ACCOUNT_EV_HAVE, .content = content, .part = part};
    struct account_job *j = job_find(a, content, part);

    if (!j && !may_be_had(a, content, &ev.failure)) {
        client_tell(a, &asker, &ev);
        return asker.request;
    }
    if (!j)
        j = job_new(a, content, part);
    if (j)
        askers_add(a, &j->askers, &asker);
    link_hurry(a);
    account_advance(a);
    return asker.request;
}

bool jobs_are_waiting(const struct account *a)
{
    return a->jobs.waiting.count != 0;
}

bool jobs_are_drained(const struct account *a)
{
    return a->jobs.sent.count == 0 && a->jobs.ended.count == 0 && !facts_are_pending(a);
}

bool jobs_have_room(const struct account *a)
{
    return a->jobs.keep_queued < KEEP_HIGH_WATER;
}

/* ---- octets ------------------------------------------------------------------------------ */

static struct account_action *keep(struct account *a, enum account_action_type type,
                                   const struct account_job *j)
{
    struct account_action *action = account_act(a, type);

    if (action) {
        action->content = j->content;
        action->part = j->part;
        action->durable = j->durable;
    }
    return action;
}

static void job_begin(struct account *a, struct account_job *j)
{
    if (j->begun)
        return;
    j->begun = true;
    j->octets = 0;
    j->durable = j->part == ACCOUNT_WHOLE && listing_keeps_durably(a);
    octets_clear(&a->jobs.octets);
    keep(a, ACCOUNT_KEEP_BEGIN, j);
}

static void job_data(struct account *a, struct account_job *j, struct slice data)
{
    struct octets *o = &a->jobs.octets;
    struct slice lines = octets_lines(o, data);

    a->failed = a->failed || buf_failed(&o->out);
    if (j->part == ACCOUNT_HEADER)
        lines.n = octets_of_header(o, lines);
    if (lines.n == 0 || a->failed)
        return;
    struct account_action *action = keep(a, ACCOUNT_KEEP_DATA, j);
    if (!action)
        return;
    action->octets = lines;
    j->octets += lines.n;
    a->jobs.gave = true;
}

static void job_end(struct account *a, struct account_job *j)
{
    keep(a, ACCOUNT_KEEP_END, j);
    a->jobs.budget -= j->budget;
    j->budget = 0;
    job_move(a, j, JOB_ENDED);
}

/* The upstream has no TOP: who asked for the header gets the whole. */
static void job_demote(struct account *a, struct account_job *j)
{
    struct account_job *whole = job_find(a, j->content, ACCOUNT_WHOLE);

    job_unsend(a, j);
    if (!whole) {
        j->part = ACCOUNT_WHOLE;
        job_move(a, j, JOB_WAITING);
        return;
    }
    for (size_t i = 0; i < j->askers.count; i++)
        askers_add(a, &whole->askers, &j->askers.items[i]);
    job_free(a, j);
}

static void job_refused(struct account *a, struct account_job *j,
                        const struct pop3_client_event *ev)
{
    if (ev->verb == POP3_TOP && ev->unsupported)
        job_demote(a, j);
    else
        job_answer(a, j, &ev->failure);
}

static void job_event(struct account *a, struct account_op *op, const struct pop3_client_event *ev)
{
    struct account_job *j = op->job;

    if (!j)
        return;
    switch (ev->type) {
    case POP3_CLIENT_BODY_DATA:
        job_begin(a, j);
        job_data(a, j, ev->text);
        break;
    case POP3_CLIENT_BODY_END:
        job_begin(a, j);
        job_end(a, j);
        break;
    case POP3_CLIENT_DONE:
        op->job = NULL;
        j->op = NULL;
        if (!ev->ok)
            job_refused(a, j, ev);
        break;
    default:
        break;
    }
}

/* ---- kept -------------------------------------------------------------------------------- */

/* Bodies come in one after the other, so what was begun first is kept first. */
static struct account_job *job_begun(struct account *a, uint32_t content, enum account_part part)
{
    struct account_job *j = job_find(a, content, part);

    return j && (j->phase == JOB_ENDED || j->begun) ? j : NULL;
}

static void size_correct(struct account *a, const struct account_job *j, char *key)
{
    const struct box_content *c = box_state_content(a->state, j->content);

    if (c && j->octets != c->size)
        account_log(a, LEVEL_INFO, "size-corrected",
                    "content %u has %llu octets, the mail server had said %llu", j->content,
                    (unsigned long long)j->octets, (unsigned long long)c->size);
    if (key || (c && j->octets != c->size))
        facts_add(a, j->content, j->octets, key);
}

void account_kept(struct account *a, uint32_t content, enum account_part part, char *key,
                  const struct failure *why)
{
    struct account_job *j = job_begun(a, content, part);

    if (!j || why->kind != FAILURE_NONE || part != ACCOUNT_WHOLE) {
        free(key);
    } else {
        size_correct(a, j, key);
    }
    if (j)
        job_answer(a, j, why);
    account_advance(a);
}

/* ---- sending ----------------------------------------------------------------------------- */

static void job_send(struct account *a, struct account_job *j, const struct box_entry *e)
{
    struct pop3_client *client = a->link.client;
    struct account_op *op = link_op(a, job_event);

    if (!op)
        return;
    op->job = j;
    j->op = op;
    job_move(a, j, JOB_SENT);
    if (j->part == ACCOUNT_HEADER) {
        op->command = pop3_client_top(client, e->number, 0);
        return;
    }
    j->budget = e->size;
    a->jobs.budget += j->budget;
    op->command = pop3_client_retr(client, e->number);
}

/* A body that is larger than all that may be asked for ahead goes alone. */
static bool may_send(const struct account *a)
{
    return pop3_client_unanswered(a->link.client) < POP3_CLIENT_WINDOW &&
           a->jobs.budget < RETR_BUDGET;
}

static void job_issue(struct account *a, struct account_job *j)
{
    const struct box_entry *e = listing_entry(a, j->content);
    bool can_top = pop3_client_capabilities(a->link.client)->top != POP3_SUPPORT_NO;
    struct failure why;

    if (!e) {
        failure_set(&why, FAILURE_PERMANENT, "the mail server no longer lists the message");
        job_answer(a, j, &why);
    } else if (j->part == ACCOUNT_HEADER && !can_top) {
        job_demote(a, j);
    } else {
        job_send(a, j, e);
    }
}

/* The next body that is to be kept and is not. NULL when there is none. */
static struct account_job *archive_next(struct account *a)
{
    struct listing *l = &a->listing;

    while (l->archived < l->list.count) {
        uint32_t content = l->list.entries[l->archived++].content;
        const struct box_content *c = box_state_content(a->state, content);
        if (c && !c->key && c->deletion == BOX_KEPT && !job_find(a, content, ACCOUNT_WHOLE))
            return job_new(a, content, ACCOUNT_WHOLE);
    }
    return NULL;
}

void jobs_issue(struct account *a)
{
    bool archives = listing_keeps_durably(a);

    while (!a->failed && may_send(a)) {
        struct account_job *j = a->jobs.waiting.first;
        if (!j && archives)
            j = archive_next(a);
        if (!j)
            return;
        job_issue(a, j);
    }
}

/* ---- when the upstream is gone ----------------------------------------------------------- */

void jobs_fail(struct account *a, const struct failure *why)
{
    while (a->jobs.waiting.first)
        job_answer(a, a->jobs.waiting.first, why);
}

/* Only the one that was being answered can have been the cause. */
void jobs_lost(struct account *a, const struct failure *why)
{
    struct job_list *sent = &a->jobs.sent;
    struct account_op *first = a->link.first;

    while (sent->last) {
        struct account_job *j = sent->last;
        if (j->begun)
            keep(a, ACCOUNT_KEEP_ABORT, j);
        if (j->op == first)
            j->tries++;
        job_unsend(a, j);
        if (j->tries >= JOB_TRIES || j->askers.count == 0) {
            job_answer(a, j, why);
            continue;
        }
        list_remove(sent, j);
        j->phase = JOB_WAITING;
        list_prepend(&a->jobs.waiting, j);
    }
}
