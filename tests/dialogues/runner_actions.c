/*
 * A table from the type of an action to what the runner does about it.
 */
#include "tests/dialogues/runner_actions.h"

#include <stdlib.h>
#include <string.h>

static void on_connect(struct play *p, struct maildrop_action *a)
{
    if (p->connect_user)
        play_fail(p, "a second connection was asked for before the first was answered");
    free(p->connect_user);
    p->connect_user = slice_dup(a->user);
    p->connect_again = a->again;
    play_note(p, "connect%s %.*s", a->again ? " again" : "", SLICE_ARG(a->user));
}

static void on_secret(struct play *p, struct maildrop_action *a)
{
    free(p->secret_user);
    p->secret_user = slice_dup(a->user);
    play_note(p, "secret %s %.*s", a->mechanism, SLICE_ARG(a->user));
}

static void on_credential(struct play *p, struct maildrop_action *a)
{
    p->credential_asked = true;
    play_note(p, "credential: %s", a->text);
}

/* Also of a connection that the other side has ended already: then there is nothing to do. */
static void on_disconnect(struct play *p, struct maildrop_action *a)
{
    (void)a;
    p->disconnected = true;
    free(p->connect_user); /* nobody waits for it any more */
    p->connect_user = NULL;
    p->upstream.closed = true;
    buf_clear(&p->upstream.in);
    play_note(p, "disconnects");
}

static void on_part(struct play *p, struct maildrop_action *a)
{
    (void)a;
    p->parted = true;
    play_flush_upstream(p);
    maildrop_warm_free(p->warm);
    p->warm = maildrop_part(p->m);
    play_note(p, "parts");
}

static void on_client_tls(struct play *p, struct maildrop_action *a)
{
    (void)a;
    p->client_tls = true;
    play_note(p, "starttls client");
}

static void on_upstream_tls(struct play *p, struct maildrop_action *a)
{
    (void)a;
    p->upstream_tls = true;
    play_note(p, "starttls upstream");
}

static void on_deflate(struct play *p, struct maildrop_action *a)
{
    (void)a;
    p->deflate = true;
    play_note(p, "deflate");
}

static void on_load(struct play *p, struct maildrop_action *a)
{
    struct failure why = {.kind = FAILURE_NONE};

    (void)a;
    if (p->load_failure) {
        failure_set(&why, FAILURE_TEMPORARY, "%s", p->load_failure);
        maildrop_state_loaded(p->m, NULL, &why);
    } else {
        maildrop_state_loaded(p->m, drop_state_copy(p->state), &why);
    }
    play_note(p, "state loaded");
}

void actions_answer_save(struct play *p, const struct failure *why)
{
    static const struct failure none = {.kind = FAILURE_NONE};

    p->save_waits = false;
    maildrop_state_saved(p->m, why ? why : &none);
}

/* Applied here as the store will apply them, so that the next session of a dialogue starts from
 * what this one made durable. */
static void on_save(struct play *p, struct maildrop_action *a)
{
    struct failure why;
    size_t i;
    json_t *record;

    json_array_foreach(a->records, i, record)
    {
        char *text = json_dumps(record, JSON_COMPACT | JSON_ENCODE_ANY);
        play_note(p, "saved %s", text ? text : "?");
        free(text);
        if (!drop_state_apply(p->state, record, &why))
            play_fail(p, "a record that is none: %s", why.text);
    }
    json_array_extend(p->saved, a->records);
    json_decref(a->records);
    if (a->wait) {
        p->save_waits = true;
        if (!p->hold_saves)
            actions_answer_save(p, NULL);
    }
}

static void on_log(struct play *p, struct maildrop_action *a)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};

    if (strstr(a->text, PLAY_SECRET) || strstr(a->text, PLAY_SECRET_LOGIN) ||
        strstr(a->text, PLAY_SECRET_PLAIN))
        play_fail(p, "the password was logged: %s", a->event);
    play_note(p, "log %s %s: %s", levels[a->level], a->event, a->text);
    json_array_append_new(p->logs, json_pack("[s,s,s]", levels[a->level], a->event, a->text));
}

static void on_end(struct play *p, struct maildrop_action *a)
{
    (void)a;
    p->ended = true;
    play_note(p, "ends");
}

static void on_abort(struct play *p, struct maildrop_action *a)
{
    (void)a;
    p->aborted = true;
    play_note(p, "aborts");
}

static void (*const HANDLERS[])(struct play *p, struct maildrop_action *a) = {
    [MAILDROP_CONNECT] = on_connect,
    [MAILDROP_SECRET] = on_secret,
    [MAILDROP_CREDENTIAL] = on_credential,
    [MAILDROP_DISCONNECT] = on_disconnect,
    [MAILDROP_PART] = on_part,
    [MAILDROP_CLIENT_TLS] = on_client_tls,
    [MAILDROP_UPSTREAM_TLS] = on_upstream_tls,
    [MAILDROP_UPSTREAM_DEFLATE] = on_deflate,
    [MAILDROP_LOAD_STATE] = on_load,
    [MAILDROP_SAVE_STATE] = on_save,
    [MAILDROP_LOG] = on_log,
    [MAILDROP_END] = on_end,
    [MAILDROP_ABORT] = on_abort,
};

bool actions_take(struct play *p)
{
    struct maildrop_action action = {0};
    bool any = false;

    while (!p->failed && maildrop_next_action(p->m, &action)) {
        HANDLERS[action.type](p, &action);
        action = (struct maildrop_action){0};
        any = true;
    }
    return any;
}
