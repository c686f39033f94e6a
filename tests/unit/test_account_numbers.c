/*
 * translate/mailbox/account_numbers.c: nothing is fetched, and nothing deleted, on the strength of
 * a look that did not list the whole maildrop.
 */
#include "tests/unit/account_five.h"

/* ---- what is done behind it --------------------------------------------------------------- */

static void number_is_confirmed_before_it_is_used(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    look(&w);
    size_t singles = w.upstream.singles;
    want_right(&w, 1);
    want_right(&w, 3);
    assert_true(w.upstream.singles > singles);
    singles = w.upstream.singles;
    assert_int_equal(want(&w, world_content(&w, "u2"), ACCOUNT_HEADER), FAILURE_NONE);
    assert_int_equal(w.upstream.singles, singles);
    assert_int_equal(w.upstream.lists, 1);
    world_end(&w);
}

/* Where many are fetched the whole listing costs less than a question for each. */
static void many_are_confirmed_by_the_whole_listing(void **state)
{
    enum { MANY = 60, ONE_BY_ONE = 21 };
    struct world w;
    char uidl[8];

    (void)state;
    world_five_open(&w);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(uidl, sizeof uidl, "n%zu", i);
        deliver(&w, uidl);
    }
    look(&w);
    look(&w);
    size_t lists = w.upstream.lists, singles = w.upstream.singles;
    for (size_t i = 0; i < FIVE + MANY; i++) {
        want_right(&w, i);
        world_forget_events(&w);
    }
    assert_int_equal(w.upstream.lists, lists + 1);
    assert_true(w.upstream.singles - singles <= ONE_BY_ONE);
    assert_int_equal(w.upstream.retrs, FIVE + MANY);
    world_end(&w);
}

/* CASES D10: nothing is fetched, or deleted, that is not what it is taken for. */
static void order_that_has_changed_is_noticed(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    swap_messages(&w, 2, 3);
    assert_int_equal(lists_of_look(&w), 0);
    want_right(&w, 2);
    assert_int_equal(w.upstream.lists, 2);
    want_right(&w, 3);
    assert_int_equal(w.upstream.retrs, 2);
    world_end(&w);
}

static void message_that_took_anothers_place_is_never_fetched_for_it(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    uint32_t content = world_content(&w, "u3");
    rename_message(&w, 2, "other");
    assert_int_equal(lists_of_look(&w), 0);
    assert_int_equal(want(&w, content, ACCOUNT_WHOLE), FAILURE_PERMANENT);
    assert_int_equal(w.upstream.retrs, 0);
    assert_int_equal(w.upstream.lists, 2);
    assert_true(inbox_has(&w, "other"));
    assert_false(inbox_has(&w, "u3"));
    want_right(&w, 2);
    world_end(&w);
}

static void deletion_lists_the_whole_first(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    swap_messages(&w, 2, 3);
    assert_int_equal(lists_of_look(&w), 0);
    assert_true(world_expunge(&w, 0, world_content(&w, "u3")));
    world_run(&w);
    assert_int_equal(w.upstream.lists, 2);
    assert_false(model_has(&w.upstream, "u3"));
    assert_int_equal(model_there(&w.upstream), FIVE - 1);
    assert_int_equal(world_inbox(&w)->count, FIVE - 1);
    /* And so does the look after it, and one that has to delete. */
    size_t stats = w.upstream.stats;
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(w.upstream.stats, stats);
    assert_int_equal(lists_of_look(&w), 0);
    world_wait(&w, 60000);
    assert_false(w.connected);
    rename_message(&w, 1, "u3");
    stats = w.upstream.stats;
    assert_true(world_expunge(&w, 0, world_content(&w, "u2")));
    world_run(&w);
    assert_int_equal(w.upstream.stats, stats);
    assert_int_equal(model_there(&w.upstream), FIVE - 1);
    assert_true(inbox_has(&w, "u3"));
    world_end(&w);
}

/* A listing for a deletion's sake says what was there at the login: who asked since is not answered
 * by it. */
static void listing_behind_a_glance_is_no_look(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    look(&w);
    deliver(&w, "u6");
    assert_true(world_expunge(&w, 0, world_content(&w, "u3")));
    world_wait(&w, A_WHILE);
    look_after(&w, 0);
    assert_true(inbox_has(&w, "u6"));
    assert_false(inbox_has(&w, "u3"));
    world_end(&w);
    world_five(&w);
    w.options.noop_seconds = 0;
    world_open(&w);
    look(&w);
    deliver(&w, "u6");
    assert_true(world_expunge(&w, 0, world_content(&w, "u3")));
    uint32_t poll = account_poll(world_client(&w, 0));
    while (!world_answer(&w, 0, poll))
        world_steps(&w, 1);
    assert_true(inbox_has(&w, "u6"));
    world_end(&w);
}

static void new_mail_is_archived(void **state)
{
    struct world w;

    (void)state;
    world_five(&w);
    w.options.archive = true;
    world_open(&w);
    assert_int_equal(w.upstream.retrs, FIVE);
    look(&w);
    assert_int_equal(w.upstream.retrs, FIVE);
    deliver(&w, "u6");
    assert_int_equal(lists_of_look(&w), 0);
    assert_int_equal(w.upstream.retrs, 6);
    assert_non_null(box_state_content(world_state(&w), world_content(&w, "u6"))->key);
    world_end(&w);
}

/* As soon as it can be. */
static void what_could_not_be_archived_is_at_the_next_look(void **state)
{
    struct world w;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_five(&w);
        w.options.archive = true;
        w.fail_keeps = i == 0;
        w.upstream.refuse = i == 1 ? "RETR 3" : NULL;
        world_open(&w);
        assert_null(box_state_content(world_state(&w), world_content(&w, "u3"))->key);
        w.fail_keeps = false;
        w.upstream.refuse = NULL;
        look(&w);
        assert_non_null(box_state_content(world_state(&w), world_content(&w, "u3"))->key);
        assert_int_equal(lists_of_look(&w), 0);
        world_end(&w);
    }
}

