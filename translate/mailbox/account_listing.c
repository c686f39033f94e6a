/*
 * What is in the maildrop on this connection. UIDL and LIST go out together; what they say is
 * matched with the state (box_listing.h); where a digest is needed to recognise a message its
 * header is fetched; then the difference becomes a record, and what each number is is known
 * (account_numbers.c). Where a glance (account_glance.c) does, it comes in here at its end.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/mailbox/account_internal.h"

bool listing_make(struct account *a)
{
    if (!a->listing)
        a->listing = calloc(1, sizeof *a->listing);
    return a->listing;
}

void listing_clear(struct account *a)
{
    struct listing *l = a->listing;

    if (!l)
        return;
    free(l->list.entries);
    free(l->beside);
    free(l->rows);
    free(l->kept);
    free(l->failure);
    buf_clear(&l->headers);
    buf_clear(&l->uidls);
    octets_clear(&l->octets);
    *l = (struct listing){.stage = LISTING_NONE};
}

void listing_free(struct account *a)
{
    listing_clear(a);
    free(a->listing);
    a->listing = NULL;
}

/* The listing cannot be had: neither can the connection be used. */
static void listing_fail(struct account *a, const struct failure *why)
{
    link_lost(a, why);
}

bool listing_keeps_durably(const struct account *a)
{
    const struct pop3_client_capabilities *caps =
        a->link.client ? pop3_client_capabilities(a->link.client) : NULL;

    /* What such a server has given out once it does not give again. */
    return a->options.archive || (caps && caps->has_expire && caps->expire_days == 0);
}

/* ---- UIDL and LIST ----------------------------------------------------------------------- */

static void size_listed(struct account *a, const struct pop3_client_event *ev)
{
    struct listing *l = a->listing;
    size_t cap = l->cap;
    size_t count = l->list.count;
    struct box_entry *entry =
        account_grow(a, (void **)&l->list.entries, &l->list.count, &l->cap, sizeof *entry);

    if (!entry || !account_grow(a, (void **)&l->beside, &count, &cap, sizeof *l->beside))
        return;
    entry->number = ev->number;
    entry->size = ev->size;
}

static void uidl_listed(struct account *a, const struct pop3_client_event *ev)
{
    struct listing *l = a->listing;
    struct uidl_row *row =
        account_grow(a, (void **)&l->rows, &l->row_count, &l->row_cap, sizeof *row);

    if (!row)
        return;
    *row = (struct uidl_row){ev->number, (uint32_t)ev->text.n, buf_size(&l->uidls)};
    /* A NUL in it would end it early in the state: it is none then. */
    if (slice_has_nul(ev->text))
        row->n = 0;
    else
        buf_put(&l->uidls, ev->text);
    buf_putc(&l->uidls, '\0');
}

static void listing_complete(struct account *a);

/* An empty maildrop's UIDL is refused by some, and one that does not know the command has said all
 * that there is to say. */
static bool may_do_without(const struct account *a, const struct pop3_client_event *ev)
{
    return ev->verb == POP3_UIDL && (ev->unsupported || a->listing->list.count == 0);
}

void listing_entry(struct account *a, const struct pop3_client_event *ev)
{
    if (ev->verb == POP3_LIST)
        size_listed(a, ev);
    else
        uidl_listed(a, ev);
}

static void list_event(struct account *a, struct account_op *op, const struct pop3_client_event *ev)
{
    struct listing *l = a->listing;

    (void)op;
    if (ev->type == POP3_CLIENT_LISTING)
        listing_entry(a, ev);
    if (ev->type != POP3_CLIENT_DONE)
        return;
    if (!ev->ok && !may_do_without(a, ev) && !failure_keep(&l->failure, &ev->failure))
        a->failed = true;
    if (--l->awaited == 0)
        listing_complete(a);
}

/* LIST first: whether a refusal of UIDL matters is known then. */
void listing_begin(struct account *a)
{
    struct pop3_client *client = a->link.client;
    struct account_op *op;

    listing_clear(a);
    a->listing->stage = LISTING_ASKED;
    a->listing->awaited = 1;
    op = link_op(a, list_event);
    if (op)
        op->command = pop3_client_list(client, 0);
    if (pop3_client_capabilities(client)->uidl == POP3_SUPPORT_NO)
        return;
    op = link_op(a, list_event);
    if (op)
        op->command = pop3_client_uidl(client, 0);
    a->listing->awaited++;
}

void listing_again(struct account *a)
{
    if (a->link.state != LINK_OPEN)
        return;
    a->link.state = LINK_LISTING;
    listing_begin(a);
    a->listing->again = true;
}

/* ---- putting both together --------------------------------------------------------------- */

static int entry_order(const void *left, const void *right)
{
    uint32_t x = ((const struct box_entry *)left)->number;
    uint32_t y = ((const struct box_entry *)right)->number;

    return x < y ? -1 : x > y;
}

static int row_order(const void *left, const void *right)
{
    uint32_t x = ((const struct uidl_row *)left)->number;
    uint32_t y = ((const struct uidl_row *)right)->number;

    return x < y ? -1 : x > y;
}

