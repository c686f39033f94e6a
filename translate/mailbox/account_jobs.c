/*
 * Contents on their way into the store of bodies. Each is fetched once, whoever asks for it: by TOP
 * for a header, by RETR for the whole, several under way at a time. What nobody asked for, but what
 * is to be kept all the same (`archive`), comes when there is nothing else to do.
 *
 * A job waits, is sent, has ended when all of its octets were handed on, and is answered when they
 * are kept. A large body whose size can be believed is announced: who can read it while it comes is
 * answered with its first octets. When the upstream is lost then, the body is fetched once more,
 * and goes on where it had stopped.
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

/* There is a table. */
static struct account_job **bucket(struct account *a, uint32_t content)
{
    return &a->jobs.table[content % JOB_BUCKETS];
}

struct account_job *jobs_find(struct account *a, uint32_t content, enum account_part part)
{
    struct account_job *j = a->jobs.table ? *bucket(a, content) : NULL;

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

struct account_job *jobs_with_header(struct account *a, uint32_t content)
{
    struct account_job *header = jobs_find(a, content, ACCOUNT_HEADER);

    return header ? header : jobs_find(a, content, ACCOUNT_WHOLE);
}

struct account_job *job_new(struct account *a, uint32_t content, enum account_part part)
{
    struct account_job *j = calloc(1, sizeof *j);

