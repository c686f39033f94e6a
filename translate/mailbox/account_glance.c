/*
 * A glance: a look at the maildrop that costs the change, not the maildrop. POP3 has no question
 * "what is new", but where the last whole listing was plain, STAT, the UIDLs of the first and the
 * last message and of one between (another one each time) tell whether it still holds. When all of
 * them say what is remembered, nothing has changed; when there are a few messages more behind the
 * last one, and octets more by just what LIST says of these, they are new, and only they are asked
 * for. Anything else, and each answer that is odd, is followed by the whole listing on the same
 * connection.
 *
 * What it cannot see: a message deleted and another of the same size put in its place, before the
 * last one, by a server that does not append; and a server whose STAT is behind the times. So it is
 * never more than a delay: nothing is taken for gone, and nothing is deleted, but by a whole
 * listing of the connection that does so; what is fetched is confirmed by its UIDL first; and the
 * whole is listed all the same at the first look, every GLANCE_MS, after a connection that failed,
 * after a deletion, after a body that could not be archived, and where there is something to
 * delete. Where UIDLs are missing, repeated or were in doubt, the listing disagreed with itself, or
 * the server deletes what it has given out (EXPIRE 0), there is no glance. A server that denies by
 * STAT or UIDL what its own listing then says, or hangs up at the question, is not asked so again.
 */
#include "translate/mailbox/account_internal.h"

enum {
    GLANCE_MS = 15 * 60 * 1000, /* between two whole listings */
    GLANCE_NEW = 64,            /* messages more than before: above, the whole is as good */
    GLANCE_REFUTED = 2,         /* so often in vain: no more */
    GLANCE_STEPS = 16,          /* from the first message to the last, by one each time */
};

bool glance_will_do(const struct account *a)
{
    const struct pop3_client_capabilities *caps = pop3_client_capabilities(a->link.client);
    const struct numbers *n = &a->numbers;

    return n->usable && n->refuted < GLANCE_REFUTED && a->now_ms < n->listed_at + GLANCE_MS &&
           !delete_needs_upstream(a) && caps->uidl != POP3_SUPPORT_NO &&
           !(caps->has_expire && caps->expire_days == 0);
}

void glance_lost(struct account *a)
{
    const struct listing *l = a->listing;

    if (l && (l->stage == LISTING_GLANCE || l->stage == LISTING_GLANCE_NEW))
        a->numbers.refuted++;
}

/* The whole, on this connection. */
static void glance_fails(struct account *a)
{
    a->numbers.doubted = true;
    listing_begin(a);
}

/* ---- what is new ------------------------------------------------------------------------- */

/* None of them has a UIDL that a message has or had, or that another of them has. */
static bool are_unheard_of(struct account *a)
{
    const struct box_listing *list = &a->listing->list;

    if (!uidls_reserve(a, list->count))
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (!list->entries[i].uidl.n || !uidls_add(a, list->entries[i].uidl))
            return false;
    return true;
}

/* One without an answer is missing, or has no UIDL. */
static bool news_fit(struct account *a)
{
    const struct listing *l = a->listing;
    uint64_t octets = a->numbers.octets;

    for (size_t i = 0; i < l->list.count; i++)
        octets += l->list.entries[i].size;
    return a->numbers.count + l->list.count == l->count && octets == l->octets_of_all &&
           are_unheard_of(a);
}

static void news_complete(struct account *a)
{
    struct listing *l = a->listing;

    listing_join(a);
    if (!news_fit(a)) {
        glance_fails(a);
        return;
    }
    for (size_t i = 0; i < l->list.count; i++)
        l->list.entries[i].fresh = true;
    listing_file(a);
}

static void news_event(struct account *a, struct account_op *op, const struct pop3_client_event *ev)
{
    (void)op;
    if (ev->type == POP3_CLIENT_LISTING)
        listing_entry(a, ev);
    if (ev->type != POP3_CLIENT_DONE)
        return;
    if (--a->listing->awaited == 0)
        news_complete(a);
}

static void news_ask(struct account *a)
{
    struct listing *l = a->listing;
    struct account_op *op = NULL;

    l->stage = LISTING_GLANCE_NEW;
    for (uint32_t number = (uint32_t)a->numbers.count + 1; number <= l->count; number++) {
        op = link_op(a, news_event);
        if (op)
            op->command = pop3_client_list(a->link.client, number);
        op = link_op(a, news_event);
        if (op)
            op->command = pop3_client_uidl(a->link.client, number);
        l->awaited += 2;
    }
}

/* ---- whether anything is ----------------------------------------------------------------- */

static void glance_complete(struct account *a)
{
    const struct numbers *n = &a->numbers;
    struct listing *l = a->listing;

    if (l->wrong || l->count < n->count || l->count - n->count > GLANCE_NEW)
        glance_fails(a);
    else if (l->count > n->count)
        news_ask(a);
    else if (l->octets_of_all == n->octets)
        listing_known(a);
    else
        glance_fails(a);
}

static void glance_event(struct account *a, struct account_op *op,
                         const struct pop3_client_event *ev)
{
    struct listing *l = a->listing;

    if (ev->type == POP3_CLIENT_LISTING)
        l->wrong = !numbers_confirm(a, op->content, ev->text) || l->wrong;
    if (ev->type != POP3_CLIENT_DONE)
        return;
    l->wrong = l->wrong || !ev->ok;
    if (ev->verb == POP3_STAT) {
        l->count = ev->number;
        l->octets_of_all = ev->size;
    }
    if (--l->awaited == 0)
        glance_complete(a);
}

static void uidl_ask(struct account *a, uint32_t content)
{
    const struct numbered *n = numbers_find(a, content);
    struct account_op *op = n ? link_op(a, glance_event) : NULL;

    if (!op)
        return;
    op->content = content;
    op->command = pop3_client_uidl(a->link.client, n->number);
    a->listing->awaited++;
}

void glance_begin(struct account *a)
{
    struct numbers *n = &a->numbers;
    uint32_t between = n->list[n->next % n->count].content;
    struct account_op *op;

    listing_clear(a);
    n->asked = 0;
    a->listing->stage = LISTING_GLANCE;
    a->listing->glance = true;
    a->listing->awaited = 1;
    op = link_op(a, glance_event);
    if (op)
        op->command = pop3_client_stat(a->link.client);
    uidl_ask(a, n->last);
    if (n->first != n->last)
        uidl_ask(a, n->first);
    if (between != n->first && between != n->last)
        uidl_ask(a, between);
    n->next += n->count / GLANCE_STEPS + 1;
}
