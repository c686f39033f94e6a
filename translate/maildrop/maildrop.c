/*
 * The frame of a maildrop session: what is fed in, the queue of actions, time, and the end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"
#include "translate/text/array.h"

/* At a shutdown a client between two commands is given so long to say the next one. */
enum { DRAIN_GRACE_MS = 2000 };

/* A connection that was kept may have been forgotten on its way, by a firewall or an address that
 * changed: it is not waited for as a new one is. */
enum { TRIAL_MS = 5000 };

struct maildrop *maildrop_new(const struct maildrop_settings *settings, uint64_t now_ms,
                              int64_t now_s)
{
    struct maildrop *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->settings = *settings;
    m->settings.binding = NULL;
    m->settings.certified = slice_of("");
    m->tls = settings->tls;
    if (!auth_begin(m, settings)) {
        free(m);
        return NULL;
    }
    m->now_ms = m->client_since = now_ms;
    m->now_s = now_s;
    m->summary.cause = "";
    upstream_init(&m->upstream);
    m->fetches.last = &m->fetches.first;
    if (m->settings.secrets && m->settings.timestamp)
        pop3_ok(&m->client_out, "mailferry ready %s", m->settings.timestamp);
    else
        pop3_ok(&m->client_out, "mailferry ready");
    return m;
}

static void actions_clear(struct maildrop *m)
{
    struct maildrop_action action;

    while (maildrop_next_action(m, &action))
        json_decref(action.records);
}

void maildrop_free(struct maildrop *m)
{
    if (!m)
        return;
    pop3_reader_clear(&m->reader);
    auth_end(m);
    buf_clear(&m->client_out);
    buf_clear(&m->user);
    upstream_clear(&m->upstream);
    sync_clear(&m->sync);
    fetch_clear(&m->fetches);
    update_clear(&m->update);
    list_clear(&m->list);
    free(m->seen.items);
    drop_state_free(m->state);
    json_decref(m->records);
    actions_clear(m);
    auth_forget(m);
    free(m);
}

void maildrop_now(struct maildrop *m, uint64_t now_ms, int64_t now_s)
{
    m->now_ms = now_ms;
    m->now_s = now_s;
    if (!fetch_has_room(m))
        m->upstream.heard = now_ms; /* whom nobody listens to is not late */
}

void maildrop_client_queued(struct maildrop *m, size_t octets)
{
    m->client_queued = octets;
    if (m->busy == BUSY_LISTING)
        list_advance(m);
}

bool maildrop_client_has_room(const struct maildrop *m)
{
    return m->client_queued + buf_size(&m->client_out) < CLIENT_HIGH_WATER;
}

void *maildrop_grow(struct maildrop *m, void **items, size_t *count, size_t *cap, size_t size)
{
    void *moved = array_grow(*items, cap, *count, size);

    if (!moved) {
        m->failed = true;
        return NULL;
    }
    *items = moved;
    return memset((char *)*items + (*count)++ * size, 0, size);
}

/* ---- actions ---------------------------------------------------------------------------- */

static struct maildrop_action *action_add(struct maildrop *m, enum maildrop_action_type type)
{
    struct maildrop_action *a = ring_add(&m->actions, sizeof *a);

    if (a)
        a->type = type;
    else
        m->failed = true;
    return a;
}

struct maildrop_action *maildrop_act(struct maildrop *m, enum maildrop_action_type type)
{
    struct maildrop_action *a = action_add(m, type);

    if (!a)
        return NULL;
    a->user = buf_slice(&m->user);
    a->again = m->options != NULL;
    if (m->auth) {
        a->authzid = buf_slice(&m->auth->login.authzid);
        a->password = buf_slice(&m->auth->login.password);
        a->proved = m->auth->login.proved;
        a->certified = m->auth->login.certified;
    }
    return a;
}

struct maildrop_action *maildrop_log(struct maildrop *m, enum maildrop_log_level level,
                                     const char *event, const char *format, ...)
{
    struct maildrop_action *a = action_add(m, MAILDROP_LOG);
    va_list args;

    if (!a)
        return NULL;
    va_start(args, format);
    text_vformat(a->text, sizeof a->text, format, args);
    va_end(args);
    a->level = level;
    a->event = event;
    return a;
}

