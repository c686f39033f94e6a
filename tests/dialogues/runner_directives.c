/*
 * A table from the name of a directive to its act. Those that set the scene come before the session
 * begins and do not begin it.
 */
#include "tests/dialogues/runner_directives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/dialogues/runner_actions.h"
#include "tests/dialogues/runner_checks.h"

static bool kind_read(struct slice word, enum failure_kind *kind)
{
    static const char *const names[] = {
        [FAILURE_AUTH] = "AUTH",
        [FAILURE_IN_USE] = "IN_USE",
        [FAILURE_LOGIN_DELAY] = "LOGIN_DELAY",
        [FAILURE_TEMPORARY] = "TEMPORARY",
        [FAILURE_PERMANENT] = "PERMANENT",
    };

    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        if (slice_is(word, names[i])) {
            *kind = (enum failure_kind)i;
            return true;
        }
    return false;
}

/* "KIND sentence" */
static bool failure_read(struct play *p, const char *text, struct failure *why)
{
    struct slice rest = slice_of(text);
    enum failure_kind kind;

    if (!kind_read(slice_word(&rest), &kind)) {
        play_fail(p, "no kind of failure: %s", text);
        return false;
    }
    rest = slice_trim(rest);
    failure_set(why, kind, "%.*s", SLICE_ARG(rest));
    return true;
}

static void set_up(struct play *p, const char *json,
                   bool (*read)(struct setup *s, const char *json, struct failure *why))
{
    struct failure why;

    if (p->m)
        play_fail(p, "this comes before the session begins");
    else if (!read(&p->setup, json, &why))
        play_fail(p, "%s", why.text);
}

/* `how` is "closes" (in good order) or "gone" (reset). */
static void peer_leaves(struct play *p, struct play_side *side, const char *how,
                        void (*tell)(struct maildrop *m, const struct failure *why))
{
    struct failure why = {.kind = FAILURE_NONE};

    play_begin(p);
    if (strcmp(how, "gone") == 0)
        failure_set(&why, FAILURE_TEMPORARY, "connection reset by peer");
    else if (strcmp(how, "closes") != 0)
        play_fail(p, "a peer closes or is gone, not: %s", how);
    if (side->closed)
        play_fail(p, "it was closed already");
    if (p->failed)
        return;
    side->closed = true;
    buf_clear(&side->in);
    play_note(p, "%s %s", side == &p->client ? "client" : "upstream", how);
    tell(p->m, &why);
    play_pump(p);
}

static void do_client(struct play *p, const char *args)
{
    if (*args == '{')
        set_up(p, args, setup_client);
    else
        peer_leaves(p, &p->client, args, maildrop_client_closed);
}

static void do_upstream(struct play *p, const char *args)
{
    if (*args == '{')
        set_up(p, args, setup_upstream);
    else
        peer_leaves(p, &p->upstream, args, maildrop_upstream_closed);
}

static void do_route(struct play *p, const char *args)
{
    set_up(p, args, setup_route);
}

static void do_state(struct play *p, const char *args)
{
    struct failure why;
    json_t *snapshot = check_json(p, args);
    struct drop_state *state = snapshot ? drop_state_from_json(snapshot, &why) : NULL;

    if (snapshot && !state)
        play_fail(p, "%s", why.text);
    json_decref(snapshot);
    drop_state_free(p->state);
    p->state = state;
}

static void do_load_fails(struct play *p, const char *args)
{
    free(p->load_failure);
    p->load_failure = slice_dup(slice_of(args));
}

static void do_hold_saves(struct play *p, const char *args)
{
    (void)args;
    p->hold_saves = true;
}

static void do_packet(struct play *p, const char *args)
{
    (void)p;
    (void)args;
}

static void do_varies(struct play *p, const char *args)
{
    (void)args;
    p->varies = true;
}

static void do_session(struct play *p, const char *args)
{
    (void)args;
    play_end(p);
    play_note(p, "session");
}

