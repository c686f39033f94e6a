/*
 * APPEND (RFC 9051 section 6.3.12, RFC 7889): the message goes to the owner as it comes, is made
 * durable there, and then gets its place in the state. What cannot be taken is refused before the
 * client sends it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "translate/mailbox/mailbox_internal.h"

static void append_clear(struct append *a)
{
    free(a->key);
    free(a->digest);
    free(a->why);
    *a = (struct append){.begun = false};
}

static void why_keep(struct mailbox *m, const struct failure *why)
{
    if (!failure_keep(&m->work->append.why, why))
        m->failed = true;
}

static struct mailbox_action *append_act(struct mailbox *m, enum mailbox_action_type type)
{
    struct mailbox_action *action = mailbox_act(m, type);

    if (action)
        action->request = m->work->append.request;
    return action;
}

void mailbox_append_abort(struct mailbox *m)
{
    if (!m->work)
        return;
    /* A record that is under way is finished, and refers to the body. */
    if (m->work->append.begun || (m->work->append.key && !m->work->change.committing))
        append_act(m, MAILBOX_STORE_ABORT);
    append_clear(&m->work->append);
}

/* ---- before the message ------------------------------------------------------------------ */

static bool append_check(struct mailbox *m)
{
    const struct imapd_append *append = &m->command.append;
    const struct box_folder *f = mailbox_folder(m, m->command.mailbox);
    char text[96];

    if (!f)
        mailbox_no(m, "TRYCREATE", "There is no such mailbox");
    else if (f->noselect)
        mailbox_no(m, "CANNOT", "The mailbox is only a name, and holds no messages");
    else if (append->utf8 && !mailbox_utf8(m))
        mailbox_bad(m, "APPEND: UTF8 must be enabled before it is used");
    else if (append->size > m->settings.append_limit) {
        snprintf(text, sizeof text, "At most %llu octets are taken",
                 (unsigned long long)m->settings.append_limit);
        mailbox_no(m, "TOOBIG", text);
    } else if (append->size == 0)
        mailbox_no(m, NULL, "The message is empty"); /* RFC 3502: an APPEND that was given up */
    else
        return true;
    return false;
}

void mailbox_append_begin(struct mailbox *m)
{
    if (!append_check(m))
        return;
    append_clear(&m->work->append);
    m->work->append.begun = true;
    m->work->append.size = m->command.append.size;
    m->work->append.request = mailbox_next_request(m);
    m->busy = BUSY_APPEND;
    struct mailbox_action *action = append_act(m, MAILBOX_STORE_BEGIN);
    if (action)
        action->length = m->work->append.size;
}

/* ---- the message ------------------------------------------------------------------------- */

/* RFC 9051 section 4.3: NUL is in a binary literal alone. Taken here it could never be given back
 * as it is, for only BINARY has a place for it. */
static bool nul_is_refused(struct mailbox *m, struct slice octets)
{
    struct failure why;

    if (m->command.append.binary || !slice_has_nul(octets))
        return false;
    failure_set(&why, FAILURE_PERMANENT, "A NUL octet can only be in a binary literal, ~{n}");
    why_keep(m, &why);
    return true;
}

void mailbox_append_data(struct mailbox *m, struct slice octets)
{
    if (m->work->append.why || nul_is_refused(m, octets))
        return;
    struct mailbox_action *action = append_act(m, MAILBOX_STORE_DATA);
    if (action)
        action->octets = octets;
}

static void append_fail(struct mailbox *m)
{
    struct failure why = *m->work->append.why;

    mailbox_append_abort(m);
    mailbox_fail(m, &why);
}

void mailbox_append_end(struct mailbox *m)
{
    if (m->work->append.why) {
        append_fail(m);
        return;
    }
    append_act(m, MAILBOX_STORE_END);
    m->busy = BUSY_STORED;
}

/* ---- behind it --------------------------------------------------------------------------- */

static bool append_draft(struct mailbox *m, struct box_draft *d)
{
    const struct imapd_append *append = &m->command.append;
    const struct box_folder *f = mailbox_change_folder(m, m->command.mailbox, "TRYCREATE");
    struct box_content content = {
        .size = m->work->append.size,
        .listed = m->work->append.size,
        .digest = m->work->append.digest,
        .key = m->work->append.key,
    };

    if (!f)
        return false;
    uint64_t flags = mailbox_flags_make(&append->flags, d);
    m->work->uidvalidity = f->uidvalidity;
    m->work->uid = box_draft_message(d, f->id, box_draft_content(d, &content), flags,
                                     append->dated ? append->date : m->now_s);
    return true;
}

static void append_done(struct mailbox *m)
{
    char code[64];

    append_clear(&m->work->append);
    m->summary.appended++;
    snprintf(code, sizeof code, "APPENDUID %u %u", m->work->uidvalidity, m->work->uid);
    mailbox_finish(m, IMAPD_OK, code, "The message is there");
}

/* The octets are kept, and nothing may refer to them. */
static void append_failed(struct mailbox *m)
{
    mailbox_append_abort(m);
}

static const struct mailbox_change append_change = {
    .name = "append", .draft = append_draft, .done = append_done, .failed = append_failed};

void mailbox_stored(struct mailbox *m, uint32_t request, char *key, const char *digest,
                    const struct failure *why)
{
    struct append *a = m->work ? &m->work->append : NULL;
    struct failure none;

    if (!a || !a->begun || request != a->request) {
        free(key);
        return;
    }
    a->begun = false;
    a->key = key;
    a->digest = digest ? slice_dup(slice_of(digest)) : NULL;
    if (why->kind != FAILURE_NONE || !key || (digest && !a->digest)) {
        failure_set(&none, FAILURE_TEMPORARY, "The message could not be kept");
        why_keep(m, why->kind != FAILURE_NONE ? why : &none);
    }
    if (m->busy != BUSY_STORED || m->failed)
        return;
    if (a->why)
        append_fail(m);
    else
        mailbox_change_begin(m, &append_change);
}
