/*
 * translate/mailbox/account.h: logging in, listing, wanted contents, commits, a server that is
 * away. Deletion and broken connections are in test_account_delete.c and test_account_cut.c.
 */
#include "tests/unit/account_two.h"

static void first_login_lists_the_maildrop(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    const struct box_folder *inbox = world_inbox(&w);
    assert_int_equal(inbox->count, 2);
    assert_int_equal(inbox->messages[0].uid, 1);
    assert_int_equal(inbox->messages[1].uid, 2);
    assert_int_equal(inbox->size, strlen(one) + strlen(two));
    assert_true(world_count(&w, 0, ACCOUNT_EV_CHANGED) > 0);
    world_end(&w);
}

static void wrong_password_is_refused(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    assert_int_equal(world_login_now(&w, 0, "wrong"), FAILURE_AUTH);
    assert_int_equal(w.upstream.logins, 0);
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_NOTICE), 0);
    assert_false(w.connected);
    assert_false(account_is_open(w.account));
    assert_int_equal(world_login_now(&w, 0, "secret"), FAILURE_NONE);
    assert_true(account_is_open(w.account));
    world_end(&w);
}

static void second_client_with_the_same_password_needs_no_upstream(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    assert_int_equal(world_login_now(&w, 1, "secret"), FAILURE_NONE);
    assert_int_equal(w.connects, 1);
    world_end(&w);
}

static void second_client_with_another_password_is_tried_upstream(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    assert_int_equal(world_login_now(&w, 1, "other"), FAILURE_AUTH);
    assert_int_equal(w.connects, 2);
    assert_int_equal(w.upstream.quits, 1);
    /* The account goes on with the password that was right. */
    uint32_t want = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_NONE);
    /* A password that was changed upstream replaces it. */
    w.upstream.password = "fresh";
    assert_int_equal(world_login_now(&w, 2, "fresh"), FAILURE_NONE);
    assert_int_equal(world_login_now(&w, 1, "secret"), FAILURE_AUTH);
    world_end(&w);
}

static void user_and_password_are_kept_apart(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    uint32_t request =
        account_password_login(world_client(&w, 1), slice_of("joes"), slice_of("ecret"));
    world_run(&w);
    assert_int_equal(world_answer(&w, 1, request)->failure.kind, FAILURE_AUTH);
    world_end(&w);
}

static void known_password_is_let_in_while_the_upstream_is_away(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    world_wait(&w, 31000);
    assert_false(w.connected);
    assert_int_equal(w.upstream.quits, 1);
    w.refuse_connect = true;
    assert_int_equal(world_login_now(&w, 1, "secret"), FAILURE_NONE);
    assert_int_equal(world_count(&w, 1, ACCOUNT_EV_NOTICE), 1);
    assert_int_equal(world_login_now(&w, 2, "other"), FAILURE_TEMPORARY);
    world_end(&w);
}

static void nothing_is_said_before_it_is_saved(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.hold_saves = true;
    uint32_t login = world_login(&w, 0, "secret");
    world_run(&w);
    assert_null(world_answer(&w, 0, login));
    assert_int_equal(world_state(&w)->modseq, 0);
    w.hold_saves = false;
    world_save(&w, w.held);
    w.held = NULL;
    world_run(&w);
    assert_non_null(world_answer(&w, 0, login));
    world_end(&w);
}

static json_t *draft_flag(struct world *w, uint32_t uid, uint64_t flag)
{
    struct box_draft d;

    box_draft_begin(&d, world_state(w), "flags");
    box_draft_flags(&d, BOX_INBOX, &uid, 1, flag, 0);
    return box_draft_end(&d);
}

static void turns_come_one_after_the_other_and_ok_after_the_disk(void **state)
{
    struct failure none = {.kind = FAILURE_NONE};
    struct world w;

    (void)state;
    world_two_open(&w);
    world_login_now(&w, 1, "secret");
    world_forget_events(&w);
    uint32_t first = account_turn(world_client(&w, 0));
    uint32_t second = account_turn(world_client(&w, 1));
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, first)->type, ACCOUNT_EV_TURN);
    assert_null(world_answer(&w, 1, second));
    w.hold_saves = true;
    world_forget_events(&w);
    account_commit(world_client(&w, 0), draft_flag(&w, 1, BOX_SEEN));
    world_run(&w);
    assert_non_null(w.held);
    assert_null(world_answer(&w, 0, first));
    assert_null(world_answer(&w, 1, second));
    assert_int_equal(world_inbox(&w)->messages[0].flags, 0);
    w.hold_saves = false;
    json_array_extend(w.journal, w.held);
    json_decref(w.held);
    w.held = NULL;
    account_saved(w.account, &none);
    world_run(&w);
    assert_int_equal(world_inbox(&w)->messages[0].flags, BOX_SEEN);
    /* The change comes before the word that it is done. */
    assert_int_equal(w.clients[0].events[0].type, ACCOUNT_EV_CHANGED);
    assert_int_equal(w.clients[0].events[0].folder, BOX_INBOX);
    assert_int_equal(w.clients[0].events[1].type, ACCOUNT_EV_COMMITTED);
    assert_int_equal(world_count(&w, 1, ACCOUNT_EV_CHANGED), 1);
    assert_int_equal(world_answer(&w, 1, second)->type, ACCOUNT_EV_TURN);
    world_forget_events(&w);
    account_commit(world_client(&w, 1), NULL);
    world_run(&w);
    assert_int_equal(world_answer(&w, 1, second)->type, ACCOUNT_EV_COMMITTED);
    world_end(&w);
}

