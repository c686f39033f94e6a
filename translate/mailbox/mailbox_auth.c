/*
 * Getting in: STARTTLS, LOGIN and AUTHENTICATE (RFC 9051 section 6.2), what can be done
 * (CAPABILITY), and what becomes of a login. The password is the upstream's, and OK is said only
 * when the account took it.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/mailbox/mailbox_internal.h"

static bool password_permitted(const struct mailbox *m)
{
    return m->tls || (m->settings.allow_cleartext && !m->settings.require_tls);
}

/* By a secret that is kept here, which does not cross the network. */
static bool proof_permitted(const struct mailbox *m)
{
    return m->settings.secrets && (m->tls || !m->settings.require_tls);
}

/* What is offered hangs on TLS. */
static void auth_offer(struct mailbox *m)
{
    sasl_login_offer(m->auth, password_permitted(m), proof_permitted(m), m->tls);
}

bool mailbox_auth_begin(struct mailbox *m, const struct mailbox_settings *settings)
{
    m->auth = calloc(1, sizeof *m->auth);
    if (!m->auth)
        return false;
    m->auth->options = (struct sasl_server_options){
        .service = "imap",
        .key = settings->key,
        .iterations = settings->iterations,
    };
    if (settings->binding)
        m->auth->options.binding = *settings->binding;
    mailbox_client_certified(m, settings->certified);
    auth_offer(m);
    return true;
}

void mailbox_auth_end(struct mailbox *m)
{
    if (m->auth)
        sasl_login_clear(m->auth);
    free(m->auth);
    m->auth = NULL;
}

/* RFC 9051 appendix E, and what else is wholly there. */
void mailbox_put_capabilities(struct mailbox *m, struct buf *out)
{
    buf_puts(out, "CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE");
    if (m->phase == PHASE_NOT_AUTHENTICATED) {
        if (m->settings.starttls && !m->tls)
            buf_puts(out, " STARTTLS");
        sasl_mechanism_put(out, m->auth->options.mechanisms, " AUTH=", "");
        if (!password_permitted(m))
            buf_puts(out, " LOGINDISABLED");
        return;
    }
    buf_puts(out, " NAMESPACE UNSELECT UIDPLUS ESEARCH SEARCHRES LIST-EXTENDED LIST-STATUS MOVE "
                  "BINARY CHILDREN SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE CONDSTORE "
                  "UTF8=ACCEPT");
    buf_printf(out, " APPENDLIMIT=%llu", (unsigned long long)m->settings.append_limit);
}

void mailbox_run_capability(struct mailbox *m)
{
    buf_puts(&m->client_out, "* ");
    mailbox_put_capabilities(m, &m->client_out);
    buf_puts(&m->client_out, "\r\n");
    mailbox_ok(m);
}

/* ---- STARTTLS ---------------------------------------------------------------------------- */

void mailbox_run_starttls(struct mailbox *m)
{
    if (m->tls || !m->settings.starttls) {
        mailbox_bad(m, m->tls ? "TLS is active already"
                              : "STARTTLS is not offered here: there is no certificate");
        return;
    }
    imapd_put_status(&m->client_out, m->command.tag, IMAPD_OK, NULL, slice_of("Begin TLS"), false);
    m->busy = BUSY_TLS;
    mailbox_act(m, MAILBOX_CLIENT_TLS);
}

void mailbox_client_bind(struct mailbox *m, const struct sasl_binding *binding)
{
    m->auth->options.binding = *binding;
}

void mailbox_client_certified(struct mailbox *m, struct slice user)
{
    if (!sasl_login_certify(m->auth, user))
        m->failed = true;
}

/* What was said in the clear is forgotten (RFC 9051 section 6.2.1, CASES T1). */
void mailbox_client_tls(struct mailbox *m)
{
    if (m->busy != BUSY_TLS)
        return;
    m->tls = true;
    auth_offer(m);
    imapd_reader_clear(&m->reader);
    imapd_command_clear(&m->command);
    m->commanded = false;
    m->busy = BUSY_NONE;
}

/* ---- LOGIN and AUTHENTICATE -------------------------------------------------------------- */

/* True when a password may come over this connection; otherwise the client was told what to do. */
static bool auth_check(struct mailbox *m)
{
    const char *text =
        m->settings.starttls
            ? "A password must not cross the network in the clear: use STARTTLS or "
              "imaps"
            : "A password must not cross the network in the clear: give the listener "
              "a certificate, or set allow_cleartext";

    if (password_permitted(m))
        return true;
    mailbox_log(m, LEVEL_WARNING, "cleartext-refused", "%s", text);
    mailbox_no(m, "PRIVACYREQUIRED", text);
    return false;
}

