/*
 * What a mailbox asks of the store of bodies: ranges of messages, structures, and messages that a
 * client stores.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/session_parts.h"

/* READs are answered in the order in which they were made: only the first one is under way. */
struct session_read {
    struct session_read *next;
    struct session *session;
    struct bodies_reader *reader; /* NULL: not begun */
    uint32_t request;
    struct bodies_range range;
    bool held; /* octets were left in the reader */
};

/* A READ of a header or a small message from its beginning, as scans make them for many messages
 * ahead. What cannot be given at once becomes a READ like any other. */
struct session_small {
    struct session_small *next, *prev;
    struct session *session;
    struct bodies_small *small;
    uint32_t request;
    struct bodies_range range;
};

/* What comes of small parts and structures is looked at when some have come, or the last, or when
 * so many octets wait to be sent: what comes then finds room, and need not be gathered. */
enum { SMALL_AT_ONCE = 8, SEND_AT = 32 << 10 };

struct session_parse {
    struct session_parse *next;
    struct session *session;
    struct bodies_parse *parse;
    uint32_t request;
};

/* A content's durable body, and how long it is as far as the state tells already. The key is the
 * account's, which does not change while it is looked at here. */
static const char *key_of(const struct session *s, uint32_t content, uint64_t *octets)
{
    const struct account *a = account_host_account(s->host);
    const struct box_content *c = box_state_content(account_state(a), content);

    *octets = c && c->key ? c->size : 0;
    return account_body_key(a, content);
}

static void no_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
}

/* ---- reading ---- */

static void on_data(void *owner, struct bodies_reader *r, struct slice *in)
{
    struct session_read *read = owner;
    struct session *s = read->session;
    size_t before = in->n + 1;

    read->held = false;
    while (in->n && in->n < before && s->reads == read) {
        before = in->n;
        session_tell(s);
        if (!mailbox_wants_read(s->mailbox))
            break;
        mailbox_read_data(s->mailbox, read->request, bodies_reader_total(r), in);
        session_pump(s);
    }
    if (s->reads == read)
        read->held = in->n > 0;
}

static enum mailbox_read_outcome outcome_of(enum bodies_outcome outcome)
{
    return outcome == BODIES_DONE     ? MAILBOX_READ_DONE
           : outcome == BODIES_ABSENT ? MAILBOX_READ_ABSENT
                                      : MAILBOX_READ_FAILED;
}

static void read_next(struct session *s);

static void on_done(void *owner, struct bodies_reader *r, enum bodies_outcome outcome,
                    const struct failure *why)
{
    struct session_read *read = owner;
    struct session *s = read->session;
    uint32_t request = read->request;

    (void)r;
    s->reads = read->next;
    free(read);
    session_tell(s);
    mailbox_read_done(s->mailbox, request, outcome_of(outcome), why);
    read_next(s);
    session_pump(s);
}

/* Begins the first one, unless it has begun. What finds no memory is answered at once. */
static void read_next(struct session *s)
{
    static const struct bodies_reader_handler handler = {on_data, on_done};
    struct failure why;

    while (s->reads && !s->reads->reader) {
        struct session_read *read = s->reads;
        read->range.key = key_of(s, read->range.content, &read->range.least);
        read->reader = bodies_read(account_host_bodies(s->host), &read->range, &handler, read);
        if (read->reader)
            return;
        s->reads = read->next;
        no_memory(&why);
        mailbox_read_done(s->mailbox, read->request, MAILBOX_READ_FAILED, &why);
        free(read);
    }
}

static void read_begin(struct session *s, uint32_t request, const struct bodies_range *range)
{
    struct session_read *read = calloc(1, sizeof *read);
    struct session_read **last = &s->reads;
    struct failure why;

    if (!read) {
        no_memory(&why);
        mailbox_read_done(s->mailbox, request, MAILBOX_READ_FAILED, &why);
        return;
    }
    read->session = s;
    read->request = request;
    read->range = *range;
    while (*last)
        last = &(*last)->next;
    *last = read;
    read_next(s);
}

static void pump_some(struct session *s, bool last)
{
    bool full = buf_size(mailbox_client_out(s->mailbox)) >= SEND_AT;

    if (!last && !full && ++s->small_untold < SMALL_AT_ONCE)
        return;
    s->small_untold = 0;
    session_pump(s);
}

static void small_add(struct session *s, struct session_small *small)
{
    small->next = s->small;
    if (s->small)
        s->small->prev = small;
    s->small = small;
}

static void small_remove(struct session_small *small)
{
    if (small->next)
        small->next->prev = small->prev;
    if (small->prev)
        small->prev->next = small->next;
    else
        small->session->small = small->next;
    free(small);
}

/* All of it, or nothing: a part that nobody has room for now is read again when there is. */
static bool fits(const struct session_small *small, struct slice octets)
{
    return octets.n <= small->range.length && mailbox_wants_read(small->session->mailbox);
}

static void on_small(void *owner, enum bodies_outcome outcome, struct slice octets,
                     const struct failure *why)
{
    struct session_small *small = owner;
    struct session *s = small->session;
    uint32_t request = small->request;
    struct bodies_range range = small->range;
    struct slice rest = octets;
    bool there = outcome == BODIES_DONE;
    bool apart = outcome == BODIES_LONG || (there && !fits(small, octets));

    small_remove(small);
    session_tell(s);
    if (!apart && there && octets.n)
        mailbox_read_data(s->mailbox, request, octets.n, &rest);
    range.offset += octets.n - rest.n;
    range.length -= octets.n - rest.n;
    if (apart || rest.n != 0)
        read_begin(s, request, &range);
    else
        mailbox_read_done(s->mailbox, request, outcome_of(outcome), why);
    pump_some(s, s->small == NULL);
}

