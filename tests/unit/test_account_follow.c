/*
 * Large contents that are read while they come: when that is permitted, and what becomes of them
 * when the upstream does not keep what it said.
 */
#include "tests/unit/account_world.h"

enum { LARGE = 300000, HALF = LARGE / 2, CUTS = 60 };

/* The one that each test begins anew. */
static struct world it;

static const char small[] = "Message-ID: <small@example.com>\r\n\r\nsmall\r\n";

/* `n` octets in lines that differ; borrowed until the next call. */
static const char *large_text(size_t n)
{
    static char text[LARGE + 1];
    size_t at = (size_t)snprintf(text, sizeof text, "Subject: large\r\n\r\n");

    for (unsigned line = 0; n - at >= 22; line++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%09u\r\n", line);
    memset(text + at, 'x', n - at);
    snprintf(text + n - 2, 3, "\r\n");
    return text;
}

/* A small message and a large one, of which LIST says `more`. */
static void world_begin(struct world *w, size_t more)
{
    world_init(w);
    w->piece = 10000;
    model_add(&w->upstream, "u1", small);
    model_add(&w->upstream, "u2", large_text(LARGE));
    w->upstream.messages[1].more = more;
    world_start(w);
    world_login_now(w, 0, "secret");
}

static uint32_t follow(struct world *w, size_t client)
{
    return account_follow(world_client(w, client), 2);
}

/* Until the answer is there; what came so far of the large message. */
static const struct world_body *run_to_answer(struct world *w, size_t client, uint32_t request)
{
    for (int i = 0; !world_answer(w, client, request); i++) {
        assert_true(i < 1000);
        world_steps(w, 1);
    }
    assert_int_equal(world_answer(w, client, request)->type, ACCOUNT_EV_HAVE);
    return world_body(w, 2, ACCOUNT_WHOLE);
}

static enum failure_kind run_follow(struct world *w)
{
    uint32_t request = follow(w, 0);

    world_run(w);
    return world_answer(w, 0, request)->failure.kind;
}

static void assert_whole(struct world *w, uint32_t content)
{
    const struct world_body *body = world_body(w, content, ACCOUNT_WHOLE);
    const char *text = w->upstream.messages[content - 1].text;

    assert_true(body->whole);
    assert_int_equal(buf_size(&body->octets), strlen(text));
    assert_memory_equal(buf_slice(&body->octets).p, text, strlen(text));
}

/* The upstream dies when so many octets of the next large body were sent, as it is now. */
static void die_in_body(struct world *w, size_t octets)
{
    w->upstream.die_at = w->upstream.sent + strlen("+OK message\r\n") + octets;
}

/* ---- tests ---- */

static void is_readable_as_it_begins_once_a_small_one_was_right(void **state)
{
    struct world *w = &it;

    (void)state;
    world_begin(w, 0);
    uint32_t request = follow(w, 0);
    const struct world_body *body = run_to_answer(w, 0, request);
    assert_int_equal(world_answer(w, 0, request)->failure.kind, FAILURE_NONE);
    assert_int_equal(body->announced, LARGE);
    assert_true(buf_size(&body->octets) < HALF);
    assert_whole(w, 1); /* by which it was learnt */
    world_run(w);
    assert_whole(w, 2);
    assert_int_equal(w->upstream.retrs, 2);
    world_end(w);
}

static void others_are_told_at_once_or_at_the_end(void **state)
{
    struct world *w = &it;

    (void)state;
    world_begin(w, 0);
    run_to_answer(w, 0, follow(w, 0));
    uint32_t reads = follow(w, 1);
    uint32_t waits = account_want(world_client(w, 2), 2, ACCOUNT_WHOLE);
    assert_true(buf_size(&run_to_answer(w, 1, reads)->octets) < HALF);
    assert_null(world_answer(w, 2, waits));
    world_run(w);
    assert_int_equal(world_answer(w, 2, waits)->failure.kind, FAILURE_NONE);
    assert_whole(w, 2);
    assert_int_equal(w->upstream.retrs, 2);
    world_end(w);
}

static void small_ones_are_waited_for(void **state)
{
    struct world *w = &it;

    (void)state;
    world_begin(w, 0);
    uint32_t request = account_follow(world_client(w, 0), 1);
    world_run(w);
    assert_int_equal(world_answer(w, 0, request)->failure.kind, FAILURE_NONE);
    assert_int_equal(world_body(w, 1, ACCOUNT_WHOLE)->announced, 0);
    assert_int_equal(w->upstream.retrs, 1);
    world_end(w);
}

static void only_message_is_waited_for(void **state)
{
    struct world *w = &it;

    (void)state;
    world_begin(w, 0);
    w->upstream.messages[0].there = false;
    world_wait(w, 6000);
    account_poll(world_client(w, 0));
    world_run(w);
    assert_int_equal(world_inbox(w)->count, 1);
    uint32_t request = follow(w, 0);
    assert_true(run_to_answer(w, 0, request)->whole);
    assert_int_equal(world_body(w, 2, ACCOUNT_WHOLE)->announced, 0);
    world_end(w);
}

static void server_that_was_wrong_once_has_to_be_right_often(void **state)
{
    enum { RIGHT = 15 }; /* and the large one itself */
    struct world *w = &it;
    char uidl[16];

    (void)state;
    world_begin(w, 0);
    account_want(world_client(w, 0), 1, ACCOUNT_HEADER);
    world_run(w);
    w->upstream.messages[0].more = 1;
    for (size_t i = 0; i < RIGHT; i++) {
        snprintf(uidl, sizeof uidl, "right-%zu", i);
        model_add(&w->upstream, uidl, small);
    }
    world_wait(w, 6000);
    account_poll(world_client(w, 0));
    world_run(w);
    account_want(world_client(w, 0), 1, ACCOUNT_WHOLE);
    for (uint32_t c = 3; c < 3 + RIGHT; c++)
        account_want(world_client(w, 0), c, ACCOUNT_WHOLE);
    run_follow(w);
    assert_int_equal(world_body(w, 2, ACCOUNT_WHOLE)->announced, 0);
    run_follow(w);
    assert_int_equal(world_body(w, 2, ACCOUNT_WHOLE)->announced, LARGE);
    world_end(w);
}

static void wrong_size_is_remembered(void **state)
{
    struct world *w = &it;

    (void)state;
    world_begin(w, 5);
    run_follow(w);
    assert_int_equal(world_body(w, 2, ACCOUNT_WHOLE)->announced, LARGE + 5);
    assert_whole(w, 2);
    assert_int_equal(box_state_content(world_state(w), 2)->size, LARGE);
    world_stop(w);
    world_start(w);
    world_login_now(w, 0, "secret");
    account_want(world_client(w, 0), 1, ACCOUNT_WHOLE);
    world_run(w);
    run_follow(w);
    assert_int_equal(world_body(w, 2, ACCOUNT_WHOLE)->announced, 0);
    world_end(w);
}

/* What was more than announced is nothing to follow any more, though its end is still to come. */
static void longer_one_is_waited_for_from_then_on(void **state)
{
    struct world *w = &it;

    (void)state;
    world_begin(w, (size_t)-HALF);
    run_to_answer(w, 0, follow(w, 0));
    while (buf_size(&world_body(w, 2, ACCOUNT_WHOLE)->octets) <= HALF)
        world_steps(w, 1);
    uint32_t request = follow(w, 1);
    assert_true(run_to_answer(w, 1, request)->whole);
    assert_whole(w, 2);
    world_end(w);
}

static void goes_on_where_the_upstream_was_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < CUTS; i++) {
        struct world *w = &it;

        world_begin(w, 0);
        account_want(world_client(w, 0), 1, ACCOUNT_WHOLE);
        world_run(w);
        die_in_body(w, i * LARGE / CUTS + i % 3);
        w->upstream.deaf_when_dead = i % 7 == 3;
        uint32_t request = follow(w, 0);
        world_run(w);
        if (w->upstream.deaf_when_dead)
            world_wait_on(w);
        assert_int_equal(world_answer(w, 0, request)->failure.kind, FAILURE_NONE);
        assert_whole(w, 2);
        assert_int_equal(w->aborts, 0);
        assert_int_equal(w->begins, 2);
        assert_int_equal(w->upstream.retrs, 3);
        world_end(w);
    }
}

