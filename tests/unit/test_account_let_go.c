/*
 * A connection that is kept only because it may be needed soon is let go of when it is wanted
 * elsewhere: never one in use, and nothing is lost by it.
 */
#include "tests/unit/account_two.h"

static void what_nobody_needs_is_let_go_of(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    world_forget_events(&w);
    assert_true(account_upstream_is_spare(w.account));
    account_let_go(w.account);
    assert_false(account_upstream_is_spare(w.account));
    world_run(&w);
    assert_false(w.connected);
    assert_int_equal(w.upstream.quits, 1);
    assert_int_equal(w.clients[0].count, 0); /* nobody has noticed */
    assert_false(account_is_away(w.account));
    world_end(&w);
}

static void it_is_opened_again_when_needed(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    account_let_go(w.account);
    world_run(&w);
    account_let_go(w.account); /* it is closed: nothing */
    uint32_t request = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, request)->failure.kind, FAILURE_NONE);
    assert_int_equal(w.connects, 2);
    assert_true(w.connected);
    assert_true(account_upstream_is_spare(w.account));
    world_end(&w);
}

static void what_is_asked_for_comes_first(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    w.piece = 5;
    uint32_t request = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    assert_false(world_steps(&w, 3));
    assert_false(account_upstream_is_spare(w.account));
    account_let_go(w.account);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, request)->failure.kind, FAILURE_NONE);
    assert_int_equal(w.upstream.retrs, 1);
    assert_int_equal(w.aborts, 0);
    assert_int_equal(w.upstream.quits, 1);
    assert_false(w.connected);
    world_end(&w);
}

static void so_does_what_is_to_be_deleted(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    account_let_go(w.account);
    world_run(&w);
    assert_false(model_has(&w.upstream, "u1"));
    assert_true(model_has(&w.upstream, "u2"));
    assert_int_equal(w.upstream.deles, 1);
    assert_int_equal(world_inbox(&w)->count, 1);
    world_end(&w);
}

/* It could not come back when it is needed. */
static void whom_the_upstream_lets_in_rarely_stays(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.capa = "UIDL\r\nTOP\r\nUSER\r\nLOGIN-DELAY 20\r\n";
    world_login_now(&w, 0, "secret");
    world_run(&w);
    assert_true(w.connected);
    assert_false(account_upstream_is_spare(w.account));
    world_wait(&w, 20000);
    assert_true(w.connected);
    assert_true(account_upstream_is_spare(w.account));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_needs_is_let_go_of),
        cmocka_unit_test(it_is_opened_again_when_needed),
        cmocka_unit_test(what_is_asked_for_comes_first),
        cmocka_unit_test(so_does_what_is_to_be_deleted),
        cmocka_unit_test(whom_the_upstream_lets_in_rarely_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
