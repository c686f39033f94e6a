/*
 * Messages on their way from the upstream.
 *
 * Every POP3 client reads its messages one after the other, so while it reads one the next ones are
 * already asked for: the upstream's round trip is paid once, not once a message. What comes before
 * it is wanted is held in wire form, within the route's `prefetch` octets; what is wanted goes
 * straight to the client. The number of messages asked for ahead doubles with each one that was
 * read in sequence, so a client that wants a single message costs no more than that.
 *
 * FETCH answers are matched by UID. A server that tells the UID only behind the body is believed
 * when the two agree at the end - a message is complete only then - and gets one command at a time
 * from then on.
 */
#include <stdlib.h>

#include "translate/maildrop/maildrop_internal.h"

/* More than this in one burst gains nothing, whatever the messages' size. */
enum { AHEAD_MAX = 512 };

/* The argument of a command: who asked for the message. */
enum { ALONE, TOGETHER };

/* ---- the queue -------------------------------------------------------------------------- */

struct fetch *fetch_add(struct maildrop *m, uint32_t index, uint32_t lines)
{
    struct fetches *q = &m->fetches;
    struct fetch *f = calloc(1, sizeof *f);

    if (!f) {
        m->failed = true;
        return NULL;
    }
    f->index = index;
    pop3_body_init(&f->body, lines);
    *q->last = f;
    q->last = &f->next;
    q->wanted++;
    if (!q->expected)
        q->expected = f;
    return f;
}

struct buf fetch_take_held(struct maildrop *m, struct fetch *f)
{
    struct buf held = f->held;

    m->fetches.held -= buf_size(&held);
    f->held = (struct buf)BUF_INIT;
    return held;
}

static void fetch_let_go(struct maildrop *m, struct fetch *f)
{
    struct buf held = fetch_take_held(m, f);

    buf_clear(&held);
}

void fetch_look_again(struct maildrop *m)
{
    m->fetches.beyond = 0;
}

void fetch_remove(struct maildrop *m, struct fetch *f)
{
    struct fetches *q = &m->fetches;

    for (struct fetch **at = &q->first; *at; at = &(*at)->next) {
        if (*at != f)
            continue;
        *at = f->next;
        if (!f->next)
            q->last = at;
        break;
    }
    if (q->delivering == f)
        q->delivering = NULL;
    if (q->receiving == f)
        q->receiving = NULL;
    if (q->expected == f)
        q->expected = f->next;
    if (!f->discard)
        q->wanted--;
    if (!f->given)
        fetch_look_again(m);
    fetch_let_go(m, f);
    free(f);
}

void fetch_clear(struct fetches *q)
{
    while (q->first) {
        struct fetch *f = q->first;
        q->first = f->next;
        buf_clear(&f->held);
        free(f);
    }
    *q = (struct fetches){.last = &q->first};
}

static bool is_ahead(const struct fetch *f)
{
    return f->body.lines_max == UINT32_MAX;
}

struct fetch *fetch_find(struct maildrop *m, uint32_t index)
{
    for (struct fetch *f = m->fetches.first; f; f = f->next)
        if (f->index == index && !f->discard && is_ahead(f))
            return f;
    return NULL;
}

static void fetch_discard(struct maildrop *m, struct fetch *f)
{
    if (!f->discard)
        m->fetches.wanted--;
    f->discard = true;
    fetch_look_again(m);
    fetch_let_go(m, f);
}

/* What is still to come of a discarded message must be read over; what is whole can go. */
void fetch_discard_all(struct maildrop *m)
{
    struct fetch *next;

    for (struct fetch *f = m->fetches.first; f; f = next) {
        next = f->next;
        if (f->state != FETCH_ASKED && f->state != FETCH_COMING)
            fetch_remove(m, f);
        else
            fetch_discard(m, f);
    }
}

bool fetch_lost(struct maildrop *m)
{
    struct fetch *wanted = m->fetches.delivering;
    struct fetch *next;
    bool cut = wanted && wanted->given;

    m->fetches.receiving = NULL;
    for (struct fetch *f = m->fetches.first; f && !cut; f = next) {
        next = f->next;
        if (f->state != FETCH_WHOLE)
            fetch_remove(m, f);
    }
    return cut;
}

