/*
 * RETR and TOP (RFC 1939 sections 5 and 7): a message to the client as it arrives.
 *
 * From the moment of its +OK a message is either sent whole or the connection is closed; the lone
 * dot is never sent for less (CASES D4).
 */
#include <stdlib.h>

#include "translate/maildrop/maildrop_internal.h"

/* TOP fetches so many octets for each line asked for, and doubles the amount until they are there.
 */
enum { TOP_LINE = 80, TOP_CHUNK_MIN = 1024, TOP_CHUNK_MAX = 1 << 20, SEEN_BURST = 128 };

/* ---- \Seen ------------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void seen_done(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    (void)op;
    if (status->status != IMAP_OK)
        maildrop_log(m, MAILDROP_WARNING, "seen-refused", "\\Seen could not be set: %.*s",
                     SLICE_ARG(status->text));
}

void retr_flush_seen(struct maildrop *m)
{
    struct uid_list *seen = &m->seen;

    if (seen->count == 0 || m->upstream.state != UPSTREAM_READY ||
        m->upstream.selected != m->seen_folder)
        return;
    qsort(seen->items, seen->count, sizeof *seen->items, by_number);
    for (size_t sent = 0; sent < seen->count;) {
        struct buf line = BUF_INIT;
        buf_puts(&line, "UID STORE ");
        sent += imap_put_set(&line, seen->items + sent, seen->count - sent, UID_SET_MAX);
        buf_puts(&line, " +FLAGS.SILENT (\\Seen)");
        upstream_command_line(m, seen_done, 0, &line);
    }
    free(seen->items);
    *seen = (struct uid_list){0};
}

/* Those of another folder were sent when that one was left; if they could not be, they are lost. */
static void seen_note(struct maildrop *m, const struct maildrop_message *message)
{
    struct uid_list *seen = &m->seen;

    if (m->seen_folder != message->folder)
        seen->count = 0;
    m->seen_folder = message->folder;
    uint32_t *item =
        maildrop_grow(m, (void **)&seen->items, &seen->count, &seen->cap, sizeof *seen->items);
    if (item)
        *item = message->uid;
    if (seen->count >= SEEN_BURST)
        retr_flush_seen(m);
}

/* ---- the end of a message --------------------------------------------------------------- */

static void retr_finish(struct maildrop *m, struct fetch *f)
{
    struct maildrop_message *message = &m->list.items[f->index];

    m->summary.messages++;
    m->summary.octets += f->body.octets;
    if (m->list.last <= f->index)
        m->list.last = f->index + 1;
    if (m->options->seen)
        seen_note(m, message);
    fetch_remove(m, f);
    maildrop_idle(m);
    fetch_ahead(m);
}

void retr_fail(struct maildrop *m, const struct failure *why)
{
    struct fetch *f = m->fetches.delivering;

    if (f && f->given) {
        maildrop_end(m, "upstream failed inside a message");
        return;
    }
    command_fail(m, why); /* first, for the reason may be the fetch's own */
    if (f)
        fetch_remove(m, f);
    maildrop_idle(m);
}

static void retr_missing(struct maildrop *m, struct fetch *f)
{
    uint32_t number = f->index + 1;

    m->list.items[f->index].flags |= MESSAGE_GONE;
    fetch_remove(m, f);
    pop3_err(&m->client_out,
             "message %u was removed by another program; the others keep their "
             "numbers",
             number);
    maildrop_idle(m);
}

/* Exchange's sizes are estimates, and nobody's count a line end that is supplied: the octets that
 * were sent are the truth from now on (CASES D5). */
static void retr_correct_size(struct maildrop *m, const struct fetch *f)
{
    struct maildrop_message *message = &m->list.items[f->index];

    if (f->body.octets == message->size)
        return;
    message->size = f->body.octets;
    message->flags |= MESSAGE_RESIZED;
}

/* ---- asking ----------------------------------------------------------------------------- */

static void top_ask(struct maildrop *m, struct fetch *f);

static void top_done(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    struct fetch *f = m->fetches.delivering;
    struct failure why;

    if (!f || f->command != op->command)
        return;
    if (f->state == FETCH_ASKED) {
        fetch_absent(f, status);
    } else if (f->state == FETCH_COMING && (f->body.full || f->closed)) {
        pop3_body_end(&f->body, &m->client_out);
        fetch_remove(m, f);
        maildrop_idle(m);
    } else if (f->state == FETCH_COMING && status->status == IMAP_OK && f->asked_from <= f->text) {
        top_ask(m, f);
    } else if (f->state == FETCH_COMING) {
        failure_set(&why, FAILURE_TEMPORARY, "the rest of the message did not come");
        retr_fail(m, &why);
    }
}

