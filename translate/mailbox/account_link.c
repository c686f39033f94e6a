/*
 * The one connection to the maildrop: how it is opened and let go of, what is under way on it, and
 * what follows when it fails. When which of it is due is account_schedule.c's to say.
 */
#include <stdlib.h>

#include "translate/mailbox/account_internal.h"

void link_init(struct account *a)
{
    a->link.last = &a->link.first;
}

static void ops_clear(struct link *u)
{
    while (u->first) {
        struct account_op *op = u->first;
        u->first = op->next;
        if (op->job)
            op->job->op = NULL;
        free(op);
    }
    u->last = &u->first;
}

static bool incoming_make(struct account *a)
{
    if (!a->incoming)
        a->incoming = calloc(1, sizeof *a->incoming);
    return a->incoming;
}

static void incoming_free(struct account *a)
{
    if (!a->incoming)
        return;
    octets_clear(&a->incoming->octets);
    buf_clear(&a->incoming->header);
    free(a->incoming);
    a->incoming = NULL;
}

void link_clear(struct account *a)
{
    ops_clear(&a->link);
    pop3_client_free(a->link.client);
    free(a->link.failure);
    incoming_free(a);
}

struct buf *account_upstream_out(struct account *a)
{
    return a->link.client ? pop3_client_out(a->link.client) : NULL;
}

bool link_is_up(const struct account *a)
{
    return a->link.state != LINK_CLOSED;
}

bool account_is_away(const struct account *a)
{
    return a->link.failures != 0;
}

const struct failure *link_failure(const struct account *a)
{
    static const struct failure unknown = {FAILURE_TEMPORARY, "out of memory"};

    return a->link.failure ? a->link.failure : &unknown;
}

uint64_t link_delay(unsigned failures)
{
    static const uint64_t seconds[] = {0, 5, 10, 20, 40, 60};
    enum { LAST = sizeof seconds / sizeof *seconds - 1 };

    return 1000 * seconds[failures < LAST ? failures : LAST];
}

static void log_told(void *owner, struct slice line)
{
    struct account *a = owner;

    account_log(a, LEVEL_DEBUG, "upstream-told", "%.*s", SLICE_ARG(line));
}

static void log_says(void *owner, struct slice line)
{
    struct account *a = owner;

    account_log(a, LEVEL_DEBUG, "upstream-says", "%.*s", SLICE_ARG(line));
}

/* ---- opening ----------------------------------------------------------------------------- */

static void link_connect(struct account *a)
{
    a->link.state = LINK_CONNECTING;
    a->link.asked = false;
    a->link.used = a->now_ms;
    account_act(a, ACCOUNT_CONNECT);
}

/* `why`: for what the last one was refused. */
static void credential_ask(struct account *a, const char *why)
{
    a->link.state = LINK_CREDENTIAL;
    struct account_action *action = account_act(a, ACCOUNT_CREDENTIAL);
    if (action)
        text_clean(action->text, sizeof action->text, slice_of(why));
}

void link_open(struct account *a)
{
    a->link.used = a->now_ms;
    if (logins_credential_is_old(a))
        credential_ask(a, "");
    else
        link_connect(a);
}

void account_credential(struct account *a, const struct credential *credential)
{
    if (a->link.state != LINK_CREDENTIAL)
        return;
    if (!credential_copy(logins_credential(a), credential))
        a->failed = true;
    link_connect(a);
    account_advance(a);
}

void account_credential_failed(struct account *a, const struct failure *why)
{
    if (a->link.state != LINK_CREDENTIAL)
        return;
    link_lost(a, why);
    account_advance(a);
}

void account_connected(struct account *a, const struct pop3_client_options *client)
{
    struct link *u = &a->link;
    struct pop3_client_options options = *client;
    struct failure why;

    if (u->state != LINK_CONNECTING)
        return;
    if (a->options.debug)
        options.trace = (struct trace){log_told, log_says, a};
    if (u->window)
        options.window = u->window;
    pop3_client_free(u->client);
    u->client = pop3_client_new(&options);
    if (!u->client || !listing_make(a) || !incoming_make(a)) {
        a->failed = true;
        return;
    }
    u->state = LINK_LOGIN;
    u->heard = u->used = a->now_ms;
    u->cut = false;
    u->unwanted = false;
    if (!logins_give(a, u->client, &why))
        link_lost(a, &why);
    account_advance(a);
}

void account_connect_failed(struct account *a, const struct failure *why)
{
    if (a->link.state != LINK_CONNECTING)
        return;
    link_lost(a, why);
    account_advance(a);
}

void account_upstream_bind(struct account *a, const struct sasl_binding *binding)
{
    if (a->link.client)
        pop3_client_bind(a->link.client, binding);
}

void account_upstream_tls(struct account *a)
{
    if (!a->link.cut)
        return;
    a->link.cut = false;
    a->link.heard = a->now_ms;
    pop3_client_tls_started(a->link.client);
}

static void link_ready(struct account *a)
{
    uint32_t delay = pop3_client_capabilities(a->link.client)->login_delay;

    a->link.login_delay_ms = UINT64_C(1000) * delay;
    a->link.login_at = a->now_ms + a->link.login_delay_ms;
    a->link.state = LINK_LISTING;
    a->link.renewed = false;
    a->deletion.tried = false;
    logins_accepted(a);
    if (glance_will_do(a))
        glance_begin(a);
    else
        listing_begin(a);
}

