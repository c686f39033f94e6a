/* See sasl_client.h. */
#include "translate/sasl/sasl_client.h"

#include <stdlib.h>
#include <string.h>

#include "translate/sasl/sasl_library.h"
#include "translate/sasl/sasl_token.h"
#include "translate/text/base64.h"

enum {
    ITERATIONS_MAX = 200000, /* of SCRAM: a server that asks for more keeps us from other work */
};

struct sasl_client {
    const struct sasl_mechanism *mechanism;
    Gsasl_session *session; /* NULL: a token */
    struct buf token;       /* the message with it, until it is sent */
    unsigned responses;
    bool complete;
    struct failure refusal; /* FAILURE_NONE: the server gave no reason */
};

static bool is_token(const struct sasl_client *c)
{
    return c->mechanism->needs == CREDENTIAL_TOKEN;
}

/* ---- beginning ---------------------------------------------------------------------------- */

static bool set_credential(Gsasl_session *session, const struct credential *credential)
{
    struct slice authzid = buf_slice(&credential->authzid);

    /* EXTERNAL has one name, which says who one wants to be. */
    if (credential->kind == CREDENTIAL_EXTERNAL)
        return sasl_library_set(session, GSASL_AUTHZID,
                                authzid.n ? authzid : buf_slice(&credential->user));
    return sasl_library_set(session, GSASL_AUTHID, buf_slice(&credential->user)) &&
           sasl_library_set(session, GSASL_PASSWORD, buf_slice(&credential->secret)) &&
           (!authzid.n || sasl_library_set(session, GSASL_AUTHZID, authzid));
}

static bool set_peer(Gsasl_session *session, const struct sasl_mechanism *mechanism,
                     const struct sasl_peer *peer)
{
    /* Without -PLUS the library refuses to begin when there is one: it never says "y", that one
     * could be had (RFC 5802 section 6). */
    bool bind = peer->binding && (mechanism->bit & SASL_PLUS);

    return sasl_library_set(session, GSASL_SERVICE, slice_of(peer->service)) &&
           sasl_library_set(session, GSASL_HOSTNAME,
                            slice_of(peer->host ? peer->host : "localhost")) &&
           (!bind || sasl_library_bind(session, peer->binding));
}

static bool begin(struct sasl_client *c, const struct credential *credential,
                  const struct sasl_peer *peer)
{
    if (is_token(c)) {
        c->token.secret = true;
        sasl_token_message(&c->token, c->mechanism, credential, peer);
        return !buf_failed(&c->token);
    }
    return sasl_library() &&
           gsasl_client_start(sasl_library(), c->mechanism->name, &c->session) == GSASL_OK &&
           set_credential(c->session, credential) && set_peer(c->session, c->mechanism, peer);
}

struct sasl_client *sasl_client_new(const struct sasl_mechanism *mechanism,
                                    const struct credential *credential,
                                    const struct sasl_peer *peer)
{
    struct sasl_client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->mechanism = mechanism;
    if (begin(c, credential, peer))
        return c;
    sasl_client_free(c);
    return NULL;
}

void sasl_client_free(struct sasl_client *c)
{
    if (!c)
        return;
    sasl_library_finish(c->session);
    buf_wipe(&c->token);
    free(c);
}

const struct sasl_mechanism *sasl_client_mechanism(const struct sasl_client *c)
{
    return c->mechanism;
}

/* ---- messages ----------------------------------------------------------------------------- */

static enum sasl_client_result fail(struct failure *why, enum failure_kind kind, const char *text)
{
    failure_set(why, kind, "%s", text);
    return SASL_CLIENT_FAILED;
}

/* The token, then the dummy to the server's error. */
static enum sasl_client_result token_step(struct sasl_client *c, struct slice message,
                                          struct buf *out, struct failure *why)
{
    if (c->responses == 0) {
        buf_move(out, &c->token);
        c->complete = true;
    } else if (c->responses == 1) {
        sasl_token_error(&c->refusal, message);
        buf_put(out, sasl_token_dummy(c->mechanism));
        c->complete = false; /* whatever it says now, it did not take the token */
    } else {
        return fail(why, FAILURE_TEMPORARY, "the server asks for more of a login that is complete");
    }
    return SASL_CLIENT_SEND;
}

bool sasl_client_is_judged(const struct sasl_client *c)
{
    return c->responses >= c->mechanism->judged_at;
}

static enum sasl_client_result library_failed(const struct sasl_client *c, int rc,
                                              struct failure *why)
{
    bool judged = sasl_client_is_judged(c);

