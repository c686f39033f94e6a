/*
 * What IMAP says of many messages, looked up at once: ENVELOPE and BODYSTRUCTURE are remembered as
 * they are sent, and headers as SEARCH compares them, so that a scan neither parses headers nor
 * reads JSON. They are made from a header
 * or a structure that is remembered, when they are first asked for; of a message of which nothing
 * is, they are not there.
 *
 * A record is {what made it, octets of the first text}, then the text for clients that have not
 * enabled UTF-8, and the one for those that have, where it is another one. Another version of this
 * program may write another text: it makes the record anew.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "proxy/store/bodies_parts.h"
#include "translate/mime/mime_parser.h"
#include "translate/mime/mime_put.h"
#include "translate/mime/mime_search.h"

/* To be raised with each change of what mime_put.h and mime_search.h write. */
enum { TEXT_FORM = 1 };

struct bodies_texts {
    struct bodies_texts *next;
    uv_work_t work;
    struct bodies_account *account;
    bodies_texts_done done;
    void *owner;
    bool cancelled; /* the loop's */
    struct mailbox_texts *texts;
    struct buf record; /* the pool's */
    struct bodies_tally tally;
    bool singles; /* some structure is in a file by itself */
};

struct text_head {
    uint32_t maker;
    uint32_t plain; /* octets */
};

static uint32_t maker(void)
{
    static const char version[] = MAILFERRY_VERSION;

    return (uint32_t)crc32(TEXT_FORM, (const Bytef *)version, sizeof version - 1);
}

/* Of headers: as they came. */
static struct bodies_records *texts_of(struct bodies_account *a, enum mailbox_text kind)
{
    return a->records[kind == MAILBOX_TEXT_HEADER     ? BODIES_HEADS
                      : kind == MAILBOX_TEXT_DIGEST   ? BODIES_DIGEST
                      : kind == MAILBOX_TEXT_ENVELOPE ? BODIES_ENVELOPE
                                                      : BODIES_STRUCTURE];
}

/* ---- making ------------------------------------------------------------------------------- */

static struct mime_message *parse_header(struct bodies_account *a, uint32_t content)
{
    struct buf header = BUF_INIT;
    struct mime_message *message = NULL;
    struct mime_parser *parser =
        bodies_records_get(a->records[BODIES_HEADS], content, &header) ? mime_parser_new() : NULL;

    if (parser) {
        mime_parser_feed(parser, buf_slice(&header));
        message = buf_failed(&header) ? NULL : mime_parser_end(parser);
    }
    mime_parser_free(parser);
    buf_clear(&header);
    return message;
}

static struct mime_message *recall(struct bodies_texts *x, int dir, uint32_t content,
                                   enum mailbox_text kind)
{
    struct bodies_account *a = x->account;
    struct mime_message *message = kind == MAILBOX_TEXT_ENVELOPE ? parse_header(a, content) : NULL;

    return message ? message : bodies_recall(a, dir, content, x->singles);
}

static void put_text(struct buf *out, const struct mime_message *message, enum mailbox_text kind,
                     bool utf8)
{
    if (kind == MAILBOX_TEXT_ENVELOPE)
        mime_put_envelope(out, message, 0, utf8);
    else
        mime_put_body(out, message, true, utf8);
}

static void put_record(struct buf *out, const struct mime_message *message, enum mailbox_text kind)
{
    struct text_head head = {.maker = maker()};
    struct buf plain = BUF_INIT;
    struct buf utf8 = BUF_INIT;

    put_text(&plain, message, kind, false);
    put_text(&utf8, message, kind, true);
    head.plain = (uint32_t)buf_size(&plain);
    buf_put(out, slice_make((const char *)&head, sizeof head));
    buf_put(out, buf_slice(&plain));
    if (!slice_equal(buf_slice(&plain), buf_slice(&utf8)))
        buf_put(out, buf_slice(&utf8));
    out->failed = buf_failed(out) || buf_failed(&plain) || buf_failed(&utf8);
    buf_clear(&plain);
    buf_clear(&utf8);
}

/* It is the same for all clients. */
static void put_digest(struct bodies_texts *x, uint32_t content)
{
    struct text_head head = {.maker = maker()};
    struct buf header = BUF_INIT;
    struct buf digest = BUF_INIT;

    if (bodies_records_get(x->account->records[BODIES_HEADS], content, &header)) {
        mime_search_digest(&digest, buf_slice(&header));
        head.plain = (uint32_t)buf_size(&digest);
        buf_put(&x->record, slice_make((const char *)&head, sizeof head));
        buf_put(&x->record, buf_slice(&digest));
    }
    x->record.failed = buf_failed(&x->record) || buf_failed(&header) || buf_failed(&digest);
    buf_clear(&header);
    buf_clear(&digest);
}

static bool make(struct bodies_texts *x, int dir, uint32_t content, enum mailbox_text kind)
{
    struct mime_message *message =
        kind == MAILBOX_TEXT_DIGEST ? NULL : recall(x, dir, content, kind);

    buf_clear(&x->record);
    if (kind == MAILBOX_TEXT_DIGEST)
        put_digest(x, content);
    else if (message)
        put_record(&x->record, message, kind);
    mime_message_free(message);
    if (buf_size(&x->record) == 0)
        return false;
    (void)bodies_records_put(texts_of(x->account, kind), content, buf_slice(&x->record));
    return true;
}

/* ---- looking ------------------------------------------------------------------------------ */

