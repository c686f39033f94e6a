/*
 * QUIT: the only place where anything is deleted (RFC 1939 section 6), and only what was marked in
 * this session. What a deletion is, is the route's choice; +OK is said when the upstream has
 * confirmed every single one: after the deletion it is asked which of them it still has.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"

void update_clear(struct update *u)
{
    free(u->uids.items);
    free(u->expired);
    buf_clear(&u->trash);
    free(u->failure);
    *u = (struct update){0};
}

static bool is_marked(const struct maildrop_message *message)
{
    return (message->flags & MESSAGE_DELETED) && !(message->flags & MESSAGE_GONE);
}

/* ---- the answer ------------------------------------------------------------------------- */

static void update_finish(struct maildrop *m)
{
    struct update *u = &m->update;
    bool permanent = u->failure && u->failure->kind == FAILURE_PERMANENT;
    struct failure why;

    m->summary.deleted = u->confirmed;
    if (u->confirmed >= u->wanted) {
        pop3_ok(&m->client_out, "bye, %u messages deleted", u->confirmed);
        maildrop_end(m, "quit");
        return;
    }
    failure_set(&why, permanent ? FAILURE_PERMANENT : FAILURE_TEMPORARY,
                "%u of %u messages were deleted, the others are still there: %s", u->confirmed,
                u->wanted,
                u->failure ? u->failure->text : "the mail server kept them without a reason");
    command_fail(m, &why);
    maildrop_log(m, MAILDROP_WARNING, "deletion-incomplete", "%s", why.text);
    maildrop_end(m, "quit");
}

static void update_note(struct maildrop *m, const struct failure *why)
{
    if (!m->update.failure) /* without memory there is no reason told */
        (void)failure_keep(&m->update.failure, why);
}

void update_fail(struct maildrop *m, const struct failure *why)
{
    update_note(m, why);
    update_finish(m);
}

/* ---- one set of UIDs -------------------------------------------------------------------- */

static void update_answered(struct maildrop *m, struct upstream_op *op,
                            const struct imap_event *status)
{
    struct failure why;

    (void)op;
    if (status->status == IMAP_OK)
        return;
    imap_failure(&why, status, FAILURE_PERMANENT);
    update_note(m, &why);
}

static void count_left(struct maildrop *m, uint32_t first, uint32_t last)
{
    const struct update *u = &m->update;

    for (size_t i = u->sent; i < u->sent + u->asked; i++)
        m->update.left += u->uids.items[i] >= first && u->uids.items[i] <= last;
}

static bool expunge_again(struct maildrop *m);

static void update_verified(struct maildrop *m, struct upstream_op *op,
                            const struct imap_event *status)
{
    struct update *u = &m->update;
    struct failure why;

    (void)op;
    if (status->status != IMAP_OK) {
        imap_failure(&why, status, FAILURE_TEMPORARY);
        update_note(m, &why);
        u->left = (uint32_t)u->asked;
    }
    if (expunge_again(m))
        return;
    if (!u->expiring)
        u->confirmed += (uint32_t)u->asked - MIN(u->left, (uint32_t)u->asked);
    else if (u->left)
        maildrop_log(m, MAILDROP_WARNING, "expiry-incomplete",
                     "%u messages whose days are over are still there", u->left);
    u->sent += u->asked;
}

/* "VERB set REST" for as many UIDs as one command takes: that many are `asked`. */
static void put_command(struct maildrop *m, const char *verb, struct slice rest, upstream_done done)
{
    struct update *u = &m->update;
    struct buf line = BUF_INIT;

    buf_puts(&line, verb);
    u->asked = imap_put_set(&line, u->uids.items + u->sent, u->uids.count - u->sent, UID_SET_MAX);
    buf_put(&line, rest);
    upstream_command_line(m, done, 0, &line);
}

static void put_verification(struct maildrop *m, const char *keys)
{
    struct buf line = BUF_INIT;
    struct update *u = &m->update;

    u->left = 0;
    buf_puts(&line, upstream_can(m, IMAP_CAP_ESEARCH) ? "UID SEARCH RETURN (ALL) UID "
                                                      : "UID SEARCH UID ");
    imap_put_set(&line, u->uids.items + u->sent, u->uids.count - u->sent, UID_SET_MAX);
    buf_puts(&line, keys);
    struct upstream_op *op = upstream_command_line(m, update_verified, 0, &line);
    if (op)
        op->numbers = count_left;
}

static void expunged(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    update_answered(m, op, status);
    put_verification(m, "");
}

/* Dovecot's EXPUNGE passes over what the STORE in front of it has marked, and says OK, where that
 * STORE had to tell of mail that came and went meanwhile: the two were sent together. */