    if (rc == GSASL_MALLOC_ERROR)
        return fail(why, FAILURE_TEMPORARY, "out of memory");
    if (rc == GSASL_AUTHENTICATION_ERROR && judged)
        return fail(why, FAILURE_PERMANENT,
                    "the server could not prove that it knows the password: it is not the one that "
                    "it claims to be, or somebody sits in between; the connection was given up");
    if (rc == GSASL_MECHANISM_CALLED_TOO_MANY_TIMES)
        return fail(why, FAILURE_TEMPORARY, "the server asks for more of a login that is complete");
    failure_set(why, FAILURE_TEMPORARY, "%s could not be done: %s", c->mechanism->name,
                gsasl_strerror(rc));
    return judged ? SASL_CLIENT_FAILED : SASL_CLIENT_UNABLE;
}

/* "e=invalid-proof" in the place of the signature (RFC 5802 section 7). */
static bool scram_refusal(struct sasl_client *c, struct slice message, struct failure *why)
{
    if (!(c->mechanism->bit & SASL_SCRAM) || message.n < 2 || memcmp(message.p, "e=", 2) != 0)
        return false;
    slice_take(&message, 2);
    if (slice_contains_nocase(message, "channel-binding"))
        failure_set(why, FAILURE_PERMANENT,
                    "the server sees another TLS connection than we do (%.*s): somebody sits in "
                    "between",
                    SLICE_ARG(message));
    else
        failure_set(why, FAILURE_AUTH, "the server refused the login: %.*s", SLICE_ARG(message));
    return true;
}

/* "r=...,s=...,i=4096": each iteration is work for us. */
static bool scram_is_costly(const struct sasl_client *c, struct slice message)
{
    uint64_t iterations = 0;

    if (!(c->mechanism->bit & SASL_SCRAM) || c->responses != 1)
        return false;
    for (size_t i = 0; i + 3 <= message.n; i++) {
        if (memcmp(message.p + i, ",i=", 3) != 0)
            continue;
        struct slice rest = slice_make(message.p + i + 3, message.n - i - 3);
        const char *end = memchr(rest.p, ',', rest.n);
        rest.n = end ? (size_t)(end - rest.p) : rest.n;
        return !slice_number(rest, ITERATIONS_MAX, &iterations);
    }
    return false;
}

static enum sasl_client_result library_step(struct sasl_client *c, struct slice message,
                                            struct buf *out, struct failure *why)
{
    if (scram_refusal(c, message, why))
        return SASL_CLIENT_FAILED;
    if (scram_is_costly(c, message)) {
        failure_set(why, FAILURE_PERMANENT, "the server asks for more than %d iterations of %s",
                    ITERATIONS_MAX, c->mechanism->name);
        return SASL_CLIENT_UNABLE;
    }
    if (c->complete)
        return fail(why, FAILURE_TEMPORARY, "the server asks for more of a login that is complete");
    int rc = sasl_library_step(c->session, message, out);
    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
        return library_failed(c, rc, why);
    c->complete = rc == GSASL_OK;
    return SASL_CLIENT_SEND;
}

static enum sasl_client_result step(struct sasl_client *c, struct slice message,
                                    struct buf *response, struct failure *why)
{
    struct buf out = {.secret = true};
    enum sasl_client_result result =
        is_token(c) ? token_step(c, message, &out, why) : library_step(c, message, &out, why);

    if (result == SASL_CLIENT_SEND) {
        c->responses++;
        base64_encode(response, buf_slice(&out));
    }
    if (buf_failed(&out))
        result = fail(why, FAILURE_TEMPORARY, "out of memory");
    buf_wipe(&out);
    return result;
}

enum sasl_client_result sasl_client_initial(struct sasl_client *c, struct buf *response,
                                            struct failure *why)
{
    return step(c, slice_of(""), response, why);
}

/* What a server says before the client's first word is nothing ("+ go ahead"), and LOGIN's prompts
 * are worded as servers like. */
static bool says_nothing(const struct sasl_client *c)
{
    return (c->responses == 0 && c->mechanism->client_first) || c->mechanism->bit == SASL_LOGIN;
}

enum sasl_client_result sasl_client_respond(struct sasl_client *c, struct slice challenge,
                                            struct buf *response, struct failure *why)
{
    struct buf message = BUF_INIT;
    enum sasl_client_result result;

    if (says_nothing(c))
        result = step(c, slice_of(c->mechanism->bit == SASL_LOGIN ? "Go on:" : ""), response, why);
    else if (!base64_decode(&message, slice_trim(challenge)))
        result = fail(why, FAILURE_TEMPORARY,
                      buf_failed(&message) ? "out of memory"
                                           : "the server's challenge is not valid base64");
    else
        result = step(c, buf_slice(&message), response, why);
    buf_wipe(&message);
    return result;
}

/* ---- how it stands ------------------------------------------------------------------------ */

bool sasl_client_is_complete(const struct sasl_client *c)
{
    return c->complete;
}

void sasl_client_refused(const struct sasl_client *c, struct failure *why)
{
    if (c->refusal.kind != FAILURE_NONE)
        *why = c->refusal;
}
