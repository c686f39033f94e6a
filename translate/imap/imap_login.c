/*
 * From the greeting to IMAP_CLIENT_READY (RFC 3501 section 3). One command at a time, each answer
 * choosing the next step; only ID and ENABLE, which cannot fail the login, leave together. What a
 * server announces and then refuses is done without.
 *
 * No octet of a credential leaves before may_send_password() has said so.
 */
#include <stdlib.h>

#include "translate/imap/imap_client_state.h"
#include "translate/imap/imap_write.h"

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
        buf_wipe(&c->login->parts[i]);
    c->login->part_count = 0;
    c->login->next_part = 0;
}

static void sasl_end(struct imap_client *c)
{
    sasl_client_free(c->login->sasl);
    c->login->sasl = NULL;
}

static void unable_set(struct imap_client *c, const struct failure *why)
{
    if (!failure_keep(&c->login->unable, why))
        c->no_memory = true;
}

/* Nothing was in the way. */
static void unable_clear(struct imap_client *c)
{
    free(c->login->unable);
    c->login->unable = NULL;
}

void imap_login_wipe(struct imap_client *c)
{
    if (!c->login)
        return;
    credential_clear(&c->login->credential);
    sasl_end(c);
    unable_clear(c);
    parts_wipe(c);
    free(c->login);
    c->login = NULL;
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
    return &c->login->parts[c->login->part_count - 1];
}

static void part_begin(struct imap_client *c)
{
    c->login->parts[c->login->part_count++].secret = true;
}

/* Sends the next part. */
static void part_send(struct imap_client *c)
{
    buf_move(&c->out, &c->login->parts[c->login->next_part++]);
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
    put_argument(c, buf_slice(&c->login->credential.user));
    buf_putc(part(c), ' ');
    put_argument(c, buf_slice(&c->login->credential.secret));
    buf_puts(part(c), "\r\n");
    part_send(c);
}

/* A response of the exchange, or the end of it. */
static void sasl_send(struct imap_client *c, enum sasl_client_result result, struct buf *line,
                      const struct failure *why)
{
    switch (result) {
    case SASL_CLIENT_SEND:
        line->secret = true;
        buf_puts(line, "\r\n");
        buf_move(&c->out, line);
        break;
    case SASL_CLIENT_UNABLE:
        unable_set(c, why);
        buf_puts(&c->out, "*\r\n");
        break;
    case SASL_CLIENT_FAILED:
        imap_client_fail(c, why);
        break;
    }
    buf_wipe(line);
}

static struct sasl_client *sasl_begin(const struct imap_client *c,
                                      const struct sasl_mechanism *mechanism)
{
    const struct sasl_peer peer = {
        .service = "imap",
        .host = c->options.host,
        .port = c->options.port,
        .binding = &c->login->binding,
    };

    return sasl_client_new(mechanism, &c->login->credential, &peer);
}

/* The first response goes in the command line where that is known (RFC 4959), else behind the "+".
 */
static enum sasl_client_result initial_put(struct imap_client *c, struct buf *initial,
                                           struct failure *why)
{
    if (!sasl_client_mechanism(c->login->sasl)->client_first || !can(c, IMAP_CAP_SASL_IR))
        return SASL_CLIENT_SEND;
    buf_putc(initial, ' ');
    enum sasl_client_result result = sasl_client_initial(c->login->sasl, initial, why);
    if (buf_size(initial) == 1)
        buf_putc(initial, '='); /* a response of no octets (RFC 4959 section 3) */
    return result;
}

static void credentials_send(struct imap_client *c);

static void authenticate_send(struct imap_client *c, const struct sasl_mechanism *mechanism)
{
    struct buf line = {.secret = true};
    struct buf initial = {.secret = true};
    struct failure why = {.kind = FAILURE_NONE};

    c->capabilities_fresh = false;
    unable_clear(c);
    c->login->sasl = sasl_begin(c, mechanism);
    if (!c->login->sasl) {
        c->no_memory = true;
        return;
    }
    enum sasl_client_result result = initial_put(c, &initial, &why);
    if (result == SASL_CLIENT_UNABLE) {
        c->login->without |= mechanism->bit;
        sasl_end(c);
        credentials_send(c);
    } else {
        imap_client_begin(c, IMAP_FOR_AUTHENTICATE, &line);
        buf_printf(&line, "AUTHENTICATE %s", mechanism->name);
        buf_move(&line, &initial);
        sasl_send(c, result, &line, &why);
    }
    buf_wipe(&initial);
}

static const char *why_no_tls(const struct imap_client *c)
{
    return c->starttls_refused ? "the server refused STARTTLS" : "there is no TLS";
}

static bool may_expose(const struct imap_client *c)
{
    return c->tls || c->options.allow_cleartext;
}