/* ---- asking ----------------------------------------------------------------------------- */

void fetch_absent(struct fetch *f, const struct imap_event *status)
{
    f->state = status->status == IMAP_OK ? FETCH_MISSING : FETCH_REFUSED;
    if (f->state == FETCH_REFUSED)
        imap_failure(&f->refusal, status, FAILURE_TEMPORARY);
}

/* The tagged answer: what did not come is not there. Of several that were asked for together one
 * may be the cause of a refusal: then each is asked for by itself when it is wanted. */
static void fetch_done(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    struct fetch *next;

    for (struct fetch *f = m->fetches.first; f; f = next) {
        next = f->next;
        if (f->command != op->command || f->state == FETCH_WHOLE)
            continue;
        if (f->discard || (op->arg == TOGETHER && status->status != IMAP_OK))
            fetch_remove(m, f);
        else if (f->state != FETCH_REFUSED)
            fetch_absent(f, status);
    }
}

struct fetch *fetch_ask(struct maildrop *m, uint32_t index)
{
    struct fetch *f = fetch_add(m, index, UINT32_MAX);
    struct buf line = BUF_INIT;

    if (!f)
        return NULL;
    buf_printf(&line, "UID FETCH %u (UID BODY.PEEK[])", m->list.items[index].uid);
    struct upstream_op *op = upstream_command_line(m, fetch_done, ALONE, &line);
    if (op)
        f->command = op->command;
    return f;
}

/* How many messages are ahead of the client. */
static uint32_t messages_ahead(const struct fetches *q)
{
    return q->wanted - (q->delivering && !q->delivering->discard);
}

static uint64_t octets_ahead(const struct maildrop *m)
{
    uint64_t octets = 0;

    for (const struct fetch *f = m->fetches.first; f; f = f->next)
        if (f != m->fetches.delivering && !f->discard)
            octets += f->state == FETCH_WHOLE ? buf_size(&f->held) : m->list.items[f->index].size;
    return octets;
}

/* Which messages from `first` on are on their way, so that not each is looked for in the queue. */
struct under_way {
    uint32_t first;
    bool known[2 * AHEAD_MAX];
};

static void under_way_init(struct under_way *w, const struct maildrop *m, uint32_t first)
{
    *w = (struct under_way){.first = first};
    for (const struct fetch *f = m->fetches.first; f; f = f->next)
        if (!f->discard && is_ahead(f) && f->index >= first && f->index - first < 2 * AHEAD_MAX)
            w->known[f->index - first] = true;
}

static bool is_under_way(const struct under_way *w, struct maildrop *m, uint32_t index)
{
    return index - w->first < 2 * AHEAD_MAX ? w->known[index - w->first]
                                            : fetch_find(m, index) != NULL;
}

/* The next message in reading order that is worth asking for, from `*index` on. */
static bool next_ahead(struct maildrop *m, const struct under_way *w, uint32_t *index,
                       uint16_t folder)
{
    for (; *index < m->list.count && m->list.items[*index].folder == folder; (*index)++) {
        const struct maildrop_message *message = &m->list.items[*index];
        if (!(message->flags & (MESSAGE_DELETED | MESSAGE_GONE)) && !is_under_way(w, m, *index))
            return true;
    }
    return false;
}

static bool ask_together(struct maildrop *m, uint32_t first, uint32_t most, uint64_t budget,
                         uint16_t folder)
{
    uint32_t uids[AHEAD_MAX];
    struct fetch *asked[AHEAD_MAX];
    struct under_way under_way;
    struct buf line = BUF_INIT;
    size_t count = 0;
    uint32_t i = first;

    under_way_init(&under_way, m, first);
    for (; count < most && next_ahead(m, &under_way, &i, folder); i++) {
        const struct maildrop_message *message = &m->list.items[i];
        if (message->size > budget)
            break;
        budget -= message->size;
        asked[count] = fetch_add(m, i, UINT32_MAX);
        if (!asked[count])
            return false;
        uids[count++] = message->uid;
    }
    m->fetches.beyond = i;
    if (count == 0)
        return false;
    buf_puts(&line, "UID FETCH ");
    size_t written = imap_put_set(&line, uids, count, UID_SET_MAX);
    buf_puts(&line, " (UID BODY.PEEK[])");
    struct upstream_op *op = upstream_command_line(m, fetch_done, TOGETHER, &line);
    for (size_t n = 0; n < count; n++) {
        if (op && n < written)
            asked[n]->command = op->command;
        else
            fetch_remove(m, asked[n]);
    }
    return true;
}