    if (!a->jobs.table)
        a->jobs.table = calloc(JOB_BUCKETS, sizeof *a->jobs.table);
    if (!j || !a->jobs.table) {
        a->failed = true;
        free(j);
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
}

void jobs_move(struct account *a, struct account_job *j, enum job_phase phase)
{
    list_remove(list_of(a, j->phase), j);
    j->phase = phase;
    list_append(list_of(a, phase), j);
}

static void job_wait(struct account *a, struct account_job *j)
{
    job_unsend(a, j);
    jobs_move(a, j, JOB_WAITING);
}

static void job_free(struct account *a, struct account_job *j)
{
    job_unsend(a, j);
    list_remove(list_of(a, j->phase), j);
    table_remove(a, j);
    askers_clear(&j->askers);
    askers_clear(&j->followers);
    prefix_clear(&j->prefix);
    free(j);
    if (a->jobs.waiting.count + a->jobs.sent.count + a->jobs.ended.count > 0)
        return;
    free(a->jobs.table);
    a->jobs.table = NULL;
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
}

static bool job_has_askers(const struct account_job *j)
{
    return j->askers.count || j->followers.count;
}

static void list_forget_client(struct account *a, struct job_list *list,
                               const struct account_client *client)
{
    for (struct account_job *j = list->first, *next; j; j = next) {
        next = j->next;
        askers_forget(&j->askers, client);
        askers_forget(&j->followers, client);
        if (j->phase == JOB_WAITING && !j->begun && !job_has_askers(j))
            job_free(a, j);
    }
}

void jobs_forget_client(struct account *a, const struct account_client *client)
{
    list_forget_client(a, &a->jobs.waiting, client);
    list_forget_client(a, &a->jobs.sent, client);
    list_forget_client(a, &a->jobs.ended, client);
}

void jobs_answer(struct account *a, struct account_job *j, const struct failure *why)
{
    struct account_event ev = {
        .type = ACCOUNT_EV_HAVE, .content = j->content, .part = j->part, .failure = *why};

    /* What is to be kept and is not, the next connection asks for again: it lists the whole. */
    if (why->kind != FAILURE_NONE && j->part == ACCOUNT_WHOLE && listing_keeps_durably(a))
        numbers_forget(a);
    date_answer(a, j, why);
    askers_tell(a, &j->askers, &ev);
    askers_tell(a, &j->followers, &ev);
    job_free(a, j);
}

void jobs_tell_followers(struct account *a, struct account_job *j)
{
    struct account_event ev = {
        .type = ACCOUNT_EV_HAVE, .content = j->content, .part = ACCOUNT_WHOLE};

    askers_tell(a, &j->followers, &ev);
}

void jobs_give_up(struct account *a, struct account_job *j, const struct failure *why)
{
    if (j->begun && j->phase != JOB_ENDED)
        body_abort(a, j);
    jobs_answer(a, j, why);
}

/* ---- what is asked for ------------------------------------------------------------------- */

bool job_may_be_had(const struct account *a, uint32_t content, struct failure *why)
{
    const struct box_content *c = box_state_content(a->state, content);

    if (!c)
        failure_set(why, FAILURE_PERMANENT, "the message was deleted");
    else if (!c->upstream)
        failure_set(why, FAILURE_PERMANENT,
                    "the message is kept here alone, and its octets are missing: mailferry state "
                    "verify tells more");
    else if (c->unlisted)
        failure_set(why, FAILURE_PERMANENT, "the mail server no longer lists the message");
    return c && c->upstream && !c->unlisted;
}

/* The job that brings it; NULL when that cannot be, and the asker knows. */
static struct account_job *job_wanted(struct account *a, const struct asker *asker,
                                      uint32_t content, enum account_part part)
{
    struct account_event ev = {.type = ACCOUNT_EV_HAVE, .content = content, .part = part};
    struct account_job *j = jobs_find(a, content, part);

    if (j)
        return j;
    if (job_may_be_had(a, content, &ev.failure))
        return job_new(a, content, part);
    client_tell(a, asker, &ev);
    return NULL;
}

uint32_t account_want(struct account_client *client, uint32_t content, enum account_part part)
{
    struct account *a = client->account;
    struct asker asker = {.client = client, .request = client_request(client)};
    struct account_job *j = job_wanted(a, &asker, content, part);

    if (j)
        askers_add(a, &j->askers, &asker);
    link_hurry(a);
    account_advance(a);
    return asker.request;
}

/* What has proved wrong is only of use when it is whole. */
static bool job_is_readable(const struct account_job *j)
{
    if (!j->begun || !j->announced || j->octets > j->announced)
        return false;
    return j->phase != JOB_ENDED || j->octets == j->announced;
}

uint32_t account_follow(struct account_client *client, uint32_t content)
{
    struct account *a = client->account;
    struct asker asker = {.client = client, .request = client_request(client)};
    struct account_job *j = job_wanted(a, &asker, content, ACCOUNT_WHOLE);

    if (j)
        askers_add(a, &j->followers, &asker);
    if (j && job_is_readable(j))
        jobs_tell_followers(a, j);
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

/* ---- sending ----------------------------------------------------------------------------- */

/* Its next command; NULL when memory is out. */
static struct account_op *job_op(struct account *a, struct account_job *j, account_op_event event)
{
    struct account_op *op = link_op(a, event);

    if (!op)
        return NULL;
    op->job = j;
    op->content = j->content;
    j->op = op;
    jobs_move(a, j, JOB_SENT);
    return op;
}

static void job_send(struct account *a, struct account_job *j, uint32_t number)
{
    struct account_op *op = job_op(a, j, body_event);

    if (op)
        op->command = j->part == ACCOUNT_HEADER ? pop3_client_top(a->link.client, number, 0)
                                                : pop3_client_retr(a->link.client, number);
}

/* What another connection had listed is only fetched when this one says that it is the same
 * message: some servers mark what they give out as read, or do not list it again. */
static void confirm_event(struct account *a, struct account_op *op,
                          const struct pop3_client_event *ev)
{
    struct account_job *j = op->job;
    const struct numbered *n;

    if (ev->type == POP3_CLIENT_LISTING)
        numbers_confirm(a, op->content, ev->text);
    if (ev->type != POP3_CLIENT_DONE)
        return;
    op->job = NULL;
    if (j)
        j->op = NULL;
    n = numbers_find(a, op->content);
    if (!ev->ok || !n || !numbers_confirmed(a, n)) {
        if (j)
            job_wait(a, j);
        listing_again(a);
    } else if (j) {
        job_send(a, j, n->number);
    }
}

static void job_confirm(struct account *a, struct account_job *j, uint32_t number)
{
    struct account_op *op = job_op(a, j, confirm_event);

    a->numbers.asked++;
    if (op)
        op->command = pop3_client_uidl(a->link.client, number);
}

static void job_ask(struct account *a, struct account_job *j, const struct numbered *n)
{
    if (j->part == ACCOUNT_WHOLE) {
        j->budget = box_state_content(a->state, j->content)->listed;
        a->jobs.budget += j->budget;
    }
    if (numbers_confirmed(a, n))
        job_send(a, j, n->number);
    else
        job_confirm(a, j, n->number);
}

/* A body that is larger than all that may be asked for ahead goes alone. */
static bool may_send(const struct account *a)
{
    return pop3_client_unanswered(a->link.client) < POP3_CLIENT_WINDOW &&
           a->jobs.budget < RETR_BUDGET;
}

void jobs_demote(struct account *a, struct account_job *j)
{
    struct account_job *whole = jobs_find(a, j->content, ACCOUNT_WHOLE);

    if (!whole) {
        j->part = ACCOUNT_WHOLE;
        job_wait(a, j);
        return;
    }
    job_unsend(a, j);
    for (size_t i = 0; i < j->askers.count; i++)
        askers_add(a, &whole->askers, &j->askers.items[i]);
    job_free(a, j);
}

static void job_issue(struct account *a, struct account_job *j)
{
    const struct box_content *c = box_state_content(a->state, j->content);
    const struct numbered *n = c ? numbers_find(a, j->content) : NULL;
    bool can_top = pop3_client_capabilities(a->link.client)->top != POP3_SUPPORT_NO;
    struct failure why;

    if (!n) {
        failure_set(&why, FAILURE_PERMANENT, "the mail server no longer lists the message");
        j->refused = true;
        jobs_give_up(a, j, &why);
    } else if (j->part == ACCOUNT_HEADER && !can_top) {
        jobs_demote(a, j);
    } else if (!numbers_confirmed(a, n) && numbers_are_cheaper_whole(a)) {
        listing_again(a); /* and then it is its turn */
    } else {
        job_ask(a, j, n);
    }
}

/* The next body that is to be kept and is not. NULL when there is none. */
static struct account_job *archive_next(struct account *a)
{
    struct numbers *n = &a->numbers;

    while (n->archived < n->count) {
        uint32_t content = n->list[n->archived++].content;
        const struct box_content *c = box_state_content(a->state, content);
        if (c && !c->key && c->deletion == BOX_KEPT && !jobs_find(a, content, ACCOUNT_WHOLE))
            return job_new(a, content, ACCOUNT_WHOLE);
    }
    return NULL;
}

/* Before a large body whose size cannot be believed yet goes a small one, to learn whether it can.
 */
static void witness_issue(struct account *a, const struct account_job *j)
{
    const struct box_content *c = box_state_content(a->state, j->content);
    bool is_large = c && j->part == ACCOUNT_WHOLE && c->listed > LARGE_BODY;
    uint32_t content = is_large ? sizes_witness(a) : 0;

    if (!content || jobs_find(a, content, ACCOUNT_WHOLE))
        return;
    struct account_job *witness = job_new(a, content, ACCOUNT_WHOLE);
    if (witness)
        job_issue(a, witness);
}

void jobs_issue(struct account *a)
{
    bool archives = listing_keeps_durably(a);

    while (!a->failed && a->link.state == LINK_OPEN && may_send(a)) {
        struct account_job *j = a->jobs.waiting.first;
        if (!j && archives)
            j = archive_next(a);
        if (!j)
            return;
        witness_issue(a, j);
        job_issue(a, j);
    }
}

/* ---- when the upstream is gone ----------------------------------------------------------- */

/* A server that lost us may still hold the maildrop for us: whoever has read half of a message can
 * wait for it longer than one who has read nothing. */
static bool may_go_on(const struct account *a, const struct account_job *j)
{
    return j->begun && a->logins.known && a->link.failures && a->link.failures < GO_ON_FAILURES;
}

void jobs_fail(struct account *a, const struct failure *why)
{
    for (struct account_job *j = a->jobs.waiting.first, *next; j; j = next) {
        next = j->next;
        if (!may_go_on(a, j))
            jobs_give_up(a, j, why);
    }
}

/* What was given out of it stays; nobody has seen anything of the others. */
static void job_lose(struct account *a, struct account_job *j)
{
    job_unsend(a, j);
    if (!j->begun || j->announced)
        return;
    body_abort(a, j);
    j->begun = false;
    j->octets = 0;
}

/* Only the one that was being answered can have been the cause. */
void jobs_lost(struct account *a, const struct failure *why)
{
    struct job_list *sent = &a->jobs.sent;
    struct account_op *first = a->link.first;

    header_begin(a);
    while (sent->last) {
        struct account_job *j = sent->last;
        if (j->op == first)
            j->tries++;
        job_lose(a, j);
        if (j->tries >= JOB_TRIES || !(job_has_askers(j) || j->begun)) {
            jobs_give_up(a, j, why);
            continue;
        }
        list_remove(sent, j);
        j->phase = JOB_WAITING;
        list_prepend(&a->jobs.waiting, j);
    }
}
