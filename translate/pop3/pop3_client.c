/*
 * The connection as its caller sees it: commands out, events in. What happens by itself before
 * POP3_CLIENT_READY is pop3_client_login.c's, what the answers to commands mean is
 * pop3_client_answer.c's.
 */
#include "translate/pop3/pop3_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "translate/pop3/pop3_client_state.h"

enum { CRLF = 2 };

struct pop3_client *pop3_client_new(const struct pop3_client_options *options)
{
    struct pop3_client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->options = *options;
    c->tls = options->tls_now;
    c->window = options->window ? options->window : POP3_CLIENT_WINDOW;
    c->announce = POP3_CLIENT_MORE;
    return c;
}

void pop3_client_free(struct pop3_client *c)
{
    if (!c)
        return;
    pop3_client_login_wipe(c);
    buf_clear(&c->timestamp);
    pop3_reader_clear(&c->reader);
    pop3_client_queue_clear(&c->queue);
    buf_wipe(&c->out);
    free(c);
}

bool pop3_client_login(struct pop3_client *c, const struct credential *credential,
                       struct failure *why)
{
    if (!buf_size(&credential->user)) {
        failure_set(why, FAILURE_AUTH, "an empty user name cannot be sent by POP3");
        return false;
    }
    if (!credential_check(credential, "POP3", why))
        return false;
    if (!credential_copy(&c->credential, credential)) {
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
        return false;
    }
    c->has_login = true;
    return true;
}

void pop3_client_bind(struct pop3_client *c, const struct sasl_binding *binding)
{
    c->binding = *binding;
}

void pop3_client_fail(struct pop3_client *c, const struct failure *why)
{
    if (c->failure.kind == FAILURE_NONE)
        c->failure = *why;
    pop3_client_login_wipe(c);
}

void pop3_client_fail_text(struct pop3_client *c, enum failure_kind kind, const char *text)
{
    struct failure why;

    failure_set(&why, kind, "%s", text);
    pop3_client_fail(c, &why);
}

struct buf *pop3_client_out(struct pop3_client *c)
{
    return &c->out;
}

const struct pop3_client_capabilities *pop3_client_capabilities(const struct pop3_client *c)
{
    return &c->capabilities;
}

bool pop3_client_utf8(const struct pop3_client *c)
{
    return c->utf8;
}

/* ---- what it says, for the log */

/* All lines of what is to be sent behind `start`. */
static void trace_sent(const struct pop3_client *c, size_t start)
{
    struct slice out = buf_slice(&c->out);

    if (!c->options.trace.told)
        return;
    slice_take(&out, start);
    while (out.n) {
        const char *end = memchr(out.p, '\r', out.n);
        struct slice line = slice_take(&out, end ? (size_t)(end - out.p) : out.n);
        trace_told(&c->options.trace, pop3_command_shown(line));
        slice_take(&out, CRLF);
    }
}

void pop3_client_tls_started(struct pop3_client *c)
{
    assert(c->step == POP3_STEP_TLS);
    size_t start = buf_size(&c->out);
    pop3_client_login_tls_started(c);
    trace_sent(c, start);
}

/* ---- commands */

static void command_write(struct pop3_client *c, const struct pop3_client_command *command)
{
    buf_puts(&c->out, pop3_verb_name(command->verb));
    if (command->message)
        buf_printf(&c->out, " %u", command->message);
    if (command->verb == POP3_TOP)
        buf_printf(&c->out, " %u", command->lines);
    buf_puts(&c->out, "\r\n");
    if (command->verb == POP3_QUIT)
        c->quit = POP3_QUIT_UNKNOWN;
}

void pop3_client_send_waiting(struct pop3_client *c)
{
    const struct pop3_client_command *command;

    while (c->queue.sent < pop3_client_window(c) &&
           (command = pop3_client_queue_send(&c->queue)) != NULL)
        command_write(c, command);
}

static uint32_t issue(struct pop3_client *c, enum pop3_verb verb, uint32_t message, uint32_t lines)
{
    assert(c->step == POP3_STEP_READY && !c->quit_issued);
    const struct pop3_client_command command = {
        .number = ++c->last_command, .verb = verb, .message = message, .lines = lines};

    if (!pop3_client_queue_add(&c->queue, &command))
        c->no_memory = true;
    size_t start = buf_size(&c->out);
    pop3_client_send_waiting(c);
    trace_sent(c, start);
    return command.number;
}

uint32_t pop3_client_stat(struct pop3_client *c)
{
    return issue(c, POP3_STAT, 0, 0);
}

uint32_t pop3_client_list(struct pop3_client *c, uint32_t message)
{
    return issue(c, POP3_LIST, message, 0);
}

