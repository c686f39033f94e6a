/*
 * How a session is let in, whatever its client's protocol: the gatekeeper is asked with what the
 * client gave, and its answer says by what the upstream is logged in to, and what the client may do
 * there. And the credential once more, when a token has expired since.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"
#include "proxy/warm.h"

void session_admission_cancel(struct session *s)
{
    struct session_entry *e = s->entry;

    if (!e)
        return;
    admission_cancel(e->asked);
    admission_cancel(e->late);
    e->asked = e->late = NULL;
    session_find_cancel(s);
}

void session_entry_clear(struct session *s)
{
    struct session_entry *e = s->entry;

    session_admission_cancel(s);
    grant_release(e->grant);
    device_limits_clear(&e->limits);
    free(e->claim);
    free(e->folder);
    buf_wipe(&e->password);
    buf_wipe(&e->held);
    credential_clear(&e->credential);
    *e = (struct session_entry){.generation = 0};
}

void session_entry_free(struct session *s)
{
    if (s->entry)
        session_entry_clear(s);
    free(s->entry);
    s->entry = NULL;
}

static bool out_of_memory(struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    return false;
}

/* The log names the route where a password was wrong; what else goes wrong here is not its fault.
 */
static void refuse(struct session *s, const struct failure *why)
{
    if (why->kind != FAILURE_AUTH)
        s->route = NULL;
    s->kind->refused(s, why);
}

/* ---- letting in -------------------------------------------------------------------------- */

/* A device that sees one folder only may name that one, or none. */
static bool use_folder(struct session_entry *e, struct failure *why)
{
    const char *only = e->limits.folder;

    if (!only || (e->folder && strcmp(e->folder, only) == 0))
        return true;
    if (e->folder) {
        failure_set(why, FAILURE_AUTH, "This device's password is for the folder %.100s only",
                    only);
        return false;
    }
    e->folder = strdup(only);
    return e->folder || out_of_memory(why);
}

static bool take(struct session *s, struct admission_answer *answer, struct failure *why)
{
    struct session_entry *e = s->entry;

    e->own = answer->own;
    e->tried_ms = uv_now(s->house->loop);
    if (e->own)
        return true;
    credential_move(&s->entry->credential, &answer->credential);
    e->grant = answer->grant;
    answer->grant = NULL;
    e->generation = answer->generation;
    e->limits = answer->limits;
    answer->limits.folder = NULL;
    memcpy(e->device, answer->entered.device, sizeof e->device);
    if (!grant_is_revoked(e->grant))
        return use_folder(e, why);
    failure_set(why, FAILURE_AUTH, "This device's password was revoked");
    return false;
}

static void on_admission(void *owner, struct admission_answer *answer)
{
    struct session *s = owner;
    struct failure why = answer->why;

    s->entry->asked = NULL;
    session_tell(s);
    if (why.kind == FAILURE_NONE && take(s, answer, &why)) {
        session_find(s);
    } else {
        s->entry->innocent = !answer->guess;
        buf_wipe(&s->entry->password);
        refuse(s, &why);
    }
    admission_answer_clear(answer);
    session_pump(s);
}

struct admission_request session_request(struct session *s)
{
    return (struct admission_request){
        .house = s->house,
        .settings = s->settings,
        .route = s->route,
        .id = s->id,
        .address = s->counted.address,
        .pop3 = s->kind == &session_of_maildrop,
        .acting = s->entry->acting,
        .login = slice_of(s->entry->claim),
    };
}

static bool ask(struct session *s, const struct session_claim *c)
{
    struct admission_request request = session_request(s);
    struct session_entry *e = s->entry;

    request.proved = c->proved;
    request.certified = c->certified;
    request.upstream = slice_of(s->route ? s->login : "");
    request.password = c->password;
    e->asked = gatekeeper_admit(s->house->gatekeeper, &request, on_admission, s);
    return e->asked;
}

/* A routing service is asked when the gatekeeper has answered. */
static bool keep_password(struct session *s, struct slice password)
{
    struct buf *kept = &s->entry->password;

    kept->secret = true;
    if (s->route->auth_http.url)
        buf_put(kept, password);
    return !buf_failed(kept);
}

bool session_name_claim(struct session *s, const struct session_login *l, struct slice given)
{
    struct session_entry *e = s->entry;
    bool himself = s->route && !l->master.n;

    e->acting = l->master.n > 0;
    e->claim = himself ? strdup(l->user) : slice_dup(given);
    return e->claim;
}

/* Names for the upstream, for the store and for the counting of guesses, and where the upstream is.
 */
static bool name(struct session *s, const struct session_claim *c, const struct session_login *l,
                 struct failure *why)
{
    enum endpoint_protocol upstream =
        s->kind == &session_of_maildrop ? ENDPOINT_IMAP : ENDPOINT_POP3;
    struct session_entry *e = s->entry;