bool maildrop_next_action(struct maildrop *m, struct maildrop_action *action)
{
    return ring_take(&m->actions, action, sizeof *action);
}

/* ---- what the store is told ------------------------------------------------------------- */

void maildrop_remember(struct maildrop *m, json_t *record)
{
    if (!m->records)
        m->records = json_array();
    if (!record || json_array_append_new(m->records, record) != 0)
        m->failed = true;
}

void maildrop_save(struct maildrop *m, bool wait)
{
    if (!m->records)
        return;
    struct maildrop_action *a = action_add(m, MAILDROP_SAVE_STATE);
    if (!a)
        return;
    a->records = m->records;
    a->wait = wait;
    m->saving = wait;
    m->records = NULL;
}

void maildrop_state_saved(struct maildrop *m, const struct failure *why)
{
    if (!m->saving)
        return;
    m->saving = false;
    update_saved(m, why);
}

/* ---- the end ---------------------------------------------------------------------------- */

static void remember_sizes_of(struct maildrop *m, uint16_t folder)
{
    struct drop_message *facts = NULL;
    size_t count = 0, cap = 0;

    for (uint32_t i = 0; i < m->list.count; i++) {
        struct maildrop_message *message = &m->list.items[i];
        if (message->folder != folder || !(message->flags & MESSAGE_RESIZED))
            continue;
        struct drop_message *fact = maildrop_grow(m, (void **)&facts, &count, &cap, sizeof *facts);
        if (!fact)
            break;
        *fact = (struct drop_message){.uid = message->uid, .size = message->size, .hidden = -1};
        message->flags &= (uint16_t)~MESSAGE_RESIZED;
    }
    if (count)
        maildrop_remember(m, drop_record_messages(slice_of(m->folders[folder].name),
                                                  m->folders[folder].uidvalidity, facts, count));
    free(facts);
}

/* Sizes that were found to be otherwise are facts worth keeping however the session ends. */
static void remember_sizes(struct maildrop *m)
{
    for (uint16_t i = 0; i < m->folder_count; i++)
        remember_sizes_of(m, i);
    maildrop_save(m, false);
}

void maildrop_end(struct maildrop *m, const char *cause)
{
    bool cut = !m->client_gone && m->fetches.delivering && m->fetches.delivering->given;

    if (m->phase == PHASE_ENDED)
        return;
    bool stays = warm_may_stay(m);
    m->phase = PHASE_ENDED;
    m->summary.cause = cause;
    remember_sizes(m);
    retr_flush_seen(m);
    if (stays)
        maildrop_act(m, MAILDROP_PART);
    else
        upstream_close(m);
    maildrop_act(m, cut ? MAILDROP_ABORT : MAILDROP_END);
}

void maildrop_idle(struct maildrop *m)
{
    m->busy = BUSY_NONE;
    m->upstream.reopened = false;
    m->client_since = m->now_ms;
    if (m->client_gone)
        maildrop_end(m, "client closed");
    else if (m->draining && m->phase == PHASE_AUTHORIZATION)
        maildrop_end(m, "shutdown");
}

/* A client may close behind its last command: that one is carried out to its end, QUIT before all,
 * for it was said. One whose connection broke is answered no more, but its QUIT stands too. */
void maildrop_client_closed(struct maildrop *m, const struct failure *why)
{
    bool orderly = why->kind == FAILURE_NONE;
    bool answering = m->busy == BUSY_MESSAGE || m->busy == BUSY_LIST || m->busy == BUSY_LISTING;

    m->client_gone = true;
    if (m->busy != BUSY_QUIT && !(orderly && answering))
        maildrop_end(m, orderly ? "client closed" : "client connection lost");
}

static bool something_marked(const struct maildrop *m)
{
    for (uint32_t i = 0; i < m->list.count; i++)
        if (m->list.items[i].flags & MESSAGE_DELETED)
            return true;
    return false;
}

