/*
 * From the greeting to POP3_CLIENT_READY: one command at a time, each answer choosing the next
 * step. What a server announces and then refuses is done without.
 *
 * No octet of a password leaves before may_send_password() has said so.
 */
#include <openssl/evp.h>
#include <string.h>

#include "translate/pop3/pop3_client_state.h"
#include "translate/text/base64.h"

enum { COMMAND_MAX = 255 }; /* with CRLF, RFC 2449 section 4 */

void pop3_client_login_wipe(struct pop3_client *c)
{
    buf_wipe(&c->user);
    buf_wipe(&c->password);
}

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

/* ---- credentials */

/* In the clear only when the configuration says so (CASES A1, T3). */
static bool may_send_password(const struct pop3_client *c)
{
    return c->tls || (c->options.allow_cleartext && !c->options.require_tls);
}

static void send_secret(struct pop3_client *c, struct buf *line)
{
    c->password_sent = true;
    line->secret = true;
    buf_puts(line, "\r\n");
    buf_move(&c->out, line);
}

static bool can_plain(const struct pop3_client *c)
{
    return (c->capabilities.mechanisms & POP3_MECHANISM_PLAIN) && may_send_password(c);
}

/* RFC 4616: no authorization identity, the user, the password. */
static void put_plain(struct pop3_client *c, struct buf *line)
{
    struct buf message = {.secret = true};

    buf_putc(&message, '\0');
    buf_put(&message, buf_slice(&c->user));
    buf_putc(&message, '\0');
    buf_put(&message, buf_slice(&c->password));
    c->no_memory = c->no_memory || buf_failed(&message);
    base64_encode(line, buf_slice(&message));
    buf_wipe(&message);
}

/* The response goes along when it fits (RFC 5034 section 4), else behind the "+". */
static bool plain_begin(struct pop3_client *c)
{
    struct buf line = {.secret = true};

    buf_puts(&line, "AUTH PLAIN ");
    put_plain(c, &line);
    if (buf_size(&line) + strlen("\r\n") <= COMMAND_MAX) {
        send_secret(c, &line);
        return true;
    }
    buf_wipe(&line);
    buf_puts(&c->out, "AUTH PLAIN\r\n");
    return true;
}

/* A server of RFC 1734 overlooks the response that went along, and asks for it. */
static bool plain_continue(struct pop3_client *c)
{
    struct buf line = {.secret = true};

    if (c->exchange > 0)
        return false;
    put_plain(c, &line);
    send_secret(c, &line);
    return true;
}

/* A name with a space would end before its end. */
static bool can_apop(const struct pop3_client *c)
{
    struct slice user = buf_slice(&c->user);

    return c->options.allow_apop && buf_size(&c->timestamp) &&
           (c->tls || !c->options.require_tls) && !memchr(user.p, ' ', user.n);
}

/* The digest of RFC 1939's APOP: MD5 of the timestamp and the password, in hex. False when there is
 * no MD5 here, as under FIPS 140. */
static bool put_digest(struct pop3_client *c, struct buf *line)
{
    struct buf text = {.secret = true};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    buf_put(&text, buf_slice(&c->timestamp));
    buf_put(&text, buf_slice(&c->password));
    c->no_memory = c->no_memory || buf_failed(&text);
    struct slice octets = buf_slice(&text);
    bool done = EVP_Digest(octets.p, octets.n, digest, &n, EVP_md5(), NULL) == 1;
    for (unsigned int i = 0; done && i < n; i++)
        buf_printf(line, "%02x", digest[i]);
    buf_wipe(&text);
    return done;
}

static bool apop_begin(struct pop3_client *c)
{
    struct buf line = {.secret = true};

    buf_puts(&line, "APOP ");
    buf_put(&line, buf_slice(&c->user));
    buf_putc(&line, ' ');
    if (!put_digest(c, &line)) {
        buf_wipe(&line);
        return false;
    }
    send_secret(c, &line);
    return true;
}

static bool nothing_to_continue(struct pop3_client *c)
{
    (void)c;
    return false;
}

static bool can_auth_login(const struct pop3_client *c)
{
    return (c->capabilities.mechanisms & POP3_MECHANISM_LOGIN) && may_send_password(c);
}

static bool auth_login_begin(struct pop3_client *c)
{
    buf_puts(&c->out, "AUTH LOGIN\r\n");
    return true;
}

/* The challenges ask for the user, then for the password; servers word them as they like. */
static bool auth_login_continue(struct pop3_client *c)
{
    struct buf line = {.secret = true};

    if (c->exchange == 0) {
        base64_encode(&c->out, buf_slice(&c->user));
        buf_puts(&c->out, "\r\n");
        return true;
    }
    if (c->exchange > 1)
        return false;
    base64_encode(&line, buf_slice(&c->password));
    send_secret(c, &line);
    return true;
}

