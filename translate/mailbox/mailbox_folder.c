/*
 * Folders: CREATE (RFC 9051 section 6.3.4; CREATE-SPECIAL-USE: RFC 6154 section 3), DELETE,
 * RENAME, SUBSCRIBE, UNSUBSCRIBE.
 */
#include <string.h>

#include "translate/mailbox/mailbox_internal.h"

static void folder_done(struct mailbox *m)
{
    mailbox_ok(m);
}

/* Makes the names above that there are not yet (RFC 9051 section 6.3.4: they SHOULD be). */
static void make_superiors(struct mailbox *m, struct box_draft *d, struct slice name)
{
    for (size_t i = 1; i < name.n; i++) {
        struct slice above = slice_make(name.p, i);
        if (name.p[i] == '/' && !box_state_folder(mailbox_state(m), above))
            box_draft_folder(d, above, BOX_NO_USE);
    }
}

/* What both CREATE and RENAME want of a name. */
static bool name_is_free(struct mailbox *m, struct slice name)
{
    const struct box_folder *f = box_state_folder(mailbox_state(m), name);

    if (f && !f->noselect)
        return mailbox_refuse(m, "ALREADYEXISTS", "There is a mailbox of that name");
    if (name.n == 0 || name.p[0] == '/' || name.p[name.n - 1] == '/' ||
        memmem(name.p, name.n, "//", 2))
        return mailbox_refuse(m, "CANNOT", "A level of the name is empty");
    return true;
}

/* ---- CREATE ------------------------------------------------------------------------------ */

/* A use that a folder can have, and no other has yet. */
static bool use_is_free(struct mailbox *m, const struct imapd_words *words, enum box_use *use)
{
    const struct box_state *s = mailbox_state(m);

    *use = words->count ? box_use_of(words->words[0]) : BOX_NO_USE;
    if (words->count > 1 || (words->count && *use == BOX_NO_USE))
        return mailbox_refuse(m, "USEATTR",
                              "\\Archive, \\Drafts, \\Junk, \\Sent and \\Trash are the special "
                              "uses, one for a mailbox");
    for (size_t i = 0; *use != BOX_NO_USE && i < s->folder_count; i++)
        if (s->folders[i].use == *use)
            return mailbox_refuse(m, "USEATTR", "Another mailbox has that special use");
    return true;
}

static bool create_draft(struct mailbox *m, struct box_draft *d)
{
    struct slice name = m->command.mailbox;
    enum box_use use;

    if (!name_is_free(m, name) || !use_is_free(m, &m->command.special_uses, &use))
        return false;
    make_superiors(m, d, name);
    box_draft_folder(d, name, use);
    return true;
}

void mailbox_run_create(struct mailbox *m)
{
    static const struct mailbox_change change = {
        .name = "create", .draft = create_draft, .done = folder_done};

    mailbox_change_begin(m, &change);
}

/* ---- DELETE ------------------------------------------------------------------------------ */

static bool delete_draft(struct mailbox *m, struct box_draft *d)
{
    const struct box_folder *f = box_state_folder(mailbox_state(m), m->command.mailbox);

    if (!f)
        return mailbox_refuse(m, "NONEXISTENT", "There is no such mailbox");
    if (f->id == BOX_INBOX)
        return mailbox_refuse(m, "CANNOT", "INBOX cannot be deleted");
    if (f->noselect && box_state_has_children(mailbox_state(m), f))
        return mailbox_refuse(m, "HASCHILDREN", "There are mailboxes below this name");
    box_draft_delete(d, f->id);
    return true;
}

void mailbox_run_delete(struct mailbox *m)
{
    static const struct mailbox_change change = {
        .name = "delete", .draft = delete_draft, .done = folder_done};

    mailbox_change_begin(m, &change);
}

/* ---- RENAME ------------------------------------------------------------------------------ */

/* "a" cannot become "a/b". */
static bool is_below(struct slice name, struct slice above)
{
    return name.n > above.n && name.p[above.n] == '/' &&
           slice_equal(slice_make(name.p, above.n), above);
}

/* What stands below a mailbox is renamed with it. */
static bool names_below_are_free(struct mailbox *m, const struct box_folder *f, struct slice to)
{
    const struct box_state *s = mailbox_state(m);
    bool are_free = true;

    for (size_t i = 0; i < s->folder_count && are_free; i++) {
        struct slice name = slice_of(s->folders[i].name);
        struct buf fresh = BUF_INIT;
        if (!is_below(name, slice_of(f->name)))
            continue;
        slice_take(&name, strlen(f->name));
        buf_put(&fresh, to);
        buf_put(&fresh, name);
        const struct box_folder *there = box_state_folder(s, buf_slice(&fresh));
        are_free = !buf_failed(&fresh) && (!there || there->noselect);
        buf_clear(&fresh);
    }
    return are_free;
}

static bool rename_draft(struct mailbox *m, struct box_draft *d)
{
    const struct box_folder *f = box_state_folder(mailbox_state(m), m->command.mailbox);
    struct slice to = m->command.to;

    if (!f)
        return mailbox_refuse(m, "NONEXISTENT", "There is no such mailbox");
    if (!name_is_free(m, to))
        return false;
    if (f->id != BOX_INBOX && is_below(to, slice_of(f->name)))
        return mailbox_refuse(m, "CANNOT", "A mailbox cannot come to be below itself");
    if (f->id != BOX_INBOX && !names_below_are_free(m, f, to))
        return mailbox_refuse(m, "ALREADYEXISTS", "A mailbox below it would get another's name");
    make_superiors(m, d, to);
    box_draft_rename(d, f->id, to);
    return true;
}

void mailbox_run_rename(struct mailbox *m)
{
    static const struct mailbox_change change = {
        .name = "rename", .draft = rename_draft, .done = folder_done};

    mailbox_change_begin(m, &change);
}

/* ---- SUBSCRIBE, UNSUBSCRIBE -------------------------------------------------------------- */

static bool subscribe_draft(struct mailbox *m, struct box_draft *d)
{
    struct slice name = m->command.mailbox;
    bool subscribe = m->command.verb == IMAPD_SUBSCRIBE;

    if (subscribe == box_state_subscribed(mailbox_state(m), name))
        return false;
    if (subscribe && !box_state_folder(mailbox_state(m), name))
        return mailbox_refuse(m, "NONEXISTENT", "There is no such mailbox");
    box_draft_subscribe(d, name, subscribe);
    return true;
}

void mailbox_run_subscribe(struct mailbox *m)
{
    static const struct mailbox_change subscribe = {
        .name = "subscribe", .draft = subscribe_draft, .done = folder_done};
    static const struct mailbox_change unsubscribe = {
        .name = "unsubscribe", .draft = subscribe_draft, .done = folder_done};

    mailbox_change_begin(m, m->command.verb == IMAPD_SUBSCRIBE ? &subscribe : &unsubscribe);
}
