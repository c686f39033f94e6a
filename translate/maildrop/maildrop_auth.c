/*
 * Getting in: USER and PASS (RFC 1939 section 7), AUTH (RFC 5034), STLS (RFC 2595 section 4), and
 * what becomes of it. +OK is said only after the upstream took the credentials and gave the
 * mailbox.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"
#include "translate/pop3/pop3_apop.h"

static bool auth_permitted(const struct maildrop *m)
{
    return m->tls || (m->settings.allow_cleartext && !m->settings.require_tls);
}

/* By a secret that is kept here, which does not cross the network. */
static bool proof_permitted(const struct maildrop *m)
{
    return m->settings.secrets && (m->tls || !m->settings.require_tls);
}

/* What is offered hangs on TLS. */
static void auth_offer(struct maildrop *m)
{
    struct sasl_login *login = &m->auth->login;

    sasl_login_offer(login, auth_permitted(m), proof_permitted(m), m->tls);
    m->mechanisms = login->options.mechanisms;
}

bool auth_begin(struct maildrop *m, const struct maildrop_settings *settings)
{
    m->auth = calloc(1, sizeof *m->auth);
    if (!m->auth)
        return false;
    m->auth->login.options = (struct sasl_server_options){
        .service = "pop",
        .key = settings->key,
        .iterations = settings->iterations,
    };
    if (settings->binding)
        m->auth->login.options.binding = *settings->binding;
    maildrop_client_certified(m, settings->certified);
    auth_offer(m);
    return true;
}

void auth_end(struct maildrop *m)
{
    if (!m->auth)
        return;
    sasl_login_clear(&m->auth->login);
    buf_wipe(&m->auth->digest);
    free(m->auth);
    m->auth = NULL;
}

void auth_capabilities(const struct maildrop *m, struct pop3_capabilities *caps)
{
    *caps = (struct pop3_capabilities){
        .stls = m->settings.stls && !m->tls,
        .user = auth_permitted(m),
        .mechanisms = m->mechanisms,
        .login_delay = m->settings.login_delay,
    };
}

/* True when a password may come over this connection; otherwise the client was told what to do. */
static bool auth_check(struct maildrop *m)
{
    struct failure why;

    if (auth_permitted(m))
        return true;
    failure_set(&why, FAILURE_PERMANENT,
                m->settings.stls
                    ? "a password must not cross the network in the clear: use STLS or pop3s"
                    : "a password must not cross the network in the clear: give the listener a "
                      "certificate, or set allow_cleartext");
    command_fail(m, &why);
    maildrop_log(m, MAILDROP_WARNING, "cleartext-refused", "%s", why.text);
    command_mistake(m);
    return false;
}

/* Behind the name stands a NUL that is not counted, so that it can be shown as a C string. */
static void user_set(struct maildrop *m, struct slice name)
{
    buf_clear(&m->user);
    buf_put(&m->user, name);
    char *end = buf_reserve(&m->user, 1);
    if (end)
        *end = '\0';
}

void auth_user(struct maildrop *m, const struct pop3_command *cmd)
{
    if (!auth_check(m))
        return;
    user_set(m, cmd->text);
    m->auth->user_given = true;
    pop3_ok(&m->client_out, "send PASS");
}

static void owner_asked(struct maildrop *m)
{
    m->asked = m->now_ms ? m->now_ms : 1;
}

/* From here on the upstream is waited for. */
static void owner_answered(struct maildrop *m)
{
    m->asked = 0;
    m->login_since = m->now_ms;
}

/* After a refusal USER must come again (RFC 1939 section 7); the name stays, for the log. */
static void auth_start(struct maildrop *m)
{
    m->auth->user_given = false;
    m->busy = BUSY_LOGIN;
    owner_asked(m);
    maildrop_act(m, MAILDROP_CONNECT);
}

void auth_overdue(struct maildrop *m)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "the login took longer than %u seconds; try again later",
                m->settings.login_seconds);
    if (m->auth) /* else another token is looked for, behind the login */
        sasl_server_clear(&m->auth->login.sasl);
    maildrop_act(m, MAILDROP_DISCONNECT);
    maildrop_refused(m, &why);
}

void auth_pass(struct maildrop *m, const struct pop3_command *cmd)
{
    if (!auth_check(m))
        return;
    if (!m->auth->user_given) {
        pop3_err(&m->client_out, "USER comes before PASS");
        command_mistake(m);
        return;
    }
    buf_clear(&m->auth->login.authzid);
    m->auth->login.proved = m->auth->login.certified = false;
    buf_wipe(&m->auth->login.password);
    m->auth->login.password.secret = true;
    buf_put(&m->auth->login.password, cmd->text);
    auth_start(m);
}

/* ---- AUTH and APOP ----------------------------------------------------------------------- */