static bool expunge_again(struct maildrop *m)
{
    struct update *u = &m->update;
    bool again = u->repeatable && u->left && !u->failure;

    u->repeatable = false;
    if (again)
        put_command(m, "UID EXPUNGE ", slice_of(""), expunged);
    return again;
}

static void flagged(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    update_answered(m, op, status);
    put_verification(m, " UNDELETED");
}

static void send_flag(struct maildrop *m)
{
    put_command(m, "UID STORE ", slice_of(" +FLAGS.SILENT (\\Deleted)"), flagged);
}

/* RFC 4315. Never a plain EXPUNGE, which would take what another client marked (CASES D2). The
 * verification waits for the answer: Dovecot may carry out a SEARCH before an EXPUNGE that came
 * first. */
static void send_expunge(struct maildrop *m)
{
    if (!upstream_can(m, IMAP_CAP_UIDPLUS)) {
        send_flag(m);
        return;
    }
    m->update.repeatable = true;
    put_command(m, "UID STORE ", slice_of(" +FLAGS.SILENT (\\Deleted)"), update_answered);
    put_command(m, "UID EXPUNGE ", slice_of(""), expunged);
}

/* ---- moving ----------------------------------------------------------------------------- */

static bool put_target(struct maildrop *m, struct buf *line)
{
    const char *name = m->options->move_to;

    if (!name && buf_size(&m->update.trash)) {
        buf_put(line, buf_slice(&m->update.trash));
        return true;
    }
    return upstream_put_mailbox(m, line, slice_of(name ? name : "Trash"));
}

/* The target is not there: it is made, once, and the set is sent again. */
static bool target_created(struct maildrop *m, const struct imap_event *status)
{
    struct buf line = BUF_INIT;

    if (m->update.created || !slice_is_nocase(status->code, "TRYCREATE"))
        return false;
    m->update.created = true;
    buf_puts(&line, "CREATE ");
    put_target(m, &line);
    upstream_command_line(m, update_answered, 0, &line);
    return true;
}

/* Nothing was moved: nothing of the set is deleted. */
static void set_failed(struct maildrop *m, const struct imap_event *status)
{
    if (target_created(m, status))
        return;
    update_answered(m, NULL, status);
    m->update.sent += m->update.asked;
}

static void moved(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    (void)op;
    if (status->status == IMAP_OK)
        put_verification(m, "");
    else
        set_failed(m, status);
}

/* Without MOVE (RFC 6851): only what was copied is deleted. */
static void copied(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    (void)op;
    if (status->status == IMAP_OK)
        send_expunge(m);
    else
        set_failed(m, status);
}

static void send_move(struct maildrop *m)
{
    struct buf target = BUF_INIT;
    bool can_move = upstream_can(m, IMAP_CAP_MOVE);
    struct failure why;

    buf_putc(&target, ' ');
    if (put_target(m, &target)) {
        put_command(m, can_move ? "UID MOVE " : "UID COPY ", buf_slice(&target),
                    can_move ? moved : copied);
    } else {
        failure_set(&why, FAILURE_PERMANENT, "\"%s\" cannot be the name of a mailbox",
                    m->options->move_to);
        update_fail(m, &why);
    }
    buf_clear(&target);
}

/* RFC 6154: where deleted messages go. */
static void trash_listed(struct maildrop *m, struct upstream_op *op,
                         const struct imap_event *status)
{
    (void)m;
    (void)op;
    (void)status;
}

void update_listed(struct maildrop *m, const struct imap_event *ev)
{
    if (!slice_is_nocase(ev->list.special_use, "\\Trash") || buf_size(&m->update.trash))
        return;
    imap_put_quoted(&m->update.trash, ev->list.name, true);
}

static void look_for_trash(struct maildrop *m)
{
    m->update.looked_for_trash = true;
    upstream_command(m, trash_listed, 0,
                     upstream_can(m, IMAP_CAP_SPECIAL_USE) ? "LIST (SPECIAL-USE) \"\" \"*\""
                                                           : "LIST \"\" \"*\"");
}

/* ---- folder by folder ------------------------------------------------------------------- */

static void collect(struct maildrop *m, uint32_t uid)
{
    struct uid_list *uids = &m->update.uids;
    uint32_t *item =
        maildrop_grow(m, (void **)&uids->items, &uids->count, &uids->cap, sizeof *uids->items);

    if (item)
        *item = uid;
}

static void collect_folder(struct maildrop *m, uint16_t folder)
{
    struct update *u = &m->update;

    u->uids.count = u->sent = 0;
    for (size_t i = 0; u->expiring && i < u->expired_count; i++)
        if (u->expired[i].folder == folder)
            collect(m, u->expired[i].uid);
    for (uint32_t i = 0; !u->expiring && i < m->list.count; i++)
        if (m->list.items[i].folder == folder && is_marked(&m->list.items[i]))
            collect(m, m->list.items[i].uid);
}

