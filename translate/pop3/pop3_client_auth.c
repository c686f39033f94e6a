/*
 * How a POP3 client shows who it is: AUTH with the strongest mechanism, APOP, USER and PASS, one
 * after the other as far as the server refuses the way and not the password.
 *
 * No octet of a credential leaves before pop3_client_auth_begin() has seen to TLS.
 */
#include <string.h>

#include "translate/pop3/pop3_apop.h"
#include "translate/pop3/pop3_client_state.h"

enum { COMMAND_MAX = 255 }; /* with CRLF, RFC 2449 section 4 */

static void sasl_end(struct pop3_client *c)
{
    sasl_client_free(c->sasl);
    c->sasl = NULL;
    buf_wipe(&c->initial);
    c->initial_went = false;
}

void pop3_client_login_wipe(struct pop3_client *c)
{
    credential_clear(&c->credential);
    sasl_end(c);
}

/* ---- AUTH (RFC 5034) */

static void send_secret(struct pop3_client *c, struct buf *line)
{
    line->secret = true;
    buf_puts(line, "\r\n");
    buf_move(&c->out, line);
}

/* A response of the exchange, or the end of it. */
static void sasl_send(struct pop3_client *c, enum sasl_client_result result, struct buf *line,
                      const struct failure *why)
{
    switch (result) {
    case SASL_CLIENT_SEND:
        send_secret(c, line);
        break;
    case SASL_CLIENT_UNABLE:
        c->unable = *why;
        buf_puts(&c->out, "*\r\n");
        break;
    case SASL_CLIENT_FAILED:
        pop3_client_fail(c, why);
        break;
    }
    buf_wipe(line);
}

/* A response of no octets is "=" there (RFC 5034 section 4). */
static void put_initial(struct buf *line, struct slice response)
{
    buf_putc(line, ' ');
    if (response.n)
        buf_put(line, response);
    else
        buf_putc(line, '=');
}

/* The first response goes along when it fits (RFC 5034 section 4), else behind the "+". */
static enum sasl_client_result initial_put(struct pop3_client *c, struct buf *line,
                                           struct failure *why)
{
    c->initial.secret = true;
    enum sasl_client_result result = sasl_client_initial(c->sasl, &c->initial, why);

    if (result != SASL_CLIENT_SEND ||
        buf_size(line) + buf_size(&c->initial) + strlen(" =\r\n") > COMMAND_MAX)
        return result;
    put_initial(line, buf_slice(&c->initial));
    c->initial_went = true;
    return result;
}

static void auth_begin(struct pop3_client *c, const struct sasl_mechanism *mechanism)
{
    const struct sasl_peer peer = {
        .service = "pop",
        .host = c->options.host,
        .port = c->options.port,
        .binding = &c->binding,
    };
    struct buf line = {.secret = true};
    struct failure why = {.kind = FAILURE_NONE};
    enum sasl_client_result result = SASL_CLIENT_SEND;

    c->way = POP3_WAY_SASL;
    c->unable = why;
    c->sasl = sasl_client_new(mechanism, &c->credential, &peer);
    if (!c->sasl) {
        c->no_memory = true;
        return;
    }
    buf_printf(&line, "AUTH %s", mechanism->name);
    if (mechanism->client_first)
        result = initial_put(c, &line, &why);
    if (result == SASL_CLIENT_UNABLE) {
        c->without |= mechanism->bit;
        buf_wipe(&line);
        pop3_client_auth_begin(c);
    } else {
        sasl_send(c, result, &line, &why);
    }
}

/* A server of RFC 1734 overlooks the response that went along, and asks for it with nothing behind
 * its "+". */
static bool wants_initial(const struct pop3_client *c, struct slice challenge)
{
    return buf_size(&c->initial) && (!c->initial_went || slice_trim(challenge).n == 0);
}

