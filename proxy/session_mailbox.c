/*
 * A session of an IMAP client: the mailbox behind it, the way to its account, and what the mailbox
 * asks for.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

/* ---- the mailbox as a translator ---- */

static bool greet(struct session *s)
{
    const struct config_listener *l = &s->settings->config->listeners[s->listener];
    const struct config_limits *limits = &s->settings->config->limits;
    const struct session_challenge *challenge = session_make_challenge(s);
    bool tls = stream_is_tls(s->client.stream);
    struct mailbox_settings settings = {
        .debug = log_enabled(LOG_DEBUG),
        .tls = tls,
        .starttls = s->settings->listeners[s->listener].tls && !tls,
        .require_tls = l->endpoint.tls == ENDPOINT_TLS_STARTTLS,
        .allow_cleartext = l->allow_cleartext || stream_peer_is_loopback(s->client.stream),
        .login_seconds = limits->login_seconds,
        .idle_seconds = config_idle_seconds(limits, ENDPOINT_IMAP),
        .patience_seconds = limits->connect_seconds + limits->response_seconds,
        .errors = limits->errors,
        .login_attempts = limits->login_attempts,
        .append_limit = s->settings->listeners[s->listener].append_limit,
        .allow_authzid = s->settings->listeners[s->listener].operators,
        .secrets = challenge != NULL,
        .key = challenge ? challenge->key : NULL,
        .iterations = HELD_ITERATIONS,
    };
    struct sasl_binding binding = {.type = SASL_BINDING_NONE};
    struct buf certified = BUF_INIT;

    stream_binding(s->client.stream, &binding);
    settings.binding = &binding;
    session_certified(s, &certified);
    settings.certified = buf_slice(&certified);
    s->mailbox = mailbox_new(&settings, uv_now(s->house->loop), (int64_t)time(NULL));
    buf_clear(&certified);
    return s->mailbox != NULL;
}

/* Whether the session is at its account, and not only on its way there. */
static bool is_joined(const struct session *s)
{
    return s->host && s->guest.mailbox;
}

static void tell(struct session *s)
{
    mailbox_now(s->mailbox, uv_now(s->house->loop), (int64_t)time(NULL));
    mailbox_client_queued(s->mailbox, session_client_queued(s));
    if (s->storing)
        mailbox_store_queued(s->mailbox, bodies_writer_queued(s->storing));
    if (is_joined(s))
        account_host_tell(s->host);
}

static void data(struct session *s, struct slice *in)
{
    mailbox_client_data(s->mailbox, in);
}

/* On the way to another loop nothing is taken. */
static bool wants(const struct session *s)
{
    return !s->moving && mailbox_wants_client(s->mailbox);
}

static void tls(struct session *s)
{
    struct sasl_binding binding;
    struct buf certified = BUF_INIT;

    stream_binding(s->client.stream, &binding);
    mailbox_client_bind(s->mailbox, &binding);
    session_certified(s, &certified);
    mailbox_client_certified(s->mailbox, buf_slice(&certified));
    buf_clear(&certified);
    mailbox_client_tls(s->mailbox);
}

static void closed(struct session *s, const struct failure *why)
{
    mailbox_client_closed(s->mailbox, why);
}

static void drain(struct session *s)
{
    mailbox_drain(s->mailbox);
}

static void revoked(struct session *s)
{
    mailbox_revoke(s->mailbox);
}

static void tick(struct session *s)
{
    mailbox_tick(s->mailbox);
}

static uint64_t deadline(const struct session *s)
{
    return mailbox_deadline(s->mailbox);
}

static bool failed(const struct session *s)
{
    return mailbox_failed(s->mailbox);
}

static struct buf *out(struct session *s)
{
    return mailbox_client_out(s->mailbox);
}

/* ---- the way to the account ---- */

/* It is not on its way to an account any more. */
static void leave_home(struct session *s)
{
    homes_leave(s->house->homes, s->home);
    s->home = NULL;
}

void session_refuse_login(struct session *s, enum failure_kind kind, const char *text)
{
    struct failure why;

    leave_home(s);
    failure_set(&why, kind, "%s", text);
    s->route = NULL;
    mailbox_refused(s->mailbox, &why);
}