/* A listing that lacks what is on its way, or kept just then, takes nothing from who waits. */
static void listing_while_a_body_comes(void **state)
{
    (void)state;
    for (size_t steps = 0; steps < 40; steps++) {
        struct world w;

        world_five_open(&w);
        rename_message(&w, 3, "other");
        look(&w);
        w.piece = 4;
        w.hold_kept = true;
        uint32_t second = world_content(&w, "u2");
        uint32_t fourth = world_content(&w, "u4");
        uint32_t wanted = account_want(world_client(&w, 0), second, ACCOUNT_WHOLE);
        world_steps(&w, steps);
        uint32_t missed = account_want(world_client(&w, 0), fourth, ACCOUNT_WHOLE);
        while (!w.upstream.retrs && world_steps(&w, 1) == false)
            continue;
        w.upstream.marked[1] = true;
        world_run(&w);
        struct failure none = {.kind = FAILURE_NONE};
        struct world_body *body = world_body(&w, second, ACCOUNT_WHOLE);
        if (body)
            account_kept(w.account, second, ACCOUNT_WHOLE, NULL, &none);
        world_run(&w);
        assert_non_null(world_answer(&w, 0, wanted));
        assert_int_equal(world_answer(&w, 0, missed)->failure.kind, FAILURE_PERMANENT);
        w.hold_kept = false;
        look(&w);
        look(&w);
        world_end(&w);
    }
}

/* ---- anything ----------------------------------------------------------------------------- */

static unsigned dice(unsigned *seed, unsigned sides)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % sides;
}

static size_t some_message(const struct world *w, unsigned *seed)
{
    return dice(seed, (unsigned)w->upstream.count);
}

/* What others do to the maildrop, and the server to its order. */
static void meddle(struct world *w, unsigned *seed, unsigned *names)
{
    size_t i = some_message(w, seed);
    char uidl[16];

    snprintf(uidl, sizeof uidl, "n%u", ++*names);
    switch (dice(seed, 8)) {
    case 0:
        w->upstream.messages[i].there = false;
        break;
    case 1:
        swap_messages(w, i, some_message(w, seed));
        break;
    case 2:
        rename_message(w, i, uidl);
        break;
    default:
        if (w->upstream.count < 100)
            deliver(w, uidl);
        break;
    }
}

static void read_some(struct world *w, unsigned *seed)
{
    const struct model_message *message = &w->upstream.messages[some_message(w, seed)];
    uint32_t content = world_content(w, message->uidl);

    if (content && want(w, content, ACCOUNT_WHOLE) == FAILURE_NONE && message->there)
        assert_true(
            slice_is(buf_slice(&world_body(w, content, ACCOUNT_WHOLE)->octets), message->text));
}

/* Who expunged it wants it to be gone, and nothing else. */
static void expunge_some(struct world *w, unsigned *seed, bool *doomed)
{
    size_t i = some_message(w, seed);
    uint32_t content = world_content(w, w->upstream.messages[i].uidl);
    const struct box_content *c = box_state_content(world_state(w), content);

    world_forget_events(w);
    if (c && c->references && world_expunge(w, 0, content))
        doomed[content] = true;
}

static void check_deletions(const struct world *w, const bool *there, const bool *doomed)
{
    for (size_t i = 0; i < w->upstream.count; i++)
        if (there[i] && !w->upstream.messages[i].there)
            assert_true(doomed[i]);
}

static void anything_that_happens(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 40; round++) {
        unsigned seed = round;
        unsigned names = 0;
        bool doomed[WORLD_BODIES] = {false};
        struct world w;

        world_five_open(&w);
        for (size_t step = 0; step < 60; step++) {
            bool there[MODEL_MAX] = {false};
            bool wanted[MODEL_MAX] = {false};
            if (dice(&seed, 3) == 0) {
                world_wait(&w, 40000);
                meddle(&w, &seed, &names);
            }
            if (dice(&seed, 4) == 0)
                expunge_some(&w, &seed, doomed);
            for (size_t i = 0; i < w.upstream.count; i++) {
                there[i] = w.upstream.messages[i].there;
                uint32_t content = world_content(&w, w.upstream.messages[i].uidl);
                wanted[i] = content && doomed[content];
            }
            look_after(&w, A_WHILE);
            read_some(&w, &seed);
            check_deletions(&w, there, wanted);
        }
        world_wait(&w, LONG);
        look_after(&w, A_WHILE);
        world_wait(&w, LONG);
        look_after(&w, A_WHILE);
        for (size_t i = 0; i < w.upstream.count; i++)
            assert_int_equal(inbox_has(&w, w.upstream.messages[i].uidl),
                             w.upstream.messages[i].there);
        assert_int_equal(world_inbox(&w)->count, model_there(&w.upstream));
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_is_confirmed_before_it_is_used),
        cmocka_unit_test(many_are_confirmed_by_the_whole_listing),
        cmocka_unit_test(order_that_has_changed_is_noticed),
        cmocka_unit_test(message_that_took_anothers_place_is_never_fetched_for_it),
        cmocka_unit_test(deletion_lists_the_whole_first),
        cmocka_unit_test(listing_behind_a_glance_is_no_look),
        cmocka_unit_test(new_mail_is_archived),
        cmocka_unit_test(what_could_not_be_archived_is_at_the_next_look),
        cmocka_unit_test(listing_while_a_body_comes),
        cmocka_unit_test(anything_that_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