void maildrop_drain(struct maildrop *m)
{
    bool patience_over = m->draining;

    m->draining = true;
    if (patience_over || (m->phase == PHASE_AUTHORIZATION && m->busy == BUSY_NONE))
        maildrop_end(m, "shutdown");
}

/* Whether the client is in the middle of an answer, where a line would be taken for more of it. */
static bool is_within_answer(const struct maildrop *m)
{
    return m->busy == BUSY_LISTING || (m->fetches.delivering && m->fetches.delivering->given);
}

/* Between two commands this is said as an autologout is: what comes next finds the reason. */
void maildrop_revoke(struct maildrop *m)
{
    struct failure why;

    if (m->phase == PHASE_ENDED || m->busy == BUSY_QUIT)
        return;
    failure_set(&why, FAILURE_AUTH, "this device's password was revoked, nothing was deleted");
    if (!is_within_answer(m))
        command_fail(m, &why);
    maildrop_end(m, "device revoked");
}

/* ---- feeding ---------------------------------------------------------------------------- */

void maildrop_client_data(struct maildrop *m, struct slice *in)
{
    struct slice line;

    while (maildrop_wants_client(m) && in->n) {
        size_t max = m->in_sasl ? SASL_SERVER_LINE_MAX : POP3_LINE_MAX;
        switch (pop3_reader_next(&m->reader, in, max, &line)) {
        case POP3_LINE:
            m->client_since = m->phase == PHASE_AUTHORIZATION ? m->client_since : m->now_ms;
            command_line(m, line);
            break;
        case POP3_LINE_TOO_LONG:
            pop3_err(&m->client_out, "line too long, at most %zu octets are taken", max);
            command_mistake(m);
            break;
        case POP3_LINE_MORE:
            return;
        }
    }
}

void maildrop_upstream_data(struct maildrop *m, struct slice *in)
{
    struct imap_client_event ev;

    while (m->upstream.state > UPSTREAM_CONNECTING && m->upstream.state != UPSTREAM_LOST &&
           !m->upstream.cut) {
        fetch_make_room(m);
        if (!fetch_has_room(m))
            return;
        if (in->n)
            m->upstream.heard = m->now_ms;
        imap_client_next(m->upstream.client, in, &ev);
        if (ev.type == IMAP_CLIENT_MORE)
            return;
        upstream_event(m, &ev);
    }
    if (!m->upstream.cut)
        slice_take(in, in->n); /* of a connection that has been given up */
}

void maildrop_upstream_closed(struct maildrop *m, const struct failure *why)
{
    struct failure reason = *why;

    if (m->upstream.state <= UPSTREAM_RENEWING || m->upstream.state == UPSTREAM_LOST)
        return;
    if (m->upstream.client && why->kind == FAILURE_NONE)
        imap_client_closed(m->upstream.client, &reason);
    upstream_lost(m, &reason);
}

/* The list is there: the command that waited for it is carried out, also for a client that has
 * closed behind it. */
static void run_pending(struct maildrop *m)
{
    struct pop3_command cmd = m->pending;

    m->busy = BUSY_NONE;
    command_run(m, &cmd);
    if (m->busy == BUSY_NONE && m->phase != PHASE_ENDED)
        maildrop_idle(m);
}

void maildrop_progress(struct maildrop *m)
{
    switch (m->busy) {
    case BUSY_LIST:
        if (m->list.ready)
            run_pending(m);
        break;
    case BUSY_LISTING:
        list_advance(m);
        break;
    case BUSY_MESSAGE:
        retr_advance(m);
        break;
    case BUSY_QUIT:
        update_advance(m);
        break;
    case BUSY_NONE:
    case BUSY_TLS:
    case BUSY_SECRET:
    case BUSY_LOGIN:
        break;
    }
}

struct buf *maildrop_client_out(struct maildrop *m)
{
    return &m->client_out;
}

bool maildrop_wants_client(const struct maildrop *m)
{
    return m->phase != PHASE_ENDED && m->busy == BUSY_NONE && maildrop_client_has_room(m);
}

