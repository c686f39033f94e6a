/*
 * What a SEARCH found, as SEARCH (RFC 3501 section 7.2.5) or ESEARCH (RFC 9051 section 7.3.4), with
 * MODSEQ (RFC 7162 section 3.1.5), and as "$" for what follows (RFC 5182).
 */
#include "translate/mailbox/job_internal.h"

#include <stdlib.h>

#include "translate/imap/imapd_write.h"
#include "translate/state/uid_set.h"

static uint32_t *uids_of(const struct job *j)
{
    const struct job_search *s = &j->search;
    uint32_t *uids = malloc((s->found_count + 1) * sizeof *uids);

    for (size_t i = 0; uids && i < s->found_count; i++)
        uids[i] = mailbox_view_uid(j->host->view, s->found[i]);
    return uids;
}

static void put_search(struct job *j, const uint32_t *list, size_t count)
{
    struct buf *out = j->host->out;

    buf_puts(out, "* SEARCH");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, " %u", list[i]);
    if (j->search.search->modseq && count)
        buf_printf(out, " (MODSEQ %llu)", (unsigned long long)j->search.modseq);
    buf_puts(out, "\r\n");
}

static void put_esearch(struct job *j, const uint32_t *list, size_t count)
{
    struct buf *out = j->host->out;
    unsigned results = j->search.results;

    buf_puts(out, "* ESEARCH (TAG ");
    imapd_put_string(out, j->search.tag, false);
    buf_puts(out, j->search.by_uid ? ") UID" : ")");
    if ((results & IMAPD_RETURN_MIN) && count)
        buf_printf(out, " MIN %u", list[0]);
    if ((results & IMAPD_RETURN_MAX) && count)
        buf_printf(out, " MAX %u", list[count - 1]);
    if ((results & IMAPD_RETURN_ALL) && count) {
        buf_puts(out, " ALL ");
        uid_set_put(out, list, count);
    }
    if (results & IMAPD_RETURN_COUNT)
        buf_printf(out, " COUNT %zu", count);
    if (j->search.search->modseq && count)
        buf_printf(out, " MODSEQ %llu", (unsigned long long)j->search.modseq);
    buf_puts(out, "\r\n");
}

/* With MIN or MAX and neither ALL nor COUNT only those are saved (RFC 5182 section 2.4), and only
 * those were looked for. */
static void save(struct job *j, uint32_t *uids)
{
    struct mailbox_view *v = j->host->view;

    free(v->saved);
    v->saved = uids;
    v->saved_count = j->search.found_count;
}

void job_search_answer(struct job *j)
{
    struct job_search *s = &j->search;
    uint32_t *uids = uids_of(j);

    if (!uids) {
        job_no_memory(j);
        return;
    }
    const uint32_t *list = s->by_uid ? uids : s->found;
    if (!s->search->extended)
        put_search(j, list, s->found_count);
    else if (s->results != IMAPD_RETURN_SAVE)
        put_esearch(j, list, s->found_count);
    if (s->results & IMAPD_RETURN_SAVE)
        save(j, uids);
    else
        free(uids);
}
