/*
 * The connection as its caller sees it: commands out, events in. What happens by itself before
 * IMAP_CLIENT_READY is imap_login.c's.
 */
#include "translate/imap/imap_client.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "translate/imap/imap_client_state.h"

enum { TAG_CAP = 12 }; /* "m4294967295" and NUL */

struct imap_client *imap_client_new(const struct imap_client_options *options)
{
    struct imap_client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->login = calloc(1, sizeof *c->login);
    if (!c->login) {
        free(c);
        return NULL;
    }
    c->options = *options;
    c->tls = options->tls_now;
    c->announce = IMAP_CLIENT_MORE;
    return c;
}

void imap_client_free(struct imap_client *c)
{
    if (!c)
        return;
    imap_login_wipe(c);
    imap_response_free(c->parser);
    imap_pending_clear(&c->pending);
    buf_wipe(&c->out);
    free(c->failure);
    free(c);
}

bool imap_client_login(struct imap_client *c, const struct credential *credential,
                       struct failure *why)
{
    if (!credential_check(credential, "IMAP", why))
        return false;
    if (!credential_copy(&c->login->credential, credential)) {
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
        return false;
    }
    c->login->given = true;
    return true;
}

void imap_client_bind(struct imap_client *c, const struct sasl_binding *binding)
{
    if (c->login)
        c->login->binding = *binding;
}

/* Why it is over. */
static void failure_tell(const struct imap_client *c, struct failure *why)
{
    if (c->failure)
        *why = *c->failure;
    else
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
}

void imap_client_fail(struct imap_client *c, const struct failure *why)
{
    if (!c->over && !failure_keep(&c->failure, why))
        c->no_memory = true;
    c->over = true;
    imap_login_wipe(c);
}

void imap_client_fail_text(struct imap_client *c, enum failure_kind kind, const char *text)
{
    struct failure why;

    failure_set(&why, kind, "%s", text);
    imap_client_fail(c, &why);
}

void imap_client_tag(uint32_t command, char *out, size_t cap)
{
    snprintf(out, cap, "m%u", command);
}

/* The command that a tag names, 0 when it is none of ours: only the very spelling that was sent is
 * the tag. */
static uint32_t command_of(struct slice tag)
{
    uint64_t number;
    char text[TAG_CAP];

    if (tag.n < 2 || !slice_number(slice_make(tag.p + 1, tag.n - 1), UINT32_MAX, &number))
        return 0;
    imap_client_tag((uint32_t)number, text, sizeof text);
    return slice_is(tag, text) ? (uint32_t)number : 0;
}

/* Commands that are never shown whole, for they hold credentials, or are put together elsewhere. */
static const char *name_of(enum imap_purpose purpose)
{
    switch (purpose) {
    case IMAP_FOR_CALLER:
    case IMAP_FOR_CAPABILITY:
    case IMAP_FOR_STARTTLS:
    case IMAP_FOR_ID:
    case IMAP_FOR_COMPRESS:
    case IMAP_FOR_LOGOUT:
        return NULL;
    case IMAP_FOR_ENABLE:
        return "ENABLE";
    case IMAP_FOR_LOGIN:
        return "LOGIN";
    case IMAP_FOR_AUTHENTICATE:
        break;
    }
    return "AUTHENTICATE";
}

static void trace_name(const struct imap_client *c, const char *tag, enum imap_purpose purpose)
{
    const char *name = name_of(purpose);
    char line[TAG_CAP + 16];

    if (!c->options.trace.told || !name)
        return;
    snprintf(line, sizeof line, "%s %s", tag, name);
    trace_told(&c->options.trace, slice_of(line));
}

/* The command that begins at `start` of what is to be sent. */
static void trace_line(const struct imap_client *c, enum imap_purpose purpose, size_t start)
{
    struct slice line = buf_slice(&c->out);

    if (!c->options.trace.told || name_of(purpose))
        return;
    slice_take(&line, start);
    trace_told(&c->options.trace, line);
}

uint32_t imap_client_begin(struct imap_client *c, enum imap_purpose purpose, struct buf *out)
{
    char tag[TAG_CAP];

    imap_client_tag(++c->last_command, tag, sizeof tag);
    if (!imap_pending_add(&c->pending, c->last_command, (int)purpose))
        c->no_memory = true;
    buf_printf(out, "%s ", tag);
    trace_name(c, tag, purpose);
    return c->last_command;
}

uint32_t imap_client_send(struct imap_client *c, enum imap_purpose purpose, const char *line)
{
    size_t start = buf_size(&c->out);
    uint32_t number = imap_client_begin(c, purpose, &c->out);

    buf_puts(&c->out, line);
    trace_line(c, purpose, start);
    buf_puts(&c->out, "\r\n");
    return number;
}

