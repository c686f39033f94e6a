/*
 * translate/mailbox/account_glance.c: looks that do not list the whole maildrop, what they tell,
 * and when they do not do. What is done behind them is in test_account_numbers.c.
 */
#include "tests/unit/account_five.h"

/* ---- what it tells ------------------------------------------------------------------------ */

static void nothing_new_costs_a_few_commands(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    uint64_t modseq = world_state(&w)->modseq;
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(lists_of_look(&w), 0);
    assert_int_equal(w.upstream.stats, 10);
    assert_true(w.upstream.singles <= 30);
    assert_int_equal(world_state(&w)->modseq, modseq);
    world_end(&w);
}

static void what_is_new_is_asked_for_alone(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    deliver(&w, "u6");
    deliver(&w, "u7");
    assert_int_equal(lists_of_look(&w), 0);
    assert_int_equal(world_inbox(&w)->count, 7);
    assert_int_equal(world_inbox(&w)->messages[6].uid, 7);
    assert_int_equal(world_state(&w)->poll.count, 7);
    /* Their numbers are known, and the next look knows them too. */
    size_t singles = w.upstream.singles;
    want_right(&w, 6);
    assert_int_equal(w.upstream.singles, singles);
    assert_int_equal(lists_of_look(&w), 0);
    want_right(&w, 5);
    deliver(&w, "u8");
    assert_int_equal(lists_of_look(&w), 0);
    assert_true(inbox_has(&w, "u8"));
    world_end(&w);
}

static void many_that_are_new_are_listed(void **state)
{
    struct world w;
    char uidl[8];

    (void)state;
    world_five_open(&w);
    for (size_t i = 0; i < 65; i++) {
        snprintf(uidl, sizeof uidl, "n%zu", i);
        deliver(&w, uidl);
    }
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, FIVE + 65);
    assert_int_equal(lists_of_look(&w), 0);
    world_end(&w);
}

static void what_is_gone_is_listed(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    w.upstream.messages[1].there = false;
    assert_int_equal(lists_of_look(&w), 1);
    assert_false(inbox_has(&w, "u2"));
    assert_int_equal(lists_of_look(&w), 0);
    /* One went, one of its size came: the last one's number is another. */
    w.upstream.messages[2].there = false;
    deliver(&w, "u6");
    assert_int_equal(lists_of_look(&w), 1);
    assert_false(inbox_has(&w, "u3"));
    assert_true(inbox_has(&w, "u6"));
    /* And more came than went. */
    w.upstream.messages[0].there = false;
    deliver(&w, "u7");
    deliver(&w, "u8");
    assert_int_equal(lists_of_look(&w), 1);
    assert_false(inbox_has(&w, "u1"));
    assert_int_equal(world_inbox(&w)->count, FIVE);
    world_end(&w);
}

/* The last, the first, and another one each time. */
static void other_uidls_are_listed(void **state)
{
    struct world w;

    (void)state;
    for (size_t i = 0; i < FIVE; i++) {
        world_five_open(&w);
        for (size_t looks = 0; looks < i; looks++)
            assert_int_equal(lists_of_look(&w), 0);
        rename_message(&w, i, "other");
        assert_int_equal(lists_of_look(&w), 1);
        assert_true(inbox_has(&w, "other"));
        world_end(&w);
    }
    world_five_open(&w);
    rename_message(&w, 4, "other");
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(lists_of_look(&w), 0);
    rename_message(&w, 0, "u9");
    assert_int_equal(lists_of_look(&w), 1);
    world_end(&w);
}

static void new_ones_without_an_answer_are_listed(void **state)
{
    static const char *const refused[] = {"LIST 6", "UIDL 6"};
    struct world w;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_five_open(&w);
        deliver(&w, "u6");
        w.upstream.refuse = refused[i];
        assert_int_equal(lists_of_look(&w), 1);
        assert_true(inbox_has(&w, "u6"));
        world_end(&w);
    }
}

static void other_octets_are_listed(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    w.upstream.messages[2].more = 4;
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(box_state_content(world_state(&w), world_content(&w, "u3"))->listed,
                     strlen(w.upstream.messages[2].text) + 4);
    /* Also where something is new. */
    w.upstream.messages[3].more = 4;
    deliver(&w, "u6");
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, 6);
    world_end(&w);
}

static void message_that_comes_back_is_the_same(void **state)
{
    struct world w;

    (void)state;
    world_five(&w);
    w.options.unlisted = ACCOUNT_UNLISTED_STAYS;
    world_open(&w);
    uint32_t content = world_content(&w, "u2");
    w.upstream.messages[1].there = false;
    assert_int_equal(lists_of_look(&w), 1);
    assert_true(box_state_content(world_state(&w), content)->unlisted);
    assert_int_equal(lists_of_look(&w), 0);
    w.upstream.messages[1].there = true;
    swap_messages(&w, 1, 4);
    swap_messages(&w, 1, 2);
    swap_messages(&w, 2, 3);
    assert_int_equal(lists_of_look(&w), 1);
    assert_false(box_state_content(world_state(&w), content)->unlisted);
    assert_int_equal(world_content(&w, "u2"), content);
    assert_int_equal(world_inbox(&w)->count, FIVE);
    world_end(&w);
}

