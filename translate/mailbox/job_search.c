/*
 * SEARCH (RFC 9051 section 6.4.4): messages pass through three stages, and most end in the first:
 * what the state tells; what the header tells; what is in the body. Headers and bodies of those
 * that are left are asked for ahead, in a window, and found messages are noted in order.
 *
 * Where only the first or the last match is asked for (MIN, MAX), the search begins at that end and
 * stops with it.
 */
#include "translate/mailbox/job_internal.h"

#include <stdlib.h>
#include <string.h>

#include "translate/text/array.h"

/* What a message's mod-sequence is as part of the answer (RFC 7162 section 3.1.5). */
static void found(struct job *j, uint32_t number, const struct box_message *m)
{
    struct job_search *s = &j->search;
    uint32_t *grown = array_grow(s->found, &s->found_capacity, s->found_count, sizeof *grown);

    if (!grown) {
        job_no_memory(j);
        return;
    }
    s->found = grown;
    s->found[s->found_count++] = number;
    if (m && m->modseq > s->modseq)
        s->modseq = m->modseq;
}

/* ---- candidates --------------------------------------------------------------------------- */

/* Number of the next one, 0 at the end. */
static uint32_t next_candidate(struct job *j)
{
    struct job_search *s = &j->search;

    if (s->backward ? s->next <= s->least : s->next >= j->host->view->count) {
        s->walked = true;
        return 0;
    }
    return (uint32_t)(s->backward ? s->next-- : ++s->next);
}

/* An end of the mailbox is found: the other one is looked for, if it is wanted too. */
static void turn_round(struct job *j)
{
    struct job_search *s = &j->search;
    bool first = !s->backward && (s->results & IMAPD_RETURN_MAX);

    job_window_clear(&j->window);
    s->ahead = 0;
    s->walked = true;
    if (!first)
        return;
    s->walked = false;
    s->backward = true;
    s->least = s->found[0];
    s->next = j->host->view->count;
}

static void note_found(struct job *j, uint32_t number, const struct box_message *m)
{
    found(j, number, m);
    if (j->search.ends && j->search.found_count)
        turn_round(j);
}

/* What the keys, which were asked of this message, leave undecided needs octets. */
static void want_octets(struct job *j, struct job_slot *slot)
{
    const struct job_keys *keys = &j->search.keys;
    bool header = keys->header && (job_keys_lack(keys, IMAPD_SEARCH_HEADER) ||
                                   job_keys_lack(keys, IMAPD_SEARCH_SENT));
    bool unknown = slot->verdict == JOB_UNKNOWN;

    slot->wants_header = unknown && header;
    slot->wants_octets = unknown && !header;
    if (slot->wants_octets)
        job_slot_want_structure(j, slot);
}

/* A message that the state does not decide goes into the window. */
static void wait_for(struct job *j, const struct mailbox_texts_of *of, const struct box_message *m,
                     enum job_verdict verdict)
{
    struct job_slot *slot = job_window_push(&j->window, of->number, m->uid, m->content);

    slot->verdict = verdict;
    slot->wants_date =
        verdict == JOB_UNKNOWN && j->search.keys.dates && job_date_is_unknown(j, m->content);
    if (of->there)
        job_texts_give(j, of, slot);
    if (!slot->wants_date)
        want_octets(j, slot);
}

/* What the state says of it, NULL when it is gone. */
static const struct box_message *judge(struct job *j, uint32_t number, enum job_verdict *verdict)
{
    const struct box_message *m = job_message(j, mailbox_view_uid(j->host->view, number));

    *verdict = JOB_FALSE;
    if (!m)
        return NULL;
    job_keys_reset(&j->search.keys);
    *verdict = job_keys_verdict(j, number, m);
    return m;
}

static void consider(struct job *j, const struct mailbox_texts_of *of)
{
    enum job_verdict verdict;
    const struct box_message *m = judge(j, of->number, &verdict);

    if (verdict == JOB_TRUE && j->window.count == 0)
        note_found(j, of->number, m);
    else if (verdict != JOB_FALSE)
        wait_for(j, of, m, verdict);
}

/* The next one whose header may have to be looked at (job_walk). */
static bool walk(struct job *j, struct mailbox_texts_of *of)
{
    enum job_verdict verdict;

    while (job_spend(j, 1)) {
        of->number = next_candidate(j);
        j->texts.walked = of->number == 0;
        if (j->texts.walked)
            return false;
        const struct box_message *m = judge(j, of->number, &verdict);
        if (verdict == JOB_FALSE)
            continue;
        of->uid = m->uid;
        of->content = m->content;
        return true;
    }
    return false;
}

/* False when it has to wait. */
static bool take_next(struct job *j)
{
    struct mailbox_texts_of one = {.there = false};
    const struct mailbox_texts_of *next = &one;

    if (j->texts.kinds) {
        enum job_texts_step step = job_texts_next(j, walk, &next);
        j->search.walked = step == JOB_TEXTS_END;
        if (step == JOB_TEXTS_WAIT)
            return false;
    } else if (!job_spend(j, 1)) {
        return false;
    } else {
        one.number = next_candidate(j);
    }
    if (!j->search.walked)
        consider(j, next);
    return true;
}

/* False when the turn is over. Where one match is enough, little is asked for ahead; else some at a
 * time, since all of the window is looked over for them. The verdicts are those of a message that
 * is being matched while `fields` or `body` are at work. */