/* Tried even when not announced: before CAPA every server had it. */
static bool can_user(const struct pop3_client *c)
{
    return may_send_password(c);
}

static bool user_begin(struct pop3_client *c)
{
    buf_puts(&c->out, "USER ");
    buf_put(&c->out, buf_slice(&c->user));
    buf_puts(&c->out, "\r\n");
    return true;
}

static void pass_send(struct pop3_client *c)
{
    struct buf line = {.secret = true};

    buf_puts(&line, "PASS ");
    buf_put(&line, buf_slice(&c->password));
    send_secret(c, &line);
}

/* In the order of preference. `begin` is false when it cannot be done here, `challenged` when a "+"
 * has no place in it. */
static const struct method {
    bool (*can)(const struct pop3_client *c);
    bool (*begin)(struct pop3_client *c);
    bool (*challenged)(struct pop3_client *c);
    bool password_follows; /* behind the +OK to its first command */
} methods[] = {
    {can_plain, plain_begin, plain_continue, false},
    {can_apop, apop_begin, nothing_to_continue, false},
    {can_auth_login, auth_login_begin, auth_login_continue, false},
    {can_user, user_begin, nothing_to_continue, true},
};

enum { METHODS = sizeof methods / sizeof *methods };

/* Begins the first method from `first` on that can be. False when there is none. */
static bool begin_method(struct pop3_client *c, size_t first)
{
    c->step = POP3_STEP_CREDENTIALS;
    c->exchange = 0;
    c->password_sent = false;
    for (c->method = first; c->method < METHODS; c->method++)
        if (methods[c->method].can(c) && methods[c->method].begin(c))
            return true;
    return false;
}

static void explain_no_method(struct pop3_client *c)
{
    const char *stls = c->stls_refused ? "the server refused STLS" : "there is no TLS";
    struct failure why;

    if (c->options.require_tls)
        failure_set(&why, FAILURE_PERMANENT,
                    "%s, and the configuration demands it; no password was sent", stls);
    else
        failure_set(&why, FAILURE_PERMANENT,
                    "%s, and a password is sent in the clear only where allow_cleartext is set; "
                    "none was sent",
                    stls);
    pop3_client_fail(c, &why);
}

static void begin_login(struct pop3_client *c)
{
    if (!c->has_login)
        pop3_client_fail_text(c, FAILURE_PERMANENT, "the server wants a login and there is none");
    else if (!begin_method(c, 0))
        explain_no_method(c);
}

static void login_succeeded(struct pop3_client *c)
{
    pop3_client_login_wipe(c);
    c->authenticated = true;
    ask_capabilities(c);
}

/*
 * The next method only when this one was refused and not the password: the server says that it does
 * not know it, or nothing of the password was sent yet and nothing else is said to be wrong.
 */
static void login_refused(struct pop3_client *c, const struct pop3_response *r)
{
    bool unsupported = pop3_response_is_unsupported(r);
    struct failure why;

    pop3_response_failure(&why, r, FAILURE_NONE);
    bool of_method = unsupported || (!c->password_sent && why.kind == FAILURE_NONE);
    if (of_method && begin_method(c, c->method + 1))
        return;
    pop3_response_failure(&why, r, unsupported ? FAILURE_PERMANENT : FAILURE_AUTH);
    pop3_client_fail(c, &why);
}

static void login_challenged(struct pop3_client *c)
{
    if (methods[c->method].challenged(c))
        c->exchange++;
    else
        pop3_client_fail_text(c, FAILURE_TEMPORARY,
                              "the server asks for more of a login that is complete");
}

static void take_login(struct pop3_client *c, const struct pop3_response *r)
{
    if (r->status == POP3_STATUS_CONTINUE)
        login_challenged(c);
    else if (r->status == POP3_STATUS_ERR)
        login_refused(c, r);
    else if (c->password_sent)
        login_succeeded(c);
    else if (methods[c->method].password_follows)
        pass_send(c);
    else
        pop3_client_fail_text(c, FAILURE_TEMPORARY,
                              "the server says that the login is done before it saw a password");
}

/* ---- before the login: greeting, CAPA, STLS, UTF8 */

static void before_login(struct pop3_client *c)
{
    if (c->options.utf8 && c->capabilities.utf8)
        send_line(c, POP3_STEP_UTF8, "UTF8");
    else
        begin_login(c);
}

static void take_utf8(struct pop3_client *c, const struct pop3_response *r)
{
    c->utf8 = r->status == POP3_STATUS_OK;
    begin_login(c);
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
        take_login(c, r);
        break;
    case POP3_STEP_TLS:
    case POP3_STEP_READY:
        break;
    }
}