static struct session *session_of(struct account_guest *g)
{
    return (struct session *)((char *)g - offsetof(struct session, guest));
}

static void session_restrict(struct session *s)
{
    const struct device_limits *l = &s->entry->limits;

    mailbox_restrict(s->mailbox, &(struct mailbox_rights){
                                     .read_only = l->read_only,
                                     .never_delete = l->never_delete,
                                     .folder = s->entry->grant ? l->folder : NULL,
                                 });
}

/* The account has them now; who logs in anew has others. */
static void names_drop(struct session *s)
{
    credential_clear(&s->entry->credential);
    free(s->login);
    free(s->account);
    s->login = s->account = NULL;
}

static void on_joined(struct account_guest *g, const struct failure *why)
{
    struct session *s = session_of(g);

    if (why->kind != FAILURE_NONE) {
        s->host = NULL;
        session_tell(s);
        session_refuse_login(s, why->kind, why->text);
    } else {
        g->mailbox = s->mailbox;
        session_tell(s);
        session_restrict(s);
        mailbox_joined(s->mailbox, account_host_account(s->host), slice_of(s->login),
                       session_credential(s));
        names_drop(s);
    }
    session_pump(s);
}

static void on_touched(struct account_guest *g)
{
    struct session *s = session_of(g);

    session_tell(s);
    mailbox_account(s->mailbox);
    session_pump(s);
}

static void on_lost(struct account_guest *g)
{
    session_end(session_of(g), "out of memory", true);
}

void session_join(struct session *s)
{
    s->guest = (struct account_guest){
        .on_joined = on_joined,
        .on_touched = on_touched,
        .on_lost = on_lost,
        .grant = session_renewable(s),
        .generation = s->entry->generation,
    };
    s->host = account_host_join(s->house, s->settings, s->route, &s->place, s->home, &s->guest);
    s->home = NULL;
    if (!s->host)
        session_refuse_login(s, FAILURE_TEMPORARY, "out of memory, try again later");
}

static void leave(struct session *s)
{
    if (s->host)
        account_host_leave(s->host, &s->guest);
    s->host = NULL;
    s->guest.mailbox = NULL;
    leave_home(s);
}

/* What an earlier attempt that was refused has left. */
static void leave_last(struct session *s)
{
    if (!s->host)
        return;
    session_bodies_end(s);
    leave(s);
}

/* A second attempt stays with the account, when it is the same one. */
static void log_in(struct session *s, const struct mailbox_action *action)
{
    leave_last(s);
    session_admit(s, &(struct session_claim){action->user, action->authzid, action->password,
                                             action->proved, action->certified});
}

static void ask_secret(struct session *s, const struct mailbox_action *action)
{
    leave_last(s);
    session_ask_secret(s, action->user, action->mechanism);
}

static void admitted(struct session *s)
{
    s->home = homes_enter(s->house->homes, s->account, s->house->number);
    if (!s->home) {
        session_refuse_login(s, FAILURE_TEMPORARY, "out of memory, try again later");
        return;
    }
    if (s->home->number == s->house->number) {
        session_join(s);
        return;
    }
    s->moving = true;
    s->due = uv_now(s->house->loop);
    session_arm(s);
}

static void refused(struct session *s, const struct failure *why)
{
    mailbox_refused(s->mailbox, why);
}

static void secret(struct session *s, const struct sasl_secret *its)
{
    mailbox_secret(s->mailbox, its);
}

static void renewed_nothing(struct session *s, const struct credential *credential,
                            const struct failure *why)
{
    (void)s; /* the account's host asks for what it needs */
    (void)credential;
    (void)why;
}

/* It took too long to be let in: the account may come yet, but nobody waits for it. */
static void log_in_cancel(struct session *s)
{
    session_admission_cancel(s);
    s->moving = false;
    s->due = UINT64_MAX;
    leave(s);
}

/* ---- what the mailbox asks for ---- */