/* What a route's table would answer for `user`. */
static void route_user(struct play *p)
{
    char *user = NULL;
    struct failure why;
    struct maildrop_route route = {.options = &p->setup.options, .imap = p->setup.upstream};

    if (!setup_split_login(&p->setup, slice_of(p->connect_user), &user, &route.folder))
        play_fail(p, "out of memory");
    if (!uidl_format_parse(&p->setup.options.uidl_format, p->setup.options.uidl, &why))
        play_fail(p, "%s", why.text);
    if (buf_size(&p->credential.user))
        route.credential = &p->credential;
    route.login = slice_of(p->setup.login ? p->setup.login : user);
    if (!p->failed)
        maildrop_routed(p->m, &route);
    free(user);
}

/* True when a connection was asked for, `again` as `args` says, and for the user that it names. */
static bool connect_expected(struct play *p, const char *args)
{
    struct slice rest = slice_of(args);
    bool again = slice_is(rest, "again");

    if (!p->connect_user)
        play_fail(p, "no connection was asked for");
    else if (again != p->connect_again)
        play_fail(p,
                  p->connect_again ? "it was asked for again" : "it was asked for the first time");
    else if (!again && *args && strcmp(args, p->connect_user) != 0)
        play_fail(p, "it was asked for %s", p->connect_user);
    return !p->failed;
}

static void connect_forget(struct play *p)
{
    free(p->connect_user);
    p->connect_user = NULL;
}

static void do_connect(struct play *p, const char *args)
{
    if (!connect_expected(p, args))
        return;
    p->upstream.closed = p->disconnected = false;
    buf_clear(&p->upstream.in);
    p->tags.count = 0;
    play_note(p, "connected");
    if (!p->connect_again)
        route_user(p);
    if (!p->failed)
        maildrop_connected(p->m);
    connect_forget(p);
    play_pump(p);
}

/* As do_connect(), with what the session before has left. */
static void do_warm(struct play *p, const char *args)
{
    if (!connect_expected(p, args))
        return;
    if (!p->warm || !maildrop_warm_is_quiet(p->warm)) {
        play_fail(p, "nothing was left that could be gone on with");
        return;
    }
    p->upstream.closed = p->disconnected = false;
    play_note(p, "goes on");
    route_user(p);
    if (!p->failed) {
        maildrop_go_on(p->m, p->warm);
        p->warm = NULL;
    }
    connect_forget(p);
    play_pump(p);
}

static void do_connect_refused(struct play *p, const char *args)
{
    struct failure why;

    if (!p->connect_user)
        play_fail(p, "no connection was asked for");
    if (p->failed || !failure_read(p, args, &why))
        return;
    play_note(p, "connection refused: %s", why.text);
    if (!p->connect_again)
        route_user(p);
    connect_forget(p);
    maildrop_connect_failed(p->m, &why);
    play_pump(p);
}

static void do_route_refused(struct play *p, const char *args)
{
    struct failure why;

    if (!p->connect_user)
        play_fail(p, "no connection was asked for");
    if (p->failed || !failure_read(p, args, &why))
        return;
    play_note(p, "route refused: %s", why.text);
    connect_forget(p);
    maildrop_refused(p->m, &why);
    play_pump(p);
}

static bool tls_expected(struct play *p, bool asked)
{
    if (!asked)
        play_fail(p, "no TLS was asked for");
    return asked;
}

/* The server's side of TLS drops what came in the clear behind STLS (CASES T1): see
 * stream_start_tls(). */
static void start_client_tls(struct play *p)
{
    if (!tls_expected(p, p->client_tls))
        return;
    p->client_tls = false;
    buf_clear(&p->client.in);
    maildrop_client_tls(p->m);
}

static void start_upstream_tls(struct play *p)
{
    if (!tls_expected(p, p->upstream_tls))
        return;
    p->upstream_tls = false;
    maildrop_upstream_tls(p->m);
}

/* The client's side takes what came in the clear for an attack (CASES T2). The maildrop may have
 * seen it already: then no TLS was asked for. */
static void refuse_upstream_tls(struct play *p)
{
    struct failure why;

    if (!p->upstream_tls)
        return;
    p->upstream_tls = false;
    p->upstream.closed = true;
    buf_clear(&p->upstream.in);
    failure_set(&why, FAILURE_TEMPORARY, "clear text behind STARTTLS");
    maildrop_upstream_closed(p->m, &why);
}