/* The text of a record, for this client. False: another version made it. */
static bool take_text(struct slice record, bool utf8, struct slice *text)
{
    struct text_head head;

    if (record.n < sizeof head)
        return false;
    memcpy(&head, slice_take(&record, sizeof head).p, sizeof head);
    if (head.maker != maker() || head.plain > record.n)
        return false;
    *text = slice_take(&record, head.plain);
    if (utf8 && record.n)
        *text = record;
    return true;
}

static bool find_text(struct bodies_texts *x, int dir, uint32_t content, enum mailbox_text kind)
{
    struct mailbox_texts *t = x->texts;
    struct slice text;

    buf_truncate(&x->record, 0);
    bool found = bodies_records_get(texts_of(x->account, kind), content, &x->record) &&
                 take_text(buf_slice(&x->record), t->utf8, &text);
    if (!found &&
        !(make(x, dir, content, kind) && take_text(buf_slice(&x->record), t->utf8, &text)))
        return false;
    buf_put(&t->octets, text);
    return true;
}

static bool find_kind(struct bodies_texts *x, int dir, struct mailbox_texts_of *of,
                      enum mailbox_text kind)
{
    struct buf *out = &x->texts->octets;
    size_t before = buf_size(out);
    bool found = kind == MAILBOX_TEXT_HEADER
                     ? bodies_records_get(texts_of(x->account, kind), of->content, out)
                     : find_text(x, dir, of->content, kind);

    of->n[kind] = buf_size(out) - before;
    return found;
}

static void find(struct bodies_texts *x, int dir, struct mailbox_texts_of *of)
{
    struct mailbox_texts *t = x->texts;

    of->at = buf_size(&t->octets);
    of->there = true;
    for (int kind = 0; kind < MAILBOX_TEXT_KINDS && of->there; kind++) {
        of->n[kind] = 0;
        if (mailbox_texts_want(t, (enum mailbox_text)kind))
            of->there = find_kind(x, dir, of, (enum mailbox_text)kind);
    }
}

/* What texts are made from may be looked at too. */
static bool is_used(const struct bodies_texts *x, enum bodies_kind kind)
{
    return kind == BODIES_HEADS || kind == BODIES_MIMES ||
           (kind == BODIES_DIGEST && mailbox_texts_want(x->texts, MAILBOX_TEXT_DIGEST)) ||
           (kind == BODIES_ENVELOPE && mailbox_texts_want(x->texts, MAILBOX_TEXT_ENVELOPE)) ||
           (kind == BODIES_STRUCTURE && mailbox_texts_want(x->texts, MAILBOX_TEXT_STRUCTURE));
}

static void records_begin(struct bodies_texts *x, int dir)
{
    for (int kind = BODIES_HEADS; kind < BODIES_KINDS; kind++)
        if (is_used(x, (enum bodies_kind)kind))
            bodies_begin(x->account, (enum bodies_kind)kind, dir, &x->tally);
}

static void records_end(struct bodies_texts *x)
{
    for (int kind = BODIES_HEADS; kind < BODIES_KINDS; kind++)
        if (is_used(x, (enum bodies_kind)kind))
            bodies_records_end(x->account->records[kind]);
}

/* Without the directory nothing is there, whatever the reason: who asks for one says which. */
static void texts_work(uv_work_t *work)
{
    struct bodies_texts *x = work->data;
    struct bodies_account *a = x->account;
    struct mailbox_texts *t = x->texts;
    int dir = bodies_dir_open(a->accounts, a->name, false);

    if (dir < 0) {
        for (; t->looked < t->count; t->looked++)
            t->of[t->looked].there = false;
        return;
    }
    uv_mutex_lock(&a->records_lock);
    records_begin(x, dir);
    while (t->looked < t->count && buf_size(&t->octets) < MAILBOX_TEXTS_OCTETS)
        find(x, dir, &t->of[t->looked++]);
    records_end(x);
    uv_mutex_unlock(&a->records_lock);
    buf_clear(&x->record);
    close(dir);
}

/* ---- on the loop -------------------------------------------------------------------------- */

static void texts_start(struct bodies_account *a);

static void texts_worked(uv_work_t *work, int status)
{
    struct bodies_texts *x = work->data;
    struct bodies_account *a = x->account;

    (void)status; /* nobody cancels it */
    a->texts_wanted = x->next;
    bodies_settle_tally(a, &x->tally);
    texts_start(a);
    if (x->cancelled)
        mailbox_texts_free(x->texts);
    else
        x->done(x->owner, x->texts);
    free(x);
    bodies_let_go(a);
}

static void texts_start(struct bodies_account *a)
{
    struct bodies_texts *x = a->texts_wanted;

    if (!x)
        return;
    x->singles = a->index.counts[BODIES_MIME] != 0;
    uv_queue_work(a->loop->uv, &x->work, texts_work, texts_worked);
}

struct bodies_texts *bodies_texts(struct bodies_account *a, struct mailbox_texts *t,
                                  bodies_texts_done done, void *owner)
{
    struct bodies_texts *x = calloc(1, sizeof *x);
    struct bodies_texts **last = &a->texts_wanted;

    if (!x)
        return NULL;
    *x = (struct bodies_texts){.account = a, .done = done, .owner = owner, .texts = t};
    x->work.data = x;
    bodies_hold(a);
    while (*last)
        last = &(*last)->next;
    *last = x;
    if (a->texts_wanted == x)
        texts_start(a);
    return x;
}

void bodies_texts_cancel(struct bodies_texts *x)
{
    x->cancelled = true;
}
