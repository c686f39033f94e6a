/*
 * Commands about the session itself: NOOP, CHECK, IDLE (RFC 2177), ENABLE (RFC 5161), ID
 * (RFC 2971), LOGOUT.
 */
#include "translate/mailbox/mailbox_internal.h"

/* ---- NOOP, CHECK ------------------------------------------------------------------------- */

/* With a folder selected NOOP asks for news (RFC 9051 section 6.1.2): the maildrop is looked at. */
void mailbox_run_noop(struct mailbox *m)
{
    if (!m->view.folder) {
        mailbox_ok(m);
        return;
    }
    m->busy = BUSY_POLL;
    m->request = account_poll(&m->account);
}

bool mailbox_looks_first(struct mailbox *m)
{
    const struct box_state *s = mailbox_state(m);

    if (m->looked || (s->modseq != 0 && s->poll.at != 0))
        return false;
    m->looked = true;
    m->busy = BUSY_POLL;
    m->request = account_poll(&m->account);
    return true;
}

/* A look that failed is told as the account's notice: what is kept can still be read. */
void mailbox_poll_event(struct mailbox *m, const struct account_event *ev)
{
    if (m->busy != BUSY_POLL || ev->request != m->request)
        return;
    if (m->phase == PHASE_NOT_AUTHENTICATED)
        mailbox_login_done(m);
    else if (m->command.verb == IMAPD_NOOP)
        mailbox_ok(m);
    else
        mailbox_run_again(m);
}

void mailbox_run_check(struct mailbox *m)
{
    mailbox_ok(m);
}

/* ---- IDLE -------------------------------------------------------------------------------- */

void mailbox_run_idle(struct mailbox *m)
{
    buf_puts(&m->client_out, "+ idling\r\n");
    m->busy = BUSY_IDLE;
    account_watch(&m->account, true);
    mailbox_catch_up(m);
}

void mailbox_idle_line(struct mailbox *m, struct slice line)
{
    if (slice_is_nocase(line, "DONE"))
        mailbox_ok(m);
    else
        mailbox_bad(m, "IDLE: DONE was expected");
}

/* ---- ENABLE ------------------------------------------------------------------------------ */

void mailbox_run_enable(struct mailbox *m)
{
    const struct imapd_words *words = &m->command.enable;
    const struct {
        const char *name;
        bool *on;
    } known[] = {
        {"IMAP4rev2", &m->rev2},
        {"UTF8=ACCEPT", &m->utf8_accept},
        {"CONDSTORE", &m->condstore},
    };

    buf_puts(&m->client_out, "* ENABLED");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        bool asked = false;
        for (size_t j = 0; j < words->count && !*known[i].on; j++)
            asked = asked || slice_is_nocase(words->words[j], known[i].name);
        if (asked)
            buf_printf(&m->client_out, " %s", known[i].name);
        *known[i].on = *known[i].on || asked;
    }
    buf_puts(&m->client_out, "\r\n");
    mailbox_ok(m);
}

/* ---- ID, LOGOUT -------------------------------------------------------------------------- */

void mailbox_run_id(struct mailbox *m)
{
    buf_puts(&m->client_out,
             "* ID (\"name\" \"mailferry\" \"version\" \"" MAILFERRY_VERSION "\")\r\n");
    mailbox_ok(m);
}

void mailbox_run_logout(struct mailbox *m)
{
    imapd_put_status(&m->client_out, slice_of(""), IMAPD_BYE, NULL, slice_of("Logging out"), false);
    mailbox_ok(m);
    mailbox_end(m, "logout");
}
