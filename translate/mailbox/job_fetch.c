/*
 * FETCH (RFC 9051 section 6.4.5): one response for each message, in order, while the octets of the
 * next ones are on their way. An item that cannot be had is left out, and the result says why.
 */
#include "translate/mailbox/job_internal.h"

#include <stdlib.h>

#include "translate/text/array.h"

static bool is_section(const struct imapd_fetch_item *item)
{
    return item->kind == IMAPD_FETCH_SECTION || item->kind == IMAPD_FETCH_BINARY ||
           item->kind == IMAPD_FETCH_BINARY_SIZE;
}

/* The next message that is to be answered (job_walk). */
static bool walk(struct job *j, struct mailbox_texts_of *of)
{
    struct job_fetch *f = &j->fetch;

    while (job_spend(j, 1)) {
        if (!mailbox_view_next(j->host->view, f->set, f->by_uid, &f->walk, &of->number, &of->uid)) {
            j->texts.walked = true;
            break;
        }
        const struct box_message *m = job_message(j, of->uid);
        if (!m) {
            j->result.expunged = true;
        } else if (f->fetch->changed && m->modseq <= f->fetch->changed_since) {
            j->result.found = true;
        } else {
            of->content = m->content;
            return true;
        }
    }
    return false;
}

static void take(struct job *j, const struct mailbox_texts_of *of)
{
    struct job_fetch *f = &j->fetch;
    struct job_slot *slot = job_window_push(&j->window, of->number, of->uid, of->content);

    slot->wants_date = f->wants_date && job_date_is_unknown(j, of->content);
    if (of->there) {
        job_texts_give(j, of, slot);
        return;
    }
    slot->wants_header = f->wants_header;
    if (f->wants_structure)
        job_slot_want_structure(j, slot);
    else if (f->wants_whole)
        job_slot_want_whole(j, slot);
}

/* False while texts, or the next turn, are waited for, and at the end. */
static bool take_next(struct job *j)
{
    struct mailbox_texts_of one = {.there = false};
    const struct mailbox_texts_of *next = &one;
    enum job_texts_step step;

    if (j->texts.kinds)
        step = job_texts_next(j, walk, &next);
    else
        step = walk(j, &one) ? JOB_TEXTS_NEXT : j->texts.walked ? JOB_TEXTS_END : JOB_TEXTS_WAIT;
    j->fetch.walked = step == JOB_TEXTS_END;
    if (step == JOB_TEXTS_NEXT)
        take(j, next);
    return step == JOB_TEXTS_NEXT;
}

/* What is remembered needs no others ahead of it: looking over the window for each message is most
 * of the work then. */
static bool first_is_remembered(struct job *j)
{
    const struct job_slot *first = j->window.count ? job_window_at(&j->window, 0) : NULL;

    return first && first->remembered && !first->wants_date;
}

/* False when the turn is over. */
static bool fill(struct job *j)
{
    struct job_fetch *f = &j->fetch;
    bool ahead = f->wants_header || f->wants_whole || f->wants_date;
    size_t window = ahead ? JOB_WINDOW : 1;
    bool low = !ahead || j->window.count <= JOB_WINDOW_LOW;

    while (low && !f->walked && j->window.count < window && !first_is_remembered(j) &&
           take_next(j)) {
    }
    if (j->hungry)
        return false;
    if (ahead && !first_is_remembered(j))
        job_window_advance(j);
    return true;
}

/* False when the message is gone. From here on it is answered as it is now. */
static bool begin(struct job *j, const struct job_slot *slot)
{
    struct job_fetch *f = &j->fetch;
    const struct box_message *m = job_message(j, slot->uid);

    if (!m) {
        j->result.expunged = true;
        return false;
    }
    const struct box_content *c = box_state_content(j->host->state(j->host->owner), m->content);
    j->result.found = true;
    f->message = *m;
    f->size = c ? c->size : 0;
    job_spend(j, 1 + job_slot_octets(slot).n / JOB_OCTETS_IN_UNIT);
    f->begun = true;
    f->open = f->read = false;
    f->item = 0;
    f->section.progress = JOB_SECTION_IDLE;
    if (f->add_uid)
        job_item_put_kind(j, slot, IMAPD_FETCH_UID);
    if (f->add_modseq)
        job_item_put_kind(j, slot, IMAPD_FETCH_MODSEQ);
    return true;
}

void job_fetch_separate(struct job *j, const struct job_slot *slot)
{
    if (j->fetch.open)
        buf_putc(j->host->out, ' ');
    else
        buf_printf(j->host->out, "* %u FETCH (", slot->number);
    j->fetch.open = true;
}

/* False while a section is being read, or there is no room. */
static bool put_items(struct job *j, struct job_slot *slot)
{
    struct job_fetch *f = &j->fetch;

    for (; f->item < f->fetch->count; f->item++) {
        const struct imapd_fetch_item *item = &f->fetch->items[f->item];
        if (f->section.progress == JOB_SECTION_IDLE && !j->host->has_room(j->host->owner))
            return false;
        if (!is_section(item)) {
            job_item_put(j, slot, item);
            continue;
        }
        if (f->section.progress == JOB_SECTION_IDLE)
            job_section_begin(j, slot, item);
        if (f->section.progress != JOB_SECTION_DONE)
            return false;
        f->section.progress = JOB_SECTION_IDLE;
    }
    return true;
}

static void add_seen(struct job *j, uint32_t uid)
{
    struct job_result *r = &j->result;
    uint32_t *seen = array_grow(r->seen, &j->seen_capacity, r->seen_count, sizeof *seen);

    if (!seen) {
        job_no_memory(j);
        return;
    }
    r->seen = seen;
    r->seen[r->seen_count++] = uid;
}

static void finish(struct job *j, const struct job_slot *slot)
{
    struct job_fetch *f = &j->fetch;

    if (f->open)
        buf_puts(j->host->out, ")\r\n");
    if (f->read && !j->host->view->read_only && !(f->message.flags & BOX_SEEN))
        add_seen(j, slot->uid);
    f->begun = false;
}

/* False when there is something to wait for. */
static bool answer_first(struct job *j)
{
    struct job_slot *slot = job_window_at(&j->window, 0);

    if (!job_slot_is_settled(slot))
        return false;
    if (!j->fetch.begun && !j->host->has_room(j->host->owner))
        return false;
    if (j->fetch.begun || begin(j, slot)) {
        if (!put_items(j, slot))
            return false;
        finish(j, slot);
    }
    job_window_pop(&j->window);
    return true;
}

bool job_fetch_take(struct job *j, struct job_slot *slot, struct slice octets)
{
    slot->size = octets.n;
    slot->lent = octets;
    slot->whole.progress = JOB_READY;
    if (answer_first(j))
        return true;
    slot->lent = (struct slice){0};
    slot->whole.progress = JOB_ASKED;
    return false;
}

enum job_state job_fetch_run(struct job *j)
{
    do {
        if (!fill(j))
            return JOB_WAITS;
        if (j->window.count == 0)
            return j->fetch.walked ? JOB_DONE : JOB_WAITS;
    } while (answer_first(j));
    return JOB_WAITS;
}