static bool fill(struct job *j)
{
    struct job_search *s = &j->search;
    size_t window = s->ends ? JOB_PARSED : JOB_WINDOW;

    if (j->window.count <= window - window / 4)
        while (!s->walked && j->window.count < window && take_next(j)) {
        }
    if (j->hungry)
        return false;
    job_window_advance(j);
    return true;
}

/* ---- stages ------------------------------------------------------------------------------- */

/* What the header did not decide needs the body; the leaves' verdicts so far are kept for that. */
static void keep_verdicts(struct job *j, struct job_slot *slot)
{
    const struct job_keys *keys = &j->search.keys;

    slot->verdicts = malloc(keys->leaf_count);
    if (!slot->verdicts) {
        job_no_memory(j);
        slot->verdict = JOB_FALSE;
        return;
    }
    memcpy(slot->verdicts, keys->verdicts, keys->leaf_count);
    slot->wants_octets = true;
    job_slot_want_structure(j, slot);
}

static void release_header(struct job *j, struct job_slot *slot)
{
    j->window.gathered -= buf_size(&slot->octets);
    buf_clear(&slot->octets);
    j->window.stirred |= j->window.held;
    slot->wants_header = false;
    slot->header_done = true;
}

/* False: out of work. */
static bool match_header(struct job *j, struct job_slot *slot)
{
    struct job_search *s = &j->search;

    if (!slot->begun) {
        slot->begun = true;
        job_keys_reset(&s->keys);
        job_fields_begin(&s->fields, buf_slice(&slot->octets), JOB_SCOPE_MESSAGE);
    }
    if (!job_fields_match(j, &s->fields))
        return false;
    job_keys_close(&s->keys, IMAPD_SEARCH_HEADER);
    job_keys_close(&s->keys, IMAPD_SEARCH_SENT);
    release_header(j, slot);
    const struct box_message *m = job_message(j, slot->uid);
    slot->verdict = m ? job_keys_verdict(j, slot->number, m) : JOB_FALSE;
    if (slot->verdict == JOB_UNKNOWN)
        keep_verdicts(j, slot);
    return true;
}

/* The state is asked again once it knows when the message arrived. */
static void match_date(struct job *j, struct job_slot *slot)
{
    bool known = slot->date.progress == JOB_READY;
    const struct box_message *m = known ? job_message(j, slot->uid) : NULL;

    slot->wants_date = false;
    job_keys_reset(&j->search.keys);
    slot->verdict = m ? job_keys_verdict(j, slot->number, m) : JOB_FALSE;
    want_octets(j, slot);
}

/* Headers are matched as far ahead as they have come, so that the bodies of what they leave open
 * can be asked for early. False: out of work. */
static bool match_headers(struct job *j)
{
    struct job_search *s = &j->search;

    bool wants = false; /* something of a message */

    for (; s->ahead < j->window.count; s->ahead++) {
        struct job_slot *slot = job_window_at(&j->window, s->ahead);
        if (job_slot_waits_for_date(slot))
            break;
        if (slot->wants_date) {
            match_date(j, slot);
            wants = true;
        }
        if (!slot->wants_header)
            continue;
        if (slot->header.progress == JOB_FAILED) {
            slot->verdict = JOB_FALSE;
            slot->wants_header = false;
            continue;
        }
        if (!job_slot_has_header(slot))
            break;
        if (!match_header(j, slot))
            return false;
        wants |= slot->wants_whole;
    }
    if (!wants)
        return true;
    j->window.stirred = true;
    job_window_advance(j);
    return true;
}

/* False while octets or the next turn are waited for. */
static bool match_body(struct job *j, struct job_slot *slot)
{
    struct job_search *s = &j->search;

    if (!job_slot_is_settled(slot) || job_need_is_pending(&slot->all))
        return false;
    if (!slot->message) {
        slot->verdict = JOB_FALSE;
        return true;
    }
    if (!s->body.begun) {
        s->body.begun = true;
        job_keys_reset(&s->keys);
        if (slot->verdicts)
            memcpy(s->keys.verdicts, slot->verdicts, s->keys.leaf_count);
    }
    if (!job_body_match(j, slot))
        return false;
    const struct box_message *m = job_message(j, slot->uid);
    slot->verdict = m && !slot->unreadable ? job_keys_verdict(j, slot->number, m) : JOB_FALSE;
    return true;
}

static bool settle_first(struct job *j)
{
    struct job_slot *slot = job_window_at(&j->window, 0);

    if (slot->wants_header || (slot->verdict == JOB_UNKNOWN && !match_body(j, slot)))
        return false;
    uint32_t number = slot->number;
    uint32_t uid = slot->uid;
    bool matches = slot->verdict == JOB_TRUE;
    const struct box_message *m = job_message(j, uid);
    job_window_pop(&j->window);
    j->search.ahead -= j->search.ahead > 0;
    if (matches && m)
        note_found(j, number, m);
    return true;
}

/* A message is being matched: the verdicts of the leaves are its own until it is decided. */
static bool is_matching(const struct job *j)
{
    return j->search.fields.busy || j->search.body.begun;
}

enum job_state job_search_run(struct job *j)
{
    do {
        if (!is_matching(j) && !fill(j))
            return JOB_WAITS;
        if (!j->search.body.begun && !match_headers(j))
            return JOB_WAITS;
        if (j->window.count == 0 && j->search.walked) {
            job_search_answer(j);
            return JOB_DONE;
        }
        if (j->window.count == 0 && j->texts.kinds)
            return JOB_WAITS;
    } while (j->window.count == 0 || settle_first(j));
    return JOB_WAITS;
}
