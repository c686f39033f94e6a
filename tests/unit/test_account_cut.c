/*
 * The upstream's stream is cut at every octet of a session: whoever asked for something gets an
 * answer, by what comes, by the end of the connection, or by time.
 */
#include "tests/unit/account_world.h"

static const char one[] = "Subject: one\r\n\r\none\r\n";
static const char two[] = "Subject: two\r\n\r\nthe other one\r\n";

enum { ASKED = 5, WAITS_MAX = 40 };

struct asked {
    uint32_t requests[ASKED];
    size_t clients[ASKED];
    size_t count;
};

static void ask(struct asked *all, size_t client, uint32_t request)
{
    all->clients[all->count] = client;
    all->requests[all->count++] = request;
}

static bool is_answered(struct world *w, const struct asked *all)
{
    for (size_t i = 0; i < all->count; i++)
        if (!world_answer(w, all->clients[i], all->requests[i]))
            return false;
    return true;
}

static void wait_for_all(struct world *w, const struct asked *all)
{
    world_run(w);
    for (int i = 0; !is_answered(w, all); i++) {
        assert_true(i < WAITS_MAX);
        assert_true(world_wait_on(w));
    }
}

/* A whole session: logging in twice, a look, contents, a deletion. Gives the octets that the server
 * sent. */
static size_t session(size_t die_at, bool silently)
{
    struct asked logins = {.count = 0};
    struct asked wants = {.count = 0};
    struct world w;

    world_init(&w);
    w.upstream.die_at = die_at;
    w.upstream.deaf_when_dead = silently;
    model_add(&w.upstream, "u1", one);
    model_add(&w.upstream, "u2", two);
    model_add(&w.upstream, "u2", two);
    world_start(&w);
    ask(&logins, 0, world_login(&w, 0, "secret"));
    ask(&logins, 1, world_login(&w, 1, "secret"));
    ask(&logins, 2, world_login(&w, 2, "wrong"));
    wait_for_all(&w, &logins);
    if (world_answer(&w, 0, logins.requests[0])->failure.kind != FAILURE_NONE)
        assert_int_equal(world_login_now(&w, 0, "secret"), FAILURE_NONE);
    ask(&wants, 0, account_poll(world_client(&w, 0)));
    wait_for_all(&w, &wants);
    ask(&wants, 0, account_want(world_client(&w, 0), 1, ACCOUNT_HEADER));
    ask(&wants, 1, account_want(world_client(&w, 1), 1, ACCOUNT_WHOLE));
    ask(&wants, 0, account_want(world_client(&w, 0), 2, ACCOUNT_WHOLE));
    wait_for_all(&w, &wants);
    account_watch(world_client(&w, 0), true);
    for (int i = 0; i < WAITS_MAX && world_inbox(&w)->count < 3; i++)
        assert_true(world_wait_on(&w));
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    for (int i = 0; i < WAITS_MAX && world_inbox(&w)->count > 2; i++) {
        world_run(&w);
        world_forget_events(&w);
        assert_true(world_wait_on(&w));
    }
    assert_int_equal(world_inbox(&w)->count, 2);
    assert_int_equal(model_there(&w.upstream), 2);
    assert_false(model_has(&w.upstream, "u1"));
    size_t sent = w.upstream.sent;
    world_end(&w);
    return sent;
}

static void connection_that_breaks_anywhere_leaves_nobody_waiting(void **state)
{
    size_t all = session(SIZE_MAX, false);

    (void)state;
    assert_true(all > 500);
    for (size_t at = 0; at < all; at++)
        session(at, false);
}

static void connection_that_falls_silent_anywhere_leaves_nobody_waiting(void **state)
{
    size_t all = session(SIZE_MAX, true);

    (void)state;
    for (size_t at = 0; at < all; at++)
        session(at, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_that_breaks_anywhere_leaves_nobody_waiting),
        cmocka_unit_test(connection_that_falls_silent_anywhere_leaves_nobody_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