static void new_ones_with_the_uidl_of_another_are_listed(void **state)
{
    static const char *const uidls[] = {"u3", ""};
    struct world w;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world_five_open(&w);
        deliver(&w, uidls[i]);
        assert_int_equal(lists_of_look(&w), 1);
        assert_int_equal(world_inbox(&w)->count, 6);
        world_end(&w);
    }
    world_five_open(&w);
    deliver(&w, "u6");
    deliver(&w, "u6");
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, 7);
    assert_int_equal(lists_of_look(&w), 1);
    world_end(&w);
}

/* Also where so many have come before that what was heard of has to be counted anew. */
static void two_of_one_uidl_among_many_are_listed(void **state)
{
    enum { LOOKS = 12, EACH = 60 };
    struct world w;
    char uidl[8];

    (void)state;
    world_five_open(&w);
    for (size_t i = 0; i < LOOKS * EACH; i++) {
        snprintf(uidl, sizeof uidl, "n%zu", i);
        deliver(&w, uidl);
        if (i % EACH == EACH - 1)
            assert_int_equal(lists_of_look(&w), 0);
    }
    for (size_t i = 0; i < EACH; i++) {
        snprintf(uidl, sizeof uidl, "m%zu", i == EACH - 1 ? 0 : i);
        deliver(&w, uidl);
    }
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, FIVE + LOOKS * EACH + EACH);
    world_end(&w);
}

/* CASES D12 */
static void suspicious_listing_is_followed_by_a_whole_one(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    w.upstream.empty_listing = true;
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, FIVE);
    w.upstream.empty_listing = false;
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, FIVE);
    assert_int_equal(lists_of_look(&w), 0);
    world_end(&w);
    /* What it lacked is confirmed by another whole one. */
    world_five(&w);
    for (size_t i = 0; i < 20; i++) {
        char uidl[8];
        snprintf(uidl, sizeof uidl, "m%zu", i);
        deliver(&w, uidl);
    }
    world_open(&w);
    for (size_t i = FIVE; i < w.upstream.count; i++)
        w.upstream.messages[i].there = false;
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, FIVE + 20);
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(world_inbox(&w)->count, FIVE);
    world_end(&w);
}

/* ---- when there is none ------------------------------------------------------------------- */

static void whole_is_listed_now_and_then(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    assert_int_equal(lists_of_look(&w), 0);
    world_wait(&w, LONG);
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(lists_of_look(&w), 0);
    world_stop(&w);
    world_start(&w);
    assert_int_equal(world_login_now(&w, 0, "secret"), FAILURE_NONE);
    assert_int_equal(w.upstream.lists, 3);
    world_end(&w);
}

static void servers_that_are_never_trusted(void **state)
{
    static const struct {
        const char *capa;
        bool no_uidl, twins, repeats;
        size_t missing;
    } servers[] = {
        {.no_uidl = true}, {.capa = "UIDL\r\nTOP\r\nUSER\r\nPIPELINING\r\nEXPIRE 0\r\n"},
        {.twins = true},   /* two messages with one UIDL */
        {.repeats = true}, /* one message twice */
        {.missing = 2},    /* numbers with a gap */
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        world_five(&w);
        w.upstream.no_uidl = servers[i].no_uidl;
        if (servers[i].capa)
            w.upstream.capa = servers[i].capa;
        w.upstream.repeats = servers[i].repeats;
        w.upstream.missing = servers[i].missing;
        if (servers[i].twins)
            deliver(&w, "u3");
        world_open(&w);
        assert_int_equal(lists_of_look(&w), 1);
        assert_int_equal(lists_of_look(&w), 1);
        assert_int_equal(w.upstream.stats, 0);
        world_end(&w);
    }
}

/* A server that denies what it lists is asked so twice in vain, and then no more. */
static void server_that_is_wrong_is_not_asked_again(void **state)
{
    static const struct {
        const char *refuse, *refusal, *stat;
    } servers[] = {
        {.refuse = "UIDL ", .refusal = "unknown command"},
        {.refuse = "UIDL ", .refusal = ""},
        {.refuse = "STAT", .refusal = "unknown command"},
        {.stat = "5 17"},
        {.stat = "4 150"},
        {.stat = "7 210"},
        {.stat = "4000000000 1"},
        {.stat = "many"},
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        world_five_open(&w);
        w.upstream.refuse = servers[i].refuse;
        w.upstream.refusal = servers[i].refusal;
        w.upstream.stat = servers[i].stat;
        for (size_t looks = 0; looks < 4; looks++)
            assert_int_equal(lists_of_look(&w), 1);
        assert_true(w.upstream.stats <= 2);
        assert_int_equal(w.upstream.tops, 0);
        assert_int_equal(world_inbox(&w)->count, FIVE);
        w.upstream.refuse = w.upstream.stat = NULL;
        assert_int_equal(lists_of_look(&w), 1);
        world_end(&w);
    }
}

