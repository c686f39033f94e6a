/*
 * What a job waits for. A need is asked of the store of bodies first; what is absent there is
 * wanted of the account and then asked for again, a few times, since the store may have evicted it
 * meanwhile. A message whose octets FETCH gives as they are need not be there whole: it is read
 * while it comes. Slots are the messages for which that is under way, in the order of their
 * responses.
 */
#include "translate/mailbox/job_internal.h"

#include <stdlib.h>

bool job_need_is_pending(const struct job_need *need)
{
    return need->progress == JOB_ASKED || need->progress == JOB_WANTED;
}

void job_need_fail(struct job *j, struct job_need *need, const struct failure *why)
{
    need->progress = JOB_FAILED;
    /* What another session expunged meanwhile has not failed. */
    if (box_state_content(j->host->state(j->host->owner), need->content))
        job_note(j, why);
    else
        j->result.expunged = true;
}

static void requested(struct job *j, struct job_need *need, enum job_progress progress,
                      uint32_t request)
{
    need->request = request;
    need->progress = request ? progress : JOB_FAILED;
    if (!request)
        job_no_memory(j);
}

static void ask(struct job *j, struct job_need *need)
{
    const struct job_host *host = j->host;

    if (need->ask == JOB_ASK_DATE)
        requested(j, need, JOB_WANTED, host->date(host->owner, need->content));
    else if (need->ask == JOB_ASK_PARSE)
        requested(j, need, JOB_ASKED, host->parse(host->owner, need->content));
    else
        requested(j, need, JOB_ASKED,
                  host->read(host->owner, need->content, need->part, need->offset, need->length));
}

void job_need_begin(struct job *j, struct job_need *need)
{
    need->tries = 0;
    ask(j, need);
}

static uint32_t want(struct job *j, const struct job_need *need)
{
    const struct job_host *host = j->host;
    bool streams = need->ask == JOB_ASK_PROBE || need->ask == JOB_ASK_STREAM;

    return streams && need->part == ACCOUNT_WHOLE && !j->searches
               ? host->follow(host->owner, need->content)
               : host->want(host->owner, need->content, need->part);
}

void job_need_absent(struct job *j, struct job_need *need)
{
    struct failure why;

    if (need->tries++ < JOB_TRIES) {
        requested(j, need, JOB_WANTED, want(j, need));
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "The message was fetched but is not in the cache");
    job_need_fail(j, need, &why);
}

void job_need_have(struct job *j, struct job_need *need, const struct failure *why)
{
    if (why && why->kind != FAILURE_NONE)
        job_need_fail(j, need, why);
    else if (need->ask == JOB_ASK_DATE)
        need->progress = JOB_READY;
    else
        ask(j, need);
}

struct job_slot *job_window_at(struct job_window *w, size_t i)
{
    return &w->slots[(w->head + i) % JOB_WINDOW];
}

struct job_slot *job_window_push(struct job_window *w, uint32_t number, uint32_t uid,
                                 uint32_t content)
{
    struct job_slot *slot = job_window_at(w, w->count++);

    *slot = (struct job_slot){.number = number, .uid = uid, .content = content};
    return slot;
}

/* So that no more is asked for than there is room for when it comes. */
static bool has_room(const struct job_window *w, size_t octets)
{
    return w->gathered + w->reserved + octets <= JOB_GATHERED_MAX;
}

static void reserve(struct job_window *w, struct job_slot *slot, size_t octets)
{
    slot->reserved = octets;
    w->reserved += octets;
}

static void release(struct job_window *w, struct job_slot *slot)
{
    w->reserved -= slot->reserved;
    slot->reserved = 0;
}

void job_window_pop(struct job_window *w)
{
    struct job_slot *slot = job_window_at(w, 0);

    release(w, slot);
    w->stirred |= w->held;
    w->advanced -= w->advanced != 0;
    w->gathered -= buf_size(&slot->octets) + buf_size(&slot->envelope) + buf_size(&slot->structure);
    buf_clear(&slot->octets);
    buf_clear(&slot->envelope);
    buf_clear(&slot->structure);
    mime_message_free(slot->message);
    free(slot->verdicts);
    w->head = (w->head + 1) % JOB_WINDOW;
    w->count--;
}

void job_window_clear(struct job_window *w)
{
    while (w->count)
        job_window_pop(w);
}

/* The header by itself, or, where the message is there whole, as the first octets of that. */
static void begin_header(struct job *j, struct job_slot *slot)
{
    uint64_t length = JOB_HEADER_MAX;
    bool whole = slot->message != NULL;

    if (whole) {
        uint64_t size = mime_message_part(slot->message, 0)->body_start;
        slot->cut = size > length;
        length = slot->cut ? length : size;
    }
    slot->header = (struct job_need){.ask = JOB_ASK_GATHER,
                                     .content = slot->content,
                                     .part = whole ? ACCOUNT_WHOLE : ACCOUNT_HEADER,
                                     .length = length};
    job_need_begin(j, &slot->header);
}

void job_slot_want_whole(struct job *j, struct job_slot *slot)
{
    const struct box_content *c = box_state_content(j->host->state(j->host->owner), slot->content);

    slot->wants_whole = true;
    slot->small = c && c->size <= JOB_SMALL;
    slot->octets_expected = slot->small ? (size_t)c->size : 0;
}

void job_slot_want_structure(struct job *j, struct job_slot *slot)
{
    job_slot_want_whole(j, slot);
    slot->wants_structure = true;
}

static bool gathers_whole(const struct job_slot *slot)
{
    return slot->small && slot->wants_whole && !slot->wants_structure && !slot->wants_header;
}

