/*
 * From what sync found of a folder to the session's list, and to the facts that the store is told.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"

/* A list of so many messages is made at once: it takes less memory than what it is made of. */
enum { SECONDS_PER_DAY = 86400, SHORT_LIST = 512 };

/* ---- what was known before the folder was read anew ------------------------------------- */

/* The same UIDVALIDITY: sizes may have been corrected, messages hidden, UIDLs imported. */
static void take_over(struct maildrop *m, const struct drop_folder *before)
{
    struct sync *s = &m->sync;

    for (size_t i = 0; i < s->found_count; i++) {
        const struct drop_message *old = drop_folder_message(before, s->found[i].uid);
        if (!old)
            continue;
        s->found[i].size = old->size;
        s->found[i].hidden = old->hidden;
        s->found[i].uidl = old->uidl ? strdup(old->uidl) : NULL;
        m->failed |= old->uidl && !s->found[i].uidl;
    }
}

static bool is_found(const struct sync *s, uint32_t uid)
{
    struct drop_folder found = {.messages = s->found, .count = s->found_count};

    return drop_folder_message(&found, uid) != NULL;
}

/* ---- what the store is told ------------------------------------------------------------- */

static void remember_gone(struct maildrop *m, const struct maildrop_folder *folder)
{
    struct sync *s = &m->sync;
    const struct drop_folder *old = s->known ? s->known : s->before;
    uint32_t *uids = NULL;
    size_t count = 0, cap = 0;

    if (!old || old->uidvalidity != folder->uidvalidity || (s->known && s->gone_count == 0))
        return;
    for (size_t i = 0; i < old->count; i++) {
        bool gone = s->known ? s->gone[i] : !is_found(s, old->messages[i].uid);
        uint32_t *uid = gone ? maildrop_grow(m, (void **)&uids, &count, &cap, sizeof *uids) : NULL;
        if (uid)
            *uid = old->messages[i].uid;
    }
    if (count)
        maildrop_remember(
            m, drop_record_gone(slice_of(folder->name), folder->uidvalidity, uids, count));
    free(uids);
}

/* UIDNEXT and HIGHESTMODSEQ say that everything below is known. A server that did not tell of every
 * message is asked again at the next login, so nothing stays unseen. */
static json_t *record_synced(struct maildrop *m, const struct maildrop_folder *folder)
{
    const struct sync *s = &m->sync;
    const struct upstream *u = &m->upstream;
    size_t count = (s->known ? s->known->count - s->gone_count : 0) + s->found_count;
    bool complete = count == u->exists;

    if (!complete)
        maildrop_log(m, MAILDROP_WARNING, "listing-incomplete",
                     "the mail server has %u messages in \"%s\" and told of %zu", u->exists,
                     folder->name, count);
    return drop_record_synced(slice_of(folder->name), folder->uidvalidity,
                              complete ? u->uidnext : 0, complete ? u->modseq : 0);
}

/* RFC 3501 section 2.3.1.1: without UIDVALIDITY a UID means nothing tomorrow. */
static void remember_folder(struct maildrop *m, const struct maildrop_folder *folder)
{
    const struct sync *s = &m->sync;
    const struct upstream *u = &m->upstream;
    struct slice name = slice_of(folder->name);

    if (folder->uidvalidity == 0)
        return;
    if (s->before && s->before->uidvalidity != folder->uidvalidity)
        maildrop_remember(m, drop_record_begun(name, folder->uidvalidity, s->before->uidvalidity));
    if (s->found_count)
        maildrop_remember(
            m, drop_record_messages(name, folder->uidvalidity, s->found, s->found_count));
    remember_gone(m, folder);
    if (!s->known || s->known->uidnext != u->uidnext || s->known->modseq != u->modseq)
        maildrop_remember(m, record_synced(m, folder));
}

/* ---- the list --------------------------------------------------------------------------- */

static bool runs_contain(const struct uid_runs *runs, size_t *at, uint32_t uid)
{
    while (*at < runs->count && runs->items[*at].last < uid)
        (*at)++;
    return *at < runs->count && runs->items[*at].first <= uid;
}

