/* When messages arrived: learnt from the first header that comes in, whatever it was wanted for. */
#include "tests/unit/account_world.h"

#define RECEIVED "Received: by b; Tue, 3 Mar 2020 10:00:00 +0100\r\n"

enum { ARRIVED = 1583226000, FIRST_SIGHT = 1700000000 };

static void world_four(struct world *w)
{
    world_init(w);
    model_add(&w->upstream, "u1", RECEIVED "Subject: one\r\n\r\none\r\n");
    model_add(&w->upstream, "u2", "Subject: two\r\n" RECEIVED "\r\ntwo\r\n");
    model_add(&w->upstream, "u3", "Subject: three\r\n\r\n" RECEIVED);
    model_add(&w->upstream, "u4",
              "Date: Mon, 2 Mar 2020 08:00:00 +0000\r\n" RECEIVED "\r\nfour\r\n");
    world_start(w);
    world_login_now(w, 0, "secret");
}

static int64_t date_of(const struct world *w, const char *uidl)
{
    const struct box_content *c = box_state_content(world_state(w), world_content(w, uidl));

    return box_folder_message(box_state_folder_by_id(world_state(w), c->folder), c->uid)->date;
}

static bool is_undated(const struct world *w, const char *uidl)
{
    return box_state_content(world_state(w), world_content(w, uidl))->undated;
}

static enum failure_kind ask(struct world *w, const char *uidl)
{
    uint32_t request = account_date(world_client(w, 0), world_content(w, uidl));

    world_run(w);
    const struct account_event *ev = world_answer(w, 0, request);
    assert_non_null(ev);
    assert_int_equal(ev->type, ACCOUNT_EV_DATED);
    assert_int_equal(ev->content, world_content(w, uidl));
    return ev->failure.kind;
}

static void a_listing_tells_no_date(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    assert_int_equal(world_inbox(&w)->count, 4);
    assert_int_equal(w.upstream.tops, 0);
    assert_true(is_undated(&w, "u1"));
    world_end(&w);
}

static void the_date_is_that_of_the_header(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), ARRIVED);
    assert_int_equal(ask(&w, "u4"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u4"), ARRIVED);
    assert_int_equal(w.upstream.tops, 2);
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(w.upstream.tops, 2);
    assert_true(world_body(&w, world_content(&w, "u1"), ACCOUNT_HEADER)->whole);
    world_end(&w);
}

/* What stands in the body is nothing of the header. */
static void without_a_date_the_first_sight_is_final(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    assert_int_equal(ask(&w, "u3"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u3"), FIRST_SIGHT);
    assert_false(is_undated(&w, "u3"));
    world_end(&w);
}

static void it_comes_along_with_what_is_wanted(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    w.piece = 1;
    account_want(world_client(&w, 1), world_content(&w, "u1"), ACCOUNT_HEADER);
    account_want(world_client(&w, 1), world_content(&w, "u2"), ACCOUNT_WHOLE);
    account_want(world_client(&w, 1), world_content(&w, "u3"), ACCOUNT_WHOLE);
    assert_int_equal(ask(&w, "u2"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), ARRIVED);
    assert_int_equal(date_of(&w, "u2"), ARRIVED);
    assert_int_equal(date_of(&w, "u3"), FIRST_SIGHT);
    assert_int_equal(w.upstream.tops, 1);
    assert_int_equal(w.upstream.retrs, 2);
    world_end(&w);
}

/* The answer waits for the record: what is told is durable. */
static void nobody_is_told_before_it_is_durable(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    w.hold_saves = true;
    uint32_t x = account_date(world_client(&w, 0), world_content(&w, "u1"));
    world_run(&w);
    uint32_t y = account_date(world_client(&w, 1), world_content(&w, "u1"));
    world_run(&w);
    assert_null(world_answer(&w, 0, x));
    assert_null(world_answer(&w, 1, y));
    w.hold_saves = false;
    json_t *held = w.held;
    w.held = NULL;
    world_save(&w, held);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->failure.kind, FAILURE_NONE);
    assert_int_equal(world_answer(&w, 1, y)->failure.kind, FAILURE_NONE);
    assert_int_equal(w.upstream.tops, 1);
    world_end(&w);
}

static void what_is_not_saved_is_not_known(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    w.fail_saves = true;
    assert_int_equal(ask(&w, "u1"), FAILURE_TEMPORARY);
    assert_true(is_undated(&w, "u1"));
    w.fail_saves = false;
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), ARRIVED);
    world_end(&w);
}