    free(s->login);
    free(s->account);
    s->login = s->account = NULL;
    if (!session_name_claim(s, l, c->user) || !s->route)
        return e->claim;
    s->login = config_route_login(s->route, slice_of(l->user));
    s->account = s->kind->account(s->route, l->user);
    e->folder = l->folder.n ? slice_dup(l->folder) : NULL;
    return s->login && s->account && (e->folder || !l->folder.n) &&
           session_set_credential(s, l, c->password) && keep_password(s, c->password) &&
           place_of_user(&s->place, s->route, upstream, l->user, why);
}

/* With the password, sent or held, that the claim is for. */
static void admit(struct session *s, const struct session_claim *c)
{
    struct session_login login;
    struct failure why;

    session_entry_clear(s);
    s->entry->certified = c->certified;
    session_find_login(s, c->user, c->authzid, &login);
    out_of_memory(&why);
    bool asked = name(s, c, &login, &why) && ask(s, c);
    free(login.user);
    if (asked)
        return;
    refuse(s, &why);
}

void session_admit(struct session *s, const struct session_claim *c)
{
    struct session_claim claim = *c;
    struct buf held = {.secret = true};

    if (c->proved) {
        buf_move(&held, &s->entry->held);
        claim.password = buf_slice(&held);
    }
    admit(s, &claim);
    buf_wipe(&held);
}

/* ---- once more --------------------------------------------------------------------------- */

static void on_renewal(void *owner, struct admission_answer *answer)
{
    struct session *s = owner;

    s->entry->asked = NULL;
    session_tell(s);
    if (answer->why.kind == FAILURE_NONE)
        s->entry->generation = answer->generation;
    else
        s->entry->innocent = true;
    s->kind->renewed(s, &answer->credential, &answer->why);
    admission_answer_clear(answer);
    session_pump(s);
}

struct grant *session_grant(const struct session *s)
{
    return s->entry ? s->entry->grant : NULL;
}

struct grant *session_renewable(const struct session *s)
{
    return s->route->auth_http.url ? NULL : session_grant(s);
}

bool session_renew(struct session *s, bool refused)
{
    struct session_entry *e = s->entry;
    struct grant *grant = session_renewable(s);

    session_admission_cancel(s);
    if (!grant)
        return false;
    e->asked = gatekeeper_renew(s->house->gatekeeper, s->house, grant, refused ? e->generation : 0,
                                on_renewal, s);
    return e->asked;
}

/* ---- no more ---------------------------------------------------------------------------- */

void session_end_if_revoked(struct session *s)
{
    const struct grant *grant = session_grant(s);

    if (!s->alive || !grant || !grant_is_revoked(grant))
        return;
    session_tell(s);
    s->kind->revoked(s);
    session_pump(s);
}

void session_house_revoked(struct session_house *house)
{
    for (struct session *s = house->sessions; s; s = s->next)
        session_end_if_revoked(s);
    warm_revoke(house->warm);
}

/* ---- what became of it ------------------------------------------------------------------- */

static void on_late(void *owner, struct admission_answer *answer)
{
    struct session *s = owner;

    s->entry->late = NULL;
    admission_answer_clear(answer);
    session_tell(s);
    session_pump(s);
}

static void count(struct session *s, bool admitted)
{
    gatekeeper_report(s->house->gatekeeper, &s->settings->auth.throttle, &s->counted.address,
                      slice_of(s->entry->claim), admitted);
}

/* The clock of a loop that it has moved to may be a little behind the other's. */
static void withhold(struct session *s)
{
    struct admission_request request = session_request(s);
    struct session_entry *e = s->entry;
    uint64_t now = uv_now(s->house->loop);
    uint64_t took = now > e->tried_ms ? now - e->tried_ms : 0;

    e->late = gatekeeper_refuse(s->house->gatekeeper, &request, took, on_late, s);
    if (!e->late)
        count(s, false);
}

bool session_withholds(const struct session *s)
{
    return s->entry && s->entry->late;
}

void session_report(struct session *s, bool admitted)
{
    struct session_entry *e = s->entry;

    if (admitted)
        gate_logged_in(s->house->gate, &s->counted);
    if (e->proving || (e->own && admitted))
        count(s, admitted);
    else if (e->own)
        withhold(s);
    else if (e->grant && !admitted && !e->innocent)
        gatekeeper_refused(e->grant, e->generation);
    e->own = e->proving = false;
    if (admitted && !e->grant)
        session_entry_free(s);
}

const char *session_refusal_cause(const struct session *s, enum failure_kind kind)
{
    if (kind != FAILURE_AUTH)
        return "server";
    return s->entry->grant || s->entry->certified || s->entry->innocent ? "permission" : "password";
}
