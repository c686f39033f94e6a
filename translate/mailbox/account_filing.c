/*
 * Messages that were never seen before, on their way into their folders. Where the route has filing
 * rules (filing.h), each one's header is fetched before the record in which it becomes known, a
 * batch at a time: so clients see a large maildrop grow, and no more than a batch's headers are in
 * memory. They are kept once their contents have numbers, so that nobody fetches them again.
 *
 * From a server without TOP the whole message is fetched for its header's sake, whatever its size:
 * a rule is to hold there too. But one that deletes what it has given out (EXPIRE 0, RFC 2449
 * section 6.7) must not be asked for what cannot be kept yet. A message whose header cannot be had
 * goes to INBOX.
 */
#include <stdlib.h>
#include <strings.h>

#include "translate/imap/imapd_flags.h"
#include "translate/mailbox/account_internal.h"
#include "translate/mime/mime_arrival.h"

enum {
    FILING_BATCH = 200,           /* headers between two records */
    FILING_KEEP_MAX = 512 * 1024, /* octets of them that wait for their numbers */
};

/* ---- a header that comes in -------------------------------------------------------------- */

static void entry_header_begin(struct account *a)
{
    octets_clear(&a->listing->octets);
    header_begin(a);
}

static void entry_header_data(struct account *a, struct slice data)
{
    struct octets *o = &a->listing->octets;
    struct slice lines = octets_lines(o, data);

    lines.n = octets_of_header(o, lines);
    a->failed = a->failed || buf_failed(&o->out);
    header_data(a, lines);
}

static void header_remember(struct account *a, size_t entry, struct slice header)
{
    struct listing *l = a->listing;
    struct listed_header *kept;

    if (l->kept_count == 0)
        buf_clear(&l->headers); /* of the batch before */
    /* It may have been longer than what is looked at. */
    if (header.n == HEADER_MAX || buf_size(&l->headers) + header.n > FILING_KEEP_MAX)
        return;
    kept = account_grow(a, (void **)&l->kept, &l->kept_count, &l->kept_cap, sizeof *kept);
    if (!kept)
        return;
    *kept = (struct listed_header){entry, buf_size(&l->headers), header.n};
    buf_put(&l->headers, header);
    a->failed = a->failed || buf_failed(&l->headers);
}

static void entry_header_end(struct account *a, size_t entry)
{
    struct listed *beside = &a->listing->beside[entry];
    struct slice header = buf_slice(&a->incoming->header);

    beside->seen = beside->heard = true;
    beside->dated = mime_arrival(header, &beside->date);
    a->failed = a->failed || !digest_of_header(header, beside->digest);
    a->listing->list.entries[entry].digest = slice_of(beside->digest);
    a->listing->matched = 0;
    if (!filing_match(a->options.filing, a->options.filing_count, header, &beside->rule))
        a->failed = true;
    if (a->options.filing_count)
        header_remember(a, entry, header);
    header_begin(a);
}

bool filing_header_event(struct account *a, struct account_op *op,
                         const struct pop3_client_event *ev)
{
    if (ev->type != POP3_CLIENT_BODY_DATA && ev->type != POP3_CLIENT_BODY_END)
        return false;
    if (!op->begun)
        entry_header_begin(a);
    op->begun = true;
    if (ev->type == POP3_CLIENT_BODY_DATA)
        entry_header_data(a, ev->text);
    else
        entry_header_end(a, op->entry);
    return true;
}

/* ---- asking ------------------------------------------------------------------------------ */

static void filing_event(struct account *a, struct account_op *op,
                         const struct pop3_client_event *ev);

/* False when it cannot be asked for. */
static bool header_ask(struct account *a, size_t entry)
{
    bool top = pop3_client_capabilities(a->link.client)->top != POP3_SUPPORT_NO;
    uint32_t number = a->listing->list.entries[entry].number;
    struct account_op *op = NULL;

    a->listing->beside[entry].heard = !listing_has_headers(a);
    if (!a->listing->beside[entry].heard)
        op = link_op(a, filing_event);
    if (!op)
        return false;
    op->entry = entry;
    a->listing->awaited++;
    op->command =
        top ? pop3_client_top(a->link.client, number, 0) : pop3_client_retr(a->link.client, number);
    return true;
}

