/* See sasl_server.h: the frame of an exchange, PLAIN, LOGIN and EXTERNAL. */
#include "translate/sasl/sasl_server.h"

#include <string.h>

#include "translate/sasl/sasl_server_internal.h"
#include "translate/text/base64.h"

uint32_t sasl_server_offer(bool password, bool proof, bool bound, bool certified)
{
    uint32_t offer = password ? SASL_PLAIN | SASL_LOGIN : 0;

    if (proof)
        offer |= SASL_SCRAM_SHA_256 | SASL_SCRAM_SHA_1 | SASL_CRAM_MD5;
    if (proof && bound)
        offer |= SASL_PLUS;
    if (certified)
        offer |= SASL_EXTERNAL;
    return offer;
}

void sasl_server_clear(struct sasl_server *s)
{
    sasl_proof_clear(s);
    buf_wipe(&s->user);
    buf_wipe(&s->authzid);
    buf_wipe(&s->password);
    *s = (struct sasl_server){.state = SASL_SERVER_IDLE};
}

enum sasl_server_result sasl_server_fail(struct sasl_server *s, struct failure *why,
                                         enum failure_kind kind, const char *sentence)
{
    sasl_server_clear(s);
    failure_set(why, kind, "%s", sentence);
    return SASL_SERVER_FAILED;
}

static enum sasl_server_result ask(struct sasl_server *s, enum sasl_server_state state,
                                   const char *prompt, struct buf *challenge)
{
    s->state = state;
    base64_encode(challenge, slice_of(prompt));
    return SASL_SERVER_CONTINUE;
}

/* An empty password above all is refused, which a directory may take for an anonymous login (RFC
 * 4513 section 5.1.2). */
enum sasl_server_result sasl_server_finish(struct sasl_server *s, struct failure *why)
{
    if (buf_failed(&s->user) || buf_failed(&s->authzid) || buf_failed(&s->password))
        return sasl_server_fail(s, why, FAILURE_TEMPORARY, "Out of memory");
    if (buf_size(&s->user) == 0)
        return sasl_server_fail(s, why, FAILURE_AUTH, "The user name is empty");
    if (buf_size(&s->password) == 0 && !s->proved && !s->certified)
        return sasl_server_fail(s, why, FAILURE_AUTH, "The password is empty");
    if (slice_equal(buf_slice(&s->authzid), buf_slice(&s->user)))
        buf_clear(&s->authzid);
    s->state = SASL_SERVER_IDLE;
    return SASL_SERVER_DONE;
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
static enum sasl_server_result take_plain(struct sasl_server *s, struct slice message,
                                          struct failure *why)
{
    struct slice authzid;
    struct slice user;

