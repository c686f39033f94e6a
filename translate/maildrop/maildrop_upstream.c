/*
 * The one IMAP connection of a session: opening it, the commands in flight and whose answer is
 * whose, selecting folders, and opening it again when it was lost while the client did not need it.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"

void upstream_init(struct upstream *u)
{
    u->last = &u->first;
    u->selected = -1;
}

static void ops_clear(struct upstream *u)
{
    while (u->first) {
        struct upstream_op *op = u->first;
        u->first = op->next;
        free(op);
    }
    u->last = &u->first;
}

void upstream_forget(struct upstream *u)
{
    credential_clear(&u->credential);
    buf_clear(&u->prefix);
    u->delimiter = '\0';
    u->no_examine = u->no_qresync = u->renewed = false;
    free(u->stands);
    u->stands = NULL;
}

void upstream_clear(struct upstream *u)
{
    ops_clear(u);
    imap_client_free(u->client);
    u->client = NULL;
    upstream_forget(u);
}

/* Also of a connection that was given up: LOGOUT is still to be sent. */
struct buf *maildrop_upstream_out(struct maildrop *m)
{
    return m->upstream.client ? imap_client_out(m->upstream.client) : &m->upstream.nothing;
}

bool upstream_can(const struct maildrop *m, enum imap_capability capability)
{
    return m->upstream.client && (imap_client_capabilities(m->upstream.client) & capability);
}

bool upstream_owes(const struct maildrop *m)
{
    return m->upstream.state == UPSTREAM_LOGIN || m->upstream.first != NULL;
}

static void log_told(void *owner, struct slice line)
{
    struct maildrop *m = owner;

    maildrop_log(m, MAILDROP_DEBUG, "upstream-told", "%.*s", SLICE_ARG(line));
}

static void log_says(void *owner, struct slice line)
{
    struct maildrop *m = owner;

    maildrop_log(m, MAILDROP_DEBUG, "upstream-says", "%.*s", SLICE_ARG(line));
}

void upstream_trace(struct maildrop *m)
{
    m->upstream.options.trace = (struct trace){log_told, log_says, m};
}

/* ---- opening ---------------------------------------------------------------------------- */

void upstream_reopen(struct maildrop *m)
{
    m->upstream.state = UPSTREAM_CONNECTING;
    m->upstream.reopened = true;
    maildrop_act(m, MAILDROP_CONNECT);
}

void maildrop_connected(struct maildrop *m)
{
    struct upstream *u = &m->upstream;
    struct failure why;

    if (u->state != UPSTREAM_CONNECTING)
        return;
    imap_client_free(u->client);
    u->client = imap_client_new(&u->options);
    if (!u->client) {
        m->failed = true;
        return;
    }
    u->state = UPSTREAM_LOGIN;
    u->heard = m->now_ms;
    u->cut = false;
    imap_client_bind(u->client, &u->binding);
    if (!imap_client_login(u->client, &u->credential, &why))
        upstream_lost(m, &why);
}

void maildrop_connect_failed(struct maildrop *m, const struct failure *why)
{
    if (m->upstream.state == UPSTREAM_CONNECTING)
        upstream_lost(m, why);
}

void maildrop_upstream_bind(struct maildrop *m, const struct sasl_binding *binding)
{
    m->upstream.binding = *binding;
}

void maildrop_upstream_tls(struct maildrop *m)
{
    m->upstream.cut = false;
    m->upstream.heard = m->now_ms;
    if (!m->upstream.client)
        return;
    imap_client_bind(m->upstream.client, &m->upstream.binding);
    imap_client_tls_started(m->upstream.client);
}

void maildrop_upstream_deflate(struct maildrop *m)
{
    struct slice nothing = slice_of("");

    m->upstream.cut = false;
    if (!m->upstream.client)
        return;
    imap_client_deflate_started(m->upstream.client);
    maildrop_upstream_data(m, &nothing); /* it is ready now, without a word of the server's */
}

/* ---- giving it up ----------------------------------------------------------------------- */

/* The imap_client stays until the next one takes its place: we may be inside one of its events, and
 * its LOGOUT is still to be sent. */
static void upstream_drop(struct maildrop *m)
{
    struct upstream *u = &m->upstream;

    ops_clear(u);
    u->state = UPSTREAM_LOST;
    u->selected = -1;
    u->selecting = false;
    u->on_trial = false;
    free(u->stands);
    u->stands = NULL;
    u->cut = false;
    u->binding.type = SASL_BINDING_NONE;
    maildrop_act(m, MAILDROP_DISCONNECT);
}

void upstream_close(struct maildrop *m)
{
    struct upstream *u = &m->upstream;

    if (u->state == UPSTREAM_NONE || u->state == UPSTREAM_LOST)
        return;
    if (u->state == UPSTREAM_READY)
        imap_client_logout(u->client);
    upstream_drop(m);
}