static void secret_ask(struct maildrop *m, struct slice user, const char *mechanism)
{
    user_set(m, user);
    m->auth->user_given = false;
    m->busy = BUSY_SECRET;
    owner_asked(m);
    struct maildrop_action *a = maildrop_act(m, MAILDROP_SECRET);
    if (a)
        a->mechanism = mechanism;
}

/* Whom he acts for is the route's to permit, but not where no route does. */
static void sasl_done(struct maildrop *m)
{
    struct sasl_server *s = &m->auth->login.sasl;
    struct failure why;

    if (buf_size(&s->authzid) && !m->settings.allow_authzid) {
        failure_set(&why, FAILURE_AUTH,
                    "Acting for another user is not possible: leave the authorization identity "
                    "empty");
        command_fail(m, &why);
        command_mistake(m);
        return;
    }
    user_set(m, buf_slice(&s->user));
    buf_clear(&m->auth->login.authzid);
    buf_move(&m->auth->login.authzid, &s->authzid);
    buf_wipe(&m->auth->login.password);
    buf_move(&m->auth->login.password, &s->password);
    m->auth->login.proved = s->proved;
    m->auth->login.certified = s->certified;
    auth_start(m);
}

static void sasl_failed(struct maildrop *m, const struct failure *why)
{
    if (why->kind == FAILURE_PERMANENT)
        pop3_err(&m->client_out, "%s", why->text);
    else
        command_fail(m, why);
    command_mistake(m);
}

static void sasl_result(struct maildrop *m, enum sasl_server_result result,
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
        secret_ask(m, buf_slice(&m->auth->login.sasl.user), m->auth->login.sasl.mechanism->name);
        return;
    case SASL_SERVER_DONE:
        sasl_done(m);
        break;
    case SASL_SERVER_FAILED:
        sasl_failed(m, why);
        break;
    }
    sasl_server_clear(&m->auth->login.sasl);
}

/* Whether a mechanism's exchange may come over this connection; otherwise the client was told. One
 * that is not known is refused where those are that are. */
static bool mechanism_check(struct maildrop *m, struct slice name)
{
    const struct sasl_mechanism *mechanism = sasl_mechanism_find(name);
    bool proof = mechanism && !mechanism->exposes && proof_permitted(m);

    return proof || auth_check(m);
}

