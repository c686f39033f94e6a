/*
 * What a client may not do whose password is a device's (RFC 5530 section 3, NOPERM). A folder that
 * it may not see is not there for it.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/mailbox/mailbox_internal.h"

void mailbox_restrict(struct mailbox *m, const struct mailbox_rights *rights)
{
    mailbox_rights_clear(m);
    m->rights = *rights;
    m->rights.folder = NULL;
    m->only = rights->folder ? strdup(rights->folder) : NULL;
    m->failed = m->failed || (rights->folder && !m->only);
}

void mailbox_rights_clear(struct mailbox *m)
{
    free(m->only);
    m->only = NULL;
    m->rights = (struct mailbox_rights){.read_only = false};
}

bool mailbox_sees(const struct mailbox *m, const struct box_folder *f)
{
    return !m->only || f == box_state_folder(mailbox_state(m), slice_of(m->only));
}

const struct box_folder *mailbox_folder(const struct mailbox *m, struct slice name)
{
    const struct box_folder *f = box_state_folder(mailbox_state(m), name);

    return f && mailbox_sees(m, f) ? f : NULL;
}

static bool changes_folders(enum imapd_verb verb)
{
    return verb == IMAPD_CREATE || verb == IMAPD_DELETE || verb == IMAPD_RENAME ||
           verb == IMAPD_SUBSCRIBE || verb == IMAPD_UNSUBSCRIBE;
}

static bool changes_messages(enum imapd_verb verb)
{
    return verb == IMAPD_APPEND || verb == IMAPD_COPY || verb == IMAPD_EXPUNGE ||
           verb == IMAPD_MOVE || verb == IMAPD_STORE;
}

/* RENAME of INBOX takes its messages along, but none is lost. */
static bool deletes(const struct imapd_command *c)
{
    if (c->verb == IMAPD_STORE)
        return c->store.how != IMAPD_STORE_REMOVE && (c->store.flags.system & IMAPD_FLAG_DELETED);
    return c->verb == IMAPD_DELETE || c->verb == IMAPD_EXPUNGE || c->verb == IMAPD_MOVE;
}

const char *mailbox_forbids(const struct mailbox *m)
{
    enum imapd_verb verb = m->command.verb;

    if (m->rights.read_only && (changes_folders(verb) || changes_messages(verb)))
        return "This device's password is for reading only";
    if (m->only && changes_folders(verb))
        return "This device's password is for one mailbox only";
    if (m->rights.never_delete && deletes(&m->command))
        return "With this device's password nothing is deleted";
    return NULL;
}
