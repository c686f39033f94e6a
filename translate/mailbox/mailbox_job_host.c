/*
 * FETCH and SEARCH: the session as the host of a job (mailbox_job.h). What the job asks for becomes
 * actions and requests to the account, the answers are given to it, and when it is done \Seen is
 * set and the command answered.
 */
#include <string.h>

#include "translate/mailbox/mailbox_internal.h"

static const struct box_state *host_state(void *owner)
{
    return mailbox_state(owner);
}

static bool host_has_room(void *owner)
{
    return mailbox_has_room(owner);
}

static struct mailbox_action *host_act(struct mailbox *m, enum mailbox_action_type type,
                                       uint32_t content)
{
    struct mailbox_action *action = mailbox_act(m, type);

    if (action) {
        action->request = mailbox_next_request(m);
        action->content = content;
    }
    return action;
}

static uint32_t host_read(void *owner, uint32_t content, enum account_part part, uint64_t offset,
                          uint64_t length)
{
    struct mailbox_action *action = host_act(owner, MAILBOX_READ, content);

    if (!action)
        return 0;
    action->part = part;
    action->offset = offset;
    action->length = length;
    return action->request;
}

static uint32_t host_parse(void *owner, uint32_t content)
{
    const struct mailbox_action *action = host_act(owner, MAILBOX_PARSE, content);

    return action ? action->request : 0;
}

static uint32_t host_texts(void *owner)
{
    const struct mailbox_action *action = host_act(owner, MAILBOX_TEXTS, 0);

    return action ? action->request : 0;
}

static uint32_t host_want(void *owner, uint32_t content, enum account_part part)
{
    struct mailbox *m = owner;

    return account_want(&m->account, content, part);
}

static uint32_t host_date(void *owner, uint32_t content)
{
    struct mailbox *m = owner;

    return account_date(&m->account, content);
}

static uint32_t host_follow(void *owner, uint32_t content)
{
    struct mailbox *m = owner;

    return account_follow(&m->account, content);
}

static void host_prepare(struct mailbox *m, bool condstore)
{
    m->condstore = m->condstore || condstore;
    m->work->host = (struct job_host){
        .owner = m,
        .state = host_state,
        .view = &m->view,
        .out = &m->client_out,
        .has_room = host_has_room,
        .utf8 = mailbox_utf8(m),
        .condstore = m->condstore,
        .read = host_read,
        .parse = host_parse,
        .texts = host_texts,
        .want = host_want,
        .follow = host_follow,
        .date = host_date,
    };
}

/* ---- the end ----------------------------------------------------------------------------- */

static void job_answer(struct mailbox *m)
{
    const struct job_result *result = job_result(m->work->job);
    struct failure why = result->failure;
    bool expunged = result->expunged;
    bool found = result->found;
    bool broken = result->broken;
    bool unknown_cte = result->unknown_cte;

    job_free(m->work->job);
    m->work->job = NULL;
    if (broken)
        mailbox_end(m, "a message ended before its size");
    else if (why.kind != FAILURE_NONE)
        mailbox_fail(m, &why);
    else if (unknown_cte)
        mailbox_no(m, "UNKNOWN-CTE", "The encoding of a part is not known");
    else if (expunged && (found || m->command.uid || m->command.verb == IMAPD_SEARCH))
        /* No refusal, by which some clients give the mailbox up (RFC 5530 section 3); a UID that is
         * not there is no error at all (RFC 9051 section 6.4.9). */
        mailbox_finish(m, IMAPD_OK, "EXPUNGEISSUED", "Some of the messages are gone");
    else if (expunged)
        mailbox_no(m, "EXPUNGEISSUED", "The messages are gone");
    else
        mailbox_ok(m);
}

/* Of those that were read, the ones that are still there and not marked yet. */
static bool seen_draft(struct mailbox *m, struct box_draft *d)
{
    const struct box_folder *f = mailbox_view_folder(&m->view, mailbox_state(m));
    const struct job_result *result = job_result(m->work->job);
    struct uids *uids = &m->work->uids;

    if (!f)
        return false;
    for (size_t i = 0; i < result->seen_count; i++) {
        const struct box_message *message = box_folder_message(f, result->seen[i]);
        if (message && !(message->flags & BOX_SEEN) && !mailbox_uids_add(m, uids, message->uid))
            return mailbox_refuse(m, "UNAVAILABLE", "Out of memory");
    }
    if (uids->count)
        box_draft_flags(d, f->id, uids->items, uids->count, BOX_SEEN, 0);
    return uids->count > 0;
}

static const struct mailbox_change seen_change = {
    .name = "seen", .draft = seen_draft, .done = job_answer};