/* Ends the line that begins at `start` of what is to be sent; a line that would be two is not sent
 * at all. */
static void end_line(struct imap_client *c, size_t start)
{
    struct slice line = buf_slice(&c->out);

    slice_take(&line, start);
    if (slice_is_line(line)) {
        trace_line(c, IMAP_FOR_CALLER, start);
        buf_puts(&c->out, "\r\n");
        return;
    }
    buf_truncate(&c->out, start);
    imap_client_fail_text(c, FAILURE_PERMANENT, "a command with a line end or NUL in it");
}

uint32_t imap_client_command_line(struct imap_client *c, struct slice line)
{
    assert(c->state == IMAP_STATE_READY);
    size_t start = buf_size(&c->out);
    uint32_t number = imap_client_begin(c, IMAP_FOR_CALLER, &c->out);
    buf_put(&c->out, line);
    end_line(c, start);
    return number;
}

uint32_t imap_client_command(struct imap_client *c, const char *format, ...)
{
    struct buf line = BUF_INIT;
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *p = n < 0 ? NULL : buf_reserve(&line, (size_t)n + 1);
    if (p) {
        vsnprintf(p, (size_t)n + 1, format, again);
        buf_added(&line, (size_t)n);
    } else {
        c->no_memory = true;
    }
    va_end(again);
    va_end(args);
    uint32_t number = imap_client_command_line(c, buf_slice(&line));
    buf_clear(&line);
    return number;
}

void imap_client_logout(struct imap_client *c)
{
    if (c->state != IMAP_STATE_READY || c->logout)
        return;
    c->logout = true;
    imap_client_send(c, IMAP_FOR_LOGOUT, "LOGOUT");
}

/* ---- the parser, which is there from a response's first octet to the end of what came with it: a
 * gateway has thousands of connections on which nothing is said ---- */

static bool parser_trace(struct imap_client *c)
{
    return !c->parser || !c->options.trace.says ||
           imap_response_trace(c->parser, &c->options.trace);
}

static bool parser_begin(struct imap_client *c)
{
    if (c->parser)
        return true;
    c->parser = imap_response_new();
    return c->parser && parser_trace(c);
}

static bool parser_between(const struct imap_client *c)
{
    return !c->parser || imap_response_at_line_start(c->parser);
}

static void parser_rest(struct imap_client *c)
{
    if (!parser_between(c))
        return;
    imap_response_free(c->parser);
    c->parser = NULL;
}

bool imap_client_is_quiet(const struct imap_client *c)
{
    return c->state == IMAP_STATE_READY && c->announce == IMAP_CLIENT_MORE && !c->over &&
           !c->no_memory && !c->logout && !c->failure && c->pending.commands.count == 0 &&
           buf_size(&c->out) == 0 && parser_between(c);
}

bool imap_client_set_trace(struct imap_client *c, const struct trace *trace)
{
    c->options.trace = *trace;
    return parser_trace(c);
}

struct buf *imap_client_out(struct imap_client *c)
{
    return &c->out;
}

uint32_t imap_client_capabilities(const struct imap_client *c)
{
    return c->capabilities;
}

const char *imap_client_server_name(const struct imap_client *c)
{
    return c->server_name;
}

bool imap_client_qresync(const struct imap_client *c)
{
    return c->qresync;
}

bool imap_client_utf8(const struct imap_client *c)
{
    return c->utf8;
}

void imap_client_tls_started(struct imap_client *c)
{
    assert(c->state == IMAP_STATE_TLS);
    imap_login_tls_started(c);
}

void imap_client_deflate_started(struct imap_client *c)
{
    assert(c->state == IMAP_STATE_DEFLATE);
    c->state = IMAP_STATE_READY;
    c->announce = IMAP_CLIENT_READY;
}

