/*
 * From the greeting to POP3_CLIENT_READY: one command at a time, each answer choosing the next
 * step. What a server announces and then refuses is done without. How the credential is shown is
 * pop3_client_auth.c's.
 */
#include <string.h>

#include "translate/pop3/pop3_client_state.h"

static void send_line(struct pop3_client *c, enum pop3_client_step step, const char *line)
{
    c->step = step;
    buf_puts(&c->out, line);
    buf_puts(&c->out, "\r\n");
}

static void ask_capabilities(struct pop3_client *c)
{
    send_line(c, POP3_STEP_CAPA, "CAPA");
}

static void ready(struct pop3_client *c)
{
    c->step = POP3_STEP_READY;
    c->announce = POP3_CLIENT_READY;
}

void pop3_client_login_done(struct pop3_client *c)
{
    pop3_client_login_wipe(c);
    c->authenticated = true;
    ask_capabilities(c);
}

/* ---- before the login: greeting, CAPA, STLS, UTF8 */

static void before_login(struct pop3_client *c)
{
    if (c->options.utf8 && c->capabilities.utf8)
        send_line(c, POP3_STEP_UTF8, "UTF8");
    else
        pop3_client_auth_begin(c);
}

static void take_utf8(struct pop3_client *c, const struct pop3_response *r)
{
    c->utf8 = r->status == POP3_STATUS_OK;
    pop3_client_auth_begin(c);
}

/* Where the server does not tell its capabilities, STLS is tried: a refusal costs nothing. */
static void choose(struct pop3_client *c)
{
    if (!c->tls && c->options.stls && (c->capabilities.stls || !c->capabilities.known))
        send_line(c, POP3_STEP_STLS, "STLS");
    else
        before_login(c);
}

static void take_stls(struct pop3_client *c, const struct pop3_response *r)
{
    if (r->status == POP3_STATUS_OK) {
        c->step = POP3_STEP_TLS;
        c->announce = POP3_CLIENT_TLS;
        return;
    }
    c->stls_refused = true;
    before_login(c);
}

/* Nothing that was said in the clear counts any more (RFC 2595 section 4, CASES T2): APOP's
 * timestamp neither. */
void pop3_client_login_tls_started(struct pop3_client *c)
{
    c->tls = true;
    c->capabilities = (struct pop3_client_capabilities){.known = false};
    buf_clear(&c->timestamp);
    ask_capabilities(c);
}

static void capabilities_done(struct pop3_client *c)
{
    if (c->authenticated)
        ready(c);
    else
        choose(c);
}

void pop3_client_login_capabilities(struct pop3_client *c)
{
    c->capabilities = c->listed;
    c->capabilities.known = true;
    capabilities_done(c);
}

/* A server that is busy or wants to be left alone may say so here first; one that only does not
 * know CAPA has the capabilities that it named before the login, or none (CASES U5). */
static void capabilities_refused(struct pop3_client *c, const struct pop3_response *r)
{
    struct failure why;

    pop3_response_failure(&why, r, FAILURE_NONE);
    if (why.kind == FAILURE_TEMPORARY || why.kind == FAILURE_IN_USE ||
        why.kind == FAILURE_LOGIN_DELAY)
        pop3_client_fail(c, &why);
    else
        capabilities_done(c);
}

static void take_capa(struct pop3_client *c, const struct pop3_response *r)
{
    if (r->status != POP3_STATUS_OK) {
        capabilities_refused(c, r);
        return;
    }
    c->listed = (struct pop3_client_capabilities){.known = false};
    c->reading = POP3_READING_CAPABILITIES;
}

/* A message identifier as RFC 1939 asks for it: printable, with an "@". A challenge of other octets
 * is how somebody in between would look for a password by MD5 collisions. */
static bool is_timestamp(struct slice s)
{
    bool at = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
        at = at || s.p[i] == '@';
    }
    return at;
}

static void keep_timestamp(struct pop3_client *c, struct slice greeting)
{
    const char *begin;
    const char *end;

    while (greeting.n && (begin = memchr(greeting.p, '<', greeting.n)) != NULL) {
        slice_take(&greeting, (size_t)(begin - greeting.p));
        end = memchr(greeting.p, '>', greeting.n);
        struct slice timestamp = slice_make(begin, end ? (size_t)(end - begin) + 1 : 0);
        if (is_timestamp(timestamp)) {
            buf_put(&c->timestamp, timestamp);
            c->no_memory = c->no_memory || buf_failed(&c->timestamp);
            return;
        }
        slice_take(&greeting, 1);
    }
}

static void take_greeting(struct pop3_client *c, const struct pop3_response *r)
{
    struct failure why;

    if (r->status == POP3_STATUS_OK) {
        c->lacks_exporter = sasl_mechanism_lacks_exporter(r->text);
        keep_timestamp(c, r->text);
        ask_capabilities(c);
        return;
    }
    pop3_response_failure(&why, r, FAILURE_TEMPORARY);
    pop3_client_fail(c, &why);
}

void pop3_client_login_take(struct pop3_client *c, const struct pop3_response *r)
{
    if (r->status == POP3_STATUS_CONTINUE && c->step != POP3_STEP_CREDENTIALS) {
        pop3_client_fail_text(c, FAILURE_TEMPORARY,
                              "the server sent a challenge where +OK or -ERR has to stand");
        return;
    }
    switch (c->step) {
    case POP3_STEP_GREETING:
        take_greeting(c, r);
        break;
    case POP3_STEP_CAPA:
        take_capa(c, r);
        break;
    case POP3_STEP_STLS:
        take_stls(c, r);
        break;
    case POP3_STEP_UTF8:
        take_utf8(c, r);
        break;
    case POP3_STEP_CREDENTIALS:
        pop3_client_auth_take(c, r);
        break;
    case POP3_STEP_TLS:
    case POP3_STEP_READY:
        break;
    }
}
