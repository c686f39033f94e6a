/*
 * When the one connection to the maildrop is opened, what is done next on it, and when it is let go
 * of. A connection that failed after its listing is opened again at once, one that failed before
 * (the server is away, the maildrop is locked) after a growing delay; who waits is told so, and has
 * what is kept.
 */
#include "translate/mailbox/account_internal.h"

/* ---- polling ----------------------------------------------------------------------------- */

static void polls_answer(struct account *a, const struct failure *why)
{
    struct account_event ev = {.type = ACCOUNT_EV_POLLED, .failure = *why};

    askers_tell(a, &a->polls, &ev);
}

/* A look that was just had is as good as another one, and so is the last one that the upstream's
 * LOGIN-DELAY permitted. */
static bool look_is_fresh(const struct account *a)
{
    uint64_t fresh = UINT64_C(1000) * a->options.noop_seconds;

    if (a->link.login_delay_ms > fresh)
        fresh = a->link.login_delay_ms;
    return a->looked && a->now_ms < a->looked_at + fresh && a->link.failures == 0;
}

/* Who asks does not wait out the delay, which grows for the sake of attempts that nobody needs. */
void link_hurry(struct account *a)
{
    struct link *u = &a->link;

    if (u->failures && u->retry_at > u->failed_at + RETRY_ASKED_MS)
        u->retry_at = u->failed_at + RETRY_ASKED_MS;
}

uint32_t account_poll(struct account_client *client)
{
    struct account *a = client->account;
    struct asker asker = {.client = client, .request = client_request(client)};

    link_hurry(a);
    a->link.asked = a->link.asked || (a->link.failures && a->link.state == LINK_CLOSED);
    askers_add(a, &a->polls, &asker);
    account_advance(a);
    return asker.request;
}

/* When somebody watches, and where the last listing is not to be believed. */
static uint64_t look_at(const struct account *a)
{
    uint64_t delay = UINT64_C(1000) * a->options.poll_seconds;
    uint64_t at = UINT64_MAX;

    if (delay < a->link.login_delay_ms)
        delay = a->link.login_delay_ms;
    if (a->watching)
        at = a->looked ? a->looked_at + delay : 0;
    return a->clients && a->suspect_at < at ? a->suspect_at : at;
}

bool link_look_is_due(const struct account *a)
{
    return a->polls.count || a->link.asked || a->now_ms >= look_at(a);
}

/* ---- what is to be done next ------------------------------------------------------------- */

uint64_t link_opens_at(const struct account *a)
{
    const struct link *u = &a->link;

    return u->retry_at > u->login_at ? u->retry_at : u->login_at;
}

/* Nobody waits for a server that is away. */
static void waiting_fail(struct account *a)
{
    polls_answer(a, link_failure(a));
    jobs_fail(a, link_failure(a));
}

static void ask_for_login(struct account *a)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY,
                "the mail server is asked again when somebody has logged in");
    if (!failure_keep(&a->link.failure, &why))
        a->failed = true;
}

/* Work that has to wait for longer than an answer may take is not done. */
static void closed_answer(struct account *a)
{
    struct link *u = &a->link;
    uint64_t patience = UINT64_C(1000) * a->options.response_seconds;

    if (!a->logins.known && !u->failure)
        ask_for_login(a);
    if (!a->logins.known || (u->failures && a->now_ms < u->retry_at)) {
        waiting_fail(a);
    } else if (a->now_ms + patience < u->login_at && jobs_are_waiting(a)) {
        struct failure why;
        failure_set(&why, FAILURE_LOGIN_DELAY, "the mail server lets nobody in for %u seconds",
                    (unsigned)((u->login_at - a->now_ms) / 1000));
        jobs_fail(a, &why);
    }
}

static bool is_needed(const struct account *a)
{
    return link_look_is_due(a) || jobs_are_waiting(a) ||
           (delete_needs_upstream(a) && a->now_ms >= a->deletion.again_at);
}

static void closed_advance(struct account *a)
{
    if (logins_want_try(a)) {
        logins_try(a);
        link_open(a);
        return;
    }
    closed_answer(a);
    if (a->logins.known && is_needed(a) && a->now_ms >= link_opens_at(a))
        link_open(a);
}

static uint64_t idle_at(const struct account *a)
{
    return a->link.used + UINT64_C(1000) * a->options.idle_seconds;
}

/* LOGIN-DELAY (RFC 2449): earlier than that the upstream would not let us in again. */
static bool may_return(const struct account *a)
{
    return a->now_ms >= a->link.login_at;
}

