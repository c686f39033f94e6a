/*
 * Getting in: STARTTLS, LOGIN and AUTHENTICATE (RFC 9051 section 6.2), what can be done
 * (CAPABILITY), and what becomes of a login. The password is the upstream's, and OK is said only
 * when the account took it.
 */
#include <string.h>

#include "translate/mailbox/mailbox_internal.h"

static bool password_permitted(const struct mailbox *m)
{
    return m->tls || (m->settings.allow_cleartext && !m->settings.require_tls);
}

/* RFC 9051 appendix E, and what else is wholly there. */
void mailbox_put_capabilities(struct mailbox *m, struct buf *out)
{
    buf_puts(out, "CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE");
    if (m->phase == PHASE_NOT_AUTHENTICATED) {
        if (m->settings.starttls && !m->tls)
            buf_puts(out, " STARTTLS");
        buf_puts(out, password_permitted(m) ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
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

/* What was said in the clear is forgotten (RFC 9051 section 6.2.1, CASES T1). */
void mailbox_client_tls(struct mailbox *m)
{
    if (m->busy != BUSY_TLS)
        return;
    m->tls = true;
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

/* Behind the name stands a NUL that is not counted, so that it can be shown as a C string. */
static void login_start(struct mailbox *m, struct slice user, struct slice password)
{
    buf_clear(&m->user);
    buf_put(&m->user, user);
    char *end = buf_reserve(&m->user, 1);
    if (end)
        *end = '\0';
    buf_wipe(&m->password);
    m->password.secret = true;
    buf_put(&m->password, password);
    m->busy = BUSY_ROUTE;
    mailbox_act(m, MAILBOX_LOGIN);
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

static void sasl_result(struct mailbox *m, enum pop3_sasl_result result,
                        const struct buf *challenge, const struct failure *why)
{
    m->in_sasl = result == POP3_SASL_CONTINUE;
    if (result == POP3_SASL_CONTINUE) {
        buf_puts(&m->client_out, "+ ");
        buf_put(&m->client_out, buf_slice(challenge));
        buf_puts(&m->client_out, "\r\n");
        return;
    }
    if (result == POP3_SASL_DONE)
        login_start(m, buf_slice(&m->sasl.user), buf_slice(&m->sasl.password));
    else
        sasl_failed(m, why);
    pop3_sasl_clear(&m->sasl);
}

void mailbox_run_authenticate(struct mailbox *m)
{
    const struct imapd_authenticate *auth = &m->command.authenticate;
    struct buf challenge = BUF_INIT;
    struct failure why = {.kind = FAILURE_NONE};

    if (!auth_check(m))
        return;
    if (!slice_is_nocase(auth->mechanism, "PLAIN") && !slice_is_nocase(auth->mechanism, "LOGIN")) {
        mailbox_no(m, "CANNOT", "PLAIN and LOGIN are the mechanisms that are known here");
        return;
    }
    enum pop3_sasl_result result = pop3_sasl_start(&m->sasl, auth->mechanism, auth->has_initial,
                                                   auth->initial, &challenge, &why);
    sasl_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

void mailbox_sasl_line(struct mailbox *m, struct slice line)
{
    struct buf challenge = BUF_INIT;
    struct failure why = {.kind = FAILURE_NONE};
    enum pop3_sasl_result result = pop3_sasl_step(&m->sasl, line, &challenge, &why);

    sasl_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

void mailbox_sasl_abort(struct mailbox *m)
{
    m->in_sasl = false;
    pop3_sasl_clear(&m->sasl);
}

/* ---- what the owner and the account say to it -------------------------------------------- */

void mailbox_joined(struct mailbox *m, struct account *account, struct slice login)
{
    if (m->busy != BUSY_ROUTE || m->phase == PHASE_ENDED)
        return;
    account_attach(account, &m->account);
    m->busy = BUSY_LOGIN;
    struct credential credential = {0};
    if (credential_set(&credential, CREDENTIAL_PASSWORD, login, buf_slice(&m->password)))
        m->request = account_login(&m->account, &credential);
    else
        m->failed = true;
    credential_clear(&credential);
    buf_wipe(&m->password);
}

void mailbox_refused(struct mailbox *m, const struct failure *why)
{
    if (m->phase != PHASE_NOT_AUTHENTICATED || !m->commanded)
        return;
    buf_wipe(&m->password);
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

    m->phase = PHASE_AUTHENTICATED;
    m->summary.logged_in = true;
    m->refusals = 0;
    imapd_limits_set(&m->limits, true);
    /* A larger message is refused with [TOOBIG] all the same, but by a sentence with the limit. */
    m->limits.literal[IMAPD_APPEND] = UINT64_MAX;
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