uint32_t pop3_client_uidl(struct pop3_client *c, uint32_t message)
{
    return issue(c, POP3_UIDL, message, 0);
}

uint32_t pop3_client_top(struct pop3_client *c, uint32_t message, uint32_t lines)
{
    assert(message > 0);
    return issue(c, POP3_TOP, message, lines);
}

uint32_t pop3_client_retr(struct pop3_client *c, uint32_t message)
{
    assert(message > 0);
    return issue(c, POP3_RETR, message, 0);
}

uint32_t pop3_client_dele(struct pop3_client *c, uint32_t message)
{
    assert(message > 0);
    return issue(c, POP3_DELE, message, 0);
}

uint32_t pop3_client_noop(struct pop3_client *c)
{
    return issue(c, POP3_NOOP, 0, 0);
}

uint32_t pop3_client_rset(struct pop3_client *c)
{
    return issue(c, POP3_RSET, 0, 0);
}

uint32_t pop3_client_quit(struct pop3_client *c)
{
    uint32_t number = issue(c, POP3_QUIT, 0, 0);

    c->quit_issued = true;
    return number;
}

enum pop3_client_quit_outcome pop3_client_quit_outcome(const struct pop3_client *c)
{
    return c->quit;
}

size_t pop3_client_under_way(const struct pop3_client *c)
{
    return c->queue.sent;
}

size_t pop3_client_unanswered(const struct pop3_client *c)
{
    return c->queue.commands.count;
}

bool pop3_client_stalled(struct pop3_client *c)
{
    if (pop3_client_window(c) == 1)
        return false;
    c->window /= 2;
    return true;
}

unsigned pop3_client_window(const struct pop3_client *c)
{
    return c->capabilities.pipelining ? c->window : 1;
}

/* ---- events */

static bool quit_answered(const struct pop3_client *c)
{
    return c->quit == POP3_QUIT_CONFIRMED || c->quit == POP3_QUIT_REFUSED;
}

static void notice_trouble(struct pop3_client *c, const struct slice *in)
{
    if (c->no_memory || buf_failed(&c->out) || pop3_reader_failed(&c->reader))
        pop3_client_fail_text(c, FAILURE_TEMPORARY, "out of memory");
    if (c->step == POP3_STEP_TLS && in->n)
        pop3_client_fail_text(c, FAILURE_PERMANENT,
                              "clear text came behind the server's answer to STLS: somebody in "
                              "between may have put it there; no password was sent");
}

/* What there is to say without reading on. */
static bool next_is_known(struct pop3_client *c, struct slice *in, struct pop3_client_event *ev)
{
    notice_trouble(c, in);
    if (c->failure.kind != FAILURE_NONE) {
        *ev = (struct pop3_client_event){.type = POP3_CLIENT_FAILED, .failure = c->failure};
        return true;
    }
    if (c->done.type == POP3_CLIENT_DONE) {
        *ev = c->done;
        c->done.type = POP3_CLIENT_MORE;
        return true;
    }
    ev->type = c->announce;
    c->announce = POP3_CLIENT_MORE;
    if (quit_answered(c))
        slice_take(in, in->n);
    return ev->type != POP3_CLIENT_MORE || c->step == POP3_STEP_TLS || quit_answered(c);
}

void pop3_client_next(struct pop3_client *c, struct slice *in, struct pop3_client_event *ev)
{
    *ev = (struct pop3_client_event){.type = POP3_CLIENT_MORE};
    while (!next_is_known(c, in, ev)) {
        size_t start = buf_size(&c->out);
        enum pop3_client_took took = c->reading == POP3_READING_BODY
                                         ? pop3_client_take_body(c, in, ev)
                                         : pop3_client_take_line(c, in, ev);
        trace_sent(c, start);
        if (took != POP3_CLIENT_TOOK)
            return;
    }
}

static const char *closed_while(const struct pop3_client *c)
{
    if (c->step == POP3_STEP_GREETING)
        return "without a greeting";
    if (c->step != POP3_STEP_READY)
        return "before the login was done";
    if (c->quit == POP3_QUIT_UNKNOWN)
        return "without an answer to QUIT: whether it deleted what was marked is not known";
    if (c->reading == POP3_READING_BODY)
        return "in the middle of a message";
    if (c->reading != POP3_READING_STATUS)
        return "in the middle of a list";
    return c->queue.commands.count ? "with commands unanswered" : "while it was idle";
}

void pop3_client_closed(struct pop3_client *c, struct failure *why)
{
    if (c->failure.kind != FAILURE_NONE)
        *why = c->failure;
    else if (quit_answered(c))
        failure_set(why, FAILURE_NONE, "logged out");
    else
        failure_set(why, FAILURE_TEMPORARY, "the server closed the connection %s", closed_while(c));
    pop3_client_login_wipe(c);
}
