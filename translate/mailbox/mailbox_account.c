/*
 * What the account says to its mailboxes: answers to what was asked, and what happens by itself.
 */
#include <stdlib.h>

#include "translate/mailbox/mailbox_internal.h"

/* What the view shares with the account goes first: another thread may have the account next. */
void mailbox_leave(struct mailbox *m)
{
    mailbox_view_close(&m->view);
    if (!m->account.account)
        return;
    account_detach(&m->account);
}

static void notice_take(struct mailbox *m, const struct failure *why)
{
    if (!failure_keep(&m->notice, why))
        m->failed = true;
}

/* No [ALERT]: nobody has to act. */
void mailbox_tell_notice(struct mailbox *m)
{
    struct failure *notice = m->notice;

    if (!notice)
        return;
    bool well = notice->kind == FAILURE_NONE;
    imapd_put_status(
        &m->client_out, slice_of(""), well ? IMAPD_OK : IMAPD_NO,
        well ? NULL : imapd_failure_code(notice->kind),
        slice_of(well && !*notice->text ? "The upstream server is there again" : notice->text),
        mailbox_utf8(m));
    m->notice = NULL;
    free(notice);
}

/* Unasked, only a client in IDLE is told; others hear it at the end of their next command. */
static void changed(struct mailbox *m)
{
    if (m->busy == BUSY_GONE)
        mailbox_expunge_look(m);
    else if (m->busy == BUSY_IDLE && mailbox_has_room(m))
        mailbox_catch_up(m);
}

static void take_event(struct mailbox *m, const struct account_event *ev)
{
    switch (ev->type) {
    case ACCOUNT_EV_LOGGED_IN:
        mailbox_login_event(m, ev);
        break;
    case ACCOUNT_EV_TURN:
    case ACCOUNT_EV_COMMITTED:
        mailbox_change_event(m, ev);
        break;
    case ACCOUNT_EV_HAVE:
    case ACCOUNT_EV_DATED:
        mailbox_job_event(m, ev);
        break;
    case ACCOUNT_EV_POLLED:
        mailbox_poll_event(m, ev);
        break;
    case ACCOUNT_EV_NOTICE:
        notice_take(m, &ev->failure);
        if (m->busy == BUSY_GONE && ev->failure.kind != FAILURE_NONE)
            mailbox_expunge_give_up(m);
        else
            changed(m);
        break;
    case ACCOUNT_EV_CHANGED:
        changed(m);
        break;
    }
}

void mailbox_account(struct mailbox *m)
{
    struct account_event ev;

    while (m->account.account && account_next_event(&m->account, &ev))
        take_event(m, &ev);
}
