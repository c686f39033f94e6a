/*
 * SCRAM and CRAM-MD5 as a server: the client proves that it knows a secret that is kept here.
 *
 * GNU SASL wants to know the secret within the step that needs it, and here it may come later. So
 * the message that names the user is kept until it is there. For SCRAM the name is taken out of it
 * by a session of the library that is then thrown away; CRAM-MD5's stands before the last space.
 */
#include <string.h>

#include "translate/sasl/sasl_library.h"
#include "translate/sasl/sasl_scram.h"
#include "translate/sasl/sasl_server_internal.h"
#include "translate/text/base64.h"

enum { FALSE_PASSWORD = 16 /* octets of one that nobody has */ };

static bool is_scram(const struct sasl_server *s)
{
    return (s->mechanism->bit & SASL_SCRAM) != 0;
}

void sasl_proof_clear(struct sasl_server *s)
{
    sasl_library_finish(s->session);
    s->session = NULL;
    buf_wipe(&s->message);
}

static enum sasl_server_result no_memory(struct sasl_server *s, struct failure *why)
{
    return sasl_server_fail(s, why, FAILURE_TEMPORARY, "Out of memory");
}

/* What the client got wrong in the library's eyes. */
static enum sasl_server_result refuse(struct sasl_server *s, int rc, struct failure *why)
{
    switch (rc) {
    case GSASL_MALLOC_ERROR:
        return no_memory(s, why);
    case GSASL_MECHANISM_PARSE_ERROR:
        return sasl_server_fail(s, why, FAILURE_PERMANENT, "The response is malformed");
    default:
        return sasl_server_fail(s, why, FAILURE_AUTH, SASL_SERVER_REFUSED);
    }
}

/* The library is told of the channel binding for every SCRAM: a client who has been made to believe
 * that there is none says that he would have bound, and is refused (RFC 5802 section 6). */
static bool session_open(struct sasl_server *s)
{
    return sasl_library() &&
           gsasl_server_start(sasl_library(), s->mechanism->name, &s->session) == GSASL_OK &&
           sasl_library_set(s->session, GSASL_SERVICE, slice_of(s->options->service)) &&
           sasl_library_set(s->session, GSASL_HOSTNAME, slice_of("localhost")) &&
           (!is_scram(s) || sasl_library_bind(s->session, &s->options->binding));
}

/* One step of the library; its output goes out in base64. */
static int session_step(struct sasl_server *s, struct slice message, struct buf *challenge)
{
    struct buf out = BUF_INIT;
    int rc = sasl_library_step(s->session, message, &out);

    base64_encode(challenge, buf_slice(&out));
    buf_clear(&out);
    return rc;
}

enum sasl_server_result sasl_proof_begin(struct sasl_server *s, struct buf *challenge,
                                         struct failure *why)
{
    if (is_scram(s))
        return SASL_SERVER_CONTINUE; /* the client has the first word */
    if (!session_open(s))
        return no_memory(s, why);
    int rc = session_step(s, slice_of(""), challenge);
    return rc == GSASL_NEEDS_MORE ? SASL_SERVER_CONTINUE : refuse(s, rc, why);
}

/* ---- who it is ---------------------------------------------------------------------------- */

static int scram_name(struct sasl_server *s, struct slice message)
{
    struct buf ignored = BUF_INIT;

    if (!session_open(s))
        return GSASL_MALLOC_ERROR;
    int rc = sasl_library_step(s->session, message, &ignored);
    buf_clear(&ignored);
    if (rc == GSASL_NEEDS_MORE) {
        buf_put(&s->user, slice_of(gsasl_property_fast(s->session, GSASL_AUTHID)));
        buf_put(&s->authzid, slice_of(gsasl_property_fast(s->session, GSASL_AUTHZID)));
    }
    sasl_library_finish(s->session);
    s->session = NULL;
    return rc;
}

static int cram_name(struct sasl_server *s, struct slice message)
{
    const char *space = message.n ? memrchr(message.p, ' ', message.n) : NULL;

    if (!space || slice_has_nul(message))
        return GSASL_MECHANISM_PARSE_ERROR;
    buf_put(&s->user, slice_make(message.p, (size_t)(space - message.p)));
    return GSASL_NEEDS_MORE;
}

static enum sasl_server_result take_name(struct sasl_server *s, struct slice message,
                                         struct failure *why)
{
    int rc = is_scram(s) ? scram_name(s, message) : cram_name(s, message);

    if (rc != GSASL_NEEDS_MORE)
        return refuse(s, rc, why);
    s->message.secret = true;
    buf_put(&s->message, message);
    if (buf_failed(&s->user) || buf_failed(&s->authzid) || buf_failed(&s->message))
        return no_memory(s, why);
    if (buf_size(&s->user) == 0)
        return sasl_server_fail(s, why, FAILURE_AUTH, "The user name is empty");
    s->state = SASL_SERVER_ASKING;
    return SASL_SERVER_SECRET;
}

/* ---- what is kept of it ------------------------------------------------------------------- */

static bool derive(const struct sasl_server *s, const char *what,
                   unsigned char out[SASL_SERVER_KEY])
{
    return sasl_scram_derive(s->options->key, what, s->mechanism->name, buf_slice(&s->user), out);
}

static bool set_coded(struct sasl_server *s, Gsasl_property property, struct slice octets)
{
    struct buf text = {.secret = true};

    base64_encode(&text, octets);
    bool set = !buf_failed(&text) && sasl_library_set(s->session, property, buf_slice(&text));
    buf_wipe(&text);
    return set;
}