/* Asked for in bursts: a quarter of what may be ahead must have been read first. Most calls are
 * between two bursts, or behind the last one, and do not go through the queue. */
void fetch_ahead(struct maildrop *m)
{
    struct fetches *q = &m->fetches;
    uint16_t folder = m->list.items[q->previous].folder;
    uint32_t window = q->run > 9 ? AHEAD_MAX : 1u << (q->run ? q->run - 1 : 0);
    uint32_t ahead = messages_ahead(q);
    uint32_t first = MAX(q->previous + 1, q->beyond);
    uint64_t budget = m->options->prefetch;

    if (q->in_order || ahead > window - window / 4 || first >= m->list.count ||
        m->list.items[first].folder != folder || m->upstream.state != UPSTREAM_READY ||
        m->upstream.selected != folder)
        return;
    uint64_t octets = octets_ahead(m);
    if (octets <= budget - budget / 4)
        ask_together(m, first, window - ahead, budget - octets, folder);
}

/* ---- receiving -------------------------------------------------------------------------- */

static struct fetch *oldest_open(const struct fetches *q)
{
    for (struct fetch *f = q->first; f; f = f->next)
        if (f->state == FETCH_ASKED || f->state == FETCH_COMING)
            return f;
    return NULL;
}

static bool section_expected(const struct fetch *f, const struct imap_event *ev)
{
    if (is_ahead(f))
        return ev->section.n == 0 && ev->origin == 0 && f->state == FETCH_ASKED;
    if (slice_is(ev->section, "HEADER"))
        return f->state == FETCH_ASKED;
    return slice_is(ev->section, "TEXT") && f->state == FETCH_COMING && ev->origin == f->text;
}

static bool is_answered_by(const struct maildrop *m, const struct fetch *f,
                           const struct imap_event *ev)
{
    return m->list.items[f->index].uid == ev->fetch.uid && section_expected(f, ev);
}

/* Discarded ones too: their octets must not be taken for another's. A message that is fetched ahead
 * and whose TOP is asked for as well is told apart by the section. Most servers answer in order. */
static struct fetch *open_with_uid(const struct maildrop *m, const struct imap_event *ev)
{
    struct fetch *f = m->fetches.expected;

    /* A UID says nothing but with its folder. */
    if (f && m->list.items[f->index].folder == m->upstream.selected && is_answered_by(m, f, ev))
        return f;
    for (f = m->fetches.first; f && !is_answered_by(m, f, ev);)
        f = f->next;
    return f;
}

/* NIL, or nothing where there should be something: Exchange does so with what it cannot render. It
 * must not pass as the message (QUIRKS). */
static bool section_is_placeholder(const struct maildrop *m, const struct fetch *f,
                                   const struct imap_event *ev)
{
    bool empty = ev->nil || ev->length == 0;

    return empty && f->state == FETCH_ASKED && m->list.items[f->index].size > 2;
}

static void section_begin(struct maildrop *m, struct fetch *f, const struct imap_event *ev)
{
    struct fetches *q = &m->fetches;

    if (section_is_placeholder(m, f, ev)) {
        f->state = FETCH_REFUSED;
        failure_set(&f->refusal, FAILURE_TEMPORARY,
                    "the mail server gave nothing for this message; it stays where it is");
        return;
    }
    if (f->state == FETCH_COMING)
        f->closed = ev->nil || ev->length < f->chunk;
    f->state = FETCH_COMING;
    q->in_section = !ev->nil;
    q->in_text = slice_is(ev->section, "TEXT");
    if (f == q->delivering)
        retr_advance(m);
}

