/*
 * A session's sync state: what it is called in the store, and the requests to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

/* IMAP's own ports say nothing that the host does not, and a move from 143 to 993 keeps the
 * account. */
static bool is_usual_port(const struct endpoint *e)
{
    return e->port == 143 || e->port == 993;
}

char *session_account(const char *user, const struct endpoint *upstream)
{
    char *account = NULL;
    int n;

    if (upstream->unix_path)
        n = asprintf(&account, "%s@%s", user, upstream->unix_path);
    else if (is_usual_port(upstream))
        n = asprintf(&account, "%s@%s", user, upstream->host);
    else
        n = asprintf(&account, "%s@%s:%u", user, upstream->host, upstream->port);
    return n < 0 ? NULL : account;
}

static void on_loaded(void *owner, void *state, const struct failure *why)
{
    struct session *s = owner;

    s->loading = NULL;
    if (s->maildrop) {
        session_tell(s);
        maildrop_state_loaded(s->maildrop, state, why);
        session_pump(s);
    } else {
        drop_state_free(state);
    }
    session_release(s);
}

void session_load(struct session *s)
{
    struct failure why;

    s->loading = store_load(s->house->store, s->house->loop, &drop_state_kind, slice_of(s->account),
                            on_loaded, s);
    if (s->loading) {
        s->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    maildrop_state_loaded(s->maildrop, NULL, &why);
}

void session_load_cancel(struct session *s)
{
    if (!s->loading)
        return;
    store_request_cancel(s->loading);
    s->loading = NULL;
    session_release(s);
}

/* Nobody waits for it: what could not be remembered costs time at the next login, no mail. */
static void on_saved(void *owner, const struct failure *why)
{
    struct session *s = owner;

    if (why->kind != FAILURE_NONE)
        session_log_message(s, LOG_ERROR, "state-not-saved", why->text);
    session_release(s);
}

static void on_saved_answer(void *owner, const struct failure *why)
{
    struct session *s = owner;

    if (why->kind != FAILURE_NONE)
        session_log_message(s, LOG_ERROR, "state-not-saved", why->text);
    if (s->maildrop) {
        session_tell(s);
        maildrop_state_saved(s->maildrop, why);
        session_pump(s);
    }
    session_release(s);
}

void session_save(struct session *s, const struct maildrop_action *action)
{
    store_saved done = action->wait ? on_saved_answer : on_saved;
    struct store_request *request = store_append(s->house->store, s->house->loop, &drop_state_kind,
                                                 slice_of(s->account), action->records, done, s);
    struct failure why;

    if (request) {
        s->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    session_log_message(s, LOG_ERROR, "state-not-saved", why.text);
    if (action->wait)
        maildrop_state_saved(s->maildrop, &why);
}
