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
        uint64_t octets;
        read->range.key = key_of(s, read->range.content, &octets);
        read->reader =
            bodies_read_known(account_host_bodies(s->host), &read->range, octets, &handler, read);
        if (read->reader)
            return;
        s->reads = read->next;
        no_memory(&why);
        mailbox_read_done(s->mailbox, read->request, MAILBOX_READ_FAILED, &why);
        free(read);
    }
}

void session_read_begin(struct session *s, const struct mailbox_action *action)
{
    struct session_read *read = calloc(1, sizeof *read);
    struct session_read **last = &s->reads;
    struct failure why;

    if (!read) {
        no_memory(&why);
        mailbox_read_done(s->mailbox, action->request, MAILBOX_READ_FAILED, &why);
        return;
    }
    read->session = s;
    read->request = action->request;
    read->range = (struct bodies_range){.content = action->content,
                                        .part = action->part,
                                        .offset = action->offset,
                                        .length = action->length};
    while (*last)
        last = &(*last)->next;
    *last = read;
    read_next(s);
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
    session_pump(s);
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