/* A number that is listed twice is two lies at least. */
static void drop_repeated(struct listing *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->list.count; i++) {
        if (kept && l->list.entries[kept - 1].number == l->list.entries[i].number)
            l->list.doubtful = true;
        else
            l->list.entries[kept++] = l->list.entries[i];
    }
    l->list.count = kept;
}

/* Both are ascending; where they disagree the listing is doubtful (CASES D12). */
static void join_uidls(struct listing *l)
{
    struct slice all = buf_slice(&l->uidls);
    size_t r = 0;

    for (size_t i = 0; i < l->list.count; i++) {
        struct box_entry *e = &l->list.entries[i];
        for (; r < l->row_count && l->rows[r].number < e->number; r++)
            l->list.doubtful = true;
        if (r < l->row_count && l->rows[r].number == e->number) {
            e->uidl = slice_make(all.p + l->rows[r].at, l->rows[r].n);
            r++;
        } else if (l->row_count) {
            l->list.doubtful = true;
        }
    }
    l->list.doubtful = l->list.doubtful || r < l->row_count;
    free(l->rows);
    l->rows = NULL;
    l->row_count = l->row_cap = 0;
}

void listing_join(struct account *a)
{
    struct listing *l = a->listing;
    bool keeps = listing_keeps_durably(a);

    if (l->list.count)
        qsort(l->list.entries, l->list.count, sizeof *l->list.entries, entry_order);
    if (l->row_count)
        qsort(l->rows, l->row_count, sizeof *l->rows, row_order);
    drop_repeated(l);
    join_uidls(l);
    l->list.policy = keeps || a->options.unlisted == ACCOUNT_UNLISTED_STAYS ? BOX_VANISHED_UNLISTED
                                                                            : BOX_VANISHED_GONE;
}

/* ---- digests ----------------------------------------------------------------------------- */

bool listing_has_headers(const struct account *a)
{
    const struct pop3_client_capabilities *caps = pop3_client_capabilities(a->link.client);

    return caps->top != POP3_SUPPORT_NO || !caps->has_expire || caps->expire_days != 0;
}

static void digest_event(struct account *a, struct account_op *op,
                         const struct pop3_client_event *ev);

/* The header, or the whole where the upstream cannot give that alone. */
static void digest_ask(struct account *a, size_t entry)
{
    struct pop3_client *client = a->link.client;
    uint32_t number = a->listing->list.entries[entry].number;
    struct account_op *op = listing_has_headers(a) ? link_op(a, digest_event) : NULL;

    a->listing->beside[entry].tried = true;
    if (!op)
        return;
    op->entry = entry;
    a->listing->awaited++;
    op->command = pop3_client_capabilities(client)->top == POP3_SUPPORT_NO
                      ? pop3_client_retr(client, number)
                      : pop3_client_top(client, number, 0);
}

/* Without it the message is recognised by what it has but for its header. */
static void digest_forgo(struct account *a, size_t entry)
{
    struct box_entry *e = &a->listing->list.entries[entry];

    digest_of_size(e->size, a->listing->beside[entry].digest);
    e->digest = slice_of(a->listing->beside[entry].digest);
    e->mute = true;
}

static void digests_complete(struct account *a);

/* Without its answer the message is not recognised, and the listing not believed. */
static void digest_event(struct account *a, struct account_op *op,
                         const struct pop3_client_event *ev)
{
    struct listing *l = a->listing;

    if (filing_header_event(a, op, ev) || ev->type != POP3_CLIENT_DONE)
        return;
    l->awaited--;
    if (!ev->ok && ev->verb == POP3_TOP && ev->unsupported)
        digest_ask(a, op->entry);
    if (l->awaited == 0)
        digests_complete(a);
}

/* Asks for the digests that matching wants and that were not tried. False when there are none. */
static bool digests_ask(struct account *a)
{
    struct listing *l = a->listing;
    size_t asked = 0;

    for (size_t i = 0; i < l->list.count; i++) {
        if (!l->list.entries[i].ask || l->beside[i].tried)
            continue;
        digest_ask(a, i);
        asked++;
    }
    return asked != 0;
}

static bool digests_are_wanted(const struct listing *l)
{
    for (size_t i = 0; i < l->list.count; i++)
        if (l->list.entries[i].ask && !l->beside[i].tried)
            return true;
    return false;
}

static void digests_forgo(struct account *a)
{
    struct listing *l = a->listing;

    for (size_t i = 0; i < l->list.count; i++)
        if (l->list.entries[i].ask)
            digest_forgo(a, i);
}

static bool listing_match(struct account *a)
{
    struct box_listing *list = &a->listing->list;
    size_t asked = 0;

    if (a->listing->glance || a->listing->matched == a->state->modseq + 1)
        return !a->failed;
    a->failed = a->failed || !box_listing_match(a->state, list, &asked);
    if (!a->failed && asked && !listing_has_headers(a)) {
        digests_forgo(a);
        a->failed = !box_listing_match(a->state, list, &asked);
    }
    a->listing->matched = asked ? 0 : a->state->modseq + 1;
    return !a->failed;
}

/* ---- the record -------------------------------------------------------------------------- */