static void record_that_cannot_be_saved_changes_nothing(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    uint32_t turn = account_turn(world_client(&w, 0));
    world_run(&w);
    world_forget_events(&w);
    w.fail_saves = true;
    account_commit(world_client(&w, 0), draft_flag(&w, 1, BOX_SEEN));
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, turn)->failure.kind, FAILURE_TEMPORARY);
    assert_int_equal(world_inbox(&w)->messages[0].flags, 0);
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_CHANGED), 0);
    world_end(&w);
}

static void turn_of_one_that_leaves_is_given_on(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    world_login_now(&w, 1, "secret");
    account_turn(world_client(&w, 0));
    uint32_t second = account_turn(world_client(&w, 1));
    world_run(&w);
    account_detach(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_answer(&w, 1, second)->type, ACCOUNT_EV_TURN);
    world_end(&w);
}

static void new_and_vanished_messages_are_found(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    account_watch(world_client(&w, 0), true);
    world_forget_events(&w);
    w.upstream.messages[0].there = false;
    model_add(&w.upstream, "u3", three);
    world_wait(&w, 61000);
    const struct box_folder *inbox = world_inbox(&w);
    assert_int_equal(inbox->count, 2);
    assert_int_equal(inbox->messages[0].uid, 2);
    assert_int_equal(inbox->messages[1].uid, 3);
    assert_true(world_count(&w, 0, ACCOUNT_EV_CHANGED) > 0);
    world_end(&w);
}

static void poll_looks_now_but_not_twice(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    uint32_t poll = account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, poll)->failure.kind, FAILURE_NONE);
    assert_int_equal(w.upstream.logins, 1);
    world_wait(&w, 6000);
    model_add(&w.upstream, "u3", three);
    poll = account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, poll)->type, ACCOUNT_EV_POLLED);
    assert_int_equal(w.upstream.logins, 2);
    assert_int_equal(world_inbox(&w)->count, 3);
    world_end(&w);
}

static void login_delay_is_respected(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.capa = "UIDL\r\nTOP\r\nUSER\r\nLOGIN-DELAY 600\r\n";
    world_login_now(&w, 0, "secret");
    account_watch(world_client(&w, 0), true);
    world_wait(&w, 70000);
    uint32_t poll = account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, poll)->failure.kind, FAILURE_NONE);
    assert_int_equal(world_login_now(&w, 1, "secret"), FAILURE_NONE);
    assert_int_equal(w.upstream.logins, 1);
    world_wait(&w, 540000);
    assert_int_equal(w.upstream.logins, 2);
    world_end(&w);
}

static void nothing_changes_nothing_is_written(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    account_watch(world_client(&w, 0), true);
    size_t before = json_array_size(w.journal);
    world_wait(&w, 61000);
    assert_int_equal(w.upstream.logins, 2);
    assert_int_equal(json_array_size(w.journal), before);
    world_end(&w);
}

static void messages_without_uidl_are_known_by_their_header(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.no_uidl = true;
    w.upstream.capa = "TOP\r\nUSER\r\n";
    world_login_now(&w, 0, "secret");
    assert_int_equal(world_inbox(&w)->count, 2);
    w.upstream.messages[0].there = false;
    model_add(&w.upstream, "", three);
    world_wait(&w, 6000);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    assert_int_equal(world_inbox(&w)->messages[0].uid, 2);
    assert_int_equal(world_inbox(&w)->messages[1].uid, 3);
    world_end(&w);
}

static void messages_with_one_uidl_are_kept_apart(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "same", one);
    model_add(&w.upstream, "same", two);
    world_open(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    assert_int_equal(w.upstream.tops, 2);
    w.upstream.messages[0].there = false;
    world_wait(&w, 6000);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->count, 1);
    assert_int_equal(world_inbox(&w)->messages[0].uid, 2);
    world_end(&w);
}

static void suddenly_empty_maildrop_is_looked_at_twice(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    w.upstream.empty_listing = true;
    world_wait(&w, 6000);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    world_wait(&w, 31000);
    assert_int_equal(w.upstream.logins, 3);
    assert_int_equal(world_inbox(&w)->count, 0);
    world_end(&w);
}

