/*
 * How the list of messages comes about: each folder is selected and compared with what is
 * remembered of it, at a cost that grows with what changed.
 *
 *   unchanged       UIDNEXT and the number of messages are as they were: nothing is asked at all
 *   new messages    one UID FETCH from the first unknown UID on
 *   vanished ones   QRESYNC tells them at SELECT (RFC 7162); without it one UID SEARCH over the
 * known all of it       one UID FETCH 1:*, when nothing is known, or when what is known does not
 * add up
 *
 * Whatever the path, at its end the number of messages must be EXISTS, or all UIDs are searched.
 * What still does not add up is listed as far as it is known, and the next login looks again.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"

static void sync_folder(struct maildrop *m, uint16_t folder);

static void found_clear(struct sync *s)
{
    for (size_t i = 0; i < s->found_count; i++) {
        free(s->found[i].id);
        free(s->found[i].uidl);
    }
    free(s->found);
    s->found = NULL;
    s->found_count = s->found_cap = 0;
}

void sync_clear(struct sync *s)
{
    found_clear(s);
    free(s->gone);
    free(s->present.items);
    buf_clear(&s->header);
    EVP_MD_CTX_free(s->digest);
    free(s->id);
    *s = (struct sync){0};
}

static void sync_failed(struct maildrop *m, const struct failure *why)
{
    if (m->busy == BUSY_LOGIN)
        auth_refused(m, why);
    else
        upstream_lost(m, why);
}

/* False when a command was refused, and with it the list. */
static bool sync_answered(struct maildrop *m, const struct imap_event *status)
{
    struct failure why;

    if (status->status == IMAP_OK)
        return true;
    imap_failure(&why, status, FAILURE_TEMPORARY);
    sync_failed(m, &why);
    return false;
}

/* The list lacks nothing, and what it was made of is needed no more. */
void sync_end(struct maildrop *m)
{
    sync_clear(&m->sync);
    drop_state_free(m->state);
    m->state = NULL;
    list_fit(&m->list);
}

static void sync_next_folder(struct maildrop *m)
{
    uint16_t next = (uint16_t)(m->sync.folder + 1);

    if (next < m->folder_count) {
        list_fill(m);
        sync_clear(&m->sync);
        sync_folder(m, next);
        return;
    }
    m->sync.running = false;
    if (!m->list.owed)
        sync_end(m);
    m->list.ready = true;
    m->upstream.reopened = false; /* that did get on */
    maildrop_save(m, false);
}

/* ---- UID SEARCH ------------------------------------------------------------------------- */

static void runs_add(struct maildrop *m, uint32_t first, uint32_t last)
{
    struct uid_runs *runs = &m->sync.present;
    struct uid_range *end = runs->count ? &runs->items[runs->count - 1] : NULL;

    if (end && first == end->last + 1) {
        end->last = last;
        return;
    }
    struct uid_range *run =
        maildrop_grow(m, (void **)&runs->items, &runs->count, &runs->cap, sizeof *runs->items);
    if (run)
        *run = (struct uid_range){first, last};
}

