/*
 * Upstream sessions that wait for their users: sessions between real sockets and a maildrop that
 * does as it is told, which leave one and take it.
 */
#include "tests/unit/session_world.h"

static int next_upstream(struct world *w)
{
    return accept4(w->upstream_listener, NULL, NULL, SOCK_CLOEXEC);
}

/* A client logs in, says QUIT, and its session is over; its upstream stays. */
static void leave_one(struct world *w, char password)
{
    drop->password = password;
    say(w->client, "login\n");
    UNTIL(w, drop->connected == 1);
    w->upstream = next_upstream(w);
    hears(w->upstream, "a1 LOGIN\r\n");
    drop->client_in[0] = '\0';
    unsigned ended = w->ended;
    say(w->client, "part\n");
    UNTIL(w, drop == NULL);
    close(w->client);
    UNTIL(w, w->ended == ended + 1);
    w->client = connect_client(w);
}

static void log_in_again(struct world *w, char password)
{
    drop->password = password;
    say(w->client, "login\n");
    UNTIL(w, drop->connected + drop->went_on == 1);
}

static void the_same_user_goes_on(void **state)
{
    struct world *w = *state;

    leave_one(w, 'p');
    log_in_again(w, 'p');
    assert_int_equal(drop->went_on, 1);
    hears(w->upstream, "a2 NOOP\r\n");
    say(w->upstream, "a2 OK\r\n");
    UNTIL(w, strcmp(drop->upstream_in, "a2 OK\r\n") == 0);
}

static void it_is_given_once(void **state)
{
    struct world *w = *state;

    leave_one(w, 'p');
    log_in_again(w, 'p');
    int second = connect_client(w);
    drop->password = 'p';
    say(second, "login\n");
    UNTIL(w, drop->connected == 1);
    close(second);
}

static void another_password_has_none(void **state)
{
    struct world *w = *state;

    leave_one(w, 'p');
    log_in_again(w, 'q');
    assert_int_equal(drop->went_on, 0);
}

static void nor_has_another_configuration(void **state)
{
    struct world *w = *state;

    leave_one(w, 'p');
    struct settings *old = w->settings;
    w->settings = settings_new(world_config(1), NULL, stderr);
    close(w->client);
    UNTIL(w, w->ended == 2);
    w->client = connect_client(w);
    drop->password = 'p';
    say(w->client, "login\n");
    UNTIL(w, drop->was_failed);
    assert_int_equal(drop->went_on, 0);
    settings_release(old);
}

static void one_that_is_not_quiet_is_not_given(void **state)
{
    struct world *w = *state;

    warm_is_busy = true;
    leave_one(w, 'p');
    log_in_again(w, 'p');
    assert_int_equal(drop->went_on, 0);
}

static void one_that_says_bye_is_logged_out(void **state)
{
    struct world *w = *state;

    leave_one(w, 'p');
    say(w->upstream, "* BYE\r\n");
    shutdown(w->upstream, SHUT_WR);
    UNTIL(w, recv(w->upstream, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    hears(w->upstream, "a9 LOGOUT\r\n");
    log_in_again(w, 'p');
    assert_int_equal(drop->went_on, 0);
}

static void one_that_goes_away_is_forgotten(void **state)
{
    struct world *w = *state;

    leave_one(w, 'p');
    int former = w->upstream;
    shutdown(former, SHUT_WR);
    UNTIL(w, recv(former, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    log_in_again(w, 'p');
    assert_int_equal(drop->went_on, 0);
}

static void it_is_logged_out_in_time(void **state)
{
    struct world *w = *state;

    w->settings->config->routes[0].pop3.warm_seconds = 0;
    leave_one(w, 'p');
    UNTIL(w, recv(w->upstream, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    hears(w->upstream, "a9 LOGOUT\r\n");
}

static void no_more_are_kept_than_may_be(void **state)
{
    struct world *w = *state;

    w->settings->config->limits.warm_sessions = 1;
    leave_one(w, 'p');
    int first = w->upstream;
    leave_one(w, 'q');
    UNTIL(w, recv(w->upstream, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    hears(w->upstream, "a9 LOGOUT\r\n");
    assert_int_equal(recv(first, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    close(first);
}

/* `former` is the drop whose client is not the world's. */
static void a_user_has_one_the_latest(void **state)
{
    struct world *w = *state;
    struct maildrop *former = drop;
    int client = w->client;

    former->password = 'p';
    say(client, "login\n");
    UNTIL(w, former->connected == 1);
    int later = next_upstream(w);
    hears(later, "a1 LOGIN\r\n");
    w->client = connect_client(w);
    leave_one(w, 'p');
    drop = former;
    former->client_in[0] = '\0';
    say(client, "part\n");
    UNTIL(w, drop == NULL);
    hears(w->upstream, "a9 LOGOUT\r\n");
    assert_int_equal(recv(later, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    close(client);
    close(later);
}

static void draining_logs_out_and_keeps_no_more(void **state)
{
    struct world *w = *state;

    leave_one(w, 'p');
    int first = w->upstream;
    warm_drain(w->house.warm);
    hears(first, "a9 LOGOUT\r\n");
    leave_one(w, 'q');
    UNTIL(w, recv(w->upstream, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    hears(w->upstream, "a9 LOGOUT\r\n");
    close(first);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_user_goes_on),
        TEST(it_is_given_once),
        TEST(another_password_has_none),
        TEST(nor_has_another_configuration),
        TEST(one_that_is_not_quiet_is_not_given),
        TEST(one_that_says_bye_is_logged_out),
        TEST(one_that_goes_away_is_forgotten),
        TEST(it_is_logged_out_in_time),
        TEST(no_more_are_kept_than_may_be),
        TEST(a_user_has_one_the_latest),
        TEST(draining_logs_out_and_keeps_no_more),
    };

    return cmocka_run_group_tests_name("warm", tests, NULL, NULL);
}