/* One who wants to hide what came by a STAT that is behind the times hides it for a while only. */
static void stale_stat_is_no_more_than_a_delay(void **state)
{
    struct world w;
    char stat[32];

    (void)state;
    world_five_open(&w);
    snprintf(stat, sizeof stat, "5 %zu", FIVE * strlen(w.upstream.messages[0].text));
    w.upstream.stat = stat;
    w.upstream.messages[2].there = false;
    rename_message(&w, 3, "u4");
    deliver(&w, "u6");
    swap_messages(&w, 4, 5);
    assert_int_equal(look_after(&w, LONG), FAILURE_NONE);
    assert_true(inbox_has(&w, "u6"));
    assert_false(inbox_has(&w, "u3"));
    world_end(&w);
}

static void whole_follows_a_connection_that_broke(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    assert_int_equal(lists_of_look(&w), 0);
    w.upstream.dead = true;
    world_run(&w);
    assert_false(w.connected);
    assert_int_equal(lists_of_look(&w), 1);
    assert_int_equal(lists_of_look(&w), 0);
    w.refuse_connect = true;
    assert_int_equal(look_after(&w, A_WHILE), FAILURE_TEMPORARY);
    w.refuse_connect = false;
    recover(&w);
    assert_int_equal(w.upstream.lists, 3);
    assert_int_equal(lists_of_look(&w), 0);
    world_end(&w);
}

/* Wherever it breaks off, the look after it finds what is new, once. */
static void glance_that_breaks_off_loses_nothing(void **state)
{
    struct world w;
    size_t octets = 0;

    (void)state;
    for (size_t at = 0; at == 0 || at <= octets; at++) {
        world_five_open(&w);
        deliver(&w, "u6");
        world_wait(&w, A_WHILE);
        size_t before = w.upstream.sent;
        if (at)
            w.upstream.die_at = before + at - 1;
        look_after(&w, 0);
        if (!at)
            octets = w.upstream.sent - before;
        w.upstream.die_at = SIZE_MAX;
        recover(&w);
        look(&w);
        assert_int_equal(world_inbox(&w)->count, 6);
        assert_int_equal(world_inbox(&w)->uidnext, 7);
        world_end(&w);
    }
}

static void server_that_hangs_up_at_the_question_is_not_asked_again(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    w.upstream.hang_up = "STAT";
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(look_after(&w, A_WHILE), FAILURE_TEMPORARY);
        recover(&w);
        assert_int_equal(w.upstream.lists, 2 + i);
    }
    assert_int_equal(lists_of_look(&w), 1);
    world_end(&w);
}

static void what_could_not_be_saved_is_found_again(void **state)
{
    struct world w;

    (void)state;
    world_five_open(&w);
    deliver(&w, "u6");
    w.fail_saves = true;
    assert_int_equal(look_after(&w, A_WHILE), FAILURE_TEMPORARY);
    assert_int_equal(world_inbox(&w)->count, FIVE);
    w.fail_saves = false;
    recover(&w);
    assert_int_equal(w.upstream.lists, 2);
    assert_int_equal(world_inbox(&w)->count, 6);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_new_costs_a_few_commands),
        cmocka_unit_test(what_is_new_is_asked_for_alone),
        cmocka_unit_test(many_that_are_new_are_listed),
        cmocka_unit_test(what_is_gone_is_listed),
        cmocka_unit_test(other_uidls_are_listed),
        cmocka_unit_test(new_ones_without_an_answer_are_listed),
        cmocka_unit_test(other_octets_are_listed),
        cmocka_unit_test(message_that_comes_back_is_the_same),
        cmocka_unit_test(new_ones_with_the_uidl_of_another_are_listed),
        cmocka_unit_test(two_of_one_uidl_among_many_are_listed),
        cmocka_unit_test(suspicious_listing_is_followed_by_a_whole_one),
        cmocka_unit_test(whole_is_listed_now_and_then),
        cmocka_unit_test(servers_that_are_never_trusted),
        cmocka_unit_test(server_that_is_wrong_is_not_asked_again),
        cmocka_unit_test(stale_stat_is_no_more_than_a_delay),
        cmocka_unit_test(whole_follows_a_connection_that_broke),
        cmocka_unit_test(glance_that_breaks_off_loses_nothing),
        cmocka_unit_test(server_that_hangs_up_at_the_question_is_not_asked_again),
        cmocka_unit_test(what_could_not_be_saved_is_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
