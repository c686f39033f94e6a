/*
 * COPY and MOVE (RFC 9051 section 6.4.7, 6.4.8), with COPYUID. All of the messages or none.
 */
#include <stdlib.h>

#include "translate/mailbox/mailbox_internal.h"

bool mailbox_take_set(struct mailbox *m, const struct box_folder *f)
{
    struct mailbox_walk walk = {.at = 0};
    uint32_t number;
    uint32_t uid;

    while (mailbox_view_next(&m->view, &m->command.set, m->command.uid, &walk, &number, &uid)) {
        const struct box_message *message = box_folder_message(f, uid);
        if (!message || box_message_is_doomed(mailbox_state(m), message))
            m->work->uids.missing = true;
        else if (!mailbox_uids_add(m, &m->work->uids, uid))
            return mailbox_refuse(m, "UNAVAILABLE", "Out of memory");
    }
    return true;
}

/* False: refused, or none of them is there. */
static bool copy_take(struct mailbox *m)
{
    const struct box_folder *from = mailbox_view_folder(&m->view, mailbox_state(m));
    struct work *w = m->work;

    if (!from)
        return mailbox_refuse(m, "NONEXISTENT", "The mailbox was deleted");
    if (!mailbox_take_set(m, from))
        return false;
    /* A UID of a message that is not there is passed over (RFC 9051 section 6.4.9). */
    if (w->uids.missing && !m->command.uid)
        return mailbox_refuse(m, "EXPUNGEISSUED", "Some of the messages are gone");
    if (w->uids.count == 0)
        return false;
    w->fresh.items = calloc(w->uids.count, sizeof *w->fresh.items);
    if (!w->fresh.items)
        return mailbox_refuse(m, "UNAVAILABLE", "Out of memory");
    w->fresh.count = w->fresh.capacity = w->uids.count;
    return true;
}

static bool copy_draft(struct mailbox *m, struct box_draft *d)
{
    const struct box_folder *to = mailbox_change_folder(m, m->command.mailbox, "TRYCREATE");
    struct work *w = m->work;

    if (!to || !copy_take(m))
        return false;
    w->uidvalidity = to->uidvalidity;
    if (m->command.verb == IMAPD_MOVE)
        box_draft_move(d, m->view.folder, w->uids.items, w->uids.count, to->id, w->fresh.items);
    else
        box_draft_copy(d, m->view.folder, w->uids.items, w->uids.count, to->id, w->fresh.items);
    return true;
}

/* RFC 9051 section 7.1, COPYUID; ends with NUL. */
static void put_copyuid(const struct work *w, struct buf *code)
{
    buf_printf(code, "COPYUID %u ", w->uidvalidity);
    imap_put_set(code, w->uids.items, w->uids.count, SIZE_MAX);
    buf_putc(code, ' ');
    imap_put_set(code, w->fresh.items, w->fresh.count, SIZE_MAX);
    buf_putc(code, '\0');
}

static void copy_done(struct mailbox *m)
{
    struct buf code = BUF_INIT;

    if (m->work->fresh.count == 0) {
        mailbox_finish(m, IMAPD_OK, NULL, "None of the messages is there");
        return;
    }
    put_copyuid(m->work, &code);
    m->failed = m->failed || buf_failed(&code);
    const char *text = buf_failed(&code) ? NULL : buf_slice(&code).p;
    if (m->command.verb == IMAPD_MOVE) {
        /* It comes before the EXPUNGEs (RFC 9051 section 6.4.8). */
        imapd_put_status(&m->client_out, slice_of(""), IMAPD_OK, text, slice_of("Moved"), false);
        mailbox_ok(m);
    } else {
        mailbox_finish(m, IMAPD_OK, text, "Copied");
    }
    buf_clear(&code);
}

static const struct mailbox_change copy_change = {
    .name = "copy", .draft = copy_draft, .done = copy_done};
static const struct mailbox_change move_change = {
    .name = "move", .draft = copy_draft, .done = copy_done};

void mailbox_run_copy(struct mailbox *m)
{
    mailbox_change_begin(m, m->command.verb == IMAPD_MOVE ? &move_change : &copy_change);
}
