/*
 * A client that proves that it knows a password which is held here, and does not send it: APOP,
 * CRAM-MD5, SCRAM. What it is given for that; what it has to know is asked of the gatekeeper. The
 * proof itself is the translator's business.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

/* ---- the challenge ----------------------------------------------------------------------- */

/* RFC 1939 section 7: never the same twice; so it need not tell the machine's name, nor its clock.
 * False when there is no randomness. */
static bool make_timestamp(char out[SESSION_TIMESTAMP])
{
    unsigned char octets[16];
    size_t n = 0;

    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    out[n++] = '<';
    for (size_t i = 0; i < sizeof octets; i++, n += 2)
        snprintf(out + n, SESSION_TIMESTAMP - n, "%02x", octets[i]);
    snprintf(out + n, SESSION_TIMESTAMP - n, "@mailferry>");
    return true;
}

const struct session_challenge *session_make_challenge(struct session *s)
{
    if (!s->settings->listeners[s->listener].proofs)
        return NULL;
    s->challenge = calloc(1, sizeof *s->challenge);
    if (!s->challenge)
        return NULL;
    if (gatekeeper_offers_proof(s->house->gatekeeper, s->challenge->key) &&
        make_timestamp(s->challenge->timestamp))
        return s->challenge;
    session_challenge_free(s);
    return NULL;
}

void session_challenge_free(struct session *s)
{
    if (s->challenge)
        OPENSSL_cleanse(s->challenge, sizeof *s->challenge);
    free(s->challenge);
    s->challenge = NULL;
}

/* ---- the question ------------------------------------------------------------------------ */

static void on_answer(void *owner, struct admission_answer *answer)
{
    struct session *s = owner;
    struct session_entry *e = s->entry;

    e->asked = NULL;
    session_tell(s);
    if (answer->why.kind == FAILURE_NONE) {
        struct sasl_secret secret = held_secret_of(&answer->held);
        e->proving = true;
        s->kind->secret(s, &secret);
        e->held = answer->held.password;
        answer->held.password = (struct buf){.secret = true};
    } else {
        e->innocent = !answer->guess;
        s->kind->refused(s, &answer->why);
    }
    admission_answer_clear(answer);
    session_pump(s);
}

static bool ask(struct session *s, struct slice user, const char *mechanism)
{
    struct admission_request request = session_request(s);

    s->entry->asked =
        gatekeeper_question(s->house->gatekeeper, &request, user, mechanism, on_answer, s);
    return s->entry->asked;
}

void session_ask_secret(struct session *s, struct slice user, const char *mechanism)
{
    struct session_login login;
    struct failure why;

    session_entry_clear(s);
    session_find_login(s, user, slice_of(""), &login);
    bool asked = session_name_claim(s, &login, user) && ask(s, user, mechanism);
    free(login.user);
    if (asked)
        return;
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    s->route = NULL;
    s->kind->refused(s, &why);
}
