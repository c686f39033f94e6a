/*
 * From the greeting to IMAP_CLIENT_READY (RFC 3501 section 3). One command at a time, each answer
 * choosing the next step; only ID and ENABLE, which cannot fail the login, leave together. What a
 * server announces and then refuses is done without.
 *
 * No octet of a credential leaves before may_send_password() has said so.
 */
#include "translate/imap/imap_client_state.h"
#include "translate/imap/imap_write.h"
#include "translate/text/base64.h"

enum { LITERAL_MINUS_MAX = 4096 }; /* RFC 7888 section 5 */

static void capabilities_ask(struct imap_client *c)
{
    c->capabilities_fresh = false;
    imap_client_send(c, IMAP_FOR_CAPABILITY, "CAPABILITY");
}

static bool can(const struct imap_client *c, uint32_t capability)
{
    return (c->capabilities & capability) != 0;
}

static void parts_wipe(struct imap_client *c)
{
    for (size_t i = 0; i < IMAP_LOGIN_PARTS; i++)
        buf_wipe(&c->parts[i]);
    c->part_count = 0;
    c->next_part = 0;
}

void imap_login_wipe(struct imap_client *c)
{
    buf_wipe(&c->user);
    buf_wipe(&c->password);
    parts_wipe(c);
}

/* ---- after the login: ID, ENABLE, COMPRESS */

static void ready(struct imap_client *c)
{
    c->state = IMAP_STATE_READY;
    c->announce = IMAP_CLIENT_READY;
}

/*
 * The next step once ID and ENABLE are on their way. ENABLE decides what READY says, so it is
 * waited for; ID is not, unless COMPRESS follows: behind that no command may be under way (RFC 4978
 * section 3).
 */
static void setup_next(struct imap_client *c)
{
    bool compress = c->options.compress && can(c, IMAP_CAP_COMPRESS) && !c->compress_tried;

    if (c->state != IMAP_STATE_LOGIN || imap_pending_has(&c->pending, IMAP_FOR_ENABLE) ||
        imap_pending_has(&c->pending, IMAP_FOR_COMPRESS))
        return;
    if (!compress) {
        ready(c);
        return;
    }
    if (imap_pending_has(&c->pending, IMAP_FOR_ID))
        return;
    c->compress_tried = true;
    imap_client_send(c, IMAP_FOR_COMPRESS, "COMPRESS DEFLATE");
}

static void enable_send(struct imap_client *c)
{
    const char *sync = can(c, IMAP_CAP_QRESYNC)     ? " QRESYNC"
                       : can(c, IMAP_CAP_CONDSTORE) ? " CONDSTORE"
                                                    : "";
    bool utf8 =
        can(c, IMAP_CAP_UTF8) && (c->options.utf8 || can(c, IMAP_CAP_UTF8_ONLY)) && !c->utf8;

    if (!can(c, IMAP_CAP_ENABLE) || (!*sync && !utf8))
        return;
    imap_client_begin(c, IMAP_FOR_ENABLE, &c->out);
    buf_printf(&c->out, "ENABLE%s%s\r\n", sync, utf8 ? " UTF8=ACCEPT" : "");
}

static void setup(struct imap_client *c)
{
    /* Names are UTF-8 from the start where there is no rev1 that they could be mistaken for
     * (RFC 9051 section 5.1). */
    c->utf8 = can(c, IMAP_CAP_REV2) && !can(c, IMAP_CAP_REV1);
    if (can(c, IMAP_CAP_ID))
        imap_client_send(c, IMAP_FOR_ID,
                         "ID (\"name\" \"mailferry\" \"version\" \"" MAILFERRY_VERSION "\")");
    enable_send(c);
    setup_next(c);
}

void imap_login_enabled(struct imap_client *c, struct slice list)
{
    if (!imap_pending_has(&c->pending, IMAP_FOR_ENABLE))
        return;
    for (struct slice word = slice_word(&list); word.n; word = slice_word(&list)) {
        if (slice_is_nocase(word, "QRESYNC"))
            c->qresync = true;
        else if (slice_is_nocase(word, "UTF8=ACCEPT") || slice_is_nocase(word, "IMAP4rev2"))
            c->utf8 = true;
    }
}

static void compress_done(struct imap_client *c, const struct imap_event *status)
{
    if (status->status != IMAP_OK) {
        setup_next(c);
        return;
    }
    c->state = IMAP_STATE_DEFLATE;
    c->announce = IMAP_CLIENT_DEFLATE;
}