static const struct sasl_mechanism *next_mechanism(const struct imap_client *c)
{
    const struct sasl_wish wish = {
        .offered = c->mechanisms & ~c->login->without,
        .permitted = c->options.mechanisms,
        .kind = c->login->credential.kind,
        .acts_for = buf_size(&c->login->credential.authzid) > 0,
        .tls = c->tls,
        .cleartext = c->options.allow_cleartext,
        .binding = c->login->binding.type,
        .lacks_exporter = c->lacks_exporter,
    };

    return sasl_mechanism_choose(&wish);
}

/* LOGIN knows neither tokens nor anybody to act for. */
static bool may_use_login(const struct imap_client *c)
{
    return c->login->credential.kind == CREDENTIAL_PASSWORD &&
           !buf_size(&c->login->credential.authzid) &&
           sasl_mechanism_permits(c->options.mechanisms, SASL_LOGIN) && may_expose(c) &&
           !can(c, IMAP_CAP_LOGINDISABLED);
}

static void explain_no_way(struct imap_client *c)
{
    bool password = c->login->credential.kind == CREDENTIAL_PASSWORD;
    struct failure why;

    if (c->login->unable)
        why = *c->login->unable;
    else if (!may_expose(c) && c->login->credential.kind != CREDENTIAL_EXTERNAL)
        failure_set(&why, FAILURE_PERMANENT,
                    "%s, and a password is sent in the clear only where allow_cleartext is set; "
                    "none was sent",
                    why_no_tls(c));
    else if (password && !c->options.mechanisms && can(c, IMAP_CAP_LOGINDISABLED))
        failure_set(&why, FAILURE_PERMANENT,
                    c->tls ? "the server takes no passwords (LOGINDISABLED)"
                           : "the server takes no passwords without TLS (LOGINDISABLED)");
    else
        sasl_mechanism_explain(&why, &c->login->credential, c->options.mechanisms);
    imap_client_fail(c, &why);
}

/* The strongest way that is left. Nothing of a credential without TLS where TLS is demanded, and no
 * password in the clear but where the configuration says so (CASES A1, T3). */
static void credentials_send(struct imap_client *c)
{
    const struct sasl_mechanism *mechanism;
    struct failure why;

    if (!c->tls && c->options.require_tls) {
        failure_set(&why, FAILURE_PERMANENT, "%s, and %s; no password was sent", why_no_tls(c),
                    c->options.allow_cleartext ? "the configuration demands it"
                                               : "it is demanded where allow_cleartext is not set");
        imap_client_fail(c, &why);
    } else if (!c->login || !c->login->given) {
        imap_client_fail_text(c, FAILURE_PERMANENT, "the server wants a login and there is none");
    } else if ((mechanism = next_mechanism(c)) != NULL) {
        authenticate_send(c, mechanism);
    } else if (may_use_login(c)) {
        login_send(c);
    } else {
        explain_no_way(c);
    }
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
 * The next way only when the mechanism was refused and not the password, for trying a wrong one
 * twice makes servers slow or lock the account: nothing was sent yet by which it could be judged,
 * or a BAD that means nothing else says that the server does not know what it announced.
 */
static void authenticate_refused(struct imap_client *c, const struct imap_event *status)
{
    struct failure meaning;

    imap_failure(&meaning, status, FAILURE_NONE);
    bool of_mechanism = meaning.kind == FAILURE_NONE && status->status == IMAP_BAD;
    bool judged = sasl_client_is_judged(c->login->sasl);
    if (of_mechanism ||
        (!judged && (meaning.kind == FAILURE_NONE || meaning.kind == FAILURE_AUTH))) {
        c->login->without |= sasl_client_mechanism(c->login->sasl)->bit;
        sasl_end(c);
        if (next_mechanism(c) || may_use_login(c)) {
            credentials_send(c);
            return;
        }
        login_refused(c, status);
        return;
    }
    imap_failure(&meaning, status, status->status == IMAP_NO ? FAILURE_AUTH : FAILURE_PERMANENT);
    if (meaning.kind == FAILURE_AUTH || meaning.kind == FAILURE_PERMANENT)
        sasl_client_refused(c->login->sasl, &meaning);
    imap_client_fail(c, &meaning);
}

static void authenticate_done(struct imap_client *c, const struct imap_event *status)
{
    if (status->status != IMAP_OK)
        authenticate_refused(c, status);
    else if (!sasl_client_is_complete(c->login->sasl))
        imap_client_fail_text(c, FAILURE_PERMANENT,
                              "the server says that the login is done before it was: it is not the "
                              "one that it claims to be, or somebody sits in between");
    else
        login_succeeded(c);
}

void imap_login_continue(struct imap_client *c, struct slice text)
{
    struct buf line = {.secret = true};
    struct failure why = {.kind = FAILURE_NONE};

    if (c->login && c->login->sasl && !c->login->unable)
        sasl_send(c, sasl_client_respond(c->login->sasl, text, &line, &why), &line, &why);
    else if (c->login && c->login->next_part > 0 && c->login->next_part < c->login->part_count)
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
    c->mechanisms = 0;
    if (!c->over) {
        free(c->failure);
        c->failure = NULL;
    }
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
    c->lacks_exporter = sasl_mechanism_lacks_exporter(status->text);
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