static void job_finished(struct mailbox *m)
{
    const struct job_result *result = job_result(m->work->job);

    /* Of a literal that ended early nothing can be said behind it. */
    if (result->seen_count && !result->broken && !m->view.read_only)
        mailbox_change_begin(m, &seen_change);
    else
        job_answer(m);
}

void mailbox_job_advance(struct mailbox *m)
{
    if (m->busy == BUSY_JOB && mailbox_has_room(m) && job_run(m->work->job) == JOB_DONE)
        job_finished(m);
}

/* ---- the beginning ----------------------------------------------------------------------- */

static void job_start(struct mailbox *m, struct job *job)
{
    m->work->job = job;
    m->busy = BUSY_JOB;
    mailbox_job_advance(m);
}

static void count_fetched(struct mailbox *m)
{
    struct mailbox_walk walk = {.at = 0};
    uint32_t number;
    uint32_t uid;

    while (mailbox_view_next(&m->view, &m->command.set, m->command.uid, &walk, &number, &uid))
        m->summary.fetched++;
}

void mailbox_run_fetch(struct mailbox *m)
{
    const struct imapd_fetch *fetch = &m->command.fetch;

    host_prepare(m, fetch->changed || imapd_fetch_has(fetch, IMAPD_FETCH_MODSEQ));
    struct job *job = job_fetch(&m->work->host, fetch, &m->command.set, m->command.uid);
    if (!job) {
        mailbox_no_memory(m);
        return;
    }
    count_fetched(m);
    job_start(m, job);
}

void mailbox_run_search(struct mailbox *m)
{
    struct imapd_search *search = &m->command.search;
    struct failure why = {.kind = FAILURE_NONE};

    /* RFC 6855 section 3: then everything is UTF-8. */
    if (m->utf8_accept && search->charset.n) {
        mailbox_bad(m, "SEARCH: no CHARSET after UTF8=ACCEPT");
        return;
    }
    host_prepare(m, search->modseq);
    /* RFC 9051 section 6.4.4: rev2 has no other answer than ESEARCH. */
    if (m->rev2 && !search->extended) {
        search->extended = true;
        search->results = IMAPD_RETURN_ALL;
    }
    struct job *job = job_search(&m->work->host, search, m->command.uid, m->command.tag, &why);
    if (job) {
        job_start(m, job);
        return;
    }
    /* RFC 5182 section 2.1: what was saved before is gone when a SAVE is refused. */
    if (search->results & IMAPD_RETURN_SAVE)
        m->view.saved_count = 0;
    if (why.kind == FAILURE_PERMANENT)
        mailbox_no(m, "BADCHARSET (UTF-8)", why.text);
    else
        mailbox_no_memory(m);
}

/* ---- answers ----------------------------------------------------------------------------- */

void mailbox_read_data(struct mailbox *m, uint32_t request, uint64_t size, struct slice *in)
{
    if (m->busy == BUSY_JOB) {
        job_read_data(m->work->job, request, size, in);
        mailbox_job_advance(m);
    } else {
        slice_take(in, in->n); /* of a command that is over */
    }
}

bool mailbox_wants_read(const struct mailbox *m)
{
    return m->busy != BUSY_JOB || job_wants_read(m->work->job);
}

void mailbox_read_done(struct mailbox *m, uint32_t request, enum mailbox_read_outcome outcome,
                       const struct failure *why)
{
    if (m->busy != BUSY_JOB)
        return;
    job_read_done(m->work->job, request, outcome != MAILBOX_READ_ABSENT, why);
    mailbox_job_advance(m);
}

void mailbox_parsed(struct mailbox *m, uint32_t request, struct mime_message *message,
                    const struct failure *why)
{
    if (m->busy != BUSY_JOB) {
        mime_message_free(message);
        return;
    }
    job_parsed(m->work->job, request, message, why);
    mailbox_job_advance(m);
}

struct mailbox_texts *mailbox_texts_take(struct mailbox *m, uint32_t request)
{
    return m->busy == BUSY_JOB ? job_texts_take(m->work->job, request) : NULL;
}

void mailbox_texts_have(struct mailbox *m, uint32_t request, struct mailbox_texts *t)
{
    if (m->busy != BUSY_JOB) {
        mailbox_texts_free(t);
        return;
    }
    job_texts_have(m->work->job, request, t);
    mailbox_job_advance(m);
}

void mailbox_job_event(struct mailbox *m, const struct account_event *ev)
{
    if (m->busy != BUSY_JOB)
        return;
    job_have(m->work->job, ev->request, &ev->failure);
    mailbox_job_advance(m);
}
