/*
 * A session between real sockets and a maildrop that does as it is told: the tests say what it asks
 * for, and see what it is given.
 */
#include "tests/unit/session_world.h"

static void a_client_is_greeted_and_heard(void **state)
{
    struct world *w = *state;

    hears(w->client, "+OK ready\r\n");
    assert_true(drop->settings.allow_cleartext);
    assert_false(drop->settings.tls || drop->settings.stls || drop->settings.require_tls);
    say(w->client, "hello\n");
    UNTIL(w, strcmp(drop->client_in, "hello\n") == 0);
}

static void what_is_left_over_is_offered_again(void **state)
{
    struct world *w = *state;

    drop->take = 2;
    say(w->client, "hello\n");
    UNTIL(w, strcmp(drop->client_in, "hello\n") == 0);
}

static void nothing_is_offered_to_who_wants_nothing(void **state)
{
    struct world *w = *state;

    log_in(w);
    drop->client_wanted = false;
    say(w->client, "held");
    say(w->upstream, "x");
    UNTIL(w, strcmp(drop->upstream_in, "x") == 0);
    assert_string_equal(drop->client_in, "login\n");
    drop->client_wanted = true;
    say(w->upstream, "y");
    UNTIL(w, strcmp(drop->client_in, "login\nheld") == 0);
}

static void a_login_is_routed_and_connected(void **state)
{
    struct world *w = *state;

    log_in(w);
    assert_string_equal(drop->login, "ann");
    assert_string_equal(drop->folder, "Work");
    assert_true(drop->imap.starttls && drop->imap.allow_cleartext);
    assert_false(drop->imap.tls_now || drop->imap.require_tls);
    say(w->upstream, "* OK\r\n");
    UNTIL(w, strcmp(drop->upstream_in, "* OK\r\n") == 0);
}

static void a_user_without_a_route_is_refused_as_a_wrong_password_is(void **state)
{
    struct world *w = *state;

    say(w->client, "stranger\n");
    UNTIL(w, drop->was_refused);
    assert_int_equal(drop->refused.kind, FAILURE_AUTH);
    assert_string_equal(drop->refused.text, "Authentication failed.");
}