static void world_cut(struct world *w)
{
    world_begin(w, 0);
    account_want(world_client(w, 0), 1, ACCOUNT_WHOLE);
    world_run(w);
    die_in_body(w, HALF);
    run_to_answer(w, 0, follow(w, 0));
}

static void another_message_the_second_time_is_not_appended(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    w->upstream.messages[1].text[HALF / 2] = '!';
    world_run(w);
    assert_int_equal(w->aborts, 1);
    assert_true(buf_size(&world_body(w, 2, ACCOUNT_WHOLE)->octets) <= HALF);
    assert_false(world_body(w, 2, ACCOUNT_WHOLE)->whole);
    world_forget_events(w);
    assert_int_equal(run_follow(w), FAILURE_NONE);
    assert_whole(w, 2);
    world_end(w);
}

static void shorter_one_the_second_time_is_not_the_same(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    strcpy(w->upstream.messages[1].text, small);
    world_run(w);
    assert_int_equal(w->aborts, 1);
    assert_false(world_body(w, 2, ACCOUNT_WHOLE)->whole);
    world_end(w);
}

static void ends_when_it_is_gone(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    w->upstream.messages[1].there = false;
    world_run(w);
    assert_int_equal(w->aborts, 1);
    world_end(w);
}

static void ends_when_it_is_refused(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    w->upstream.refuse = "RETR";
    world_run(w);
    assert_int_equal(w->aborts, 1);
    world_end(w);
}