/* What the client waits for cannot be had: it is told so. */
static void upstream_unavailable(struct maildrop *m, const struct failure *why)
{
    if (m->busy == BUSY_MESSAGE)
        retr_fail(m, why);
    else if (m->busy == BUSY_QUIT)
        update_fail(m, why);
    else if (m->busy == BUSY_LIST)
        command_fail(m, why);
}

/* The client needs the upstream for what it asked, or for the list that it will ask for. A QUIT
 * that was under way is not begun again: what was done and what not is no longer certain. */
static bool upstream_needed(const struct maildrop *m)
{
    return m->busy == BUSY_MESSAGE || m->busy == BUSY_LIST || !m->list.ready;
}

/* A token expires, and is refused then without anybody being at fault: another one, once. */
static bool is_renewable(const struct maildrop *m, const struct failure *why)
{
    const struct upstream *u = &m->upstream;

    return u->state == UPSTREAM_LOGIN && why->kind == FAILURE_AUTH &&
           u->credential.kind == CREDENTIAL_TOKEN && !u->renewed;
}

void upstream_lost(struct maildrop *m, const struct failure *why)
{
    if (m->phase == PHASE_ENDED || m->upstream.state == UPSTREAM_LOST)
        return;
    bool renew = is_renewable(m, why);
    bool on_trial = m->upstream.on_trial;
    upstream_drop(m);
    if (on_trial) {
        warm_gave_out(m, why);
        return;
    }
    if (renew) {
        m->upstream.state = UPSTREAM_RENEWING;
        m->upstream.renewed = true;
        auth_renew(m, why);
        return;
    }
    if (m->busy == BUSY_LOGIN) {
        auth_refused(m, why);
        return;
    }
    maildrop_log(m, MAILDROP_WARNING, "upstream-lost", "%s", why->text);
    if (fetch_lost(m)) {
        maildrop_end(m, "upstream lost inside a message");
    } else if (m->upstream.reopened || why->kind == FAILURE_AUTH) {
        upstream_unavailable(m, why);
        maildrop_end(m, "upstream lost");
    } else if (m->busy == BUSY_QUIT) {
        update_fail(m, why);
    } else if (upstream_needed(m)) {
        upstream_reopen(m);
    }
}

/* ---- commands --------------------------------------------------------------------------- */

static struct upstream_op *op_add(struct maildrop *m, upstream_done done, uint32_t arg)
{
    struct upstream_op *op = calloc(1, sizeof *op);

    if (!op) {
        m->failed = true;
        return NULL;
    }
    op->done = done;
    op->arg = arg;
    if (!m->upstream.first)
        m->upstream.heard = m->now_ms;
    *m->upstream.last = op;
    m->upstream.last = &op->next;
    return op;
}

struct upstream_op *upstream_command_line(struct maildrop *m, upstream_done done, uint32_t arg,
                                          struct buf *line)
{
    struct upstream_op *op = buf_failed(line) ? NULL : op_add(m, done, arg);

    if (op)
        op->command = imap_client_command_line(m->upstream.client, buf_slice(line));
    else
        m->failed = true;
    buf_clear(line);
    return op;
}

struct upstream_op *upstream_command(struct maildrop *m, upstream_done done, uint32_t arg,
                                     const char *text)
{
    struct buf line = BUF_INIT;

    buf_puts(&line, text);
    return upstream_command_line(m, done, arg, &line);
}

static struct upstream_op *op_take(struct upstream *u, uint32_t command)
{
    for (struct upstream_op **at = &u->first; *at; at = &(*at)->next) {
        struct upstream_op *op = *at;
        if (op->command != command)
            continue;
        *at = op->next;
        if (!op->next)
            u->last = at;
        return op;
    }
    return NULL;
}

static void op_ended(struct maildrop *m, const struct imap_client_event *ev)
{
    struct upstream_op *op = op_take(&m->upstream, ev->command);

    if (!op)
        return;
    m->upstream.on_trial = false;
    op->done(m, op, &ev->data);
    free(op);
    if (m->phase != PHASE_ENDED)
        maildrop_progress(m);
}

/* Servers answer in the order of the commands, so numbers without a tag are for the oldest that
 * asked for some (RFC 4466 section 2.6.2: ESEARCH names its command). */
static struct upstream_op *op_for_numbers(const struct upstream *u, struct slice tag)
{
    char text[32];

    for (struct upstream_op *op = u->first; op; op = op->next) {
        imap_client_tag(op->command, text, sizeof text);
        if (op->numbers && (tag.n == 0 || slice_is_nocase(tag, text)))
            return op;
    }
    return NULL;
}

/* ---- mailbox names ---------------------------------------------------------------------- */

