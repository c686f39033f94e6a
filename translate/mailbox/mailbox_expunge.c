/*
 * EXPUNGE, UID EXPUNGE (RFC 9051 section 6.4.3, 6.4.9), and what CLOSE expunges.
 *
 * A message that is upstream is gone only when the upstream deleted it. The intent is durable
 * before anything else happens; then the answer waits a while, so that the client sees its messages
 * go. If the upstream is away they go later, as if another client had expunged them.
 */
#include "translate/mailbox/mailbox_internal.h"

static bool add_if_deleted(struct mailbox *m, const struct box_message *message)
{
    if (!message || !(message->flags & BOX_DELETED))
        return true;
    return mailbox_uids_add(m, &m->work->uids, message->uid);
}

/* All that are marked, whether or not this client knows them. */
static bool take_marked(struct mailbox *m, const struct box_folder *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (!add_if_deleted(m, &f->messages[i]))
            return false;
    return true;
}

static bool take_marked_of_set(struct mailbox *m, const struct box_folder *f)
{
    struct mailbox_walk walk = {.at = 0};
    uint32_t number;
    uint32_t uid;

    while (mailbox_view_next(&m->view, &m->command.set, true, &walk, &number, &uid))
        if (!add_if_deleted(m, box_folder_message(f, uid)))
            return false;
    return true;
}

static bool expunge_draft(struct mailbox *m, struct box_draft *d)
{
    const struct box_folder *f = mailbox_view_folder(&m->view, mailbox_state(m));
    struct uids *uids = &m->work->uids;

    if (!f)
        return m->command.verb != IMAPD_CLOSE &&
               mailbox_refuse(m, "NONEXISTENT", "The mailbox was deleted");
    if (!(m->command.uid ? take_marked_of_set(m, f) : take_marked(m, f)))
        return mailbox_refuse(m, "UNAVAILABLE", "Out of memory");
    if (uids->count)
        box_draft_remove(d, f->id, uids->items, uids->count);
    return uids->count > 0;
}

/* Whether messages are still there, because the upstream has not deleted them yet. */
static bool some_are_left(const struct mailbox *m)
{
    const struct box_folder *f = mailbox_view_folder(&m->view, mailbox_state(m));
    const struct uids *uids = &m->work->uids;

    for (size_t i = 0; f && i < uids->count; i++)
        if (box_folder_message(f, uids->items[i]))
            return true;
    return false;
}

void mailbox_expunge_look(struct mailbox *m)
{
    if (!some_are_left(m))
        mailbox_ok(m);
}

/* Whether some were spared, because the upstream refuses to delete them. */
static bool some_were_refused(const struct mailbox *m)
{
    const struct box_folder *f = mailbox_view_folder(&m->view, mailbox_state(m));
    const struct uids *uids = &m->work->uids;

    for (size_t i = 0; f && i < uids->count; i++) {
        const struct box_message *message = box_folder_message(f, uids->items[i]);
        if (message && !box_message_is_doomed(mailbox_state(m), message))
            return true;
    }
    return false;
}

void mailbox_expunge_give_up(struct mailbox *m)
{
    if (some_were_refused(m)) {
        mailbox_no(m, "CANNOT", "The upstream server refuses to delete some of the messages");
        return;
    }
    mailbox_finish(m, IMAPD_OK, NULL,
                   some_are_left(m) ? "The upstream server is still to delete some of the messages"
                                    : "EXPUNGE done");
}

static void expunge_done(struct mailbox *m)
{
    m->summary.expunged += (uint32_t)m->work->uids.count;
    if (!some_are_left(m)) {
        mailbox_ok(m);
    } else if (account_is_away(m->account.account)) {
        mailbox_expunge_give_up(m);
    } else {
        m->busy = BUSY_GONE;
        m->work->deadline = m->now_ms + GONE_WAIT_MS;
    }
}

static void close_done(struct mailbox *m)
{
    m->summary.expunged += (uint32_t)m->work->uids.count;
    mailbox_deselect(m);
    mailbox_ok(m);
}

static const struct mailbox_change expunge_change = {
    .name = "expunge", .draft = expunge_draft, .done = expunge_done};
const struct mailbox_change mailbox_close_change = {
    .name = "close", .draft = expunge_draft, .done = close_done};

void mailbox_run_expunge(struct mailbox *m)
{
    mailbox_change_begin(m, &expunge_change);
}
