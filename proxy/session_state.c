/*
 * A session's sync state: the requests to the store.
 */
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

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