void auth_auth(struct maildrop *m, const struct pop3_command *cmd)
{
    struct pop3_capabilities caps;
    struct buf challenge = BUF_INIT;
    struct failure why = {0};

    if (cmd->text.n == 0) {
        auth_capabilities(m, &caps);
        pop3_put_mechanisms(&m->client_out, &caps);
        return;
    }
    if (!mechanism_check(m, cmd->text))
        return;
    enum sasl_server_result result =
        sasl_server_start(&m->auth->login.sasl, &m->auth->login.options, cmd->text,
                          cmd->has_initial, cmd->initial, &challenge, &why);
    sasl_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

/* A proof that is none is a refused login; what else goes wrong is a mistake in the exchange. */
static void proof_result(struct maildrop *m, enum sasl_server_result result,
                         const struct buf *challenge, const struct failure *why)
{
    if (result != SASL_SERVER_FAILED || why->kind != FAILURE_AUTH) {
        sasl_result(m, result, challenge, why);
        return;
    }
    m->in_sasl = false;
    sasl_server_clear(&m->auth->login.sasl);
    auth_refused(m, why);
}

void auth_sasl_line(struct maildrop *m, struct slice line)
{
    struct buf challenge = BUF_INIT;
    struct failure why = {0};
    bool proof = m->auth->login.sasl.mechanism && !m->auth->login.sasl.mechanism->exposes;
    enum sasl_server_result result = sasl_server_step(&m->auth->login.sasl, line, &challenge, &why);

    if (proof)
        proof_result(m, result, &challenge, &why);
    else
        sasl_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

void auth_apop(struct maildrop *m, const struct pop3_command *cmd)
{
    if (!proof_permitted(m) || !m->settings.timestamp) {
        pop3_err(&m->client_out, "APOP is not offered here: use USER and PASS, or AUTH PLAIN");
        command_mistake(m);
        return;
    }
    buf_wipe(&m->auth->digest);
    buf_put(&m->auth->digest, cmd->initial);
    secret_ask(m, cmd->text, "APOP");
}

/* Somebody of whom nothing is kept has the key for a password, which nobody has. */
static bool apop_is_right(struct maildrop *m, const struct sasl_secret *secret)
{
    bool known = secret->kind == SASL_SECRET_PASSWORD;
    char digest[POP3_APOP_DIGEST + 1] = "";
    struct slice given = buf_slice(&m->auth->digest);
    struct slice password =
        known ? secret->password : slice_make((const char *)m->settings.key, SASL_SERVER_KEY);

    bool made = pop3_apop_digest(slice_of(m->settings.timestamp), password, digest);
    bool same = given.n == POP3_APOP_DIGEST && CRYPTO_memcmp(given.p, digest, given.n) == 0;
    return known && made && same;
}

static void apop_result(struct maildrop *m, const struct sasl_secret *secret)
{
    struct failure why;

    if (apop_is_right(m, secret)) {
        buf_clear(&m->auth->login.authzid);
        buf_wipe(&m->auth->login.password);
        m->auth->login.proved = true;
        m->auth->login.certified = false;
        auth_start(m);
    } else {
        failure_set(&why, FAILURE_AUTH, "%s", SASL_SERVER_REFUSED);
        auth_refused(m, &why);
    }
    buf_wipe(&m->auth->digest);
}

void maildrop_secret(struct maildrop *m, const struct sasl_secret *secret)
{
    struct buf challenge = BUF_INIT;
    struct failure why = {0};

    if (m->busy != BUSY_SECRET)
        return;
    owner_answered(m);
    m->busy = BUSY_NONE;
    if (!m->in_sasl) {
        apop_result(m, secret);
        return;
    }
    enum sasl_server_result result =
        sasl_server_secret(&m->auth->login.sasl, secret, &challenge, &why);
    proof_result(m, result, &challenge, &why);
    buf_clear(&challenge);
}

/* ---- STLS ------------------------------------------------------------------------------- */

void auth_stls(struct maildrop *m, const struct pop3_command *cmd)
{
    (void)cmd;
    if (m->tls || !m->settings.stls || m->utf8) {
        pop3_err(&m->client_out, m->tls    ? "TLS is active already"
                                 : m->utf8 ? "STLS comes before UTF8"
                                           : "STLS is not offered here: there is no certificate");
        command_mistake(m);
        return;
    }
    pop3_ok(&m->client_out, "begin TLS");
    m->busy = BUSY_TLS;
    maildrop_act(m, MAILDROP_CLIENT_TLS);
}

void maildrop_client_bind(struct maildrop *m, const struct sasl_binding *binding)
{
    m->auth->login.options.binding = *binding;
}

void maildrop_client_certified(struct maildrop *m, struct slice user)
{
    if (!sasl_login_certify(&m->auth->login, user))
        m->failed = true;
}

/* What was said in the clear is forgotten (RFC 2595 section 4, CASES T1). */
void maildrop_client_tls(struct maildrop *m)
{
    m->tls = true;
    auth_offer(m);
    m->auth->user_given = false;
    buf_clear(&m->user);
    buf_wipe(&m->auth->login.password);
    pop3_reader_clear(&m->reader);
    maildrop_idle(m);
}

/* ---- what the owner and the upstream say to the login ----------------------------------- */

/* The folders of the list: the route's, or the one the login named. */
static bool folders_set(struct maildrop *m, const struct maildrop_route *route)
{
    size_t count = route->folder.n ? 1 : route->options->folder_count;

    m->folders = calloc(count, sizeof *m->folders);
    if (!m->folders)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct slice name = route->folder.n ? route->folder : slice_of(route->options->folders[i]);
        m->folders[i].name = slice_dup(name);
        if (!m->folders[i].name)
            return false;
        m->folder_count++;
    }
    return true;
}

/* A client may try another login on the same connection: what the last one left goes. */
void auth_forget(struct maildrop *m)
{
    for (uint16_t i = 0; i < m->folder_count; i++)
        free(m->folders[i].name);
    free(m->folders);
    m->folders = NULL;
    m->folder_count = 0;
    m->options = NULL;
    upstream_forget(&m->upstream);
}

void maildrop_reached(struct maildrop *m, const struct imap_client_options *imap)
{
    struct trace trace = m->upstream.options.trace;

    m->upstream.options = *imap;
    m->upstream.options.trace = trace;
    m->upstream.options.allow_preauth = m->options->allow_preauth;
    m->upstream.options.compress = m->options->compress;
    m->upstream.options.utf8 = m->utf8;
}

void maildrop_routed(struct maildrop *m, const struct maildrop_route *route)
{
    struct failure why;

    if (m->busy != BUSY_LOGIN)
        return;
    owner_answered(m);
    auth_forget(m);
    m->options = route->options;
    m->deletion = route->options->deletion;
    maildrop_reached(m, &route->imap);
    if (m->settings.debug)
        upstream_trace(m);
    if (!(route->credential ? credential_copy(&m->upstream.credential, route->credential)
                            : credential_set(&m->upstream.credential, CREDENTIAL_PASSWORD,
                                             route->login, buf_slice(&m->auth->login.password))))
        m->failed = true;
    buf_wipe(&m->auth->login.password);
    m->upstream.state = UPSTREAM_CONNECTING;
    if ((m->auth->login.proved || m->auth->login.certified) && !route->credential) {
        failure_set(&why, FAILURE_PERMANENT,
                    "it is not known by what this user is let in at the mail server");
        maildrop_refused(m, &why);
    } else if (!folders_set(m, route))
        m->failed = true;
}

/* Of a login; or no other token is to be had for an upstream that is to be opened again. */
void maildrop_refused(struct maildrop *m, const struct failure *why)
{
    owner_answered(m);
    if (m->busy == BUSY_SECRET || m->busy == BUSY_LOGIN) {
        m->in_sasl = false;
        sasl_server_clear(&m->auth->login.sasl);
        auth_refused(m, why);
    } else if (m->upstream.state == UPSTREAM_RENEWING) {
        upstream_lost(m, why);
    }
}

void auth_renew(struct maildrop *m, const struct failure *why)
{
    struct maildrop_action *a;

    owner_asked(m);
    a = maildrop_act(m, MAILDROP_CREDENTIAL);
    if (a)
        text_clean(a->text, sizeof a->text, slice_of(why->text));
}

void maildrop_credential(struct maildrop *m, const struct credential *credential)
{
    bool asked = m->upstream.state == UPSTREAM_RENEWING;

    if (!asked && m->upstream.state != UPSTREAM_CONNECTING)
        return;
    if (!credential_copy(&m->upstream.credential, credential))
        m->failed = true;
    if (!asked)
        return;
    owner_answered(m);
    m->upstream.state = UPSTREAM_CONNECTING;
    maildrop_act(m, MAILDROP_CONNECT);
}

void auth_refused(struct maildrop *m, const struct failure *why)
{
    upstream_close(m);
    sync_clear(&m->sync);
    drop_state_free(m->state);
    m->state = NULL;
    json_decref(m->records); /* of this account; the next login may be another's */
    m->records = NULL;
    auth_forget(m);
    buf_wipe(&m->auth->login.password);
    command_fail(m, why);
    struct maildrop_action *note =
        maildrop_log(m, why->kind == FAILURE_AUTH ? MAILDROP_INFO : MAILDROP_WARNING,
                     "login-refused", "%s", why->text);
    if (note)
        note->kind = why->kind;
    if (++m->refusals >= m->settings.login_attempts) {
        maildrop_end(m, "login refused");
        return;
    }
    maildrop_idle(m);
}

/* The upstream took the credentials: now what is remembered of this account is needed. */
void auth_ready(struct maildrop *m)
{
    maildrop_act(m, MAILDROP_LOAD_STATE);
}

/* RFC 2449 section 6.5. A clock that was set back makes nobody wait. */
static bool login_too_soon(struct maildrop *m, struct failure *why)
{
    int64_t since = m->now_s - m->state->last_login;
    int64_t delay = m->options->login_delay;

    if (delay == 0 || m->state->last_login == 0 || since < 0 || since >= delay)
        return false;
    failure_set(why, FAILURE_LOGIN_DELAY, "wait %lld seconds before the next login",
                (long long)(delay - since));
    return true;
}

/* A poller logs in each minute: without need its logins write nothing. */
static bool login_worth_remembering(const struct maildrop *m)
{
    int64_t since = m->now_s - m->state->last_login;

    return m->options->login_delay || m->deletion == MAILDROP_KEEP_DAYS || since < 0 ||
           since >= 3600;
}

/* The reason names files of this machine: it is for the log, not for the client. */
static void state_unreadable(struct maildrop *m, const struct failure *why)
{
    struct failure told;

    maildrop_log(m, MAILDROP_ERROR, "state", "%s", why->text);
    failure_set(&told, why->kind,
                "what is remembered of this account cannot be read; the "
                "gateway's log tells why");
    auth_refused(m, &told);
}

void maildrop_state_loaded(struct maildrop *m, struct drop_state *state, const struct failure *why)
{
    struct failure too_soon;

    if (m->busy != BUSY_LOGIN || m->upstream.state != UPSTREAM_READY) {
        drop_state_free(state);
        return;
    }
    if (!state) {
        state_unreadable(m, why);
        return;
    }
    m->state = state;
    if (login_too_soon(m, &too_soon)) {
        auth_refused(m, &too_soon);
        return;
    }
    m->age = drop_state_age_at(state, m->now_s);
    if (login_worth_remembering(m))
        maildrop_remember(m, drop_record_login(m->now_s, m->age));
    sync_start(m);
}

void auth_succeeded(struct maildrop *m)
{
    auth_end(m);
    m->phase = PHASE_TRANSACTION;
    m->summary.logged_in = true;
    m->refusals = 0;
    pop3_ok(&m->client_out, "logged in");
    maildrop_log(m, MAILDROP_INFO, "login", "the mailbox is open");
    maildrop_idle(m);
}