static bool keeps(const struct maildrop *m)
{
    return m->deletion == MAILDROP_KEEP || m->deletion == MAILDROP_KEEP_DAYS;
}

/* Gmail expunges only the label, also of what was kept for its days (QUIRKS). */
static bool moves(const struct maildrop *m)
{
    return m->deletion == MAILDROP_MOVE || (keeps(m) && upstream_can(m, IMAP_CAP_GMAIL));
}

/* The next folder with something to delete; at the end of the marks come the kept messages whose
 * days are over. False when all is done. */
static bool update_next(struct maildrop *m)
{
    struct update *u = &m->update;

    while (u->sent == u->uids.count) {
        if (u->folder == m->folder_count) {
            if (u->expiring || u->expired_count == 0)
                return false;
            u->expiring = true;
            u->folder = 0;
        }
        collect_folder(m, u->folder++);
    }
    return true;
}

void update_advance(struct maildrop *m)
{
    struct update *u = &m->update;

    if (m->saving || (m->upstream.state == UPSTREAM_READY && m->upstream.first))
        return;
    if (!update_next(m)) {
        update_finish(m);
        return;
    }
    if (!upstream_at(m, (uint16_t)(u->folder - 1)))
        return;
    if (m->deletion == MAILDROP_FLAG)
        send_flag(m);
    else if (!moves(m))
        send_expunge(m);
    else if (!m->options->move_to && !u->looked_for_trash)
        look_for_trash(m);
    else
        send_move(m);
}

/* ---- keeping ---------------------------------------------------------------------------- */

/* The messages themselves are told with it: what was told at login may not have been written, when
 * the disk was full, and of an unknown message the store takes no mark. */
static void remember_hidden(struct maildrop *m, uint16_t folder)
{
    const struct maildrop_folder *f = &m->folders[folder];
    struct drop_message *facts = NULL;
    size_t count = 0, cap = 0;

    for (uint32_t i = 0; i < m->list.count; i++) {
        const struct maildrop_message *message = &m->list.items[i];
        if (message->folder != folder || !is_marked(message))
            continue;
        struct drop_message *fact = maildrop_grow(m, (void **)&facts, &count, &cap, sizeof *facts);
        if (!fact)
            break;
        *fact = (struct drop_message){.uid = message->uid, .size = message->size, .hidden = m->age};
    }
    maildrop_remember(m, drop_record_messages(slice_of(f->name), f->uidvalidity, facts, count));
    free(facts);
}

/* Hidden means: durably. Without UIDVALIDITY a message could not be recognised tomorrow. */
static void hide_folder(struct maildrop *m, uint16_t folder)
{
    const struct maildrop_folder *f = &m->folders[folder];
    struct update *u = &m->update;
    struct failure why;

    collect_folder(m, folder);
    if (u->uids.count == 0)
        return;
    if (f->uidvalidity == 0) {
        failure_set(&why, FAILURE_PERMANENT, "the mail server gives \"%s\" no UIDVALIDITY",
                    f->name);
        update_note(m, &why);
        return;
    }
    remember_hidden(m, folder);
    u->asked += u->uids.count;
}

static void hide_marked(struct maildrop *m)
{
    for (uint16_t i = 0; i < m->folder_count; i++)
        hide_folder(m, i);
    m->update.uids.count = 0;
    m->update.folder = m->folder_count;
    maildrop_save(m, true);
}

/* The reason names files of this machine: it is in the log, and not for the client. */
void update_saved(struct maildrop *m, const struct failure *why)
{
    struct update *u = &m->update;
    struct failure told;

    if (m->busy != BUSY_QUIT)
        return;
    failure_set(&told, why->kind, "they could not be remembered; the gateway's log tells why");
    if (why->kind == FAILURE_NONE)
        u->confirmed += (uint32_t)u->asked;
    else
        update_note(m, &told);
    update_advance(m);
}

/* What is only moved or flagged was read, and is to look so where it is found. */
static void update_deletions(struct maildrop *m)
{
    if (m->deletion == MAILDROP_MOVE || m->deletion == MAILDROP_FLAG)
        retr_flush_seen(m);
    if (keeps(m) && m->update.wanted)
        hide_marked(m);
    else if (keeps(m))
        m->update.folder = m->folder_count;
    update_advance(m);
}

void update_start(struct maildrop *m)
{
    struct update *u = &m->update;

    m->phase = PHASE_UPDATE;
    m->busy = BUSY_QUIT;
    fetch_discard_all(m);
    for (uint32_t i = 0; m->list.ready && i < m->list.count; i++)
        u->wanted += is_marked(&m->list.items[i]);
    if (u->wanted || (m->list.ready && u->expired_count))
        update_deletions(m);
    else
        update_finish(m);
}
