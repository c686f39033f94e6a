/*
 * STATUS (RFC 9051 section 6.3.11), also as LIST returns it (RFC 5819): what the state has counted
 * all along.
 */
#include "translate/mailbox/mailbox_internal.h"

void mailbox_status_put(struct mailbox *m, const struct box_folder *f, unsigned items)
{
    const struct {
        unsigned item;
        const char *name;
        uint64_t value;
    } known[] = {
        {IMAPD_STATUS_MESSAGES, "MESSAGES", f->count},
        {IMAPD_STATUS_RECENT, "RECENT", 0},
        {IMAPD_STATUS_UIDNEXT, "UIDNEXT", f->uidnext},
        {IMAPD_STATUS_UIDVALIDITY, "UIDVALIDITY", f->uidvalidity},
        {IMAPD_STATUS_UNSEEN, "UNSEEN", f->unseen},
        {IMAPD_STATUS_DELETED, "DELETED", f->deleted},
        {IMAPD_STATUS_SIZE, "SIZE", f->size},
        {IMAPD_STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", mailbox_modseq(f)},
        {IMAPD_STATUS_APPENDLIMIT, "APPENDLIMIT", m->settings.append_limit},
    };
    const char *space = "";

    if (items & IMAPD_STATUS_HIGHESTMODSEQ)
        m->condstore = true; /* RFC 7162 section 3.1 */
    buf_puts(&m->client_out, "* STATUS ");
    imap_put_mailbox(&m->client_out, slice_of(f->name), mailbox_utf8(m));
    buf_puts(&m->client_out, " (");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!(items & known[i].item))
            continue;
        buf_printf(&m->client_out, "%s%s %llu", space, known[i].name,
                   (unsigned long long)known[i].value);
        space = " ";
    }
    buf_puts(&m->client_out, ")\r\n");
}

void mailbox_run_status(struct mailbox *m)
{
    if (mailbox_looks_first(m))
        return;
    const struct box_folder *f = mailbox_folder(m, m->command.mailbox);
    if (!f) {
        mailbox_no(m, "NONEXISTENT", "There is no such mailbox");
    } else if (f->noselect) {
        mailbox_no(m, "CANNOT", "The mailbox is only a name, and holds no messages");
    } else {
        mailbox_status_put(m, f, m->command.status);
        mailbox_ok(m);
    }
}