/* "Work/2026" as people write it becomes what the server calls it: its own delimiter, and the
 * prefix that Cyrus and Courier want ("INBOX."). */
bool upstream_put_mailbox(struct maildrop *m, struct buf *line, struct slice name)
{
    struct upstream *u = &m->upstream;
    struct slice prefix = buf_slice(&u->prefix);
    struct buf full = BUF_INIT;
    bool inbox = slice_is_nocase(name, "INBOX");
    bool prefixed = name.n >= prefix.n && slice_equal_nocase(slice_make(name.p, prefix.n), prefix);

    if (!inbox && !prefixed)
        buf_put(&full, prefix);
    size_t own = buf_size(&full);
    buf_put(&full, name);
    if (!inbox && u->delimiter && !memchr(name.p, u->delimiter, name.n))
        for (size_t i = own; i < buf_size(&full); i++)
            if (full.p[full.start + i] == '/')
                full.p[full.start + i] = u->delimiter;
    bool ok = imap_put_mailbox(line, buf_slice(&full), imap_client_utf8(u->client));
    buf_clear(&full);
    return ok;
}

static bool namespace_needed(const struct maildrop *m)
{
    bool other = m->deletion == MAILDROP_MOVE; /* "Trash", when nothing is marked \Trash */

    for (uint16_t i = 0; i < m->folder_count; i++)
        other = other || !slice_is_nocase(slice_of(m->folders[i].name), "INBOX");
    return other && upstream_can(m, IMAP_CAP_NAMESPACE);
}

static void upstream_usable(struct maildrop *m)
{
    if (m->phase == PHASE_AUTHORIZATION)
        auth_ready(m);
    else if (!m->list.ready)
        sync_start(m);
    else
        maildrop_progress(m);
}

static void namespace_done(struct maildrop *m, struct upstream_op *op,
                           const struct imap_event *status)
{
    (void)op;
    (void)status;
    upstream_usable(m);
}

void upstream_ready(struct maildrop *m)
{
    m->upstream.state = UPSTREAM_READY;
    m->upstream.renewed = false;
    if (namespace_needed(m) && !m->upstream.delimiter)
        upstream_command(m, namespace_done, 0, "NAMESPACE");
    else
        upstream_usable(m);
}

/* ---- selecting -------------------------------------------------------------------------- */

static bool route_writes(const struct maildrop *m)
{
    return m->options->seen || m->deletion != MAILDROP_KEEP;
}

static void select_done(struct maildrop *m, struct upstream_op *op, const struct imap_event *status)
{
    struct upstream *u = &m->upstream;
    bool plain = !u->examined && !u->resynced;

    u->selecting = false;
    if (status->status == IMAP_OK) {
        u->selected = (int)op->arg;
    } else if (!plain) {
        /* Courier takes SELECT where others take EXAMINE; and a parameter may be announced and
         * refused all the same (CASES U4). */
        u->no_examine = u->no_examine || u->examined;
        u->no_qresync = u->no_qresync || u->resynced;
        upstream_select(m, (uint16_t)op->arg, 0, 0, u->select_done);
        return;
    }
    u->select_done(m, op, status);
}

bool upstream_examines(const struct maildrop *m)
{
    return !route_writes(m) && !m->upstream.no_examine;
}

void upstream_select(struct maildrop *m, uint16_t folder, uint32_t uidvalidity, uint64_t modseq,
                     upstream_done done)
{
    struct upstream *u = &m->upstream;
    struct buf line = BUF_INIT;
    struct failure why;

    retr_flush_seen(m);
    u->examined = upstream_examines(m);
    u->resynced = modseq && imap_client_qresync(u->client) && !u->no_qresync;
    u->selected = -1;
    u->selecting = true;
    u->stirred = false;
    u->exists = u->uidvalidity = u->uidnext = 0;
    u->modseq = 0;
    u->select_done = done;
    buf_puts(&line, u->examined ? "EXAMINE " : "SELECT ");
    if (!upstream_put_mailbox(m, &line, slice_of(m->folders[folder].name))) {
        failure_set(&why, FAILURE_PERMANENT, "\"%s\" cannot be the name of a mailbox",
                    m->folders[folder].name);
        buf_clear(&line);
        upstream_lost(m, &why);
        return;
    }
    if (u->resynced)
        buf_printf(&line, " (QRESYNC (%u %llu))", uidvalidity, (unsigned long long)modseq);
    upstream_command_line(m, select_done, folder, &line);
}