/* Whether the connection has done its work: another password waits, the maildrop is to be looked at
 * anew, which POP3 can only do by logging in again, or nobody needs it. */
static bool is_to_leave(const struct account *a)
{
    return logins_want_try(a) || (link_look_is_due(a) && may_return(a)) ||
           (!jobs_are_waiting(a) && (a->link.unwanted || a->now_ms >= idle_at(a)));
}

static void open_advance(struct account *a)
{
    bool leaving = is_to_leave(a);
    bool deleting = delete_is_due(a) || (leaving && delete_is_possible(a));

    if (a->deletion.phase != DELETE_NONE && a->deletion.phase != DELETE_GONE)
        return;
    if (!leaving && !deleting)
        jobs_issue(a);
    else if (!jobs_are_drained(a))
        return;
    else if (deleting && numbers_are_whole(a))
        delete_begin(a);
    else if (deleting)
        listing_again(a);
    else
        link_quit(a);
}

bool account_upstream_is_spare(const struct account *a)
{
    return a->link.state == LINK_OPEN && a->deletion.phase == DELETE_NONE && !jobs_are_waiting(a) &&
           jobs_are_drained(a) && may_return(a);
}

void account_let_go(struct account *a)
{
    a->link.unwanted = a->link.state == LINK_OPEN;
    account_advance(a);
}

void link_advance(struct account *a)
{
    struct failure none = {.kind = FAILURE_NONE};

    if (a->polls.count && look_is_fresh(a))
        polls_answer(a, &none);
    else if (a->polls.count && a->link.failures)
        polls_answer(a, link_failure(a)); /* it is tried, but that may take long */
    if (a->link.state == LINK_CLOSED)
        closed_advance(a);
    else if (a->link.state == LINK_OPEN)
        open_advance(a);
}

/* ---- time -------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t x, uint64_t y)
{
    return x < y ? x : y;
}

/* The listing's record is not the upstream's business. */
static bool link_owes(const struct account *a)
{
    const struct link *u = &a->link;

    return u->state == LINK_LOGIN || (u->state > LINK_LOGIN && u->first);
}

static uint64_t login_deadline(const struct account *a)
{
    if (a->link.state != LINK_LOGIN)
        return UINT64_MAX;
    return a->link.used + UINT64_C(1000) * a->options.login_seconds; /* since account_connected() */
}

static uint64_t answer_deadline(const struct account *a)
{
    if (!link_owes(a) || !jobs_have_room(a))
        return UINT64_MAX;
    return a->link.heard + UINT64_C(1000) * a->options.response_seconds;
}

uint64_t link_overdue_at(const struct account *a)
{
    return earlier(answer_deadline(a), login_deadline(a));
}

void link_overdue(struct account *a)
{
    struct link *u = &a->link;
    struct failure why;

    if (a->now_ms >= answer_deadline(a)) {
        failure_set(&why, FAILURE_TEMPORARY, "the mail server did not answer within %u seconds",
                    a->options.response_seconds);
        if (u->client && pop3_client_under_way(u->client) > 1 && pop3_client_stalled(u->client))
            u->window = pop3_client_window(u->client);
    } else {
        failure_set(&why, FAILURE_TEMPORARY, "the mail server did not let in within %u seconds",
                    a->options.login_seconds);
    }
    link_lost(a, &why);
}

static uint64_t later(uint64_t x, uint64_t y)
{
    return x > y ? x : y;
}

static uint64_t closed_deadline(const struct account *a)
{
    uint64_t at = look_at(a);

    if (!a->logins.known)
        return UINT64_MAX;
    if (a->polls.count || a->link.asked || jobs_are_waiting(a))
        at = 0;
    if (delete_needs_upstream(a))
        at = earlier(at, a->deletion.again_at);
    return at == UINT64_MAX ? at : later(at, link_opens_at(a));
}

uint64_t link_deadline(const struct account *a)
{
    if (a->link.state == LINK_CLOSED)
        return closed_deadline(a);
    if (a->link.state != LINK_OPEN || a->deletion.phase != DELETE_NONE)
        return UINT64_MAX;
    if (!jobs_are_drained(a))
        return delete_deadline(a);
    uint64_t look = look_at(a);
    if (look != UINT64_MAX)
        look = later(look, a->link.login_at);
    return earlier(earlier(look, idle_at(a)), delete_deadline(a));
}