static void it_is_the_same_after_a_restart(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    ask(&w, "u1");
    ask(&w, "u3");
    world_stop(&w);
    w.ms += 400000;
    world_open(&w);
    assert_int_equal(date_of(&w, "u1"), ARRIVED);
    assert_int_equal(date_of(&w, "u3"), FIRST_SIGHT);
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(w.upstream.tops, 2);
    world_end(&w);
}

/* The mail server has a reason that will pass. */
static void a_refusal_for_now_leaves_it_open(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    w.upstream.refuse = "TOP";
    assert_int_equal(ask(&w, "u1"), FAILURE_TEMPORARY);
    assert_true(is_undated(&w, "u1"));
    w.upstream.refuse = NULL;
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), ARRIVED);
    world_end(&w);
}

static void a_message_that_is_never_given_out_keeps_its_first_sight(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    w.upstream.refuse = "TOP 1";
    w.upstream.refusal = "message is damaged";
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), FIRST_SIGHT);
    w.upstream.refuse = NULL;
    account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(date_of(&w, "u1"), FIRST_SIGHT);
    world_end(&w);
}

static void a_message_that_is_no_longer_listed_too(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.options.unlisted = ACCOUNT_UNLISTED_STAYS;
    model_add(&w.upstream, "u1", RECEIVED "\r\none\r\n");
    model_add(&w.upstream, "u2", RECEIVED "\r\ntwo\r\n");
    world_open(&w);
    w.upstream.messages[0].there = false;
    world_wait(&w, 40000);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_true(box_state_content(world_state(&w), world_content(&w, "u1"))->unlisted);
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), FIRST_SIGHT);
    world_end(&w);
}

static void an_upstream_that_is_away_is_waited_for(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    world_wait(&w, 40000);
    assert_false(w.connected);
    w.refuse_connect = true;
    assert_int_equal(ask(&w, "u1"), FAILURE_TEMPORARY);
    assert_true(is_undated(&w, "u1"));
    w.refuse_connect = false;
    world_wait(&w, 60000);
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), ARRIVED);
    world_end(&w);
}

static void a_server_without_top(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    w.upstream.no_top = true;
    account_want(world_client(&w, 0), world_content(&w, "u2"), ACCOUNT_WHOLE);
    assert_int_equal(ask(&w, "u1"), FAILURE_NONE);
    assert_int_equal(date_of(&w, "u1"), ARRIVED);
    assert_int_equal(date_of(&w, "u2"), ARRIVED);
    assert_int_equal(w.upstream.retrs, 2);
    world_end(&w);
}

/* Where headers are needed to tell messages apart, they tell the date at first sight. */
static void digests_tell_it_at_once(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.upstream.no_uidl = true;
    w.upstream.capa = "TOP\r\nUSER\r\n";
    model_add(&w.upstream, "", RECEIVED "\r\none\r\n");
    model_add(&w.upstream, "", "\r\ntwo\r\n");
    world_open(&w);
    assert_int_equal(world_inbox(&w)->messages[0].date, ARRIVED);
    assert_int_equal(world_inbox(&w)->messages[1].date, FIRST_SIGHT);
    assert_false(world_state(&w)->contents[0].undated);
    assert_false(world_state(&w)->contents[1].undated);
    world_end(&w);
}

static void a_client_that_leaves_is_not_told(void **state)
{
    struct world w;

    (void)state;
    world_four(&w);
    w.hold_saves = true;
    account_date(world_client(&w, 0), world_content(&w, "u1"));
    world_run(&w);
    account_date(world_client(&w, 0), world_content(&w, "u2"));
    account_detach(world_client(&w, 0));
    world_run(&w);
    account_attach(w.account, world_client(&w, 0));
    w.hold_saves = false;
    json_t *held = w.held;
    w.held = NULL;
    world_save(&w, held);
    world_run(&w);
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_DATED), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_tells_no_date),
        cmocka_unit_test(the_date_is_that_of_the_header),
        cmocka_unit_test(without_a_date_the_first_sight_is_final),
        cmocka_unit_test(it_comes_along_with_what_is_wanted),
        cmocka_unit_test(nobody_is_told_before_it_is_durable),
        cmocka_unit_test(what_is_not_saved_is_not_known),
        cmocka_unit_test(it_is_the_same_after_a_restart),
        cmocka_unit_test(a_refusal_for_now_leaves_it_open),
        cmocka_unit_test(a_message_that_is_never_given_out_keeps_its_first_sight),
        cmocka_unit_test(a_message_that_is_no_longer_listed_too),
        cmocka_unit_test(an_upstream_that_is_away_is_waited_for),
        cmocka_unit_test(a_server_without_top),
        cmocka_unit_test(digests_tell_it_at_once),
        cmocka_unit_test(a_client_that_leaves_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