static void begin_whole(struct job *j, struct job_slot *slot, bool parse)
{
    bool gather = gathers_whole(slot);

    slot->whole = (struct job_need){.ask = parse    ? JOB_ASK_PARSE
                                           : gather ? JOB_ASK_GATHER
                                                    : JOB_ASK_PROBE,
                                    .content = slot->content,
                                    .part = ACCOUNT_WHOLE,
                                    .length = gather ? JOB_SMALL : 0};
    if (gather)
        reserve(&j->window, slot, slot->octets_expected);
    job_need_begin(j, &slot->whole);
}

static bool whole_is_settled(const struct job_slot *slot)
{
    if (!slot->wants_whole || slot->whole.progress == JOB_FAILED)
        return true;
    return slot->whole.progress == JOB_READY && (slot->message || !slot->wants_structure);
}

/* `octets`: of the small messages up to this one. */
static void advance_whole(struct job *j, struct job_slot *slot, size_t i, size_t octets)
{
    bool plain = slot->small && octets <= JOB_PARSED_OCTETS;
    bool near = plain || i < JOB_PARSED;
    bool parse = slot->wants_structure && near;
    bool probed = slot->whole.progress == JOB_READY && slot->whole.ask == JOB_ASK_PROBE;
    bool room = i == 0 || !gathers_whole(slot) || has_room(&j->window, slot->octets_expected);

    if (whole_is_settled(slot))
        return;
    if (room && (slot->whole.progress == JOB_IDLE || (probed && parse)))
        begin_whole(j, slot, parse);
    j->window.held |= !room || (slot->wants_structure && !near);
}

/* Without the whole there may still be the header. */
static void advance_header(struct job *j, struct job_slot *slot, bool first)
{
    bool room = first || j->window.gathered < JOB_GATHERED_MAX;

    if (!slot->wants_header || slot->header.progress != JOB_IDLE || !whole_is_settled(slot))
        return;
    if (room)
        begin_header(j, slot);
    j->window.held |= !room;
}

bool job_date_is_unknown(const struct job *j, uint32_t content)
{
    const struct box_content *c = box_state_content(j->host->state(j->host->owner), content);

    return c && c->undated;
}

/* What is too large, or there is no room for, is streamed when it is the first. */
static void advance_octets(struct job *j, struct job_slot *slot)
{
    if (!slot->wants_octets || !slot->message || slot->all.progress != JOB_IDLE)
        return;
    uint64_t size = mime_message_size(slot->message);
    if (size > JOB_SMALL)
        return;
    if (!has_room(&j->window, (size_t)size)) {
        j->window.held = true;
        return;
    }
    reserve(&j->window, slot, (size_t)size);
    slot->wants_octets = false;
    slot->all = (struct job_need){
        .ask = JOB_ASK_GATHER, .content = slot->content, .part = ACCOUNT_WHOLE, .length = size};
    job_need_begin(j, &slot->all);
}

static bool octets_are_settled(const struct job_slot *slot)
{
    bool header = !slot->wants_header || slot->header.progress == JOB_READY ||
                  slot->header.progress == JOB_FAILED;

    return header && whole_is_settled(slot);
}

/* What octets there were to come have told it, mostly. */
static void advance_date(struct job *j, struct job_slot *slot)
{
    if (!slot->wants_date || slot->date.progress != JOB_IDLE || !octets_are_settled(slot))
        return;
    slot->date = (struct job_need){.ask = JOB_ASK_DATE, .content = slot->content};
    if (job_date_is_unknown(j, slot->content))
        job_need_begin(j, &slot->date);
    else
        slot->date.progress = JOB_READY;
}

void job_window_advance(struct job *j)
{
    struct job_window *w = &j->window;
    size_t from = w->stirred ? 0 : w->advanced;
    size_t octets = 0;

    w->held = w->held && from;
    w->stirred = false;
    for (size_t i = 0; i < w->count; i++) {
        struct job_slot *slot = job_window_at(w, i);
        octets += slot->octets_expected;
        if (i < from)
            continue;
        advance_whole(j, slot, i, octets);
        advance_header(j, slot, i == 0);
        advance_octets(j, slot);
        advance_date(j, slot);
    }
    w->advanced = w->count;
}

static bool is_pending(const struct job_slot *slot)
{
    return job_need_is_pending(&slot->whole) || job_need_is_pending(&slot->header) ||
           job_need_is_pending(&slot->date) || job_need_is_pending(&slot->all);
}

void job_window_stir(struct job_window *w, struct job_slot *slot)
{
    if (slot && !job_need_is_pending(&slot->whole) && !job_need_is_pending(&slot->all))
        release(w, slot);
    w->stirred = w->stirred || !slot ||
                 (!is_pending(slot) && (!job_slot_is_settled(slot) || slot->wants_octets));
}

bool job_slot_waits_for_date(const struct job_slot *slot)
{
    return slot->wants_date && slot->date.progress != JOB_READY &&
           slot->date.progress != JOB_FAILED;
}

bool job_slot_is_settled(const struct job_slot *slot)
{
    return octets_are_settled(slot) && !job_slot_waits_for_date(slot);
}

bool job_slot_has_header(const struct job_slot *slot)
{
    return slot->header.progress == JOB_READY;
}

/* A message that is not as long as the state has it may have been read in part. */
bool job_slot_has_whole(const struct job_slot *slot)
{
    return slot->whole.ask == JOB_ASK_GATHER && slot->whole.progress == JOB_READY &&
           job_slot_octets(slot).n == slot->size;
}

struct slice job_slot_octets(const struct job_slot *slot)
{
    return slot->lent.n ? slot->lent : buf_slice(&slot->octets);
}