/* When the look was had is written down with what it found, not for its own sake. */
static json_t *draft_end(struct account *a, struct box_draft *d)
{
    const struct listing *l = a->listing;
    const struct box_poll *before = &a->state->poll;
    struct box_poll poll = {
        .count = l->list.count + (l->glance ? a->numbers.count : 0),
        .login_delay = (int64_t)(a->link.login_delay_ms / 1000),
        .at = a->now_s,
    };

    bool news = d->content_count || json_object_size(d->record) > 2; /* "record", "modseq" */
    if (!news && !d->failed && before->count == poll.count &&
        before->login_delay == poll.login_delay) {
        box_draft_drop(d);
        return NULL;
    }
    box_draft_poll(d, &poll);
    json_t *record = box_draft_end(d);
    a->failed = a->failed || !record;
    return record;
}

/* The state may have changed since the listing was complete: it is matched with what is now. */
static json_t *listing_draft(struct account *a)
{
    struct listing *l = a->listing;
    struct box_draft d;

    if (!l || l->stage != LISTING_COMMIT || !listing_match(a) || digests_are_wanted(l))
        return NULL;
    l->drafted = true;
    box_draft_begin(&d, a->state, "listing");
    /* Once for each look: what is suspect is believed when the next one lacks it too. A glance says
     * nothing of what was known. */
    if (!l->told && !l->glance)
        box_listing_draft(&d, &l->list, &l->suspicious);
    filing_draft(a, &d);
    return draft_end(a, &d);
}

/* Only the first listing of a connection is a look: the maildrop is as it was at the login. */
static void polls_tell(struct account *a)
{
    struct account_event ev = {.type = ACCOUNT_EV_POLLED};

    if (!a->listing->again)
        askers_tell(a, &a->polls, &ev);
}

void listing_known(struct account *a)
{
    struct listing *l = a->listing;

    if (l->glance)
        numbers_extend(a);
    else
        numbers_learn(a);
    l->stage = LISTING_KNOWN;
    if (!l->again) {
        a->looked = true;
        a->looked_at = a->now_ms;
    }
    a->suspect_at = l->suspicious ? a->now_ms + LOOK_AGAIN_MS : UINT64_MAX;
    if (l->suspicious)
        account_log(a, LEVEL_WARNING, "listing-suspicious",
                    "the maildrop lists %zu messages, many fewer than before, or disagrees with "
                    "itself; nothing is expunged before another look",
                    l->list.count);
    link_listed(a);
    polls_tell(a);
}

/* The record is in the state. Where there is more to file, those who wait for the look are told of
 * what there is: the rest comes to them as new mail does. */
static void listing_drafted(struct account *a)
{
    struct listing *l = a->listing;

    l->drafted = false;
    l->told = true;
    filing_keep(a);
    if (!filing_ask(a)) {
        listing_known(a);
        return;
    }
    l->stage = LISTING_FILING;
    polls_tell(a);
}

static void listing_queue(struct account *a)
{
    if (a->listing_queued)
        return;
    a->listing_queued = true;
    commit_queue(a, &listing_commit);
}

/* Between the turn's being asked for and its coming the connection may have been lost, and another
 * one have listed anew. */
static void listing_done(struct account *a, const struct failure *why)
{
    struct listing *l = a->listing;

    a->listing_queued = false;
    if (!l || l->stage != LISTING_COMMIT)
        return;
    if (why->kind != FAILURE_NONE)
        listing_fail(a, why);
    else if (l->drafted)
        listing_drafted(a);
    else if (digests_ask(a))
        l->stage = LISTING_DIGESTS;
    else
        listing_queue(a);
}

const struct commit_op listing_commit = {listing_draft, listing_done};

/* ---- from one stage to the next ---------------------------------------------------------- */

void listing_filed(struct account *a)
{
    a->listing->stage = LISTING_COMMIT;
    listing_queue(a);
}

void listing_file(struct account *a)
{
    if (filing_ask(a))
        a->listing->stage = LISTING_FILING;
    else
        listing_filed(a);
}

static void listing_match_and_go(struct account *a)
{
    if (!listing_match(a))
        return;
    if (digests_ask(a))
        a->listing->stage = LISTING_DIGESTS;
    else
        listing_file(a);
}

static void listing_complete(struct account *a)
{
    struct listing *l = a->listing;

    if (l->failure) {
        struct failure why = *l->failure;
        listing_fail(a, &why);
        return;
    }
    a->failed = a->failed || buf_failed(&l->uidls);
    if (a->failed)
        return;
    listing_join(a);
    listing_match_and_go(a);
}

static void check_complete(struct account *a)
{
    if (!listing_match(a))
        return;
    a->listing->stage = LISTING_KNOWN;
    numbers_learn(a);
    delete_checked(a);
}

static void digests_complete(struct account *a)
{
    if (a->listing->stage == LISTING_CHECKING)
        check_complete(a);
    else
        listing_match_and_go(a);
}

/* Messages that became doomed since the listing are looked at as the next one would. */
void listing_check(struct account *a)
{
    a->listing->stage = LISTING_CHECKING;
    if (listing_match(a) && !digests_ask(a))
        check_complete(a);
}