void link_listed(struct account *a)
{
    struct link *u = &a->link;
    struct failure back;

    u->state = LINK_OPEN;
    u->used = a->now_ms;
    u->failures = 0;
    free(u->failure);
    u->failure = NULL;
    if (!u->noticed)
        return;
    u->noticed = false;
    failure_set(&back, FAILURE_NONE, "the mail server is there again");
    clients_notice(a, &back);
}

/* ---- the end ----------------------------------------------------------------------------- */

/* The pop3_client stays until the owner has disconnected: we may be inside one of its events, and
 * its QUIT is still to be sent. */
static void link_drop(struct account *a)
{
    struct link *u = &a->link;
    bool connected = u->state > LINK_CONNECTING;

    u->state = LINK_CLOSED;
    u->ended++;
    u->cut = false;
    if (connected)
        account_act(a, ACCOUNT_DISCONNECT);
    listing_clear(a);
}

void account_disconnected(struct account *a)
{
    if (a->link.state > LINK_CONNECTING)
        return;
    pop3_client_free(a->link.client);
    a->link.client = NULL;
    listing_free(a);
    incoming_free(a);
}

static void link_notice(struct account *a, const struct failure *why)
{
    if (a->link.noticed)
        return;
    a->link.noticed = true;
    clients_notice(a, why);
}

/* How it is with the account when a connection ended so. */
static void failure_count(struct account *a, enum link_state state, const struct failure *why)
{
    struct link *u = &a->link;

    u->failures = state >= LINK_OPEN ? 0 : u->failures + 1;
    u->failed_at = a->now_ms;
    u->retry_at = a->now_ms + link_delay(u->failures);
    if (u->failures == 0)
        return;
    if (!failure_keep(&u->failure, why))
        a->failed = true;
    link_notice(a, why);
}

static void link_log(struct account *a, enum link_state state, const struct failure *why)
{
    int level = state == LINK_QUITTING ? LEVEL_DEBUG : LEVEL_WARNING;

    if (state == LINK_CONNECTING)
        account_log(a, LEVEL_WARNING, "upstream-failed", "%s", why->text);
    else
        account_log(a, level, "upstream-lost", "%s", why->text);
}

/* A token expires, and is refused then without anybody being at fault: another one, once. */
static bool is_renewable(struct account *a, const struct failure *why)
{
    return a->link.state == LINK_LOGIN && why->kind == FAILURE_AUTH && !a->link.renewed &&
           logins_credential(a)->kind == CREDENTIAL_TOKEN;
}

void link_lost(struct account *a, const struct failure *why)
{
    enum link_state state = a->link.state;
    bool was_trial = state <= LINK_LOGIN && a->logins.trying;
    bool renew = is_renewable(a, why);

    if (state == LINK_CLOSED)
        return;
    glance_lost(a);
    link_drop(a);
    a->link.renewed = renew;
    if (renew) {
        credential_ask(a, why->text);
        return;
    }
    jobs_lost(a, why);
    ops_clear(&a->link);
    delete_lost(a);
    /* That a wrong password was refused says nothing of the account: who tried it is told. */
    if (!(was_trial && why->kind == FAILURE_AUTH)) {
        link_log(a, state, why);
        failure_count(a, state, why);
        numbers_forget(a);
    }
    if (state <= LINK_LOGIN)
        logins_refused(a, why);
}

static void quit_event(struct account *a, struct account_op *op, const struct pop3_client_event *ev)
{
    (void)op;
    if (ev->type != POP3_CLIENT_DONE)
        return;
    link_drop(a);
    if (a->deletion.phase == DELETE_QUITTING)
        delete_quitted(a);
}

void link_quit(struct account *a)
{
    struct account_op *op = link_op(a, quit_event);

    if (!op)
        return;
    a->link.state = LINK_QUITTING;
    op->command = pop3_client_quit(a->link.client);
}

/* ---- commands ---------------------------------------------------------------------------- */

struct account_op *link_op(struct account *a, account_op_event event)
{
    struct link *u = &a->link;
    struct account_op *op = calloc(1, sizeof *op);

    if (!op) {
        a->failed = true;
        return NULL;
    }
    op->event = event;
    if (!u->first)
        u->heard = a->now_ms;
    *u->last = op;
    u->last = &op->next;
    return op;
}

/* Answers come in the order of the commands. */
static void op_happened(struct account *a, const struct pop3_client_event *ev)
{
    struct link *u = &a->link;
    struct account_op *op = u->first;

    if (!op || op->command != ev->command)
        return;
    if (ev->type == POP3_CLIENT_DONE) {
        u->first = op->next;
        if (!u->first)
            u->last = &u->first;
        u->used = a->now_ms;
    }
    op->event(a, op, ev);
    if (ev->type == POP3_CLIENT_DONE)
        free(op);
}

void link_event(struct account *a, const struct pop3_client_event *ev)
{
    switch (ev->type) {
    case POP3_CLIENT_TLS:
        a->link.cut = true;
        account_act(a, ACCOUNT_UPSTREAM_TLS);
        break;
    case POP3_CLIENT_READY:
        link_ready(a);
        break;
    case POP3_CLIENT_FAILED:
        link_lost(a, &ev->failure);
        break;
    case POP3_CLIENT_LISTING:
    case POP3_CLIENT_BODY_DATA:
    case POP3_CLIENT_BODY_END:
    case POP3_CLIENT_DONE:
        op_happened(a, ev);
        break;
    case POP3_CLIENT_MORE:
        break;
    }
}