/* ---- credentials */

/* The part of the login command that is being written. */
static struct buf *part(struct imap_client *c)
{
    return &c->parts[c->part_count - 1];
}

static void part_begin(struct imap_client *c)
{
    c->parts[c->part_count++].secret = true;
}

/* Sends the next part. */
static void part_send(struct imap_client *c)
{
    buf_move(&c->out, &c->parts[c->next_part++]);
}

/* A user name or password: quoted where that can be, else a literal, for which an older server
 * must first be asked (RFC 3501 section 4.3, RFC 7888). */
static void put_argument(struct imap_client *c, struct slice text)
{
    if (imap_put_quoted(part(c), text, false))
        return;
    bool at_once = can(c, IMAP_CAP_LITERAL_PLUS) ||
                   (can(c, IMAP_CAP_LITERAL_MINUS) && text.n <= LITERAL_MINUS_MAX);
    buf_printf(part(c), "{%zu%s}\r\n", text.n, at_once ? "+" : "");
    if (!at_once)
        part_begin(c);
    buf_put(part(c), text);
}

static void login_send(struct imap_client *c)
{
    c->capabilities_fresh = false;
    parts_wipe(c);
    part_begin(c);
    imap_client_begin(c, IMAP_FOR_LOGIN, part(c));
    buf_puts(part(c), "LOGIN ");
    put_argument(c, buf_slice(&c->user));
    buf_putc(part(c), ' ');
    put_argument(c, buf_slice(&c->password));
    buf_puts(part(c), "\r\n");
    part_send(c);
}

/* RFC 4616: no authorization identity, the user, the password. */
static void put_plain(struct imap_client *c)
{
    struct buf message = {.secret = true};

    buf_putc(&message, '\0');
    buf_put(&message, buf_slice(&c->user));
    buf_putc(&message, '\0');
    buf_put(&message, buf_slice(&c->password));
    c->no_memory = c->no_memory || buf_failed(&message);
    base64_encode(part(c), buf_slice(&message));
    buf_wipe(&message);
}

/* The response goes in the command line where that is known (RFC 4959), else behind the "+". */
static void authenticate_send(struct imap_client *c)
{
    c->capabilities_fresh = false;
    part_begin(c);
    imap_client_begin(c, IMAP_FOR_AUTHENTICATE, part(c));
    buf_puts(part(c), "AUTHENTICATE PLAIN");
    if (can(c, IMAP_CAP_SASL_IR)) {
        buf_putc(part(c), ' ');
    } else {
        buf_puts(part(c), "\r\n");
        part_begin(c);
    }
    put_plain(c);
    buf_puts(part(c), "\r\n");
    part_send(c);
}

/* In the clear only when the configuration says so (CASES A1, T3). */
static bool may_send_password(struct imap_client *c)
{
    if (c->tls)
        return true;
    const char *starttls = c->starttls_refused ? "the server refused STARTTLS" : "there is no TLS";
    struct failure why;
    if (c->options.require_tls)
        failure_set(&why, FAILURE_PERMANENT,
                    "%s, and the configuration demands it; no password was sent", starttls);
    else if (!c->options.allow_cleartext)
        failure_set(&why, FAILURE_PERMANENT,
                    "%s, and a password is sent in the clear only where allow_cleartext is set; "
                    "none was sent",
                    starttls);
    else
        return true;
    imap_client_fail(c, &why);
    return false;
}

static void credentials_send(struct imap_client *c)
{
    if (!may_send_password(c))
        return;
    if (!c->has_login)
        imap_client_fail_text(c, FAILURE_PERMANENT, "the server wants a login and there is none");
    else if (can(c, IMAP_CAP_AUTH_PLAIN))
        authenticate_send(c);
    else if (!can(c, IMAP_CAP_LOGINDISABLED))
        login_send(c);
    else
        imap_client_fail_text(c, FAILURE_PERMANENT,
                              c->tls ? "the server takes no passwords (LOGINDISABLED)"
                                     : "the server takes no passwords without TLS "
                                       "(LOGINDISABLED)");
}

static void login_succeeded(struct imap_client *c)
{
    imap_login_wipe(c);
    c->authenticated = true;
    if (c->capabilities_fresh)
        setup(c);
    else
        capabilities_ask(c);
}

static void login_refused(struct imap_client *c, const struct imap_event *status)
{
    struct failure why;

    /* A BAD is about the command and not about the password. */
    imap_failure(&why, status, status->status == IMAP_NO ? FAILURE_AUTH : FAILURE_PERMANENT);
    imap_client_fail(c, &why);
}