static void ends_when_the_upstream_stays_away(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    w->refuse_connect = true;
    world_run(w);
    assert_int_equal(w->aborts, 0);
    while (!w->aborts)
        assert_true(world_wait_on(w));
    assert_int_equal(w->connects, 4);
    w->refuse_connect = false;
    world_wait(w, 60000);
    world_forget_events(w);
    assert_int_equal(run_follow(w), FAILURE_NONE);
    assert_whole(w, 2);
    world_end(w);
}

/* As many servers keep it until they notice that the connection is gone. */
static void waits_for_a_maildrop_that_is_still_locked(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    w->upstream.login_code = "IN-USE";
    world_run(w);
    assert_int_equal(w->aborts, 0);
    w->upstream.login_code = NULL;
    assert_true(world_wait_on(w));
    assert_whole(w, 2);
    assert_int_equal(w->aborts, 0);
    world_end(w);
}

static void ends_when_it_is_lost_again(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    w->upstream.die_in_bodies = true;
    world_run(w);
    assert_int_equal(w->aborts, 1);
    assert_int_equal(w->upstream.retrs, 3);
    world_end(w);
}

static void full_disk_ends_it(void **state)
{
    struct failure why;
    struct world *w = &it;

    (void)state;
    world_begin(w, 0);
    run_to_answer(w, 0, follow(w, 0));
    failure_set(&why, FAILURE_TEMPORARY, "the disk is full");
    account_kept(w->account, 2, ACCOUNT_WHOLE, NULL, &why);
    world_run(w);
    world_forget_events(w);
    assert_int_equal(run_follow(w), FAILURE_NONE);
    assert_whole(w, 2);
    world_end(w);
}

static void comes_to_its_end_though_nobody_waits(void **state)
{
    struct world *w = &it;

    (void)state;
    world_cut(w);
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        account_detach(world_client(w, i));
    world_run(w);
    assert_whole(w, 2);
    assert_int_equal(w->aborts, 0);
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        account_attach(w->account, world_client(w, i));
    world_end(w);
}

/* Whoever comes before the record is on the disk would otherwise fetch it again. */
static void key_is_known_before_the_state_names_it(void **state)
{
    struct world *w = &it;

    (void)state;
    world_init(w);
    w->options.archive = true;
    model_add(&w->upstream, "u1", small);
    world_start(w);
    world_login(w, 0, "secret");
    while (w->upstream.retrs < 1)
        world_steps(w, 1);
    w->hold_saves = true;
    world_run(w);
    assert_null(box_state_content(world_state(w), 1)->key);
    assert_string_equal(account_body_key(w->account, 1), "k1");
    assert_null(account_body_key(w->account, 77));
    w->hold_saves = false;
    world_save(w, w->held);
    w->held = NULL;
    world_run(w);
    assert_string_equal(box_state_content(world_state(w), 1)->key, "k1");
    assert_string_equal(account_body_key(w->account, 1), "k1");
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_readable_as_it_begins_once_a_small_one_was_right),
        cmocka_unit_test(others_are_told_at_once_or_at_the_end),
        cmocka_unit_test(small_ones_are_waited_for),
        cmocka_unit_test(only_message_is_waited_for),
        cmocka_unit_test(server_that_was_wrong_once_has_to_be_right_often),
        cmocka_unit_test(wrong_size_is_remembered),
        cmocka_unit_test(longer_one_is_waited_for_from_then_on),
        cmocka_unit_test(goes_on_where_the_upstream_was_lost),
        cmocka_unit_test(another_message_the_second_time_is_not_appended),
        cmocka_unit_test(shorter_one_the_second_time_is_not_the_same),
        cmocka_unit_test(ends_when_it_is_gone),
        cmocka_unit_test(ends_when_it_is_refused),
        cmocka_unit_test(ends_when_the_upstream_stays_away),
        cmocka_unit_test(waits_for_a_maildrop_that_is_still_locked),
        cmocka_unit_test(ends_when_it_is_lost_again),
        cmocka_unit_test(full_disk_ends_it),
        cmocka_unit_test(comes_to_its_end_though_nobody_waits),
        cmocka_unit_test(key_is_known_before_the_state_names_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