    if (!take_field(&message, &authzid) || !take_field(&message, &user))
        return sasl_server_fail(
            s, why, FAILURE_PERMANENT,
            "PLAIN needs an authorization identity, a user name and a password with a NUL "
            "between them");
    if (slice_has_nul(message))
        return sasl_server_fail(s, why, FAILURE_PERMANENT, "A password cannot hold a NUL octet");
    buf_put(&s->authzid, authzid);
    buf_put(&s->user, user);
    s->password.secret = true;
    buf_put(&s->password, message);
    return sasl_server_finish(s, why);
}

static enum sasl_server_result take_login_user(struct sasl_server *s, struct slice user,
                                               struct buf *challenge, struct failure *why)
{
    if (slice_has_nul(user))
        return sasl_server_fail(s, why, FAILURE_PERMANENT, "A user name cannot hold a NUL octet");
    if (user.n == 0)
        return sasl_server_fail(s, why, FAILURE_AUTH, "The user name is empty");
    buf_put(&s->user, user);
    return ask(s, SASL_SERVER_LOGIN_PASSWORD, "Password:", challenge);
}

static enum sasl_server_result take_login_password(struct sasl_server *s, struct slice password,
                                                   struct failure *why)
{
    if (slice_has_nul(password))
        return sasl_server_fail(s, why, FAILURE_PERMANENT, "A password cannot hold a NUL octet");
    s->password.secret = true;
    buf_put(&s->password, password);
    return sasl_server_finish(s, why);
}

/* The authorization identity; none: the certificate's own (RFC 4422 appendix A.1). */
static enum sasl_server_result take_external(struct sasl_server *s, struct slice authzid,
                                             struct failure *why)
{
    if (slice_has_nul(authzid))
        return sasl_server_fail(s, why, FAILURE_PERMANENT,
                                "An authorization identity cannot hold a NUL octet");
    buf_put(&s->user, s->options->certified);
    buf_put(&s->authzid, authzid);
    s->certified = true;
    return sasl_server_finish(s, why);
}

static enum sasl_server_result take_message(struct sasl_server *s, struct slice message,
                                            struct buf *challenge, struct failure *why)
{
    switch (s->state) {
    case SASL_SERVER_PLAIN_MESSAGE:
        return take_plain(s, message, why);
    case SASL_SERVER_LOGIN_USER:
        return take_login_user(s, message, challenge, why);
    case SASL_SERVER_LOGIN_PASSWORD:
        return take_login_password(s, message, why);
    case SASL_SERVER_EXTERNAL_MESSAGE:
        return take_external(s, message, why);
    case SASL_SERVER_NAMED:
    case SASL_SERVER_PROOF:
    case SASL_SERVER_END:
        return sasl_proof_take(s, message, challenge, why);
    case SASL_SERVER_ASKING:
    case SASL_SERVER_IDLE:
        break;
    }
    return sasl_server_fail(s, why, FAILURE_PERMANENT, "No authentication is under way");
}

static enum sasl_server_result take_response(struct sasl_server *s, struct slice text,
                                             struct buf *challenge, struct failure *why)
{
    struct buf message = {.secret = true};
    enum sasl_server_result result;

    if (text.n > SASL_SERVER_LINE_MAX)
        return sasl_server_fail(s, why, FAILURE_PERMANENT, "The response is too long");
    bool decoded = base64_decode(&message, text);
    if (buf_failed(&message))
        result = sasl_server_fail(s, why, FAILURE_TEMPORARY, "Out of memory");
    else if (!decoded)
        result = sasl_server_fail(s, why, FAILURE_PERMANENT, "The response is not valid base64");
    else
        result = take_message(s, buf_slice(&message), challenge, why);
    buf_wipe(&message);
    return result;
}

/* What the client says first. */
static enum sasl_server_state first_state(const struct sasl_mechanism *mechanism)
{
    switch (mechanism->bit) {
    case SASL_PLAIN:
        return SASL_SERVER_PLAIN_MESSAGE;
    case SASL_LOGIN:
        return SASL_SERVER_LOGIN_USER;
    case SASL_EXTERNAL:
        return SASL_SERVER_EXTERNAL_MESSAGE;
    default:
        return SASL_SERVER_NAMED;
    }
}

enum sasl_server_result sasl_server_start(struct sasl_server *s,
                                          const struct sasl_server_options *options,
                                          struct slice mechanism, bool has_initial,
                                          struct slice initial, struct buf *challenge,
                                          struct failure *why)
{
    sasl_server_clear(s);
    s->mechanism = sasl_mechanism_find(mechanism);
    if (!s->mechanism || !(options->mechanisms & s->mechanism->bit))
        return sasl_server_fail(s, why, FAILURE_PERMANENT,
                                "No such mechanism here: AUTH alone lists those there are");
    s->options = options;
    s->state = first_state(s->mechanism);
    if (has_initial && s->mechanism->bit == SASL_CRAM_MD5)
        return sasl_server_fail(s, why, FAILURE_PERMANENT,
                                "CRAM-MD5 begins with the server's challenge");
    if (has_initial)
        return take_response(s, initial, challenge, why);
    if (s->state == SASL_SERVER_NAMED)
        return sasl_proof_begin(s, challenge, why);
    return ask(s, s->state, s->state == SASL_SERVER_LOGIN_USER ? "Username:" : "", challenge);
}

enum sasl_server_result sasl_server_step(struct sasl_server *s, struct slice line,
                                         struct buf *challenge, struct failure *why)
{
    if (slice_is(line, "*"))
        return sasl_server_fail(s, why, FAILURE_PERMANENT, "Authentication was cancelled");
    return take_response(s, line, challenge, why);
}