/* What the owner takes long to find is not waited for for ever. */
static struct mailbox_action *owner_ask(struct mailbox *m, enum busy busy,
                                        enum mailbox_action_type type)
{
    m->busy = busy;
    m->asked = m->now_ms ? m->now_ms : 1;
    return mailbox_act(m, type);
}

static void login_start(struct mailbox *m, struct slice user, struct slice password)
{
    buf_keep(&m->user, user);
    buf_wipe(&m->auth->password);
    m->auth->password.secret = true;
    buf_put(&m->auth->password, password);
    struct mailbox_action *a = owner_ask(m, BUSY_ROUTE, MAILBOX_LOGIN);
    if (a) {
        a->authzid = buf_slice(&m->auth->authzid);
        a->password = buf_slice(&m->auth->password);
        a->proved = m->auth->proved;
        a->certified = m->auth->certified;
    }
}

void mailbox_auth_overdue(struct mailbox *m)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "The login took longer than %u seconds; try again later",
                m->settings.login_seconds);
    mailbox_act(m, MAILBOX_CANCEL);
    mailbox_refused(m, &why);
}

void mailbox_run_login(struct mailbox *m)
{
    const struct imapd_login *login = &m->command.login;
    struct failure why;

    if (!auth_check(m))
        return;
    if (login->user.n == 0 || login->password.n == 0) {
        failure_set(&why, FAILURE_AUTH, "An empty name or password lets nobody in");
        mailbox_refused(m, &why);
        return;
    }
    buf_clear(&m->auth->authzid);
    m->auth->proved = m->auth->certified = false;
    login_start(m, login->user, login->password);
}

/* AUTHENTICATE ends without a login. */
static void sasl_failed(struct mailbox *m, const struct failure *why)
{
    if (why->kind == FAILURE_PERMANENT)
        mailbox_bad(m, why->text);
    else
        mailbox_refused(m, why);
}

static void secret_ask(struct mailbox *m)
{
    buf_keep(&m->user, buf_slice(&m->auth->sasl.user));
    struct mailbox_action *a = owner_ask(m, BUSY_SECRET, MAILBOX_SECRET);
    if (a)
        a->mechanism = m->auth->sasl.mechanism->name;
}

/* Whom he acts for is the route's to permit, but not where no route does. */
static void sasl_done(struct mailbox *m)
{
    struct sasl_server *s = &m->auth->sasl;
    struct failure why;

    if (buf_size(&s->authzid) && !m->settings.allow_authzid) {
        failure_set(&why, FAILURE_AUTH,
                    "Acting for another user is not possible: leave the authorization identity "
                    "empty");
        mailbox_refused(m, &why);
        return;
    }
    buf_clear(&m->auth->authzid);
    buf_move(&m->auth->authzid, &s->authzid);
    m->auth->proved = s->proved;
    m->auth->certified = s->certified;
    login_start(m, buf_slice(&s->user), buf_slice(&s->password));
}

static void sasl_result(struct mailbox *m, enum sasl_server_result result,
                        const struct buf *challenge, const struct failure *why)
{
    m->in_sasl = result == SASL_SERVER_CONTINUE || result == SASL_SERVER_SECRET;
    switch (result) {
    case SASL_SERVER_CONTINUE:
        buf_puts(&m->client_out, "+ ");
        buf_put(&m->client_out, buf_slice(challenge));
        buf_puts(&m->client_out, "\r\n");
        return;
    case SASL_SERVER_SECRET:
        secret_ask(m);
        return;
    case SASL_SERVER_DONE:
        sasl_done(m);
        break;
    case SASL_SERVER_FAILED:
        sasl_failed(m, why);
        break;
    }
    sasl_server_clear(&m->auth->sasl);
}

static void unknown_mechanism(struct mailbox *m)
{
    if (m->settings.secrets || m->auth->options.certified.n)
        mailbox_no(m, "CANNOT", "CAPABILITY lists the mechanisms that are known here");
    else
        mailbox_no(m, "CANNOT", "PLAIN and LOGIN are the mechanisms that are known here");
}

