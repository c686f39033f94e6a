/*
 * SELECT, EXAMINE, CLOSE and UNSELECT (RFC 9051 section 6.3.2, 6.3.3, 6.4.1, 6.4.2; CONDSTORE:
 * RFC 7162 section 3.1.8).
 */
#include "translate/mailbox/mailbox_internal.h"

void mailbox_deselect(struct mailbox *m)
{
    mailbox_view_close(&m->view);
    account_watch(&m->account, false);
}

static void put_folder(struct mailbox *m, const struct box_folder *f)
{
    struct buf *out = &m->client_out;
    const struct box_state *s = mailbox_state(m);
    size_t unseen = box_folder_first_unseen(box_state_folder_by_id(s, f->id));

    mailbox_put_all_flags(out, s, m->view.read_only);
    buf_printf(out, "* %u EXISTS\r\n", f->count);
    /* RFC 9051 appendix E: rev2 knows neither \Recent nor UNSEEN, and wants the name. */
    if (m->rev2) {
        mailbox_list_put(m, f);
    } else {
        buf_puts(out, "* 0 RECENT\r\n");
        if (unseen < f->count)
            buf_printf(out, "* OK [UNSEEN %zu] The first that was not seen\r\n", unseen + 1);
    }
    buf_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", f->uidvalidity);
    buf_printf(out, "* OK [UIDNEXT %u] The next UID\r\n", f->uidnext);
    buf_printf(out, "* OK [HIGHESTMODSEQ %llu] The last change\r\n",
               (unsigned long long)mailbox_modseq(f));
}

/* A message's mod-sequence is at least 1 (RFC 7162 section 3.1.1), even in a folder that never had
 * one. */
uint64_t mailbox_modseq(const struct box_folder *f)
{
    return f->modseq ? f->modseq : 1;
}

static void select_folder(struct mailbox *m, const struct box_folder *f)
{
    bool read_only = m->command.verb == IMAPD_EXAMINE || m->rights.read_only;

    if (!mailbox_view_open(&m->view, mailbox_state(m), f, read_only)) {
        mailbox_no_memory(m);
        return;
    }
    account_watch(&m->account, true);
    put_folder(m, f);
    mailbox_finish(m, IMAPD_OK, read_only ? "READ-ONLY" : "READ-WRITE", "The mailbox is selected");
}

void mailbox_run_select(struct mailbox *m)
{
    if (mailbox_looks_first(m))
        return;
    if (m->view.folder) {
        mailbox_deselect(m);
        buf_puts(&m->client_out, "* OK [CLOSED] The mailbox before is closed\r\n");
    }
    const struct box_folder *f = mailbox_folder(m, m->command.mailbox);
    m->condstore = m->condstore || m->command.condstore;
    if (!f)
        mailbox_no(m, "NONEXISTENT", "There is no such mailbox");
    else if (f->noselect)
        mailbox_no(m, "CANNOT", "The mailbox is only a name, and holds no messages");
    else
        select_folder(m, f);
}

void mailbox_run_unselect(struct mailbox *m)
{
    mailbox_deselect(m);
    mailbox_ok(m);
}

void mailbox_run_close(struct mailbox *m)
{
    const struct box_folder *f = mailbox_view_folder(&m->view, mailbox_state(m));

    if (m->view.read_only || m->rights.never_delete || !f || f->deleted == 0)
        mailbox_run_unselect(m);
    else
        mailbox_change_begin(m, &mailbox_close_change);
}