static void auth_challenged(struct pop3_client *c, struct slice challenge)
{
    struct buf line = {.secret = true};
    struct failure why = {.kind = FAILURE_NONE};
    enum sasl_client_result result = SASL_CLIENT_SEND;

    if (wants_initial(c, challenge)) {
        c->initial_went = true;
        buf_move(&line, &c->initial);
    } else {
        buf_wipe(&c->initial);
        result = sasl_client_respond(c->sasl, challenge, &line, &why);
    }
    sasl_send(c, result, &line, &why);
}

/* Something went out by which the server could judge the password. */
static bool auth_judged(const struct pop3_client *c)
{
    bool unsent = buf_size(&c->initial) && !c->initial_went;

    return sasl_client_is_judged(c->sasl) && !unsent;
}

/* ---- APOP (RFC 1939 section 7) */

/* A name with a space would end before its end. It is MD5 over the password, so it stands beside
 * the mechanisms that are `weak`. */
static bool can_apop(const struct pop3_client *c)
{
    struct slice user = buf_slice(&c->credential.user);

    return c->options.allow_apop && buf_size(&c->timestamp) && !(c->without & SASL_APOP) &&
           c->credential.kind == CREDENTIAL_PASSWORD && !buf_size(&c->credential.authzid) &&
           sasl_mechanism_permits(c->options.mechanisms, SASL_APOP) && !memchr(user.p, ' ', user.n);
}

static bool apop_begin(struct pop3_client *c)
{
    struct buf line = {.secret = true};
    char digest[POP3_APOP_DIGEST + 1];

    c->without |= SASL_APOP;
    if (!pop3_apop_digest(buf_slice(&c->timestamp), buf_slice(&c->credential.secret), digest))
        return false;
    buf_puts(&line, "APOP ");
    buf_put(&line, buf_slice(&c->credential.user));
    buf_printf(&line, " %s", digest);
    c->way = POP3_WAY_APOP;
    c->password_sent = true;
    send_secret(c, &line);
    return true;
}

/* ---- USER and PASS */

static bool may_expose(const struct pop3_client *c)
{
    return c->tls || (c->options.allow_cleartext && !c->options.require_tls);
}

/* Tried even when not announced: before CAPA every server had it. */
static bool can_user(const struct pop3_client *c)
{
    return may_expose(c) && c->credential.kind == CREDENTIAL_PASSWORD && !c->user_tried &&
           !buf_size(&c->credential.authzid) &&
           sasl_mechanism_permits(c->options.mechanisms, SASL_LOGIN);
}

static void user_begin(struct pop3_client *c)
{
    c->way = POP3_WAY_USER;
    c->user_tried = true;
    c->password_sent = false;
    buf_puts(&c->out, "USER ");
    buf_put(&c->out, buf_slice(&c->credential.user));
    buf_puts(&c->out, "\r\n");
}

static void pass_send(struct pop3_client *c)
{
    struct buf line = {.secret = true};

    buf_puts(&line, "PASS ");
    buf_put(&line, buf_slice(&c->credential.secret));
    c->password_sent = true;
    send_secret(c, &line);
}

/* ---- the ways, one after the other */

static const struct sasl_mechanism *next_mechanism(const struct pop3_client *c)
{
    const struct sasl_wish wish = {
        .offered = c->capabilities.mechanisms & ~c->without,
        .permitted = c->options.mechanisms,
        .kind = c->credential.kind,
        .acts_for = buf_size(&c->credential.authzid) > 0,
        .tls = c->tls,
        .cleartext = may_expose(c),
        .binding = c->binding.type,
        .lacks_exporter = c->lacks_exporter,
    };

    return sasl_mechanism_choose(&wish);
}

