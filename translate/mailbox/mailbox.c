/*
 * The frame of an IMAP session: what is fed in, the queue of actions, time, and the end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "translate/mailbox/mailbox_internal.h"

struct mailbox *mailbox_new(const struct mailbox_settings *settings, uint64_t now_ms, int64_t now_s)
{
    struct mailbox *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->settings = *settings;
    m->settings.binding = NULL;
    m->settings.certified = slice_of("");
    m->tls = settings->tls;
    m->now_ms = m->client_since = now_ms;
    m->now_s = now_s;
    m->summary.cause = "";
    m->account.owner = m;
    m->limits = &imapd_limits_before_login;
    if (!mailbox_auth_begin(m, settings)) {
        free(m);
        return NULL;
    }
    buf_puts(&m->client_out, "* OK [");
    mailbox_put_capabilities(m, &m->client_out);
    buf_puts(&m->client_out, "] mailferry ready\r\n");
    return m;
}

/* What a command holds while it is under way. */
static void drop_command(struct mailbox *m)
{
    mailbox_work_end(m);
    imapd_command_clear(&m->command);
    m->commanded = false;
}

void mailbox_free(struct mailbox *m)
{
    if (!m)
        return;
    drop_command(m);
    mailbox_leave(m);
    imapd_reader_clear(&m->reader);
    mailbox_auth_end(m);
    buf_clear(&m->client_out);
    buf_clear(&m->user);
    free(m->notice);
    mailbox_rights_clear(m);
    ring_clear(&m->actions);
    free(m);
}

void mailbox_now(struct mailbox *m, uint64_t now_ms, int64_t now_s)
{
    m->now_ms = now_ms;
    m->now_s = now_s;
}

const struct box_state *mailbox_state(const struct mailbox *m)
{
    return account_state(m->account.account);
}

bool mailbox_utf8(const struct mailbox *m)
{
    return m->utf8_accept || m->rev2;
}

bool mailbox_has_room(const struct mailbox *m)
{
    return m->client_queued + buf_size(&m->client_out) < CLIENT_HIGH_WATER;
}

uint32_t mailbox_next_request(struct mailbox *m)
{
    if (++m->last_request == 0)
        m->last_request = 1;
    return m->last_request;
}

/* ---- actions ---------------------------------------------------------------------------- */

struct mailbox_action *mailbox_act(struct mailbox *m, enum mailbox_action_type type)
{
    struct mailbox_action *a = ring_add(&m->actions, sizeof *a);

    if (!a) {
        m->failed = true;
        return NULL;
    }
    a->type = type;
    a->user = buf_slice(&m->user);
    return a;
}

void mailbox_log(struct mailbox *m, int level, const char *event, const char *format, ...)
{
    struct mailbox_action *a = mailbox_act(m, MAILBOX_LOG);
    va_list args;

    if (!a)
        return;
    va_start(args, format);
    text_vformat(a->text, sizeof a->text, format, args);
    va_end(args);
    a->level = level;
    a->event = event;
}

bool mailbox_next_action(struct mailbox *m, struct mailbox_action *action)
{
    return ring_take(&m->actions, action, sizeof *action);
}

/* ---- the end ---------------------------------------------------------------------------- */

void mailbox_end(struct mailbox *m, const char *cause)
{
    if (m->phase == PHASE_ENDED)
        return;
    m->phase = PHASE_ENDED;
    m->summary.cause = cause;
    drop_command(m);
    m->busy = BUSY_NONE;
    mailbox_leave(m);
    mailbox_act(m, MAILBOX_END);
}

void mailbox_bye(struct mailbox *m, const char *code, const char *text, const char *cause)
{
    /* Within the octets of a FETCH a line of ours would be taken for some of them. */
    if (m->phase != PHASE_ENDED && !(m->work && m->work->job))
        imapd_put_status(&m->client_out, slice_of(""), IMAPD_BYE, code, slice_of(text), false);
    mailbox_end(m, cause);
}

/* Nothing goes on before the client says something. */
static bool waits_for_client(const struct mailbox *m)
{
    return m->busy == BUSY_NONE || m->busy == BUSY_TLS || m->busy == BUSY_IDLE ||
           m->busy == BUSY_APPEND;
}

/* A client may close behind its last command: what that one changes is carried out to its end. */
void mailbox_client_closed(struct mailbox *m, const struct failure *why)
{
    bool orderly = why->kind == FAILURE_NONE;

    m->client_gone = true;
    if (!orderly || waits_for_client(m))
        mailbox_end(m, orderly ? "client closed" : "client connection lost");
}

void mailbox_drain(struct mailbox *m)
{
    bool patience_over = m->draining;

    m->draining = true;
    if (patience_over || m->busy == BUSY_NONE || m->busy == BUSY_IDLE)
        mailbox_bye(m, "UNAVAILABLE", "mailferry is being stopped", "shutdown");
}

/* What it changes is durable, or is being made so. */
static bool is_committed(const struct mailbox *m)
{
    return (m->busy == BUSY_CHANGE && m->work->change.committing) || m->busy == BUSY_GONE ||
           m->busy == BUSY_STORED;
}

void mailbox_revoke(struct mailbox *m)
{
    m->revoked = true;
    if (!is_committed(m))
        mailbox_bye_revoked(m);
}