static void body_begin(struct maildrop *m, const struct imap_event *ev)
{
    struct fetches *q = &m->fetches;
    bool has_uid = ev->fetch.has & IMAP_HAS_UID;

    q->in_order = q->in_order || !has_uid;
    if (!q->receiving) /* else a further section of the same response */
        q->receiving = has_uid ? open_with_uid(m, ev) : oldest_open(q);
    if (q->receiving)
        q->expected = q->receiving->next;
    q->in_section = false;
    if (q->receiving && section_expected(q->receiving, ev))
        section_begin(m, q->receiving, ev);
}

/* The client's, when it waits for it. */
static void body_put(struct maildrop *m, struct fetch *f, struct slice octets)
{
    struct buf *out = f == m->fetches.delivering ? &m->client_out : &f->held;
    size_t before = buf_size(&f->held);

    pop3_body_put(&f->body, out, octets);
    m->fetches.held += buf_size(&f->held) - before;
}

static void body_end(struct maildrop *m, struct fetch *f)
{
    struct buf *out = f == m->fetches.delivering ? &m->client_out : &f->held;
    size_t before = buf_size(&f->held);

    pop3_body_end(&f->body, out);
    m->fetches.held += buf_size(&f->held) - before;
}

static void body_data(struct maildrop *m, const struct imap_event *ev)
{
    struct fetches *q = &m->fetches;
    struct fetch *f = q->receiving;

    if (!f || !q->in_section || f->discard)
        return;
    if (q->in_text)
        f->text += ev->text.n;
    body_put(m, f, ev->text);
}

/* The response is complete, and with it the UID is known: only now is the message. */
static void fetch_complete(struct maildrop *m, const struct imap_event *ev)
{
    struct fetches *q = &m->fetches;
    struct fetch *f = q->receiving;
    struct failure why;

    q->receiving = NULL;
    q->in_section = false;
    if (!f || f->state != FETCH_COMING)
        return;
    if (!(ev->fetch.has & IMAP_HAS_UID) || ev->fetch.uid != m->list.items[f->index].uid) {
        failure_set(&why, FAILURE_TEMPORARY, "the mail server sent another message than asked for");
        upstream_lost(m, &why);
    } else if (f->discard && is_ahead(f)) {
        fetch_remove(m, f);
    } else if (is_ahead(f)) {
        f->state = FETCH_WHOLE;
        body_end(m, f);
        if (f == q->delivering)
            retr_advance(m);
    }
}

void fetch_event(struct maildrop *m, const struct imap_event *ev)
{
    switch (ev->type) {
    case IMAP_EV_BODY_BEGIN:
        body_begin(m, ev);
        break;
    case IMAP_EV_BODY_DATA:
        body_data(m, ev);
        break;
    case IMAP_EV_BODY_END:
        m->fetches.in_section = false;
        break;
    default:
        fetch_complete(m, ev);
        break;
    }
}

/* ---- room ------------------------------------------------------------------------------- */

/* Its next octets would be more than the client, or the budget, takes. */
static bool is_held_back(const struct maildrop *m, const struct fetch *f)
{
    if (!f || f->discard || !m->fetches.in_section)
        return false;
    if (f == m->fetches.delivering)
        return !maildrop_client_has_room(m);
    return m->fetches.held > m->options->prefetch;
}

/* The client waits for something that comes behind it. */
static bool is_in_the_way(const struct maildrop *m, const struct fetch *f)
{
    bool waiting = m->busy == BUSY_MESSAGE || m->busy == BUSY_QUIT;

    return waiting && f != m->fetches.delivering;
}

bool fetch_has_room(const struct maildrop *m)
{
    const struct fetch *f = m->fetches.receiving;

    return !is_held_back(m, f) || is_in_the_way(m, f);
}

/* A message that turned out larger than announced fills the budget, and the client waits for
 * something behind it: nobody waits for this one. */
void fetch_make_room(struct maildrop *m)
{
    struct fetch *f = m->fetches.receiving;

    if (is_held_back(m, f) && is_in_the_way(m, f))
        fetch_discard(m, f);
}