/* False: it is to be read as any other part. */
static bool small_begin(struct session *s, uint32_t request, const struct bodies_range *range)
{
    struct session_small *small = calloc(1, sizeof *small);

    if (!small)
        return false;
    small->session = s;
    small->request = request;
    small->range = *range;
    small->range.key = key_of(s, range->content, &small->range.least);
    small->small = bodies_small(account_host_bodies(s->host), &small->range, on_small, small);
    small->range.key = NULL;
    if (!small->small) {
        free(small);
        return false;
    }
    small_add(s, small);
    return true;
}

void session_read_begin(struct session *s, const struct mailbox_action *action)
{
    const struct bodies_range range = {.content = action->content,
                                       .part = action->part,
                                       .offset = action->offset,
                                       .length = action->length};
    bool small =
        range.offset == 0 && (range.part == ACCOUNT_HEADER || range.length < BODIES_SMALL_MAX);

    if (!small || !small_begin(s, action->request, &range))
        read_begin(s, action->request, &range);
}

void session_read_resume(struct session *s)
{
    struct session_read *read = s->reads;

    if (!read || !read->held || !mailbox_wants_read(s->mailbox))
        return;
    read->held = false;
    bodies_reader_resume(read->reader);
}

/* ---- structures ---- */

static void parse_remove(struct session_parse *p)
{
    struct session_parse **slot = &p->session->parses;

    while (*slot != p)
        slot = &(*slot)->next;
    *slot = p->next;
    free(p);
}

static void on_parsed(void *owner, struct mime_message *message, const struct failure *why)
{
    struct session_parse *p = owner;
    struct session *s = p->session;
    uint32_t request = p->request;

    parse_remove(p);
    session_tell(s);
    mailbox_parsed(s->mailbox, request, message, why);
    pump_some(s, s->parses == NULL);
}

void session_parse_begin(struct session *s, const struct mailbox_action *action)
{
    struct session_parse *p = calloc(1, sizeof *p);
    uint64_t octets;
    const char *key = key_of(s, action->content, &octets);
    struct failure why;

    if (p)
        p->parse = bodies_parse_known(account_host_bodies(s->host), action->content, key, octets,
                                      on_parsed, p);
    if (!p || !p->parse) {
        free(p);
        no_memory(&why);
        mailbox_parsed(s->mailbox, action->request, NULL, &why);
        return;
    }
    p->session = s;
    p->request = action->request;
    p->next = s->parses;
    s->parses = p;
}

/* ---- storing ---- */

static void on_progress(void *owner, struct bodies_writer *w)
{
    struct session *s = owner;

    (void)w;
    session_tell(s);
    session_pump(s);
}

/* The key is remembered: should the message not get into the state, its body goes again. */
static void on_stored(void *owner, struct bodies_writer *w, char *key, const char *digest,
                      const struct failure *why)
{
    struct session *s = owner;

    (void)w;
    s->storing = NULL;
    free(s->stored);
    s->stored = key ? strdup(key) : NULL;
    session_tell(s);
    mailbox_stored(s->mailbox, s->store_request, key, digest, why);
    session_pump(s);
}

static void store_begin(struct session *s, uint32_t request)
{
    static const struct bodies_writer_handler handler = {on_progress, on_stored};
    struct failure why;

    s->store_request = request;
    s->storing = bodies_write_durable(account_host_bodies(s->host), &handler, s);
    if (s->storing)
        return;
    no_memory(&why);
    mailbox_stored(s->mailbox, request, NULL, NULL, &why);
}

static void store_abort(struct session *s)
{
    if (s->storing)
        bodies_writer_abort(s->storing);
    else if (s->stored)
        bodies_release(account_host_bodies(s->host), s->stored);
    s->storing = NULL;
    free(s->stored);
    s->stored = NULL;
}

/* Of what could not be written the rest may still come: it is passed over. */
void session_store(struct session *s, const struct mailbox_action *action)
{
    switch (action->type) {
    case MAILBOX_STORE_BEGIN:
        store_begin(s, action->request);
        break;
    case MAILBOX_STORE_DATA:
        if (s->storing)
            bodies_writer_data(s->storing, action->octets);
        break;
    case MAILBOX_STORE_END:
        if (s->storing)
            bodies_writer_end(s->storing);
        break;
    default:
        store_abort(s);
        break;
    }
}

void session_bodies_end(struct session *s)
{
    while (s->reads) {
        struct session_read *read = s->reads;
        s->reads = read->next;
        if (read->reader)
            bodies_reader_cancel(read->reader);
        free(read);
    }
    while (s->small) {
        struct session_small *small = s->small;
        s->small = small->next;
        bodies_small_cancel(small->small);
        free(small);
    }
    session_texts_end(s);
    while (s->parses) {
        struct session_parse *parse = s->parses;
        s->parses = parse->next;
        bodies_parse_cancel(parse->parse);
        free(parse);
    }
    if (s->storing)
        bodies_writer_abort(s->storing);
    s->storing = NULL;
    free(s->stored);
    s->stored = NULL;
}
