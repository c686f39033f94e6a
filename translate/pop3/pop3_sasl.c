#include "translate/pop3/pop3_sasl.h"

#include "translate/pop3/pop3_reader.h"
#include "translate/text/base64.h"

#include <string.h>

void pop3_sasl_clear(struct pop3_sasl *s)
{
    buf_wipe(&s->user);
    buf_wipe(&s->authzid);
    buf_wipe(&s->password);
    s->state = POP3_SASL_IDLE;
}

static enum pop3_sasl_result fail(struct pop3_sasl *s, struct failure *why, enum failure_kind kind,
                                  const char *sentence)
{
    pop3_sasl_clear(s);
    failure_set(why, kind, "%s", sentence);
    return POP3_SASL_FAILED;
}

static enum pop3_sasl_result ask(struct pop3_sasl *s, enum pop3_sasl_state state,
                                 const char *prompt, struct buf *challenge)
{
    s->state = state;
    base64_encode(challenge, slice_of(prompt));
    return POP3_SASL_CONTINUE;
}

/* The credentials are complete: what no upstream need be asked about is refused here. An empty
 * password above all, which a directory may take for an anonymous login (RFC 4513 section 5.1.2).
 */
static enum pop3_sasl_result finish(struct pop3_sasl *s, struct failure *why)
{
    struct slice authzid = buf_slice(&s->authzid);

    if (buf_failed(&s->user) || buf_failed(&s->authzid) || buf_failed(&s->password))
        return fail(s, why, FAILURE_TEMPORARY, "Out of memory");
    if (buf_size(&s->user) == 0)
        return fail(s, why, FAILURE_AUTH, "The user name is empty");
    if (buf_size(&s->password) == 0)
        return fail(s, why, FAILURE_AUTH, "The password is empty");
    if (authzid.n && !slice_equal(authzid, buf_slice(&s->user)))
        return fail(s, why, FAILURE_AUTH,
                    "Acting for another user is not possible: leave the authorization identity "
                    "empty");
    s->state = POP3_SASL_IDLE;
    return POP3_SASL_DONE;
}

/* Takes what stands before the next NUL, and the NUL; false when there is none. */
static bool take_field(struct slice *message, struct slice *field)
{
    const char *nul = message->n ? memchr(message->p, '\0', message->n) : NULL;

    if (!nul)
        return false;
    *field = slice_take(message, (size_t)(nul - message->p));
    slice_take(message, 1);
    return true;
}

/* [authzid] NUL authcid NUL passwd, RFC 4616 section 2. */
static enum pop3_sasl_result take_plain(struct pop3_sasl *s, struct slice message,
                                        struct failure *why)
{
    struct slice authzid;
    struct slice user;

    if (!take_field(&message, &authzid) || !take_field(&message, &user))
        return fail(s, why, FAILURE_PERMANENT,
                    "PLAIN needs an authorization identity, a user name and a password with a NUL "
                    "between them");
    if (slice_has_nul(message))
        return fail(s, why, FAILURE_PERMANENT, "A password cannot hold a NUL octet");
    buf_put(&s->authzid, authzid);
    buf_put(&s->user, user);
    s->password.secret = true;
    buf_put(&s->password, message);
    return finish(s, why);
}

static enum pop3_sasl_result take_login_user(struct pop3_sasl *s, struct slice user,
                                             struct buf *challenge, struct failure *why)
{
    if (slice_has_nul(user))
        return fail(s, why, FAILURE_PERMANENT, "A user name cannot hold a NUL octet");
    if (user.n == 0)
        return fail(s, why, FAILURE_AUTH, "The user name is empty");
    buf_put(&s->user, user);
    return ask(s, POP3_SASL_LOGIN_PASSWORD, "Password:", challenge);
}

static enum pop3_sasl_result take_login_password(struct pop3_sasl *s, struct slice password,
                                                 struct failure *why)
{
    if (slice_has_nul(password))
        return fail(s, why, FAILURE_PERMANENT, "A password cannot hold a NUL octet");
    s->password.secret = true;
    buf_put(&s->password, password);
    return finish(s, why);
}

static enum pop3_sasl_result take_message(struct pop3_sasl *s, struct slice message,
                                          struct buf *challenge, struct failure *why)
{
    switch (s->state) {
    case POP3_SASL_PLAIN_MESSAGE:
        return take_plain(s, message, why);
    case POP3_SASL_LOGIN_USER:
        return take_login_user(s, message, challenge, why);
    case POP3_SASL_LOGIN_PASSWORD:
        return take_login_password(s, message, why);
    case POP3_SASL_IDLE:
        break;
    }
    return fail(s, why, FAILURE_PERMANENT, "No authentication is under way");
}

static enum pop3_sasl_result take_response(struct pop3_sasl *s, struct slice text,
                                           struct buf *challenge, struct failure *why)
{
    struct buf message = BUF_INIT;
    enum pop3_sasl_result result;

    if (text.n > POP3_SASL_LINE_MAX)
        return fail(s, why, FAILURE_PERMANENT, "The response is too long");
    bool decoded = base64_decode(&message, text);
    if (buf_failed(&message))
        result = fail(s, why, FAILURE_TEMPORARY, "Out of memory");
    else if (!decoded)
        result = fail(s, why, FAILURE_PERMANENT, "The response is not valid base64");
    else
        result = take_message(s, buf_slice(&message), challenge, why);
    buf_wipe(&message);
    return result;
}

static bool choose_mechanism(struct pop3_sasl *s, struct slice mechanism)
{
    if (slice_is_nocase(mechanism, "PLAIN"))
        s->state = POP3_SASL_PLAIN_MESSAGE;
    else if (slice_is_nocase(mechanism, "LOGIN"))
        s->state = POP3_SASL_LOGIN_USER;
    return s->state != POP3_SASL_IDLE;
}

enum pop3_sasl_result pop3_sasl_start(struct pop3_sasl *s, struct slice mechanism, bool has_initial,
                                      struct slice initial, struct buf *challenge,
                                      struct failure *why)
{
    pop3_sasl_clear(s);
    if (!choose_mechanism(s, mechanism))
        return fail(s, why, FAILURE_PERMANENT,
                    "No such mechanism here: AUTH alone lists those there are");
    if (has_initial)
        return take_response(s, initial, challenge, why);
    return ask(s, s->state, s->state == POP3_SASL_LOGIN_USER ? "Username:" : "", challenge);
}

enum pop3_sasl_result pop3_sasl_step(struct pop3_sasl *s, struct slice line, struct buf *challenge,
                                     struct failure *why)
{
    if (slice_is(line, "*"))
        return fail(s, why, FAILURE_PERMANENT, "Authentication was cancelled");
    return take_response(s, line, challenge, why);
}
