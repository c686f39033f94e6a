/*
 * A client that proves that it knows a password which is held here, and does not send it: APOP,
 * CRAM-MD5, SCRAM. What it is offered for that; what it has to know is asked of the gatekeeper. The
 * proof itself is the translator's business.
 */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

/* ---- the offer --------------------------------------------------------------------------- */

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

const struct session_offer *session_offer_proof(struct session *s)
{
    unsigned char key[SASL_SERVER_KEY];

    if (!s->settings->listeners[s->listener].proofs ||
        !gatekeeper_offers_proof(s->house->gatekeeper, key))
        return NULL;
    s->offer = calloc(1, sizeof *s->offer);
    if (!s->offer)
        return NULL;
    memcpy(s->offer->key, key, sizeof key);
    if (make_timestamp(s->offer->timestamp))
        return s->offer;
    session_offer_free(s);
    return NULL;
}

void session_offer_free(struct session *s)
{
    free(s->offer);
    s->offer = NULL;
}

/* ---- the question ------------------------------------------------------------------------ */

static void on_answer(void *owner, struct admission_answer *answer)
{
    struct session *s = owner;
    struct session_entry *e = &s->entry;

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

static bool ask(struct session *s, const struct session_login *l, struct slice user,
                const char *mechanism)
{
    struct session_entry *e = &s->entry;
    bool himself = s->route && !l->master.n;

    e->claim = himself ? strdup(l->user) : slice_dup(user);
    if (!e->claim)
        return false;
    struct admission_request request = {
        .house = s->house,
        .settings = s->settings,
        .route = s->route,
        .id = s->id,
        .address = s->address,
        .pop3 = s->kind == &session_of_maildrop,
        .acting = l->master.n > 0,
        .login = slice_of(e->claim),
    };
    e->asked = gatekeeper_question(s->house->gatekeeper, &request, user, mechanism, on_answer, s);
    return e->asked;
}

void session_ask_secret(struct session *s, struct slice user, const char *mechanism)
{
    struct session_login login;
    struct failure why;

    session_entry_clear(s);
    session_find_login(s, user, slice_of(""), &login);
    bool asked = ask(s, &login, user, mechanism);
    free(login.user);
    if (asked)
        return;
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    s->route = NULL;
    s->kind->refused(s, &why);
}