/* A day more than asked: a jump of the clock counts for at most one (see drop_state.age). */
static void note_expired(struct maildrop *m, const struct drop_message *message)
{
    struct update *u = &m->update;
    int64_t kept = m->age - message->hidden;

    if (m->deletion != MAILDROP_KEEP_DAYS || kept < (m->options->keep_days + 1ll) * SECONDS_PER_DAY)
        return;
    struct expired_message *expired = maildrop_grow(m, (void **)&u->expired, &u->expired_count,
                                                    &u->expired_cap, sizeof *u->expired);
    if (expired)
        *expired = (struct expired_message){m->sync.folder, message->uid};
}

static bool is_listed(struct maildrop *m, const struct drop_message *message, size_t *run)
{
    int64_t oldest = m->now_s - (int64_t)m->options->last_days * SECONDS_PER_DAY;

    bool passes =
        !m->sync.filtered || runs_contain(&m->sync.present, run, message->uid) != m->sync.excludes;

    /* What the client deleted it had mostly read: `unseen_only` does not prolong its days. */
    if (message->hidden >= 0 && (passes || m->options->unseen_only))
        note_expired(m, message);
    if (!passes || message->hidden >= 0)
        return false;
    return !m->options->last_days || message->received == 0 || message->received >= oldest;
}

/* Known messages and new ones, by UID: the next one, or NULL. */
static const struct drop_message *merge_next(const struct sync *s, size_t *known, size_t *found)
{
    size_t count = s->known ? s->known->count : 0;

    while (*known < count && s->gone && s->gone[*known])
        (*known)++;
    const struct drop_message *a = *known < count ? &s->known->messages[*known] : NULL;
    const struct drop_message *b = *found < s->found_count ? &s->found[*found] : NULL;
    if (a && (!b || a->uid < b->uid)) {
        (*known)++;
        return a;
    }
    *found += b != NULL;
    return b;
}

static void list_folder(struct maildrop *m)
{
    size_t known = 0, found = 0, run = 0;
    uint32_t first = m->list.count;
    const struct drop_message *message;

    while (!m->failed && (message = merge_next(&m->sync, &known, &found)))
        if (is_listed(m, message, &run))
            list_add(m, m->sync.folder, message);
    if (m->options->last_messages)
        list_keep_last(&m->list, first, m->options->last_messages);
}

/* Where all that is known is listed, and what is new besides, a session that only wants to know how
 * much there is does without the list: it costs what has changed, not what the mailbox holds. */
static bool list_may_be_owed(const struct maildrop *m)
{
    const struct sync *s = &m->sync;
    bool whole = s->known && !s->filtered && s->gone_count == 0 && s->known->sum.hidden == 0;

    whole = whole && s->known->count > SHORT_LIST;
    for (size_t i = 0; whole && i < s->found_count; i++)
        whole = s->found[i].hidden < 0;
    return whole && !m->options->last_days && !m->options->last_messages;
}

static void list_owe(struct maildrop *m)
{
    const struct sync *s = &m->sync;
    struct maildrop_list *l = &m->list;

    l->owed = true;
    l->owed_count = (uint32_t)(s->known->count + s->found_count);
    l->owed_octets = s->known->sum.octets;
    for (size_t i = 0; i < s->found_count; i++)
        l->owed_octets += s->found[i].size;
}

void list_fill(struct maildrop *m)
{
    if (!m->list.owed)
        return;
    m->list.owed = false;
    list_folder(m);
    if (m->list.ready)
        sync_end(m);
}

void build_folder(struct maildrop *m)
{
    struct sync *s = &m->sync;
    const struct maildrop_folder *folder = &m->folders[s->folder];

    if (s->before && s->before->uidvalidity == folder->uidvalidity)
        take_over(m, s->before);
    else if (s->before && s->before->count)
        uidl_recognise(m, s->before, s->found, s->found_count);
    uidl_keep_apart(m);
    remember_folder(m, folder);
    if (list_may_be_owed(m))
        list_owe(m);
    else
        list_folder(m);
}