static void locked_maildrop_is_waited_for(void **state)
{
    static const uint64_t delays[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct world w;

    (void)state;
    world_two_open(&w);
    account_watch(world_client(&w, 0), true);
    w.upstream.login_code = "IN-USE";
    world_wait(&w, 61000);
    size_t connects = w.connects;
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        assert_int_equal(account_deadline(w.account), w.ms + delays[i]);
        world_wait(&w, delays[i] - 1);
        assert_int_equal(w.connects, connects);
        world_wait(&w, 1);
        assert_int_equal(w.connects, ++connects);
    }
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_NOTICE), 1);
    assert_int_equal(world_login_now(&w, 1, "secret"), FAILURE_NONE);
    w.upstream.login_code = NULL;
    world_wait(&w, 60000);
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_NOTICE), 2);
    assert_int_equal(world_inbox(&w)->count, 2);
    world_end(&w);
}

/* Somebody watches, the upstream went away a minute ago, and has just been tried in vain. */
static void world_in_an_outage(struct world *w)
{
    world_two_open(w);
    account_watch(world_client(w, 0), true);
    w->refuse_connect = true;
    world_wait(w, 61000);
    while (account_deadline(w->account) < w->ms + 60000)
        assert_true(world_wait_on(w));
}

/* Who asks is answered at once, and has it tried sooner than nobody would. */
static void who_asks_has_it_tried_at_once(void **state)
{
    struct world w;

    (void)state;
    world_in_an_outage(&w);
    size_t connects = w.connects;
    uint32_t want = account_want(world_client(&w, 0), 1, ACCOUNT_WHOLE);
    uint32_t poll = account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_TEMPORARY);
    assert_int_equal(world_answer(&w, 0, poll)->failure.kind, FAILURE_TEMPORARY);
    assert_true(account_is_away(w.account));
    assert_int_equal(w.connects, connects);
    w.refuse_connect = false;
    model_add(&w.upstream, "u3", three);
    world_wait(&w, 5000);
    assert_int_equal(w.connects, connects + 1);
    assert_int_equal(world_inbox(&w)->count, 3);
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_NOTICE), 2);
    world_end(&w);
}

/* Long after the last attempt it is tried with the question. */
static void outage_ends_with_the_first_question(void **state)
{
    struct world w;

    (void)state;
    world_in_an_outage(&w);
    world_wait(&w, 30000);
    w.refuse_connect = false;
    model_add(&w.upstream, "u3", three);
    uint32_t want = account_want(world_client(&w, 0), 1, ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_NONE);
    assert_int_equal(world_inbox(&w)->count, 3);
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_NOTICE), 2);
    world_end(&w);
}

static void first_login_to_a_locked_maildrop_is_told_so(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.login_code = "IN-USE";
    assert_int_equal(world_login_now(&w, 0, "secret"), FAILURE_IN_USE);
    world_end(&w);
}

static void silent_server_is_given_up(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    w.upstream.silent = true;
    uint32_t want = account_want(world_client(&w, 0), 1, ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(account_deadline(w.account), w.ms + 20000);
    world_wait(&w, 20000);
    world_wait(&w, 20000);
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_TEMPORARY);
    world_end(&w);
}

static void account_that_nobody_uses_is_let_go_of(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        account_detach(world_client(&w, i));
    world_run(&w);
    assert_false(account_is_idle(w.account));
    assert_true(world_wait_on(&w));
    assert_int_equal(w.upstream.quits, 1);
    assert_true(account_is_idle(w.account));
    assert_int_equal(account_deadline(w.account), UINT64_MAX);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_login_lists_the_maildrop),
        cmocka_unit_test(wrong_password_is_refused),
        cmocka_unit_test(second_client_with_the_same_password_needs_no_upstream),
        cmocka_unit_test(second_client_with_another_password_is_tried_upstream),
        cmocka_unit_test(user_and_password_are_kept_apart),
        cmocka_unit_test(known_password_is_let_in_while_the_upstream_is_away),
        cmocka_unit_test(nothing_is_said_before_it_is_saved),
        cmocka_unit_test(turns_come_one_after_the_other_and_ok_after_the_disk),
        cmocka_unit_test(record_that_cannot_be_saved_changes_nothing),
        cmocka_unit_test(turn_of_one_that_leaves_is_given_on),
        cmocka_unit_test(new_and_vanished_messages_are_found),
        cmocka_unit_test(poll_looks_now_but_not_twice),
        cmocka_unit_test(login_delay_is_respected),
        cmocka_unit_test(nothing_changes_nothing_is_written),
        cmocka_unit_test(messages_without_uidl_are_known_by_their_header),
        cmocka_unit_test(messages_with_one_uidl_are_kept_apart),
        cmocka_unit_test(suddenly_empty_maildrop_is_looked_at_twice),
        cmocka_unit_test(locked_maildrop_is_waited_for),
        cmocka_unit_test(who_asks_has_it_tried_at_once),
        cmocka_unit_test(outage_ends_with_the_first_question),
        cmocka_unit_test(first_login_to_a_locked_maildrop_is_told_so),
        cmocka_unit_test(silent_server_is_given_up),
        cmocka_unit_test(account_that_nobody_uses_is_let_go_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