/* First the header with a piece of the text, then further pieces; nothing beyond what TOP needs. */
static void top_ask(struct maildrop *m, struct fetch *f)
{
    struct buf line = BUF_INIT;
    uint64_t wish = (uint64_t)f->body.lines_max * TOP_LINE;
    bool first = f->state == FETCH_ASKED;

    f->chunk = f->chunk ? f->chunk * 2 : wish < TOP_CHUNK_MIN ? TOP_CHUNK_MIN : wish;
    f->chunk = MIN(f->chunk, (uint64_t)TOP_CHUNK_MAX);
    f->closed = f->body.lines_max == 0;
    /* A piece that was asked for twice and did not come will not come. */
    f->asked_from = first ? 0 : f->text + 1;
    buf_printf(&line, "UID FETCH %u (UID%s", m->list.items[f->index].uid,
               first ? " BODY.PEEK[HEADER]" : "");
    if (!f->closed)
        buf_printf(&line, " BODY.PEEK[TEXT]<%llu.%llu>", (unsigned long long)f->text,
                   (unsigned long long)f->chunk);
    buf_putc(&line, ')');
    struct upstream_op *op = upstream_command_line(m, top_done, 0, &line);
    if (op)
        f->command = op->command;
}

static void retr_ask(struct maildrop *m)
{
    uint32_t index = m->pending.number - 1;
    struct fetches *q = &m->fetches;

    if (!upstream_at(m, m->list.items[index].folder))
        return;
    if (m->pending.verb == POP3_RETR) {
        q->delivering = fetch_ask(m, index);
        return;
    }
    q->delivering = fetch_add(m, index, MIN(m->pending.lines, UINT32_MAX - 1));
    if (q->delivering)
        top_ask(m, q->delivering);
}

/* ---- the commands ----------------------------------------------------------------------- */

static void retr_give(struct maildrop *m, struct fetch *f)
{
    if (f->state == FETCH_WHOLE)
        retr_correct_size(m, f);
    if (!f->given) {
        struct buf message = fetch_take_held(m, f);
        f->given = true;
        if (m->pending.verb == POP3_RETR)
            pop3_ok(&m->client_out, "%llu octets",
                    (unsigned long long)m->list.items[f->index].size);
        else
            pop3_ok(&m->client_out, "top of message follows");
        buf_move(&m->client_out, &message);
    }
    if (f->state == FETCH_WHOLE)
        retr_finish(m, f);
}

void retr_advance(struct maildrop *m)
{
    struct fetch *f = m->fetches.delivering;

    if (!f) {
        retr_ask(m);
        return;
    }
    switch (f->state) {
    case FETCH_ASKED:
        break;
    case FETCH_COMING:
    case FETCH_WHOLE:
        retr_give(m, f);
        break;
    case FETCH_MISSING:
        retr_missing(m, f);
        break;
    case FETCH_REFUSED:
        m->list.items[f->index].flags |= MESSAGE_UNREADABLE;
        retr_fail(m, &f->refusal);
        break;
    }
}

static bool message_begin(struct maildrop *m, const struct pop3_command *cmd)
{
    struct maildrop_message *message = list_message(m, cmd->number);

    if (!message)
        return false;
    if (message->flags & MESSAGE_GONE) {
        pop3_err(&m->client_out, "message %u was removed by another program", cmd->number);
        return false;
    }
    m->busy = BUSY_MESSAGE;
    m->pending = *cmd;
    return true;
}

void retr_retr(struct maildrop *m, const struct pop3_command *cmd)
{
    struct fetches *q = &m->fetches;
    uint32_t index = cmd->number - 1;

    if (!message_begin(m, cmd))
        return;
    q->delivering = fetch_find(m, index);
    q->run = q->delivering || index == q->previous + 1 ? q->run + 1 : 1;
    if (index != q->previous + 1)
        fetch_look_again(m);
    q->previous = index;
    if (!q->delivering)
        fetch_discard_all(m);
    retr_advance(m);
    if (m->busy == BUSY_MESSAGE)
        fetch_ahead(m);
}

void retr_top(struct maildrop *m, const struct pop3_command *cmd)
{
    if (message_begin(m, cmd))
        retr_advance(m);
}