static void log_action(struct session *s, const struct mailbox_action *action)
{
    struct mailbox_summary summary;
    const char *route = s->route ? s->route->name : NULL;

    mailbox_summary(s->mailbox, &summary);
    if (strcmp(action->event, "login-refused") == 0) {
        enum failure_kind kind = action->level == LOG_INFO ? FAILURE_AUTH : FAILURE_TEMPORARY;
        session_log_refusal(s, action->level, kind, summary.user, action->text);
        if (kind == FAILURE_AUTH)
            session_report(s, false);
        health_login_refused(s->house->health, route, kind);
        return;
    }
    session_log_line(s, action->level, action->event, summary.user, action->text);
    if (strcmp(action->event, "login") != 0)
        return;
    session_report(s, true);
    if (route)
        health_login(s->house->health, route);
}

static void session_act(struct session *s, const struct mailbox_action *action)
{
    switch (action->type) {
    case MAILBOX_LOGIN:
        log_in(s, action);
        break;
    case MAILBOX_SECRET:
        ask_secret(s, action);
        break;
    case MAILBOX_CANCEL:
        log_in_cancel(s);
        break;
    case MAILBOX_CLIENT_TLS:
        session_flush(s);
        session_client_tls(s);
        break;
    case MAILBOX_READ:
        session_read_begin(s, action);
        break;
    case MAILBOX_PARSE:
        session_parse_begin(s, action);
        break;
    case MAILBOX_TEXTS:
        session_texts_begin(s, action);
        break;
    case MAILBOX_LOG:
        log_action(s, action);
        break;
    case MAILBOX_END:
        session_end(s, NULL, false);
        break;
    default:
        session_store(s, action);
        break;
    }
}

/* What it asked the account for is asked upstream; that may touch this very mailbox. */
static bool act(struct session *s)
{
    struct mailbox_action action;
    bool acted = false;

    while (s->mailbox && !session_withholds(s) && mailbox_next_action(s->mailbox, &action)) {
        session_act(s, &action);
        acted = true;
    }
    if (is_joined(s))
        account_host_pump(s->host);
    return acted;
}

static void flush_nothing(struct session *s)
{
    (void)s; /* the account sends what is for the upstream */
}

/* ---- the end ---- */

static void log_end(struct session *s, const char *cause)
{
    struct mailbox_summary summary = {.user = "", .cause = ""};

    if (s->mailbox)
        mailbox_summary(s->mailbox, &summary);
    log_event(LOG_INFO, s->id, "end",
              (struct log_field[]){
                  LOG_FIELD("user", slice_of(summary.user)),
                  LOG_FIELD_NUMBER("commands", summary.commands),
                  LOG_FIELD_NUMBER("fetched", summary.fetched),
                  LOG_FIELD_NUMBER("appended", summary.appended),
                  LOG_FIELD_NUMBER("expunged", summary.expunged),
                  LOG_FIELD_NUMBER("seconds", (uv_now(s->house->loop) - s->began) / 1000),
                  LOG_FIELD("cause", slice_of(cause ? cause : summary.cause)),
                  LOG_FIELD_NUMBER("client_in", session_client_in(s)),
                  LOG_FIELD_NUMBER("client_out", session_client_out(s)),
                  LOG_FIELD_END,
              });
}

static void end(struct session *s)
{
    session_bodies_end(s);
    if (s->mailbox)
        mailbox_free(s->mailbox);
    s->mailbox = NULL;
    leave(s);
}

static void abort_nothing(struct session *s)
{
    (void)s; /* there is no stream but the client's */
}

const struct session_kind session_of_mailbox = {
    .refusal = "* BYE [UNAVAILABLE] ",
    .plain = "the client began TLS on a port that speaks IMAP in the clear: it must use STARTTLS, "
             "or the port of an imaps:// listener",
    .account = account_host_key,
    .greet = greet,
    .tell = tell,
    .act = act,
    .data = data,
    .wants = wants,
    .tls = tls,
    .closed = closed,
    .drain = drain,
    .revoked = revoked,
    .tick = tick,
    .deadline = deadline,
    .failed = failed,
    .out = out,
    .flush = flush_nothing,
    .resume = session_read_resume,
    .admitted = admitted,
    .refused = refused,
    .secret = secret,
    .renewed = renewed_nothing,
    .log_end = log_end,
    .end = end,
    .abort = abort_nothing,
};