static void take_server_name(struct imap_client *c, struct slice name)
{
    text_clean(c->server_name, sizeof c->server_name, name);
    for (char *p = c->server_name; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
}

/* A tagged status. True when it is the caller's. */
static bool take_tagged(struct imap_client *c, struct imap_client_event *ev)
{
    uint32_t number = command_of(ev->data.tag);
    int purpose;

    if (number == 0 || !imap_pending_take(&c->pending, number, &purpose)) {
        imap_client_fail_text(c, FAILURE_TEMPORARY,
                              "the server answered a command that was not sent");
        return false;
    }
    if (purpose == IMAP_FOR_CALLER) {
        ev->type = IMAP_CLIENT_DONE;
        ev->command = number;
        return true;
    }
    imap_login_done(c, (enum imap_purpose)purpose, &ev->data);
    return false;
}

static bool is_alert(const struct imap_event *status)
{
    struct slice code = status->code;

    return slice_is_nocase(slice_word(&code), "ALERT");
}

/* An untagged status. True when the caller is to see it. */
static bool take_untagged_status(struct imap_client *c, const struct imap_event *status)
{
    if (c->state == IMAP_STATE_GREETING) {
        imap_login_greeting(c, status);
        return is_alert(status);
    }
    if (status->status == IMAP_BYE) {
        if (c->logout)
            return false;
        struct failure why;
        imap_failure(&why, status, FAILURE_TEMPORARY);
        if (!failure_keep(&c->failure, &why))
            c->no_memory = true;
    }
    return c->state == IMAP_STATE_READY || is_alert(status);
}

/* Any response. True when the caller is to see it. */
static bool take_response(struct imap_client *c, struct imap_client_event *ev)
{
    struct imap_event *data = &ev->data;

    ev->type = IMAP_CLIENT_DATA;
    switch (data->type) {
    case IMAP_EV_STATUS:
        return data->tag.n ? take_tagged(c, ev) : take_untagged_status(c, data);
    case IMAP_EV_CONTINUE:
        imap_login_continue(c, data->text);
        return false;
    case IMAP_EV_CAPABILITY:
        if (c->state == IMAP_STATE_READY)
            return true;
        c->capabilities = imap_capability_parse(data->text);
        c->mechanisms = imap_capability_mechanisms(data->text);
        c->capabilities_fresh = true;
        return false;
    case IMAP_EV_ENABLED:
        imap_login_enabled(c, data->text);
        return false;
    case IMAP_EV_ID:
        take_server_name(c, data->text);
        return false;
    default:
        return c->state == IMAP_STATE_READY;
    }
}

/* What there is to say without reading on. */
static bool next_is_known(struct imap_client *c, const struct slice *in,
                          struct imap_client_event *ev)
{
    if (c->no_memory || buf_failed(&c->out))
        imap_client_fail_text(c, FAILURE_TEMPORARY, "out of memory");
    if (c->state == IMAP_STATE_TLS && in->n)
        imap_client_fail_text(c, FAILURE_PERMANENT,
                              "clear text came behind the server's answer to STARTTLS: somebody "
                              "in between may have put it there; no password was sent");
    if (c->over) {
        ev->type = IMAP_CLIENT_FAILED;
        failure_tell(c, &ev->failure);
        return true;
    }
    ev->type = c->announce;
    c->announce = IMAP_CLIENT_MORE;
    return ev->type != IMAP_CLIENT_MORE || c->state == IMAP_STATE_TLS ||
           c->state == IMAP_STATE_DEFLATE;
}

/* What is no greeting at all is another protocol's. */
static void not_imap(struct imap_client *c, const struct failure *why)
{
    if (c->state == IMAP_STATE_GREETING)
        imap_client_fail_text(c, FAILURE_PERMANENT,
                              "this is not the greeting of an IMAP server, check host and port");
    else
        imap_client_fail(c, why);
}

void imap_client_next(struct imap_client *c, struct slice *in, struct imap_client_event *ev)
{
    *ev = (struct imap_client_event){.type = IMAP_CLIENT_MORE};
    while (!next_is_known(c, in, ev)) {
        struct failure why;
        if (!parser_begin(c)) {
            c->no_memory = true;
            continue;
        }
        switch (imap_response_next(c->parser, in, &ev->data, &why)) {
        case IMAP_PARSE_MORE:
            parser_rest(c);
            ev->type = IMAP_CLIENT_MORE;
            return;
        case IMAP_PARSE_ERROR:
            not_imap(c, &why);
            break;
        case IMAP_PARSE_EVENT:
            if (take_response(c, ev))
                return;
            break;
        }
    }
}

static const char *closed_while(const struct imap_client *c)
{
    if (c->state == IMAP_STATE_GREETING)
        return "without a greeting";
    if (c->state != IMAP_STATE_READY)
        return "before the login was done";
    if (!parser_between(c))
        return "in the middle of a response";
    return c->pending.commands.count ? "with commands unanswered" : "while it was idle";
}

void imap_client_closed(struct imap_client *c, struct failure *why)
{
    if (c->failure || c->no_memory)
        failure_tell(c, why);
    else if (c->logout)
        failure_set(why, FAILURE_NONE, "logged out");
    else
        failure_set(why, FAILURE_TEMPORARY, "the server closed the connection %s", closed_while(c));
    imap_login_wipe(c);
}