static void again_selected(struct maildrop *m, struct upstream_op *op,
                           const struct imap_event *status)
{
    const struct maildrop_folder *folder = &m->folders[op->arg];
    struct failure why;

    if (status->status == IMAP_OK && folder->uidvalidity &&
        m->upstream.uidvalidity == folder->uidvalidity)
        return;
    if (status->status != IMAP_OK)
        imap_failure(&why, status, FAILURE_TEMPORARY);
    else if (folder->uidvalidity == 0)
        failure_set(&why, FAILURE_TEMPORARY,
                    "the mail server gives \"%s\" no UIDVALIDITY, so its messages may have been "
                    "renumbered; log in again",
                    folder->name);
    else
        failure_set(&why, FAILURE_TEMPORARY,
                    "the mailbox \"%s\" was replaced upstream; log in again", folder->name);
    m->upstream.selected = -1;
    upstream_unavailable(m, &why);
}

bool upstream_at(struct maildrop *m, uint16_t folder)
{
    struct upstream *u = &m->upstream;

    if (u->state == UPSTREAM_LOST)
        upstream_reopen(m);
    if (u->state != UPSTREAM_READY)
        return false;
    if (u->selected == folder)
        return true;
    if (!u->first)
        upstream_select(m, folder, 0, 0, again_selected);
    return false;
}

/* ---- what comes ------------------------------------------------------------------------- */

static uint64_t code_number(struct slice code)
{
    uint64_t number = 0;

    slice_word(&code);
    slice_number(slice_word(&code), UINT64_MAX, &number);
    return number;
}

static void upstream_status(struct maildrop *m, const struct imap_event *ev)
{
    struct upstream *u = &m->upstream;
    struct slice rest = ev->code;
    struct slice name = slice_word(&rest);

    if (slice_is_nocase(name, "UIDVALIDITY"))
        u->uidvalidity = (uint32_t)code_number(ev->code);
    else if (slice_is_nocase(name, "UIDNEXT"))
        u->uidnext = (uint32_t)code_number(ev->code);
    else if (slice_is_nocase(name, "HIGHESTMODSEQ"))
        u->modseq = code_number(ev->code);
    else if (slice_is_nocase(name, "ALERT"))
        maildrop_log(m, MAILDROP_WARNING, "upstream-alert", "%.*s", SLICE_ARG(ev->text));
}

static void upstream_numbers_came(struct maildrop *m, const struct imap_event *ev)
{
    if (ev->set == IMAP_SET_VANISHED || ev->set == IMAP_SET_VANISHED_EARLIER) {
        if (ev->set == IMAP_SET_VANISHED)
            m->upstream.exists -= MIN(m->upstream.exists, ev->last - ev->first + 1);
        sync_vanished(m, ev->first, ev->last);
        return;
    }
    struct upstream_op *op = op_for_numbers(&m->upstream, ev->set_tag);
    if (op)
        op->numbers(m, ev->first, ev->last);
}

static void upstream_namespace(struct maildrop *m, const struct imap_event *ev)
{
    buf_clear(&m->upstream.prefix);
    utf7_decode(&m->upstream.prefix, ev->list.name);
    m->upstream.delimiter = ev->list.delimiter;
}

static void upstream_untagged(struct maildrop *m, const struct imap_event *ev)
{
    m->upstream.stirred |= !m->upstream.selecting && warm_stirs(ev);
    switch (ev->type) {
    case IMAP_EV_STATUS:
        upstream_status(m, ev);
        break;
    case IMAP_EV_EXISTS:
        m->upstream.exists = ev->number;
        break;
    case IMAP_EV_EXPUNGE:
        m->upstream.exists -= m->upstream.exists > 0;
        break;
    case IMAP_EV_NUMBERS:
        upstream_numbers_came(m, ev);
        break;
    case IMAP_EV_NAMESPACE:
        upstream_namespace(m, ev);
        break;
    case IMAP_EV_LIST:
        update_listed(m, ev);
        break;
    case IMAP_EV_BODY_BEGIN:
    case IMAP_EV_BODY_DATA:
    case IMAP_EV_BODY_END:
    case IMAP_EV_FETCH:
        if (m->sync.running)
            sync_fetched(m, ev);
        else
            fetch_event(m, ev);
        break;
    default:
        break;
    }
}

void upstream_event(struct maildrop *m, const struct imap_client_event *ev)
{
    switch (ev->type) {
    case IMAP_CLIENT_TLS:
        m->upstream.cut = true;
        maildrop_act(m, MAILDROP_UPSTREAM_TLS);
        break;
    case IMAP_CLIENT_DEFLATE:
        m->upstream.cut = true;
        maildrop_act(m, MAILDROP_UPSTREAM_DEFLATE);
        break;
    case IMAP_CLIENT_READY:
        upstream_ready(m);
        break;
    case IMAP_CLIENT_DATA:
        upstream_untagged(m, &ev->data);
        break;
    case IMAP_CLIENT_DONE:
        op_ended(m, ev);
        break;
    case IMAP_CLIENT_FAILED:
        upstream_lost(m, &ev->failure);
        break;
    case IMAP_CLIENT_MORE:
        break;
    }
}