static void do_starttls(struct play *p, const char *args)
{
    play_note(p, "starttls %s is answered", args);
    if (strcmp(args, "client") == 0)
        start_client_tls(p);
    else if (strcmp(args, "upstream") == 0)
        start_upstream_tls(p);
    else if (strcmp(args, "upstream-refused") == 0)
        refuse_upstream_tls(p);
    else
        play_fail(p, "TLS with whom?");
    play_pump(p);
}

/* The owner's answer: the password of this user, or that nobody has this name. */
static void do_secret(struct play *p, const char *args)
{
    struct sasl_secret secret = {.kind = *args ? SASL_SECRET_PASSWORD : SASL_SECRET_NONE,
                                 .password = slice_of(args)};

    if (!p->secret_user) {
        play_fail(p, "no secret was asked for");
        return;
    }
    free(p->secret_user);
    p->secret_user = NULL;
    play_note(p, *args ? "secret" : "no secret");
    maildrop_secret(p->m, &secret);
    play_pump(p);
}

/* "USER TOKEN": of the route to come, or instead of the one that was refused. */
static void do_token(struct play *p, const char *args)
{
    struct slice token = slice_of(args);
    struct slice user = slice_word(&token);

    credential_clear(&p->credential);
    if (!credential_set(&p->credential, CREDENTIAL_TOKEN, user, slice_trim(token)))
        play_fail(p, "out of memory");
    if (p->failed || !p->credential_asked)
        return;
    p->credential_asked = false;
    play_note(p, "another token");
    maildrop_credential(p->m, &p->credential);
    play_pump(p);
}

/* "USER": of the route to come, by the upstream connection's own certificate. */
static void do_certificate(struct play *p, const char *args)
{
    credential_clear(&p->credential);
    if (!credential_set(&p->credential, CREDENTIAL_EXTERNAL, slice_of(args), slice_of("")))
        play_fail(p, "out of memory");
}

static void do_token_refused(struct play *p, const char *args)
{
    struct failure why;

    if (!p->credential_asked)
        play_fail(p, "no other token was asked for");
    if (p->failed || !failure_read(p, args, &why))
        return;
    p->credential_asked = false;
    play_note(p, "no other token: %s", why.text);
    maildrop_refused(p->m, &why);
    play_pump(p);
}

/* Takes a flag that an action has raised. */
static void take_flag(struct play *p, bool *flag, const char *name)
{
    if (!*flag && !p->lenient)
        play_fail(p, "%s was not asked for", name);
    *flag = false;
}

static void do_deflate(struct play *p, const char *args)
{
    (void)args;
    take_flag(p, &p->deflate, "compression");
    if (p->failed || !p->m)
        return;
    maildrop_upstream_deflate(p->m);
    play_pump(p);
}

static void do_disconnects(struct play *p, const char *args)
{
    (void)args;
    if (!p->disconnected && !p->lenient)
        play_fail(p, "the upstream was not given up");
}

static void do_parts(struct play *p, const char *args)
{
    (void)args;
    take_flag(p, &p->parted, "to part from the upstream");
}

static void do_ends(struct play *p, const char *args)
{
    (void)args;
    if (!p->ended && !p->lenient)
        play_fail(p, "the session did not end");
}

static void do_aborts(struct play *p, const char *args)
{
    (void)args;
    if (!p->aborted && !p->lenient)
        play_fail(p, "the session was not cut off");
}

static void do_nothing(struct play *p, const char *args)
{
    struct play_side *side = strcmp(args, "upstream") == 0 ? &p->upstream : &p->client;
    struct slice out = buf_slice(&side->out);

    play_begin(p);
    if (out.n && !p->lenient)
        play_fail(p, "the %s should have heard nothing and heard\n    %.*s", args, SLICE_ARG(out));
}