void mailbox_run_authenticate(struct mailbox *m)
{
    const struct imapd_authenticate *auth = &m->command.authenticate;
    const struct sasl_mechanism *mechanism = sasl_mechanism_find(auth->mechanism);
    bool proof = mechanism && !mechanism->exposes && proof_permitted(m);
    struct buf challenge = BUF_INIT;
    struct failure why = {.kind = FAILURE_NONE};

    if (!proof && !auth_check(m))
        return;
    if (!mechanism || !(m->auth->options.mechanisms & mechanism->bit)) {
        unknown_mechanism(m);
        return;
    }
    enum sasl_server_result result =
        sasl_server_start(&m->auth->sasl, &m->auth->options, auth->mechanism, auth->has_initial,
                          auth->initial, &challenge, &why);
    sasl_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

void mailbox_sasl_line(struct mailbox *m, struct slice line)
{
    struct buf challenge = BUF_INIT;
    struct failure why = {.kind = FAILURE_NONE};
    enum sasl_server_result result = sasl_server_step(&m->auth->sasl, line, &challenge, &why);

    sasl_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

void mailbox_secret(struct mailbox *m, const struct sasl_secret *secret)
{
    struct buf challenge = BUF_INIT;
    struct failure why = {.kind = FAILURE_NONE};

    if (m->busy != BUSY_SECRET || m->phase == PHASE_ENDED)
        return;
    m->asked = 0;
    m->busy = BUSY_NONE;
    enum sasl_server_result result = sasl_server_secret(&m->auth->sasl, secret, &challenge, &why);
    sasl_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

void mailbox_sasl_abort(struct mailbox *m)
{
    m->in_sasl = false;
    if (m->auth)
        sasl_server_clear(&m->auth->sasl);
}

/* ---- what the owner and the account say to it -------------------------------------------- */

/* The client's own password, unless the owner has something else for the upstream. */
static void login_as(struct mailbox *m, struct slice login, const struct credential *given)
{
    struct credential own = {0};

    if (!given && !credential_set(&own, CREDENTIAL_PASSWORD, login, buf_slice(&m->auth->password)))
        m->failed = true;
    else
        m->request = account_login(&m->account, given ? given : &own);
    credential_clear(&own);
    buf_wipe(&m->auth->password);
}

void mailbox_joined(struct mailbox *m, struct account *account, struct slice login,
                    const struct credential *credential)
{
    struct failure why;

    if (m->busy != BUSY_ROUTE || m->phase == PHASE_ENDED)
        return;
    m->asked = 0;
    m->login_since = m->now_ms;
    if ((m->auth->proved || m->auth->certified) && !credential) {
        failure_set(&why, FAILURE_PERMANENT,
                    "It is not known by what this user is let in at the mail server");
        mailbox_refused(m, &why);
        return;
    }
    account_attach(account, &m->account);
    m->busy = BUSY_LOGIN;
    login_as(m, login, credential);
}

void mailbox_refused(struct mailbox *m, const struct failure *why)
{
    if (m->phase != PHASE_NOT_AUTHENTICATED || !m->commanded)
        return;
    m->asked = 0;
    mailbox_sasl_abort(m);
    buf_wipe(&m->auth->password);
    mailbox_leave(m);
    mailbox_log(m, why->kind == FAILURE_AUTH ? LEVEL_INFO : LEVEL_WARNING, "login-refused", "%s",
                why->text);
    mailbox_fail(m, why);
    if (++m->refusals >= m->settings.login_attempts)
        mailbox_bye(m, NULL, "Too many logins were refused", "login refused");
}

void mailbox_login_done(struct mailbox *m)
{
    struct buf code = BUF_INIT;

    mailbox_auth_end(m);
    m->phase = PHASE_AUTHENTICATED;
    m->summary.logged_in = true;
    m->refusals = 0;
    m->limits = &imapd_limits_behind_login;
    mailbox_log(m, LEVEL_INFO, "login", "the account is open");
    mailbox_put_capabilities(m, &code);
    buf_putc(&code, '\0');
    m->failed = m->failed || buf_failed(&code);
    mailbox_finish(m, IMAPD_OK, buf_failed(&code) ? NULL : buf_slice(&code).p, "Logged in");
    buf_clear(&code);
}

void mailbox_login_event(struct mailbox *m, const struct account_event *ev)
{
    if (m->busy != BUSY_LOGIN || ev->request != m->request)
        return;
    if (ev->failure.kind != FAILURE_NONE) {
        mailbox_refused(m, &ev->failure);
    } else if (mailbox_state(m)->modseq == 0) {
        /* A new account is not even born: its folders are there behind the first look. */
        m->busy = BUSY_POLL;
        m->request = account_poll(&m->account);
    } else {
        mailbox_login_done(m);
    }
}
