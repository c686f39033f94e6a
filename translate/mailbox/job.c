/*
 * See mailbox_job.h: a job's life and its turns, and the way of each answer to the need that waits
 * for it.
 */
#include "translate/mailbox/job_internal.h"

#include <stdlib.h>

static struct job *job_new(const struct job_host *host, bool searches)
{
    struct job *j = calloc(1, sizeof *j);

    if (j) {
        j->host = host;
        j->searches = searches;
        j->work = JOB_WORK;
    }
    return j;
}

static void fetch_wants_header(struct job_fetch *f)
{
    f->wants_header = true;
    f->texts |= 1U << MAILBOX_TEXT_HEADER;
}

/* A message of which anything but the header is asked for is read whole, and then its header is not
 * asked for by itself: the upstream would send it twice. */
static void fetch_wants(struct job_fetch *f, const struct imapd_fetch_item *item)
{
    bool top = item->section.depth == 0;

    switch (item->kind) {
    case IMAPD_FETCH_ENVELOPE:
        f->wants_header = true;
        f->texts |= 1U << MAILBOX_TEXT_ENVELOPE;
        break;
    case IMAPD_FETCH_SECTION:
        if (top && item->section.text != IMAPD_SECTION_ALL &&
            item->section.text != IMAPD_SECTION_TEXT)
            fetch_wants_header(f);
        else
            f->wants_whole = f->apart = true;
        f->wants_structure |= f->wants_whole && !(top && item->section.text == IMAPD_SECTION_ALL);
        break;
    case IMAPD_FETCH_BINARY:
        f->wants_whole = f->apart = true;
        f->wants_structure |= !top;
        break;
    case IMAPD_FETCH_BODYSTRUCTURE:
        f->wants_whole = f->wants_structure = true;
        f->texts |= 1U << MAILBOX_TEXT_STRUCTURE;
        break;
    case IMAPD_FETCH_BODY:
    case IMAPD_FETCH_BINARY_SIZE:
        f->wants_whole = f->wants_structure = f->apart = true;
        break;
    case IMAPD_FETCH_INTERNALDATE:
        f->wants_date = true;
        break;
    case IMAPD_FETCH_FLAGS:
    case IMAPD_FETCH_UID:
    case IMAPD_FETCH_SIZE:
    case IMAPD_FETCH_MODSEQ:
        break;
    }
}

struct job *job_fetch(const struct job_host *host, const struct imapd_fetch *fetch,
                      const struct imapd_set *set, bool by_uid)
{
    struct job *j = job_new(host, false);

    if (!j)
        return NULL;
    struct job_fetch *f = &j->fetch;
    f->fetch = fetch;
    f->set = set;
    f->by_uid = by_uid;
    f->add_uid = by_uid && !imapd_fetch_has(fetch, IMAPD_FETCH_UID);
    f->add_modseq =
        !imapd_fetch_has(fetch, IMAPD_FETCH_MODSEQ) &&
        (fetch->changed || (host->condstore && imapd_fetch_has(fetch, IMAPD_FETCH_FLAGS)));
    for (size_t i = 0; i < fetch->count; i++)
        fetch_wants(f, &fetch->items[i]);
    f->wants_structure |= f->wants_whole && f->wants_header;
    j->texts.kinds = f->apart || !host->texts ? 0 : f->texts;
    return j;
}

struct job *job_search(const struct job_host *host, const struct imapd_search *search, bool by_uid,
                       struct slice tag, struct failure *why)
{
    const unsigned ends = IMAPD_RETURN_MIN | IMAPD_RETURN_MAX;
    struct job *j = job_new(host, true);

    if (!j || !job_keys_build(&j->search.keys, search, why)) {
        if (!j)
            failure_set(why, FAILURE_TEMPORARY, "memory is out");
        job_free(j);
        return NULL;
    }
    struct job_search *s = &j->search;
    s->search = search;
    s->by_uid = by_uid;
    s->tag = tag;
    s->results = search->extended ? search->results : IMAPD_RETURN_ALL;
    s->ends = (s->results & ends) && !(s->results & (IMAPD_RETURN_ALL | IMAPD_RETURN_COUNT));
    j->texts.kinds = s->keys.header && !s->ends && host->texts ? 1U << MAILBOX_TEXT_HEADER : 0;
    s->backward = s->ends && !(s->results & IMAPD_RETURN_MIN);
    s->next = s->backward ? host->view->count : 0;
    return j;
}

static void search_clear(struct job_search *s)
{
    job_keys_clear(&s->keys);
    job_fields_clear(&s->fields);
    job_body_clear(&s->body);
    free(s->found);
}

void job_free(struct job *j)
{
    if (!j)
        return;
    if (j->searches)
        search_clear(&j->search);
    else
        job_section_clear(&j->fetch.section);
    job_window_clear(&j->window);
    job_texts_clear(&j->texts);
    free(j->result.seen);
    free(j);
}

enum job_state job_run(struct job *j)
{
    j->work = JOB_WORK;
    j->hungry = false;
    if (!j->done && !j->result.broken)
        j->done = (j->searches ? job_search_run(j) : job_fetch_run(j)) == JOB_DONE;
    return j->done || j->result.broken ? JOB_DONE : JOB_WAITS;
}

bool job_is_hungry(const struct job *j)
{
    return j->hungry;
}

const struct job_result *job_result(const struct job *j)
{
    return &j->result;
}

bool job_spend(struct job *j, uint64_t units)
{
    if (j->work == 0) {
        j->hungry = true;
        return false;
    }
    j->work -= units < j->work ? (uint32_t)units : j->work;
    return true;
}