static bool has_heard(int fd)
{
    char octet;

    return recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* The gatekeeper says when: all who are refused are to hear of it alike late (CASES A4). */
static void a_refusal_is_heard_when_the_gatekeeper_says(void **state)
{
    struct world *w = *state;

    hears(w->client, "+OK ready\r\n");
    log_in(w);
    w->held = true;
    say(w->upstream, "NO\r\n");
    UNTIL(w, messages(w) == 1);
    assert_int_equal(drop->first, drop->count);
    ask(MAILDROP_END);
    say(w->client, "more");
    for (int turn = 0; turn < 20; turn++)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_false(has_heard(w->client));
    assert_string_equal(drop->client_in, "login\n");
    w->held = false;
    on_wake(&w->wake);
    hears(w->client, "-ERR refused\r\n");
    UNTIL(w, w->ended == 1);
}

static void what_is_said_behind_a_refusal_is_not_lost(void **state)
{
    struct world *w = *state;

    log_in(w);
    w->held = true;
    say(w->upstream, "NO\r\n");
    UNTIL(w, messages(w) == 1);
    say(w->client, "more");
    for (int turn = 0; turn < 20; turn++)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_string_equal(drop->client_in, "login\n");
    w->held = false;
    on_wake(&w->wake);
    UNTIL(w, strcmp(drop->client_in, "login\nmore") == 0);
}

static void a_client_that_leaves_hears_of_no_refusal(void **state)
{
    struct world *w = *state;

    log_in(w);
    w->held = true;
    say(w->upstream, "NO\r\n");
    UNTIL(w, messages(w) == 1);
    session_stop(w->house.sessions);
    UNTIL(w, w->ended == 1);
    w->held = false;
    on_wake(&w->wake);
}

static void an_upstream_that_is_away_is_told_and_counted(void **state)
{
    struct world *w = *state;

    close(w->upstream_listener);
    uint16_t port;
    w->upstream_listener = listen_anywhere(&port);
    say(w->client, "login\n");
    UNTIL(w, drop->was_failed);
    assert_int_equal(drop->connect_failed.kind, FAILURE_TEMPORARY);
    assert_int_equal(health_number(w, "failures_in_a_row"), 1);
}

static void an_upstream_that_goes_away_is_told(void **state)
{
    struct world *w = *state;

    log_in(w);
    close(w->upstream);
    w->upstream = -1;
    UNTIL(w, drop->was_cut);
    assert_int_equal(drop->upstream_closed.kind, FAILURE_NONE);
    assert_int_equal(health_number(w, "failures_in_a_row"), 1);
}

static void the_end_sends_the_last_words(void **state)
{
    struct world *w = *state;
    char more;

    hears(w->client, "+OK ready\r\n");
    log_in(w);
    drop->client_in[0] = '\0';
    buf_puts(&drop->client_out, "+OK bye\r\n");
    buf_puts(&drop->upstream_out, "a2 LOGOUT\r\n");
    say(w->client, "quit\n");
    UNTIL(w, drop == NULL);
    hears(w->client, "+OK bye\r\n");
    hears(w->upstream, "a2 LOGOUT\r\n");
    assert_int_equal(recv(w->client, &more, 1, 0), 0);
    close(w->client);
    w->client = -1;
    shutdown(w->upstream, SHUT_WR);
    UNTIL(w, w->ended == 1);
    assert_int_equal(health_number(w, "sessions"), 0);
}

static void a_message_cut_short_ends_in_a_reset(void **state)
{
    struct world *w = *state;
    char more;

    hears(w->client, "+OK ready\r\n");
    say(w->client, "abort\n");
    UNTIL(w, w->ended == 1);
    assert_int_equal(recv(w->client, &more, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void a_client_that_leaves_is_told(void **state)
{
    struct world *w = *state;

    shutdown(w->client, SHUT_RDWR);
    UNTIL(w, w->ended == 1);
    assert_null(drop);
}

static void what_sending_brings_about_is_done(void **state)
{
    struct world *w = *state;

    say(w->client, "list\n");
    UNTIL(w, drop == NULL);
}

/* A refused login's state comes when the client has logged in as somebody else. */
static void the_state_of_a_login_given_up_is_nobodys(void **state)
{
    struct world *w = *state;

    log_in(w);
    ask(MAILDROP_LOAD_STATE);
    ask(MAILDROP_CONNECT)->user = slice_of("anna");
    say(w->upstream, "x");
    UNTIL(w, drop->connected == 2);
    ask(MAILDROP_LOAD_STATE);
    say(w->client, "y");
    UNTIL(w, drop->loaded > 0);
    ask(MAILDROP_SAVE_STATE)->records = json_pack("[o]", drop_record_login(1700000000, 0));
    drop->actions[drop->count - 1].wait = true;
    say(w->client, "z");
    UNTIL(w, drop->saved == 1);
    assert_int_equal(drop->loaded, 1);
}

static void tls_on_the_plain_port_is_not_taken_for_pop3(void **state)
{
    struct world *w = *state;

    say(w->client, "\x16\x03\x01\x02");
    UNTIL(w, drop == NULL);
}

static void the_deadline_is_kept_when_it_moves(void **state)
{
    struct world *w = *state;

    drop->deadline = uv_now(&w->loop) + 20;
    say(w->client, "a");
    UNTIL(w, strcmp(drop->client_in, "a") == 0);
    drop->deadline = uv_now(&w->loop) + 100;
    UNTIL(w, drop->ticks == 1);
}

static void what_is_to_be_remembered_outlives_the_session(void **state)
{
    struct world *w = *state;
    struct failure why;

    log_in(w);
    ask(MAILDROP_LOAD_STATE);
    say(w->upstream, "x");
    UNTIL(w, drop->state != NULL);
    assert_int_equal(drop->state->last_login, 0);
    ask(MAILDROP_SAVE_STATE)->records = json_pack("[o]", drop_record_login(1700000000, 0));
    ask(MAILDROP_ABORT);
    say(w->upstream, "y");
    UNTIL(w, w->ended == 1);

    close(w->client);
    close(w->upstream);
    w->client = connect_client(w);
    log_in(w);
    ask(MAILDROP_LOAD_STATE);
    say(w->upstream, "x");
    UNTIL(w, drop->state != NULL);
    assert_int_equal(drop->state->last_login, 1700000000);
    ask(MAILDROP_SAVE_STATE)->records = json_pack("[o]", drop_record_login(1700000001, 1));
    drop->actions[drop->count - 1].wait = true;
    say(w->upstream, "y");
    UNTIL(w, drop->saved == 1);
    why = drop->save_failure;
    assert_int_equal(why.kind, FAILURE_NONE);
}

static void one_too_many_is_told_so(void **state)
{
    struct world *w = *state;
    int second = connect_client(w);
    int third = connect_client(w);
    char answer[128] = "";

    assert_true(recv(third, answer, sizeof answer - 1, 0) > 0);
    assert_ptr_equal(strstr(answer, "-ERR [SYS/TEMP] too many connections"), answer);
    shutdown(second, SHUT_RDWR);
    UNTIL(w, w->ended == 1);
    close(third);
    third = connect_client(w);
    hears(third, "+OK ready\r\n");
    close(second);
    close(third);
}

static void a_session_without_memory_ends_alone(void **state)
{
    struct world *w = *state;
    int second = connect_client(w);

    drop->failed = true;
    say(second, "x");
    UNTIL(w, w->ended == 1);
    assert_non_null(w->house.sessions);
    close(second);
}

static void draining_tells_and_the_second_time_ends(void **state)
{
    struct world *w = *state;

    session_drain(w->house.sessions);
    assert_int_equal(drop->drained, 1);
    session_drain(w->house.sessions);
    assert_null(drop);
}

/* ---- a device that is revoked -------------------------------------------------------------- */

static void make_device(struct world *w)
{
    const struct device_limits limits = {.pop3 = true};
    const struct vault_device device = {"phone", slice_of(DEVICE), &limits, NULL};
    json_t *secret = json_pack("{s:s}", "password", "the upstream's");
    struct failure why;

    assert_true(vault_create(w->dir, slice_of("ann"), secret, &device, false, &why));
    json_decref(secret);
}

static void revoke_device(struct world *w)
{
    struct failure why;

    assert_true(vault_revoke(w->dir, slice_of("ann"), "phone", true, &why));
}

static void a_session_ends_when_its_device_is_revoked(void **state)
{
    struct world *w = *state;
    int second = w->client;

    make_device(w);
    w->client = connect_client(w);
    say(w->client, "device\n");
    UNTIL(w, drop->connected == 1);
    hears(w->client, "+OK ready\r\n");
    revoke_device(w);
    UNTIL(w, w->ended == 1);
    hears(w->client, "-ERR revoked\r\n");
    assert_non_null(w->house.sessions); /* the other one goes on */
    close(second);
}

/* The house hears of it before it hears that the device is let in. */
static void a_device_revoked_on_its_way_in_is_refused(void **state)
{
    struct world *w = *state;

    make_device(w);
    w->held = true;
    say(w->client, "device\n");
    UNTIL(w, messages(w) == 1);
    revoke_device(w);
    UNTIL(w, messages(w) == 2);
    w->held = false;
    on_wake(&w->wake);
    UNTIL(w, drop->was_refused);
    assert_int_equal(drop->refused.kind, FAILURE_AUTH);
    assert_non_null(strstr(drop->refused.text, "was revoked"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_greeted_and_heard),
        TEST(what_is_left_over_is_offered_again),
        TEST(nothing_is_offered_to_who_wants_nothing),
        TEST(a_login_is_routed_and_connected),
        TEST(a_user_without_a_route_is_refused_as_a_wrong_password_is),
        TEST(a_refusal_is_heard_when_the_gatekeeper_says),
        TEST(what_is_said_behind_a_refusal_is_not_lost),
        TEST(a_client_that_leaves_hears_of_no_refusal),
        TEST(an_upstream_that_is_away_is_told_and_counted),
        TEST(an_upstream_that_goes_away_is_told),
        TEST(the_end_sends_the_last_words),
        TEST(a_message_cut_short_ends_in_a_reset),
        TEST(a_client_that_leaves_is_told),
        TEST(what_sending_brings_about_is_done),
        TEST(the_state_of_a_login_given_up_is_nobodys),
        TEST(tls_on_the_plain_port_is_not_taken_for_pop3),
        TEST(the_deadline_is_kept_when_it_moves),
        TEST(what_is_to_be_remembered_outlives_the_session),
        TEST(one_too_many_is_told_so),
        TEST(a_session_without_memory_ends_alone),
        TEST(draining_tells_and_the_second_time_ends),
        TEST(a_session_ends_when_its_device_is_revoked),
        TEST(a_device_revoked_on_its_way_in_is_refused),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