static bool set_iterations(struct sasl_server *s, unsigned iterations)
{
    struct buf text = BUF_INIT;

    buf_printf(&text, "%u", iterations);
    bool set =
        !buf_failed(&text) && sasl_library_set(s->session, GSASL_SCRAM_ITER, buf_slice(&text));
    buf_clear(&text);
    return set;
}

static bool set_keys(struct sasl_server *s, const struct sasl_secret *secret)
{
    return set_iterations(s, secret->iterations) && set_coded(s, GSASL_SCRAM_SALT, secret->salt) &&
           set_coded(s, GSASL_SCRAM_STOREDKEY, secret->stored_key) &&
           set_coded(s, GSASL_SCRAM_SERVERKEY, secret->server_key);
}

/* Keys that are nobody's, of the size that the mechanism's have. */
static bool set_false_keys(struct sasl_server *s)
{
    bool sha_1 = (s->mechanism->bit & (SASL_SCRAM_SHA_1 | SASL_SCRAM_SHA_1_PLUS)) != 0;
    unsigned char salt[SASL_SERVER_KEY];
    unsigned char stored[SASL_SERVER_KEY];
    size_t n = sha_1 ? 20 : 32;

    if (!derive(s, "salt", salt) || !derive(s, "key", stored))
        return false;
    struct slice key = slice_make((const char *)stored, n);
    const struct sasl_secret false_secret = {
        .kind = SASL_SECRET_SCRAM,
        .salt = slice_make((const char *)salt, SASL_SCRAM_SALT),
        .stored_key = key,
        .server_key = key,
        .iterations = s->options->iterations,
    };
    return set_keys(s, &false_secret);
}

/* The salt must not differ from one time to the next: those of users that there are not do not. */
static bool set_password(struct sasl_server *s, struct slice password)
{
    unsigned char salt[SASL_SERVER_KEY];

    return sasl_library_set(s->session, GSASL_PASSWORD, password) &&
           (!is_scram(s) ||
            (derive(s, "salt", salt) && set_iterations(s, s->options->iterations) &&
             set_coded(s, GSASL_SCRAM_SALT, slice_make((const char *)salt, SASL_SCRAM_SALT))));
}

static bool set_false_password(struct sasl_server *s)
{
    unsigned char octets[SASL_SERVER_KEY];
    struct buf text = {.secret = true};

    bool made = derive(s, "password", octets);
    base64_encode(&text, slice_make((const char *)octets, FALSE_PASSWORD));
    made = made && !buf_failed(&text) &&
           sasl_library_set(s->session, GSASL_PASSWORD, buf_slice(&text));
    buf_wipe(&text);
    return made;
}

static bool set_secret(struct sasl_server *s, const struct sasl_secret *secret)
{
    if (secret->kind == SASL_SECRET_PASSWORD)
        return set_password(s, secret->password);
    if (secret->kind == SASL_SECRET_SCRAM && is_scram(s))
        return set_keys(s, secret);
    s->unknown = true;
    return is_scram(s) ? set_false_keys(s) : set_false_password(s);
}

/* ---- the proof ---------------------------------------------------------------------------- */

/* CRAM-MD5's is over with this; SCRAM has a word for the client yet, and a line of no octets comes
 * back (RFC 4422 section 5.3). */
static enum sasl_server_result proof_result(struct sasl_server *s, int rc, struct failure *why)
{
    if (rc == GSASL_NEEDS_MORE && is_scram(s) && s->state == SASL_SERVER_ASKING) {
        s->state = SASL_SERVER_PROOF;
        return SASL_SERVER_CONTINUE;
    }
    if (rc != GSASL_OK || s->unknown)
        return refuse(s, rc == GSASL_OK || rc == GSASL_NEEDS_MORE ? GSASL_AUTHENTICATION_ERROR : rc,
                      why);
    s->proved = true;
    if (!is_scram(s))
        return sasl_server_finish(s, why);
    s->state = SASL_SERVER_END;
    return SASL_SERVER_CONTINUE;
}

static enum sasl_server_result proof_step(struct sasl_server *s, struct slice message,
                                          struct buf *challenge, struct failure *why)
{
    size_t before = buf_size(challenge);
    enum sasl_server_result result = proof_result(s, session_step(s, message, challenge), why);

    if (result != SASL_SERVER_CONTINUE)
        buf_truncate(challenge, before);
    return result;
}

enum sasl_server_result sasl_server_secret(struct sasl_server *s, const struct sasl_secret *secret,
                                           struct buf *challenge, struct failure *why)
{
    struct buf message = BUF_INIT;

    if (s->state != SASL_SERVER_ASKING)
        return sasl_server_fail(s, why, FAILURE_PERMANENT, "No authentication is under way");
    if ((!s->session && !session_open(s)) || !set_secret(s, secret))
        return no_memory(s, why);
    buf_move(&message, &s->message);
    enum sasl_server_result result = proof_step(s, buf_slice(&message), challenge, why);
    buf_wipe(&message);
    return result;
}

enum sasl_server_result sasl_proof_take(struct sasl_server *s, struct slice message,
                                        struct buf *challenge, struct failure *why)
{
    switch (s->state) {
    case SASL_SERVER_NAMED:
        return take_name(s, message, why);
    case SASL_SERVER_PROOF:
        return proof_step(s, message, challenge, why);
    default:
        if (message.n)
            return sasl_server_fail(s, why, FAILURE_PERMANENT, "The response is malformed");
        return sasl_server_finish(s, why);
    }
}