/* "+600", "-3600", "+3d" in seconds. */
static bool seconds_read(struct play *p, const char *text, int64_t *seconds)
{
    char *end = NULL;

    *seconds = strtoll(text, &end, 10);
    if (*end == 'd')
        *seconds *= 86400;
    if (end == text || (*end && strcmp(end, "d") != 0)) {
        play_fail(p, "not a number of seconds: %s", text);
        return false;
    }
    return true;
}

static bool is_due(const struct play *p, uint64_t end)
{
    return p->m && !p->failed && !p->ended && !p->aborted && maildrop_deadline(p->m) <= end;
}

/* Wakes the maildrop at each of its deadlines until then. */
static void do_time(struct play *p, const char *args)
{
    int64_t seconds;

    if (!seconds_read(p, args, &seconds))
        return;
    uint64_t end = p->now_ms + (uint64_t)seconds * 1000;
    int64_t wall = p->now_s - (int64_t)(p->now_ms / 1000);
    play_note(p, "time %s", args);
    while (is_due(p, end)) {
        uint64_t deadline = maildrop_deadline(p->m);
        p->now_ms = deadline > p->now_ms ? deadline : p->now_ms;
        p->now_s = wall + (int64_t)(p->now_ms / 1000);
        maildrop_now(p->m, p->now_ms, p->now_s);
        maildrop_tick(p->m);
        play_pump(p);
        if (is_due(p, p->now_ms))
            play_fail(p, "it was woken at its deadline and has the same one still");
    }
    p->now_ms = end;
    p->now_s = wall + (int64_t)(end / 1000);
}

/* Somebody sets the clock of the machine. */
static void do_wall(struct play *p, const char *args)
{
    int64_t seconds;

    if (seconds_read(p, args, &seconds))
        p->now_s += seconds;
}

static void do_drain(struct play *p, const char *args)
{
    (void)args;
    play_begin(p);
    maildrop_drain(p->m);
    play_pump(p);
}

static void do_revoke(struct play *p, const char *args)
{
    (void)args;
    play_begin(p);
    maildrop_revoke(p->m);
    play_pump(p);
}

static void do_save_fails(struct play *p, const char *args)
{
    struct failure why;

    if (!p->save_waits) {
        play_fail(p, "no save is waited for");
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "%s", args);
    actions_answer_save(p, &why);
    play_pump(p);
}

static const struct {
    const char *name;
    void (*act)(struct play *p, const char *args);
    bool needs_session;
} DIRECTIVES[] = {
    {"client", do_client, false},
    {"upstream", do_upstream, false},
    {"route", do_route, false},
    {"state", do_state, false},
    {"load-fails", do_load_fails, false},
    {"hold-saves", do_hold_saves, false},
    {"packet", do_packet, false},
    {"session", do_session, false},
    {"varies", do_varies, false},
    {"wall", do_wall, false},
    {"saved", check_saved, false},
    {"unsaved", check_unsaved, false},
    {"state-is", check_state_is, false},
    {"logged", check_logged, false},
    {"connect", do_connect, true},
    {"warm", do_warm, true},
    {"connect-refused", do_connect_refused, true},
    {"route-refused", do_route_refused, true},
    {"secret", do_secret, true},
    {"certificate", do_certificate, false},
    {"token", do_token, false},
    {"token-refused", do_token_refused, true},
    {"starttls", do_starttls, true},
    {"deflate", do_deflate, true},
    {"disconnects", do_disconnects, true},
    {"parts", do_parts, true},
    {"ends", do_ends, true},
    {"aborts", do_aborts, true},
    {"nothing", do_nothing, true},
    {"time", do_time, false},
    {"drain", do_drain, true},
    {"revoke", do_revoke, true},
    {"save-fails", do_save_fails, true},
    {"summary", check_summary, true},
};

void directive_play(struct play *p, const struct step *s)
{
    for (size_t i = 0; i < sizeof DIRECTIVES / sizeof *DIRECTIVES; i++)
        if (strcmp(DIRECTIVES[i].name, s->name) == 0) {
            if (DIRECTIVES[i].needs_session)
                play_begin(p);
            if (!p->failed)
                DIRECTIVES[i].act(p, s->text);
            return;
        }
    play_fail(p, "unknown directive @%s", s->name);
}
