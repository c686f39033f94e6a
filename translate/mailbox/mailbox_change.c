/*
 * A change of the state, as commands make it: the turn is asked for, the record is drafted against
 * the state as it is in the turn, made durable by the account, and only then is the client
 * answered (CASES D1).
 */
#include <stdlib.h>
#include <string.h>

#include "translate/mailbox/mailbox_internal.h"
#include "translate/text/array.h"

void mailbox_change_begin(struct mailbox *m, const struct mailbox_change *kind)
{
    m->busy = BUSY_CHANGE;
    m->work->change = (struct change){.kind = kind, .request = account_turn(&m->account)};
}

bool mailbox_refuse(struct mailbox *m, const char *code, const char *text)
{
    m->work->change.refused = true;
    m->work->change.code = code;
    m->work->change.text = text;
    return false;
}

/* The draft's record; NULL when there is none to be made. */
static json_t *change_draft(struct mailbox *m)
{
    struct box_draft d;
    json_t *record = NULL;

    box_draft_begin(&d, mailbox_state(m), m->work->change.kind->name);
    if (!m->work->change.kind->draft(m, &d))
        box_draft_drop(&d);
    else if (!(record = box_draft_end(&d)))
        mailbox_refuse(m, "LIMIT", "It cannot be changed so: a limit of the account is met");
    /* Without a record the number is left for somebody else's change. */
    m->work->change.modseq = record ? mailbox_state(m)->modseq + 1 : 0;
    return record;
}

static void change_turn(struct mailbox *m)
{
    struct mailbox_tell tell = {.uid = m->rev2 || m->command.uid, .modseq = m->condstore};

    /* Flags that others changed are told first, so that they cannot be taken for our own. */
    if (!mailbox_view_sync(&m->view, mailbox_state(m), &tell, &m->client_out))
        m->failed = true;
    m->work->change.committing = true;
    account_commit(&m->account, change_draft(m));
}

static void change_committed(struct mailbox *m, const struct failure *why)
{
    struct change change = m->work->change;

    m->work->change = (struct change){.kind = NULL, .modseq = change.modseq};
    if (change.kind->failed && (change.refused || why->kind != FAILURE_NONE))
        change.kind->failed(m);
    if (why->kind != FAILURE_NONE)
        mailbox_fail(m, why);
    else if (change.refused)
        mailbox_no(m, change.code, change.text);
    else
        change.kind->done(m);
}

void mailbox_change_event(struct mailbox *m, const struct account_event *ev)
{
    if (!m->work || !m->work->change.kind || m->busy != BUSY_CHANGE ||
        ev->request != m->work->change.request)
        return;
    if (ev->type == ACCOUNT_EV_TURN)
        change_turn(m);
    else if (m->work->change.committing)
        change_committed(m, &ev->failure);
}

const struct box_folder *mailbox_change_folder(struct mailbox *m, struct slice name,
                                               const char *code)
{
    const struct box_folder *f = mailbox_folder(m, name);

    if (!f)
        mailbox_refuse(m, code, "There is no such mailbox");
    else if (f->noselect)
        mailbox_refuse(m, "CANNOT", "The mailbox is only a name, and holds no messages");
    return f && !f->noselect ? f : NULL;
}

/* ---- what commands work on --------------------------------------------------------------- */

bool mailbox_uids_add(struct mailbox *m, struct uids *uids, uint32_t uid)
{
    uint32_t *items = array_grow(uids->items, &uids->capacity, uids->count, sizeof *items);

    if (!items) {
        m->failed = true;
        return false;
    }
    uids->items = items;
    uids->items[uids->count++] = uid;
    return true;
}

bool mailbox_work_begin(struct mailbox *m)
{
    mailbox_work_end(m);
    m->work = calloc(1, sizeof *m->work);
    return m->work;
}

/* The job first: it borrows from the rest. Its \Seen could not be set if it is still there. */
void mailbox_work_end(struct mailbox *m)
{
    struct work *w = m->work;

    if (!w)
        return;
    job_free(w->job);
    mailbox_append_abort(m);
    free(w->uids.items);
    free(w->fresh.items);
    free(w->modified.items);
    free(w);
    m->work = NULL;
}