static void filing_event(struct account *a, struct account_op *op,
                         const struct pop3_client_event *ev)
{
    struct listing *l = a->listing;

    if (filing_header_event(a, op, ev) || ev->type != POP3_CLIENT_DONE)
        return;
    l->beside[op->entry].heard = true;
    l->awaited--;
    if (!ev->ok && ev->verb == POP3_TOP && ev->unsupported)
        header_ask(a, op->entry);
    if (l->awaited == 0)
        listing_filed(a);
}

bool filing_ask(struct account *a)
{
    struct listing *l = a->listing;
    size_t asked = 0;

    if (a->options.filing_count == 0)
        return false;
    for (size_t i = 0; i < l->list.count && asked < FILING_BATCH; i++) {
        if (l->list.entries[i].fresh && !l->beside[i].heard && header_ask(a, i))
            asked++;
    }
    return asked != 0;
}

/* ---- the record -------------------------------------------------------------------------- */

static uint64_t flag_of(struct box_draft *d, const char *name)
{
    for (unsigned bit = IMAPD_FLAG_ANSWERED; bit <= IMAPD_FLAG_DRAFT; bit <<= 1)
        if (strcasecmp(name, imapd_flag_name(bit)) == 0)
            return bit;
    return box_draft_keyword(d, slice_of(name));
}

/* Both strings end with NUL where they lie. What has a UIDL needs no stand-in for the digest. */
static void draft_fresh(struct account *a, struct box_draft *d, struct box_entry *e,
                        const struct listed *beside)
{
    const struct filing_rule *rule = beside->rule;
    uint32_t folder =
        rule && rule->folder ? box_draft_folder_named(d, slice_of(rule->folder)) : BOX_INBOX;
    uint64_t flags = 0;
    struct box_content content = {
        .size = e->size,
        .listed = e->size,
        .upstream = true,
        .undated = !beside->seen,
        .uidl = e->uidl.n ? (char *)e->uidl.p : NULL,
        .digest = e->digest.n && !(e->mute && e->uidl.n) ? (char *)e->digest.p : NULL,
    };

    for (size_t i = 0; rule && i < rule->flag_count; i++)
        flags |= flag_of(d, rule->flags[i]);
    e->content = box_draft_content(d, &content);
    box_draft_message(d, folder, e->content, flags, beside->dated ? beside->date : a->now_s);
}

void filing_draft(struct account *a, struct box_draft *d)
{
    struct listing *l = a->listing;

    for (size_t i = 0; i < l->list.count; i++)
        if (l->list.entries[i].fresh && (l->beside[i].heard || a->options.filing_count == 0))
            draft_fresh(a, d, &l->list.entries[i], &l->beside[i]);
}

/* ---- what came for it -------------------------------------------------------------------- */

static void keep(struct account *a, enum account_action_type type, uint32_t content,
                 struct slice octets)
{
    struct account_action *action = account_act(a, type);

    if (!action)
        return;
    action->content = content;
    action->part = ACCOUNT_HEADER;
    action->octets = octets;
}

void filing_keep(struct account *a)
{
    struct listing *l = a->listing;
    struct slice all = buf_slice(&l->headers);

    for (size_t i = 0; i < l->kept_count; i++) {
        const struct listed_header *kept = &l->kept[i];
        uint32_t content = l->list.entries[kept->entry].content;
        struct slice octets = slice_make(all.p + kept->at, kept->n);
        if (!content || !l->list.entries[kept->entry].fresh)
            continue;
        keep(a, ACCOUNT_KEEP_BEGIN, content, octets);
        keep(a, ACCOUNT_KEEP_DATA, content, octets);
        keep(a, ACCOUNT_KEEP_END, content, octets);
    }
    l->kept_count = 0;
}