static int by_first(const void *a, const void *b)
{
    const struct uid_range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static void runs_sort(struct uid_runs *runs)
{
    if (runs->count)
        qsort(runs->items, runs->count, sizeof *runs->items, by_first);
}

static void sync_search(struct maildrop *m, const char *keys, upstream_done done)
{
    struct buf line = BUF_INIT;

    m->sync.present.count = 0;
    buf_printf(&line, "UID SEARCH %s%s", upstream_can(m, IMAP_CAP_ESEARCH) ? "RETURN (ALL) " : "",
               keys);
    struct upstream_op *op = upstream_command_line(m, done, 0, &line);
    if (op)
        op->numbers = runs_add;
}

/* ---- adding up -------------------------------------------------------------------------- */

static size_t known_left(const struct sync *s)
{
    return s->known ? s->known->count - s->gone_count : 0;
}

static void mark_gone(struct maildrop *m, size_t index)
{
    struct sync *s = &m->sync;

    if (!s->gone)
        s->gone = calloc(s->known->count, 1);
    if (!s->gone) {
        m->failed = true;
        return;
    }
    s->gone_count += !s->gone[index];
    s->gone[index] = 1;
}

static void gone_forget(struct sync *s)
{
    free(s->gone);
    s->gone = NULL;
    s->gone_count = 0;
}

/* RFC 7162 section 3.2.10. The set may say 1:4294967295: it is the known messages that are walked.
 */
void sync_vanished(struct maildrop *m, uint32_t first, uint32_t last)
{
    struct sync *s = &m->sync;

    for (size_t i = 0; s->running && s->known && i < s->known->count && !m->failed; i++)
        if (s->known->messages[i].uid >= first && s->known->messages[i].uid <= last)
            mark_gone(m, i);
}

static void sync_filter(struct maildrop *m);
static void sync_fetch(struct maildrop *m, uint32_t from);

/* What is known of this folder does not add up with what the server has: it is read anew, and only
 * what the server cannot tell (exceptions, hidden messages) is taken over. */
static void sync_anew(struct maildrop *m)
{
    struct sync *s = &m->sync;

    s->before = s->known;
    s->known = NULL;
    gone_forget(s); /* the search is the authority: VANISHED may have been of the folder before */
    found_clear(s);
    sync_fetch(m, 1);
}

static void sync_searched(struct maildrop *m, struct upstream_op *op,
                          const struct imap_event *status)
{
    struct sync *s = &m->sync;
    size_t run = 0, matched = 0, present = 0;

    (void)op;
    if (!sync_answered(m, status))
        return;
    runs_sort(&s->present);
    gone_forget(s); /* the search is the authority: VANISHED may have been of the folder before */
    for (size_t i = 0; i < s->present.count; i++)
        present += (size_t)(s->present.items[i].last - s->present.items[i].first) + 1;
    for (size_t i = 0; i < s->known->count && !m->failed; i++) {
        uint32_t uid = s->known->messages[i].uid;
        while (run < s->present.count && s->present.items[run].last < uid)
            run++;
        if (run < s->present.count && s->present.items[run].first <= uid)
            matched++;
        else
            mark_gone(m, i);
    }
    s->searched = true;
    if (present > matched + s->found_count)
        sync_anew(m);
    else
        sync_filter(m);
}

static void sync_compare(struct maildrop *m)
{
    struct sync *s = &m->sync;

    if (s->searched || !s->known || known_left(s) + s->found_count == m->upstream.exists) {
        sync_filter(m);
    } else if (m->upstream.exists == 0) {
        sync_vanished(m, 1, UINT32_MAX);
        sync_filter(m);
    } else {
        sync_search(m, "ALL", sync_searched);
    }
}

/* ---- UID FETCH -------------------------------------------------------------------------- */

static int by_uid(const void *a, const void *b)
{
    const struct drop_message *x = a, *y = b;

    return (x->uid > y->uid) - (x->uid < y->uid);
}

/* Ascending, each UID once: servers repeat themselves, and n:* names the last message even when its
 * UID is below n (RFC 3501 section 6.4.8). */
static void found_tidy(struct sync *s)
{
    size_t kept = 0;

    if (s->found_count)
        qsort(s->found, s->found_count, sizeof *s->found, by_uid);
    for (size_t i = 0; i < s->found_count; i++) {
        bool repeated = kept && s->found[kept - 1].uid == s->found[i].uid;
        if (repeated || (s->known && drop_folder_message(s->known, s->found[i].uid))) {
            free(s->found[i].id);
            continue;
        }
        s->found[kept++] = s->found[i];
    }
    s->found_count = kept;
}

static void sync_fetch_done(struct maildrop *m, struct upstream_op *op,
                            const struct imap_event *status)
{

    (void)op;
    if (!sync_answered(m, status))
        return;
    found_tidy(&m->sync);
    sync_compare(m);
}

static void sync_fetch(struct maildrop *m, uint32_t from)
{
    struct buf line = BUF_INIT;

    if (m->upstream.exists == 0) {
        sync_compare(m);
        return;
    }
    buf_printf(&line, "UID FETCH %u:* (UID RFC822.SIZE INTERNALDATE%s)", from, uidl_fetch_items(m));
    upstream_command_line(m, sync_fetch_done, 0, &line);
}

/* The server's own id, or what was taken from the header. Owned by the caller. */
static char *id_take(struct maildrop *m, const struct imap_event *ev)
{
    struct sync *s = &m->sync;
    char *id = s->id;

    if (ev->fetch.has & IMAP_HAS_ID)
        return uidl_id(m, ev->fetch.id);
    s->id = NULL;
    return id;
}

void sync_fetched(struct maildrop *m, const struct imap_event *ev)
{
    struct sync *s = &m->sync;
    unsigned needed = IMAP_HAS_UID | IMAP_HAS_SIZE;

    if (ev->type != IMAP_EV_FETCH) {
        uidl_header(m, ev);
        return;
    }
    if ((ev->fetch.has & needed) == needed) {
        struct drop_message *found =
            maildrop_grow(m, (void **)&s->found, &s->found_count, &s->found_cap, sizeof *s->found);
        if (!found)
            return;
        found->uid = ev->fetch.uid;
        found->size = pop3_body_expected_size(ev->fetch.size);
        found->received = ev->fetch.has & IMAP_HAS_INTERNALDATE ? ev->fetch.internaldate : 0;
        found->hidden = -1;
        found->id = id_take(m, ev);
    }
    free(s->id);
    s->id = NULL;
}

/* ---- which of them are listed ----------------------------------------------------------- */

static void sync_filtered(struct maildrop *m, struct upstream_op *op,
                          const struct imap_event *status)
{

    (void)op;
    if (!sync_answered(m, status))
        return;
    runs_sort(&m->sync.present);
    m->sync.filtered = true;
    build_folder(m);
    sync_next_folder(m);
}

/* Where nothing is to be left out, all is as without a search. */
static void sync_excluded(struct maildrop *m, struct upstream_op *op,
                          const struct imap_event *status)
{
    m->sync.excludes = m->sync.present.count != 0;
    if (m->sync.excludes || status->status != IMAP_OK) {
        sync_filtered(m, op, status);
        return;
    }
    build_folder(m);
    sync_next_folder(m);
}

/* \Deleted is what a deletion comes to where nothing more can or shall be done: such a message must
 * not be listed again. */
static bool hides_deleted(const struct maildrop *m)
{
    bool flags_only = m->deletion == MAILDROP_FLAG;
    bool expunges = m->deletion == MAILDROP_EXPUNGE || m->deletion == MAILDROP_KEEP_DAYS;
    bool moves = m->deletion == MAILDROP_MOVE && !upstream_can(m, IMAP_CAP_MOVE);

    return flags_only || ((expunges || moves) && !upstream_can(m, IMAP_CAP_UIDPLUS));
}

static void sync_filter(struct maildrop *m)
{
    bool undeleted = hides_deleted(m);
    bool unseen = m->options->unseen_only;

    if (unseen && m->upstream.exists) {
        sync_search(m, undeleted ? "UNDELETED UNSEEN" : "UNSEEN", sync_filtered);
    } else if (undeleted && m->upstream.exists) {
        sync_search(m, "DELETED", sync_excluded); /* few, where UNDELETED are nearly all */
    } else {
        build_folder(m);
        sync_next_folder(m);
    }
}

/* ---- one folder ------------------------------------------------------------------------- */

/* What is remembered holds only for the same UIDVALIDITY, and when it has what the UIDLs need. */
static void known_check(struct maildrop *m)
{
    struct sync *s = &m->sync;
    bool needs_ids = uidl_fetch_items(m)[0] != '\0';

    if (!s->known)
        return;
    if (s->known->count == 0 || s->known->uidvalidity != m->upstream.uidvalidity ||
        (needs_ids && s->known->sum.ids == 0)) {
        s->before = s->known;
        s->known = NULL;
    }
}

static void sync_plan(struct maildrop *m)
{
    struct sync *s = &m->sync;
    uint32_t next = m->upstream.uidnext;

    known_check(m);
    if (!s->known) {
        sync_fetch(m, 1);
        return;
    }
    uint32_t last = s->known->messages[s->known->count - 1].uid;
    bool nothing_new = next && (next == s->known->uidnext || next <= last + 1);
    if (nothing_new || last == UINT32_MAX)
        sync_compare(m);
    else
        sync_fetch(m, last + 1);
}

/* RFC 3501 section 7.1: without UIDVALIDITY nothing may be remembered by UID. */
static void sync_selected(struct maildrop *m, struct upstream_op *op,
                          const struct imap_event *status)
{
    struct maildrop_folder *folder = &m->folders[op->arg];
    struct failure why;

    if (status->status != IMAP_OK && op->arg > 0) {
        imap_failure(&why, status, FAILURE_PERMANENT);
        maildrop_log(m, MAILDROP_WARNING, "folder-skipped", "\"%s\": %s", folder->name, why.text);
        sync_next_folder(m);
        return;
    }
    if (status->status != IMAP_OK) {
        imap_failure(&why, status, FAILURE_PERMANENT);
        sync_failed(m, &why);
        return;
    }
    folder->uidvalidity = m->upstream.uidvalidity;
    if (m->phase == PHASE_AUTHORIZATION)
        auth_succeeded(m);
    sync_plan(m);
}

static void sync_select(struct maildrop *m)
{
    const struct sync *s = &m->sync;

    upstream_select(m, s->folder, s->known ? s->known->uidvalidity : 0,
                    s->known && s->known->count ? s->known->modseq : 0, sync_selected);
}

static void sync_refreshed(struct maildrop *m, struct upstream_op *op,
                           const struct imap_event *status)
{
    if (m->upstream.selected == (int)op->arg)
        sync_selected(m, op, status);
    else
        sync_select(m);
}

static void sync_folder(struct maildrop *m, uint16_t folder)
{
    struct sync *s = &m->sync;

    s->running = true;
    s->folder = folder;
    s->known = drop_state_folder(m->state, slice_of(m->folders[folder].name));
    if (warm_stands_at(m, folder))
        warm_refresh(m, folder, sync_refreshed);
    else
        sync_select(m);
}

/* Gmail expunges only the label: there a deletion is a move to Trash (QUIRKS). */
static void deletion_decide(struct maildrop *m)
{
    if (upstream_can(m, IMAP_CAP_GMAIL) && m->deletion == MAILDROP_EXPUNGE)
        m->deletion = MAILDROP_MOVE;
    else if (m->deletion == MAILDROP_EXPUNGE && !upstream_can(m, IMAP_CAP_UIDPLUS))
        m->deletion = MAILDROP_FLAG;
    else
        return;
    maildrop_log(m, MAILDROP_INFO, "deletion-adapted", "%s",
                 m->deletion == MAILDROP_MOVE
                     ? "Gmail: a deletion is a move to the folder marked \\Trash"
                     : "the mail server has no UIDPLUS: deleted messages are flagged \\Deleted and "
                       "no longer listed");
}

void sync_start(struct maildrop *m)
{
    deletion_decide(m);
    sync_clear(&m->sync);
    list_clear(&m->list);
    m->update.expired_count = 0;
    sync_folder(m, 0);
}