/* RFC 5530: who was let in needs another password now. */
void mailbox_bye_revoked(struct mailbox *m)
{
    mailbox_bye(m, "EXPIRED", "This device's password was revoked", "device revoked");
}

/* ---- feeding ---------------------------------------------------------------------------- */

bool mailbox_wants_client(const struct mailbox *m)
{
    if (m->phase == PHASE_ENDED || !mailbox_has_room(m))
        return false;
    return m->busy == BUSY_NONE || m->busy == BUSY_IDLE ||
           (m->busy == BUSY_APPEND && m->append_queued < STORE_HIGH_WATER);
}

static enum imapd_read read_next(struct mailbox *m, struct slice *in, struct imapd_read_event *ev)
{
    if (m->in_sasl || m->busy == BUSY_IDLE)
        return imapd_reader_raw(&m->reader, in, IMAPD_RAW_LINE_MAX, ev);
    return imapd_reader_next(&m->reader, in, m->limits, ev);
}

void mailbox_client_data(struct mailbox *m, struct slice *in)
{
    struct imapd_read_event ev;
    enum imapd_read got = IMAPD_READ_COMMAND;

    if (m->phase == PHASE_AUTHENTICATED && in->n)
        m->client_since = m->now_ms;
    /* The octets of an APPEND must be taken before more is read. */
    while (got != IMAPD_READ_DATA && mailbox_wants_client(m)) {
        got = read_next(m, in, &ev);
        if (got == IMAPD_READ_MORE)
            return;
        mailbox_command_event(m, got, &ev);
    }
}

void mailbox_client_queued(struct mailbox *m, size_t octets)
{
    if (octets < m->client_queued && m->phase == PHASE_AUTHENTICATED)
        m->client_since = m->now_ms;
    m->client_queued = octets;
    if (m->busy == BUSY_JOB)
        mailbox_job_advance(m);
    else if (m->busy == BUSY_IDLE && mailbox_has_room(m))
        mailbox_catch_up(m);
}

void mailbox_store_queued(struct mailbox *m, size_t octets)
{
    m->append_queued = octets;
}

struct buf *mailbox_client_out(struct mailbox *m)
{
    return &m->client_out;
}

bool mailbox_failed(const struct mailbox *m)
{
    return m->failed || buf_failed(&m->client_out) || buf_failed(&m->user) ||
           (m->auth && buf_failed(&m->auth->password)) || imapd_reader_failed(&m->reader);
}

void mailbox_summary(const struct mailbox *m, struct mailbox_summary *summary)
{
    *summary = (struct mailbox_summary){
        .user = buf_size(&m->user) ? m->user.p + m->user.start : "",
        .logged_in = m->summary.logged_in,
        .commands = m->summary.commands,
        .fetched = m->summary.fetched,
        .appended = m->summary.appended,
        .expunged = m->summary.expunged,
        .cause = m->summary.cause,
    };
}

/* ---- time ------------------------------------------------------------------------------- */

/* When the client has been silent for too long; UINT64_MAX while it waits for us. */
static uint64_t client_deadline(const struct mailbox *m)
{
    if (!waits_for_client(m) && mailbox_has_room(m))
        return UINT64_MAX;
    unsigned seconds =
        m->phase == PHASE_NOT_AUTHENTICATED ? m->settings.login_seconds : m->settings.idle_seconds;
    return m->client_since + (uint64_t)seconds * 1000;
}

/* When the login under way has taken too long; UINT64_MAX when none is. */
static uint64_t login_deadline(const struct mailbox *m)
{
    if (m->phase != PHASE_NOT_AUTHENTICATED || waits_for_client(m) || m->asked)
        return UINT64_MAX;
    return m->login_since + (uint64_t)m->settings.patience_seconds * 1000;
}

static void login_overdue(struct mailbox *m)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "the login was not done within %u seconds",
                m->settings.patience_seconds);
    mailbox_refused(m, &why);
}

static uint64_t owner_deadline(const struct mailbox *m)
{
    return m->asked ? m->asked + (uint64_t)m->settings.login_seconds * 1000 : UINT64_MAX;
}

uint64_t mailbox_deadline(const struct mailbox *m)
{
    if (m->phase == PHASE_ENDED)
        return UINT64_MAX;
    if (m->asked)
        return owner_deadline(m);
    if (m->busy == BUSY_JOB && mailbox_has_room(m) && job_is_hungry(m->work->job))
        return m->now_ms;
    if (m->busy == BUSY_GONE)
        return m->work->deadline;
    uint64_t client = client_deadline(m);
    uint64_t login = login_deadline(m);
    return client < login ? client : login;
}

void mailbox_tick(struct mailbox *m)
{
    if (m->phase == PHASE_ENDED)
        return;
    if (m->busy == BUSY_JOB)
        mailbox_job_advance(m);
    else if (m->busy == BUSY_GONE && m->now_ms >= m->work->deadline)
        mailbox_expunge_give_up(m);
    else if (m->now_ms >= owner_deadline(m))
        mailbox_auth_overdue(m);
    else if (m->now_ms >= login_deadline(m))
        login_overdue(m);
    if (m->phase != PHASE_ENDED && m->now_ms >= client_deadline(m))
        mailbox_bye(m, NULL,
                    m->phase == PHASE_NOT_AUTHENTICATED ? "No login for too long"
                                                        : "Nothing was said for too long",
                    "timeout");
}