void job_note(struct job *j, const struct failure *why)
{
    if (j->result.failure.kind == FAILURE_NONE)
        j->result.failure = *why;
}

void job_no_memory(struct job *j)
{
    j->host->out->failed = true;
}

const struct box_message *job_message(const struct job *j, uint32_t uid)
{
    const struct box_state *s = j->host->state(j->host->owner);
    const struct box_folder *f = box_state_folder_by_id(s, j->host->view->folder);

    return f ? box_folder_message(f, uid) : NULL;
}

/* ---- answers ------------------------------------------------------------------------------ */

/* The numbers of reads, parses and wants may be counted apart, so a need is known by what it waits
 * for too. */
static bool awaits(const struct job_need *need, enum job_progress progress, bool parse,
                   uint32_t request)
{
    return need->progress == progress && need->request == request &&
           (progress == JOB_WANTED || (need->ask == JOB_ASK_PARSE) == parse);
}

static struct job_need *find(struct job *j, enum job_progress progress, bool parse,
                             uint32_t request, struct job_slot **slot)
{
    *slot = NULL;
    if (awaits(&j->stream, progress, parse, request))
        return &j->stream;
    for (size_t i = 0; i < j->window.count; i++) {
        *slot = job_window_at(&j->window, i);
        if (awaits(&(*slot)->header, progress, parse, request))
            return &(*slot)->header;
        if (awaits(&(*slot)->whole, progress, parse, request))
            return &(*slot)->whole;
        if (awaits(&(*slot)->date, progress, parse, request))
            return &(*slot)->date;
        if (awaits(&(*slot)->all, progress, parse, request))
            return &(*slot)->all;
    }
    return NULL;
}

static bool is_failure(const struct failure *why)
{
    return why && why->kind != FAILURE_NONE;
}

/* Headers gathered ahead may not fill the memory: what is too much is forgotten but for the first
 * message's, and asked for again when it is that. */
static void gather(struct job *j, struct job_slot *slot, uint64_t size, struct slice in)
{
    struct job_window *w = &j->window;

    slot->size = size;
    slot->cut = slot->header.part == ACCOUNT_HEADER && size > JOB_HEADER_MAX;
    if (w->gathered + in.n > JOB_GATHERED_MAX && slot != job_window_at(w, 0))
        slot->dropped = true;
    if (slot->dropped) {
        w->gathered -= buf_size(&slot->octets);
        buf_clear(&slot->octets);
        return;
    }
    buf_put(&slot->octets, in);
    w->gathered += in.n;
    if (buf_failed(&slot->octets))
        job_no_memory(j);
}

/* The message whose turn it is goes to the client without being gathered, where it came in one
 * piece. */
static bool take_at_once(struct job *j, const struct job_need *need, struct job_slot *slot,
                         uint64_t size, struct slice in)
{
    return !j->searches && !j->hungry && need == &slot->whole && in.n == size &&
           slot == job_window_at(&j->window, 0) && job_fetch_take(j, slot, in);
}

void job_read_data(struct job *j, uint32_t request, uint64_t size, struct slice *in)
{
    struct job_slot *slot;
    struct job_need *need = find(j, JOB_ASKED, false, request, &slot);

    if (need == &j->stream && j->searches) {
        job_search_data(j, in);
    } else if (need == &j->stream) {
        job_section_data(j, size, in);
    } else {
        if (need && need->ask == JOB_ASK_GATHER && !take_at_once(j, need, slot, size, *in))
            gather(j, slot, size, *in);
        slice_take(in, in->n);
    }
}

bool job_wants_read(const struct job *j)
{
    if (j->stream.progress != JOB_ASKED)
        return true;
    return !j->hungry && (j->searches || job_section_wants(j));
}

/* A section whose octets will not come is over. (A search looks at the need itself.) */
static void check_section(struct job *j, const struct job_need *need)
{
    if (need == &j->stream && need->progress == JOB_FAILED && !j->searches)
        job_section_failed(j);
}

void job_read_done(struct job *j, uint32_t request, bool present, const struct failure *why)
{
    struct job_slot *slot;
    struct job_need *need = find(j, JOB_ASKED, false, request, &slot);

    if (!need)
        return;
    if (is_failure(why)) {
        job_need_fail(j, need, why);
        check_section(j, need);
    } else if (!present) {
        job_need_absent(j, need);
        check_section(j, need);
    } else {
        need->progress = slot && slot->dropped ? JOB_IDLE : JOB_READY;
        if (slot)
            slot->dropped = false;
        else if (j->searches)
            job_search_end(j);
        else
            job_section_end(j);
    }
    job_window_stir(&j->window, slot);
}

void job_parsed(struct job *j, uint32_t request, struct mime_message *message,
                const struct failure *why)
{
    struct job_slot *slot;
    struct job_need *need = find(j, JOB_ASKED, true, request, &slot);

    if (!need || !slot) {
        mime_message_free(message);
    } else if (message) {
        slot->message = message;
        need->progress = JOB_READY;
    } else if (is_failure(why)) {
        job_need_fail(j, need, why);
    } else {
        job_need_absent(j, need);
    }
    if (need)
        job_window_stir(&j->window, slot);
}

void job_have(struct job *j, uint32_t request, const struct failure *why)
{
    struct job_slot *slot;
    struct job_need *need = find(j, JOB_WANTED, false, request, &slot);

    if (!need)
        return;
    job_need_have(j, need, why);
    check_section(j, need);
    job_window_stir(&j->window, slot);
}