static void login_done(struct imap_client *c, const struct imap_event *status)
{
    if (status->status == IMAP_OK)
        login_succeeded(c);
    else
        login_refused(c, status);
}

/*
 * Only a BAD that means nothing else is followed by LOGIN: the server does not know the command
 * that it announced. A NO has judged the password, and trying a wrong one twice makes servers slow
 * or lock the account.
 */
static void authenticate_done(struct imap_client *c, const struct imap_event *status)
{
    struct failure meaning;

    imap_failure(&meaning, status, FAILURE_NONE);
    if (status->status == IMAP_BAD && meaning.kind == FAILURE_NONE &&
        !can(c, IMAP_CAP_LOGINDISABLED))
        login_send(c);
    else
        login_done(c, status);
}

void imap_login_continue(struct imap_client *c)
{
    if (c->next_part > 0 && c->next_part < c->part_count)
        part_send(c);
    else
        imap_client_fail_text(c, FAILURE_TEMPORARY,
                              "the server asks for more of a command that is complete");
}

/* ---- before the login: greeting, CAPABILITY, STARTTLS */

static void starttls_done(struct imap_client *c, const struct imap_event *status)
{
    if (status->status == IMAP_OK) {
        c->state = IMAP_STATE_TLS;
        c->announce = IMAP_CLIENT_TLS;
        return;
    }
    c->starttls_refused = true;
    credentials_send(c);
}

/* Nothing that was said in the clear counts any more (RFC 3501 section 6.2.1, CASES T2). */
void imap_login_tls_started(struct imap_client *c)
{
    c->tls = true;
    c->state = IMAP_STATE_LOGIN;
    c->capabilities = 0;
    if (!c->over)
        c->failure = (struct failure){0};
    c->server_name[0] = '\0';
    capabilities_ask(c);
}

/* Where the server does not tell its capabilities, STARTTLS is tried: a refusal costs nothing. */
static void choose(struct imap_client *c)
{
    bool known = c->capabilities_fresh;

    if (!c->tls && c->options.starttls && (can(c, IMAP_CAP_STARTTLS) || !known))
        imap_client_send(c, IMAP_FOR_STARTTLS, "STARTTLS");
    else
        credentials_send(c);
}

/* A server that refuses CAPABILITY has those it named before, or none. */
static void capabilities_done(struct imap_client *c)
{
    if (c->authenticated)
        setup(c);
    else
        choose(c);
}

static void preauth_greeting(struct imap_client *c)
{
    if (!c->tls && (c->options.require_tls || !c->options.allow_cleartext))
        imap_client_fail_text(c, FAILURE_PERMANENT,
                              "the server greets with PREAUTH, which rules out STARTTLS, and the "
                              "configuration demands TLS");
    else if (!c->options.allow_preauth)
        imap_client_fail_text(c, FAILURE_PERMANENT,
                              "the server greets with PREAUTH: it would let in anybody without a "
                              "password; allow_preauth permits that");
    else
        login_succeeded(c);
}

void imap_login_greeting(struct imap_client *c, const struct imap_event *status)
{
    struct failure why;

    c->state = IMAP_STATE_LOGIN;
    switch (status->status) {
    case IMAP_OK:
        if (c->capabilities_fresh)
            choose(c);
        else
            capabilities_ask(c);
        break;
    case IMAP_PREAUTH:
        preauth_greeting(c);
        break;
    default:
        imap_failure(&why, status, FAILURE_TEMPORARY);
        imap_client_fail(c, &why);
    }
}

void imap_login_done(struct imap_client *c, enum imap_purpose purpose,
                     const struct imap_event *status)
{
    switch (purpose) {
    case IMAP_FOR_CAPABILITY:
        capabilities_done(c);
        break;
    case IMAP_FOR_STARTTLS:
        starttls_done(c, status);
        break;
    case IMAP_FOR_AUTHENTICATE:
        authenticate_done(c, status);
        break;
    case IMAP_FOR_LOGIN:
        login_done(c, status);
        break;
    case IMAP_FOR_ID:
    case IMAP_FOR_ENABLE:
        setup_next(c);
        break;
    case IMAP_FOR_COMPRESS:
        compress_done(c, status);
        break;
    case IMAP_FOR_LOGOUT:
    case IMAP_FOR_CALLER:
        break;
    }
}
