/*
 * STORE (RFC 9051 section 6.4.6), with UNCHANGEDSINCE and MODIFIED (RFC 7162 section 3.1.3).
 */
#include "translate/mailbox/mailbox_internal.h"

_Static_assert(IMAPD_FLAG_ANSWERED == BOX_ANSWERED && IMAPD_FLAG_FLAGGED == BOX_FLAGGED &&
                   IMAPD_FLAG_DELETED == BOX_DELETED && IMAPD_FLAG_SEEN == BOX_SEEN &&
                   IMAPD_FLAG_DRAFT == BOX_DRAFT,
               "system flags have the same bits in commands and in the state");

uint64_t mailbox_flags_make(const struct imapd_flags *flags, struct box_draft *d)
{
    uint64_t bits = flags->system & BOX_SYSTEM;

    for (size_t i = 0; i < flags->count; i++)
        bits |= box_draft_keyword(d, flags->keywords[i]);
    return bits;
}

/* Of keywords that are to be taken away, those that there are. */
static uint64_t flags_known(const struct imapd_flags *flags, const struct box_state *s)
{
    uint64_t bits = flags->system & BOX_SYSTEM;

    for (size_t i = 0; i < flags->count; i++)
        bits |= box_state_keyword(s, flags->keywords[i]);
    return bits;
}

static void store_flags(struct mailbox *m, struct box_draft *d)
{
    const struct imapd_store *store = &m->command.store;
    struct work *w = m->work;

    switch (store->how) {
    case IMAPD_STORE_SET:
        w->set = mailbox_flags_make(&store->flags, d);
        w->clear = BOX_FLAGS;
        break;
    case IMAPD_STORE_ADD:
        w->set = mailbox_flags_make(&store->flags, d);
        break;
    case IMAPD_STORE_REMOVE:
        w->clear = flags_known(&store->flags, d->s);
        break;
    }
}

/* Sorts one message in: changed since, or to be answered, and perhaps to be changed. */
static bool store_take(struct mailbox *m, const struct box_message *message)
{
    const struct imapd_store *store = &m->command.store;
    struct work *w = m->work;

    if (store->conditional && message->modseq > store->unchanged_since)
        return mailbox_uids_add(m, &w->modified, message->uid);
    if (!mailbox_uids_add(m, &w->uids, message->uid))
        return false;
    return ((message->flags & ~w->clear) | w->set) == message->flags ||
           mailbox_uids_add(m, &w->fresh, message->uid);
}

static bool store_draft(struct mailbox *m, struct box_draft *d)
{
    const struct box_folder *f = mailbox_view_folder(&m->view, mailbox_state(m));
    struct mailbox_walk walk = {.at = 0};
    struct work *w = m->work;
    uint32_t number;
    uint32_t uid;

    if (!f)
        return mailbox_refuse(m, "NONEXISTENT", "The mailbox was deleted");
    store_flags(m, d);
    while (mailbox_view_next(&m->view, &m->command.set, m->command.uid, &walk, &number, &uid)) {
        const struct box_message *message = box_folder_message(f, uid);
        if (!message)
            w->uids.missing = true;
        else if (!store_take(m, message))
            return mailbox_refuse(m, "UNAVAILABLE", "Out of memory");
    }
    if (w->fresh.count)
        box_draft_flags(d, f->id, w->fresh.items, w->fresh.count, w->set, w->clear);
    return w->fresh.count > 0;
}

/* The flags are told but when they were to be set silently; the mod-sequence even then. */
static void put_stored(struct mailbox *m, const struct box_message *message)
{
    struct buf *out = &m->client_out;
    bool silent = m->command.store.silent;
    const char *space = "";

    if (silent && !m->condstore)
        return;
    buf_printf(out, "* %u FETCH (", mailbox_view_number(&m->view, message->uid));
    if (m->command.uid || m->rev2) {
        buf_printf(out, "UID %u", message->uid);
        space = " ";
    }
    if (!silent) {
        buf_printf(out, "%sFLAGS ", space);
        mailbox_put_flags(out, mailbox_state(m), message->flags);
        space = " ";
    }
    if (m->condstore)
        buf_printf(out, "%sMODSEQ (%llu)", space, (unsigned long long)message->modseq);
    buf_puts(out, ")\r\n");
}

static void put_all_stored(struct mailbox *m)
{
    const struct box_folder *f = mailbox_view_folder(&m->view, mailbox_state(m));
    const struct uids *uids = &m->work->uids;

    mailbox_tell_keywords(&m->view, mailbox_state(m), &m->client_out);
    for (size_t i = 0; f && i < uids->count; i++) {
        const struct box_message *message = box_folder_message(f, uids->items[i]);
        if (message)
            put_stored(m, message);
    }
}

static void finish_modified(struct mailbox *m)
{
    struct uids *modified = &m->work->modified;
    struct buf code = BUF_INIT;

    for (size_t i = 0; i < modified->count && !m->command.uid; i++)
        modified->items[i] = mailbox_view_number(&m->view, modified->items[i]);
    buf_puts(&code, "MODIFIED ");
    imap_put_set(&code, modified->items, modified->count, SIZE_MAX);
    buf_putc(&code, '\0');
    m->failed = m->failed || buf_failed(&code);
    mailbox_finish(m, IMAPD_OK, buf_failed(&code) ? NULL : buf_slice(&code).p,
                   "Some were changed by others");
    buf_clear(&code);
}

static void store_done(struct mailbox *m)
{
    /* What this change did is told here, and not again at the command's end. */
    m->view.silent = m->work->change.modseq;
    put_all_stored(m);
    if (m->work->modified.count)
        finish_modified(m);
    else if (m->work->uids.missing && !m->command.uid)
        mailbox_no(m, "EXPUNGEISSUED", "Some of the messages are gone");
    else
        mailbox_ok(m);
}

static const struct mailbox_change store_change = {
    .name = "store", .draft = store_draft, .done = store_done};

void mailbox_run_store(struct mailbox *m)
{
    m->condstore = m->condstore || m->command.store.conditional;
    mailbox_change_begin(m, &store_change);
}