/* Begins the next way that is left. False when there is none. */
static bool begin_next(struct pop3_client *c)
{
    const struct sasl_mechanism *mechanism = next_mechanism(c);
    bool is_plain = mechanism && mechanism->bit == SASL_PLAIN;

    c->step = POP3_STEP_CREDENTIALS;
    sasl_end(c);
    /* Under TLS PLAIN is as good; LOGIN is one round trip longer. */
    if ((!mechanism || (mechanism->exposes && !(is_plain && c->tls))) && can_apop(c) &&
        apop_begin(c))
        return true;
    if (mechanism)
        auth_begin(c, mechanism);
    else if (can_user(c))
        user_begin(c);
    else
        return false;
    return true;
}

static void explain_no_way(struct pop3_client *c)
{
    struct failure why;

    if (c->unable.kind != FAILURE_NONE)
        why = c->unable;
    else if (!may_expose(c) && c->credential.kind != CREDENTIAL_EXTERNAL)
        failure_set(&why, FAILURE_PERMANENT,
                    "%s, and a password is sent in the clear only where allow_cleartext is set; "
                    "none was sent",
                    c->stls_refused ? "the server refused STLS" : "there is no TLS");
    else
        sasl_mechanism_explain(&why, &c->credential, c->options.mechanisms);
    pop3_client_fail(c, &why);
}

/* Nothing of a credential without TLS where TLS is demanded, and no password in the clear but where
 * the configuration says so (CASES A1, T3). */
void pop3_client_auth_begin(struct pop3_client *c)
{
    struct failure why;

    if (!c->has_login) {
        pop3_client_fail_text(c, FAILURE_PERMANENT, "the server wants a login and there is none");
    } else if (!c->tls && c->options.require_tls) {
        failure_set(&why, FAILURE_PERMANENT,
                    "%s, and the configuration demands it; no password was sent",
                    c->stls_refused ? "the server refused STLS" : "there is no TLS");
        pop3_client_fail(c, &why);
    } else if (!begin_next(c)) {
        explain_no_way(c);
    }
}

/*
 * The next way only when this one was refused and not the password: the server says that it does
 * not know it, or nothing by which the password could be judged was sent yet and nothing else is
 * said to be wrong.
 */
static void refused(struct pop3_client *c, const struct pop3_response *r)
{
    bool unsupported = pop3_response_is_unsupported(r);
    bool judged = c->way == POP3_WAY_SASL ? auth_judged(c) : c->password_sent;
    struct failure why;

    pop3_response_failure(&why, r, FAILURE_NONE);
    bool of_way =
        unsupported || (!judged && (why.kind == FAILURE_NONE ||
                                    (why.kind == FAILURE_AUTH && c->way == POP3_WAY_SASL)));
    if (of_way) {
        if (c->sasl)
            c->without |= sasl_client_mechanism(c->sasl)->bit;
        if (begin_next(c))
            return;
    }
    pop3_response_failure(&why, r, unsupported ? FAILURE_PERMANENT : FAILURE_AUTH);
    if (c->sasl && (why.kind == FAILURE_AUTH || why.kind == FAILURE_PERMANENT))
        sasl_client_refused(c->sasl, &why);
    pop3_client_fail(c, &why);
}

static void accepted(struct pop3_client *c)
{
    if (c->way == POP3_WAY_USER && !c->password_sent)
        pass_send(c);
    else if (c->way == POP3_WAY_SASL && !sasl_client_is_complete(c->sasl))
        pop3_client_fail_text(c, FAILURE_PERMANENT,
                              "the server says that the login is done before it was: it is not the "
                              "one that it claims to be, or somebody sits in between");
    else
        pop3_client_login_done(c);
}

void pop3_client_auth_take(struct pop3_client *c, const struct pop3_response *r)
{
    if (r->status == POP3_STATUS_ERR)
        refused(c, r);
    else if (r->status == POP3_STATUS_OK)
        accepted(c);
    else if (c->way == POP3_WAY_SASL && c->unable.kind == FAILURE_NONE)
        auth_challenged(c, r->text);
    else
        pop3_client_fail_text(c, FAILURE_TEMPORARY,
                              "the server asks for more of a login that is complete");
}