bool maildrop_wants_upstream(const struct maildrop *m)
{
    return m->upstream.client && !m->upstream.cut && fetch_has_room(m);
}

bool maildrop_failed(const struct maildrop *m)
{
    return m->failed || buf_failed(&m->client_out) || buf_failed(&m->user) ||
           (m->auth && buf_failed(&m->auth->login.password)) || pop3_reader_failed(&m->reader) ||
           (m->upstream.client && buf_failed(imap_client_out(m->upstream.client)));
}

void maildrop_summary(const struct maildrop *m, struct maildrop_summary *summary)
{
    *summary = (struct maildrop_summary){
        .user = buf_size(&m->user) ? m->user.p + m->user.start : "",
        .logged_in = m->summary.logged_in,
        .messages = m->summary.messages,
        .octets = m->summary.octets,
        .deleted = m->summary.deleted,
        .cause = m->summary.cause,
    };
}

/* ---- time ------------------------------------------------------------------------------- */

static uint64_t client_deadline(const struct maildrop *m)
{
    if (m->busy != BUSY_NONE &&
        m->busy != BUSY_TLS) /* its handshake is the client's to go on with */
        return UINT64_MAX;
    if (m->draining && !something_marked(m))
        return m->client_since + DRAIN_GRACE_MS;
    unsigned seconds =
        m->phase == PHASE_AUTHORIZATION ? m->settings.login_seconds : m->settings.idle_seconds;
    return m->client_since + 1000ull * seconds;
}

static uint64_t upstream_deadline(const struct maildrop *m)
{
    if (!upstream_owes(m) || !fetch_has_room(m))
        return UINT64_MAX;
    if (m->upstream.on_trial)
        return m->upstream.heard + TRIAL_MS;
    return m->upstream.heard + 1000ull * m->settings.response_seconds;
}

static unsigned login_patience(const struct maildrop *m)
{
    return m->settings.connect_seconds + m->settings.response_seconds;
}

static uint64_t login_deadline(const struct maildrop *m)
{
    bool asked = m->asked; /* then owner_deadline() has it */

    return m->busy == BUSY_LOGIN && !asked ? m->login_since + 1000ull * login_patience(m)
                                           : UINT64_MAX;
}

static uint64_t owner_deadline(const struct maildrop *m)
{
    return m->asked ? m->asked + 1000ull * m->settings.login_seconds : UINT64_MAX;
}

uint64_t maildrop_deadline(const struct maildrop *m)
{
    if (m->phase == PHASE_ENDED)
        return UINT64_MAX;
    uint64_t client = client_deadline(m), upstream = upstream_deadline(m);
    uint64_t login = MIN(owner_deadline(m), login_deadline(m));
    return MIN(login, MIN(client, upstream));
}

/* The upstream, or the disk, has taken too long. */
static void tick_patience(struct maildrop *m)
{
    struct failure why;

    if (m->now_ms >= upstream_deadline(m)) {
        failure_set(&why, FAILURE_TEMPORARY, "the mail server did not answer within %u seconds",
                    m->settings.response_seconds);
        upstream_lost(m, &why);
    } else if (m->now_ms >= login_deadline(m)) {
        failure_set(&why, FAILURE_TEMPORARY, "the login was not done within %u seconds",
                    login_patience(m));
        auth_refused(m, &why);
    }
}

void maildrop_tick(struct maildrop *m)
{
    if (m->phase == PHASE_ENDED)
        return;
    if (m->now_ms >= owner_deadline(m))
        auth_overdue(m);
    else
        tick_patience(m);
    if (m->phase != PHASE_ENDED && m->draining && m->now_ms >= client_deadline(m)) {
        maildrop_end(m, "shutdown");
    } else if (m->phase != PHASE_ENDED && m->now_ms >= client_deadline(m)) {
        pop3_err(&m->client_out, "disconnected for inactivity, nothing was deleted");
        maildrop_end(m, m->phase == PHASE_AUTHORIZATION ? "login timeout" : "autologout");
    }
}
