/*
 * EXPUNGE on a POP3 maildrop: what the state says and what the upstream has agree in the end,
 * wherever it was interrupted (CASES D8 to D11).
 */
#include "tests/unit/account_world.h"

static const char one[] = "Subject: one\r\n\r\none\r\n";
static const char two[] = "Subject: two\r\n\r\nthe other one\r\n";

static void world_ready_as(struct world *w, enum account_unlisted unlisted)
{
    world_init(w);
    w->options.unlisted = unlisted;
    model_add(&w->upstream, "u1", one);
    model_add(&w->upstream, "u2", two);
    world_start(w);
    assert_int_equal(world_login_now(w, 0, "secret"), FAILURE_NONE);
}

static void world_ready(struct world *w)
{
    world_ready_as(w, ACCOUNT_UNLISTED_DELETED);
}

static void expunged_message_is_gone_upstream(void **state)
{
    struct world w;

    (void)state;
    world_ready(&w);
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    /* Nobody is told before the upstream has done it. */
    assert_int_equal(world_inbox(&w)->count, 2);
    world_run(&w);
    assert_false(model_has(&w.upstream, "u1"));
    assert_true(model_has(&w.upstream, "u2"));
    assert_int_equal(world_inbox(&w)->count, 1);
    assert_int_equal(world_inbox(&w)->messages[0].uid, 2);
    assert_int_equal(world_content(&w, "u1"), 0);
    assert_int_equal(w.upstream.deles, 1);
    assert_true(world_count(&w, 1, ACCOUNT_EV_CHANGED) > 0);
    world_end(&w);
}

static void message_is_found_by_its_uidl_when_numbers_have_changed(void **state)
{
    struct world w;

    (void)state;
    world_ready(&w);
    world_wait(&w, 31000);
    assert_false(w.connected);
    /* Number 2 of the last session is number 1 of the next. */
    w.upstream.messages[0].there = false;
    model_add(&w.upstream, "u3", one);
    assert_true(world_expunge(&w, 0, world_content(&w, "u2")));
    world_run(&w);
    assert_false(model_has(&w.upstream, "u2"));
    assert_true(model_has(&w.upstream, "u3"));
    assert_int_equal(model_there(&w.upstream), 1);
    world_end(&w);
}

static void message_with_the_uidl_of_another_is_not_deleted(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "same", one);
    model_add(&w.upstream, "same", two);
    world_open(&w);
    world_wait(&w, 31000);
    w.upstream.messages[0].there = false; /* somebody else deleted it, two has its UIDL */
    assert_true(world_expunge(&w, 0, world_inbox(&w)->messages[0].content));
    world_run(&w);
    for (int i = 0; i < 20 && world_wait_on(&w); i++)
        continue;
    assert_true(w.upstream.messages[1].there);
    assert_int_equal(world_inbox(&w)->count, 1);
    assert_int_equal(world_inbox(&w)->messages[0].uid, 2);
    world_end(&w);
}

/* Messages of equal sizes, as of a server that names them by their number. */
static const char first[] = "Message-ID: <1@x>\r\n\r\none\r\n";
static const char other[] = "Message-ID: <2@x>\r\n\r\ntwo\r\n";
static const char longer[] = "Message-ID: <2@x>\r\n\r\nother one\r\n";

static void look_again(struct world *w)
{
    world_wait(w, 31000);
    account_poll(world_client(w, 0));
    world_run(w);
}

/* A client has read `first`; then its UIDL is `text`'s, and the client expunges what it has read.
 */
static void expunge_when_given_to(struct world *w, enum account_part part, const char *text)
{
    world_init(w);
    model_add(&w->upstream, "u0", one);
    model_add(&w->upstream, "u1", first);
    world_start(w);
    world_login_now(w, 0, "secret");
    account_want(world_client(w, 0), world_content(w, "u1"), part);
    world_run(w);
    world_wait(w, 31000);
    w->upstream.messages[1].there = false;
    model_add(&w->upstream, "u1", text);
    assert_true(world_expunge(w, 0, world_content(w, "u1")));
    world_run(w);
    for (int i = 0; i < 20 && world_wait_on(w); i++)
        continue;
}

static void uidl_given_to_another_message_deletes_nothing(void **state)
{
    static const enum account_part parts[] = {ACCOUNT_HEADER, ACCOUNT_WHOLE};
    static const char *const texts[] = {other, longer};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct world w;
        expunge_when_given_to(&w, parts[i / 2], texts[i % 2]);
        assert_true(w.upstream.messages[2].there);
        assert_int_equal(w.upstream.deles, 0);
        assert_int_equal(world_inbox(&w)->count, 2);
        assert_int_equal(world_inbox(&w)->messages[1].uid, 3);
        world_end(&w);
    }
}

/* What was read could not be written down before the disk worked again. */
static void message_read_while_nothing_is_saved_is_not_another(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "u0", one);
    model_add(&w.upstream, "u1", first);
    world_open(&w);
    w.fail_saves = true;
    account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_HEADER);
    world_run(&w);
    account_want(world_client(&w, 0), world_content(&w, "u0"), ACCOUNT_WHOLE);
    world_run(&w);
    world_wait(&w, 31000);
    w.fail_saves = false;
    w.upstream.messages[1].there = false;
    model_add(&w.upstream, "u1", other);
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    world_run(&w);
    for (int i = 0; i < 20 && world_wait_on(&w); i++)
        continue;
    assert_true(w.upstream.messages[2].there);
    assert_int_equal(w.upstream.deles, 0);
    assert_int_equal(world_inbox(&w)->messages[1].uid, 3);
    assert_non_null(box_state_content(world_state(&w), world_content(&w, "u0"))->digest);
    world_end(&w);
}

/* What it was when it was first read is what a client may have deleted. */
static void message_read_twice_while_nothing_is_saved_is_the_first(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "u0", one);
    model_add(&w.upstream, "u1", first);
    world_open(&w);
    w.fail_saves = true;
    account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_HEADER);
    world_run(&w);
    world_wait(&w, 31000);
    w.upstream.messages[1].there = false;
    model_add(&w.upstream, "u1", other);
    account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    world_wait(&w, 31000);
    w.fail_saves = false;
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    world_run(&w);
    for (int i = 0; i < 20 && world_wait_on(&w); i++)
        continue;
    assert_true(w.upstream.messages[2].there);
    assert_int_equal(w.upstream.deles, 0);
    world_end(&w);
}

/* A disk that is nearly full takes a short record, and not the one that tells of what was read. */
static void nothing_is_deleted_while_a_digest_waits(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "u0", one);
    model_add(&w.upstream, "u1", first);
    world_open(&w);
    w.fail_record = "known";
    account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_HEADER);
    world_run(&w);
    world_wait(&w, 31000);
    w.upstream.messages[1].there = false;
    model_add(&w.upstream, "u1", other);
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    assert_true(world_expunge(&w, 0, world_content(&w, "u0")));
    world_run(&w);
    for (int i = 0; i < 20 && world_wait_on(&w); i++)
        continue;
    assert_int_equal(w.upstream.deles, 0);
    assert_true(w.upstream.messages[0].there);
    w.fail_record = NULL;
    for (int i = 0; i < 20 && world_wait_on(&w); i++)
        continue;
    assert_false(w.upstream.messages[0].there);
    assert_true(w.upstream.messages[2].there);
    world_end(&w);
}

/* Nobody has seen more of it than its size. */
static void unseen_message_is_not_another_of_its_uidl(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "u0", one);
    model_add(&w.upstream, "u1", first);
    world_open(&w);
    world_wait(&w, 31000);
    w.upstream.messages[1].there = false;
    model_add(&w.upstream, "u1", longer);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->messages[1].uid, 3);
    assert_int_equal(world_inbox(&w)->count, 2);
    world_end(&w);
}

/* LIST counts lines as they are on the disk at first, and as they are sent later. */
static void size_counted_anew_changes_nothing(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "u1", first);
    model_add(&w.upstream, "u2", other);
    world_open(&w);
    account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_HEADER);
    account_want(world_client(&w, 0), world_content(&w, "u2"), ACCOUNT_WHOLE);
    world_run(&w);
    w.upstream.messages[0].more = w.upstream.messages[1].more = 7;
    look_again(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    assert_int_equal(world_inbox(&w)->messages[1].uid, 2);
    assert_true(world_expunge(&w, 0, world_content(&w, "u2")));
    world_run(&w);
    assert_false(model_has(&w.upstream, "u2"));
    assert_true(model_has(&w.upstream, "u1"));
    world_end(&w);
}

/* The server puts marks into what it sends, as qpopper does, and scanners. */
static void header_with_the_servers_marks_is_the_same(void **state)
{
    static const char marked[] =
        "Message-ID: <1@x>\r\nStatus: RO\r\nX-Scanned: 7 times\r\n\r\none\r\n";
    struct world w;

    (void)state;
    expunge_when_given_to(&w, ACCOUNT_HEADER, marked);
    assert_false(w.upstream.messages[2].there);
    assert_int_equal(w.upstream.deles, 1);
    assert_int_equal(world_inbox(&w)->count, 1);
    world_end(&w);
}

/* A provider moves to another server: what was read keeps its UID and flags. */
static void uidls_that_all_change_are_the_same_messages(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    model_add(&w.upstream, "u1", first);
    model_add(&w.upstream, "u2", longer);
    world_open(&w);
    account_want(world_client(&w, 0), 1, ACCOUNT_HEADER);
    account_want(world_client(&w, 0), 2, ACCOUNT_WHOLE);
    world_run(&w);
    strcpy(w.upstream.messages[0].uidl, "a");
    strcpy(w.upstream.messages[1].uidl, "b");
    look_again(&w);
    assert_int_equal(world_content(&w, "a"), 1);
    assert_int_equal(world_content(&w, "b"), 2);
    assert_int_equal(world_inbox(&w)->count, 2);
    world_stop(&w);
    world_open(&w);
    assert_true(world_expunge(&w, 0, 2));
    world_run(&w);
    assert_false(model_has(&w.upstream, "b"));
    assert_true(model_has(&w.upstream, "a"));
    world_end(&w);
}

/* CAPA says that what was given out is deleted: no RETR but to keep what comes. */
static void nothing_is_fetched_only_to_be_recognised(void **state)
{
    static const bool has_uidl[] = {true, false};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world w;
        world_init(&w);
        w.upstream.capa = "USER\r\nEXPIRE 0\r\n";
        w.upstream.no_top = true;
        w.upstream.no_uidl = !has_uidl[i];
        model_add(&w.upstream, "u1", first);
        model_add(&w.upstream, "u2", longer);
        world_open(&w);
        assert_int_equal(world_inbox(&w)->count, 2);
        assert_int_equal(w.upstream.retrs, 2);
        for (uint32_t content = 1; content <= 2; content++) {
            assert_true(world_body(&w, content, ACCOUNT_WHOLE)->durable);
            assert_non_null(box_state_content(world_state(&w), content)->key);
        }
        assert_true(world_expunge(&w, 0, 1));
        world_run(&w);
        for (int n = 0; n < 5 && world_wait_on(&w); n++)
            continue;
        assert_int_equal(w.upstream.deles, has_uidl[i]);
        assert_true(model_has(&w.upstream, "u2"));
        for (size_t b = 0; b < w.body_count; b++)
            assert_true(w.bodies[b].durable && w.bodies[b].whole);
        assert_int_equal(w.upstream.retrs, w.begins);
        world_end(&w);
    }
}

static void quit_without_answer_is_looked_up(void **state)
{
    struct world w;

    (void)state;
    world_ready(&w);
    w.upstream.mute_quit = true;
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    w.upstream.mute_quit = false;
    assert_true(world_wait_on(&w));
    assert_int_equal(world_inbox(&w)->count, 1);
    assert_int_equal(w.upstream.deles, 1);
    world_end(&w);
}

static void quit_that_did_nothing_is_repeated(void **state)
{
    struct world w;

    (void)state;
    world_ready(&w);
    w.upstream.refuse = "QUIT";
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    world_run(&w);
    assert_true(model_has(&w.upstream, "u1"));
    assert_int_equal(world_inbox(&w)->count, 2);
    w.upstream.refuse = NULL;
    assert_true(world_wait_on(&w));
    world_run(&w);
    assert_false(model_has(&w.upstream, "u1"));
    assert_int_equal(world_inbox(&w)->count, 1);
    world_end(&w);
}

static void message_that_may_not_be_deleted_stays(void **state)
{
    struct world w;

    (void)state;
    world_ready(&w);
    w.upstream.refuse = "DELE";
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    assert_false(box_message_is_doomed(world_state(&w), &world_inbox(&w)->messages[0]));
    assert_int_equal(world_count(&w, 0, ACCOUNT_EV_NOTICE), 1);
    world_end(&w);
}

static void what_cannot_be_remembered_is_not_done(void **state)
{
    struct world w;

    (void)state;
    world_ready(&w);
    assert_true(world_expunge(&w, 0, world_content(&w, "u1")));
    w.fail_saves = true;
    world_run(&w);
    assert_true(model_has(&w.upstream, "u1"));
    w.fail_saves = false;
    for (int i = 0; i < 10 && model_has(&w.upstream, "u1"); i++)
        assert_true(world_wait_on(&w));
    assert_int_equal(world_inbox(&w)->count, 1);
    world_end(&w);
}

/* Starts again with what is on the disk, and goes on until nothing is left to do. */
static void world_again(struct world *w)
{
    world_stop(w);
    w->ms += 1000;
    world_start(w);
    assert_int_equal(world_login_now(w, 0, "secret"), FAILURE_NONE);
    for (int i = 0; i < 10 && w->connected; i++)
        world_wait_on(w);
}

static void assert_agreed(struct world *w)
{
    assert_true(model_has(&w->upstream, "u2"));
    assert_int_equal(model_has(&w->upstream, "u1"), world_content(w, "u1") != 0);
    assert_int_equal(world_inbox(w)->count, model_there(&w->upstream));
    for (size_t i = 0; i < world_inbox(w)->count; i++)
        assert_false(box_message_is_doomed(world_state(w), &world_inbox(w)->messages[i]));
}

/* The process dies after each step of a deletion, the server's answer on its way in one octet. */
static void crash_everywhere(enum account_unlisted unlisted)
{
    bool finished = false;
    size_t kept = 0;

    for (size_t steps = 0; !finished; steps++) {
        struct world w;
        world_ready_as(&w, unlisted);
        w.piece = 1;
        bool intended = world_expunge(&w, 0, world_content(&w, "u1"));
        assert_true(intended);
        finished = world_steps(&w, steps);
        kept += model_has(&w.upstream, "u1");
        w.piece = SIZE_MAX;
        world_again(&w);
        assert_agreed(&w);
        assert_false(model_has(&w.upstream, "u1"));
        world_end(&w);
        assert_true(steps < 5000);
    }
    assert_true(kept > 0);
}

static void crash_at_every_step_is_survived(void **state)
{
    (void)state;
    crash_everywhere(ACCOUNT_UNLISTED_DELETED);
    crash_everywhere(ACCOUNT_UNLISTED_STAYS);
}

/* The intent itself: it is on the disk, or it never was. */
static void crash_before_the_intent_is_saved_deletes_nothing(void **state)
{
    struct world w;

    (void)state;
    world_ready(&w);
    w.hold_saves = true;
    assert_false(world_expunge(&w, 0, world_content(&w, "u1")));
    world_run(&w);
    w.hold_saves = false;
    world_again(&w);
    assert_agreed(&w);
    assert_int_equal(model_there(&w.upstream), 2);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expunged_message_is_gone_upstream),
        cmocka_unit_test(message_is_found_by_its_uidl_when_numbers_have_changed),
        cmocka_unit_test(message_with_the_uidl_of_another_is_not_deleted),
        cmocka_unit_test(uidl_given_to_another_message_deletes_nothing),
        cmocka_unit_test(message_read_while_nothing_is_saved_is_not_another),
        cmocka_unit_test(message_read_twice_while_nothing_is_saved_is_the_first),
        cmocka_unit_test(nothing_is_deleted_while_a_digest_waits),
        cmocka_unit_test(unseen_message_is_not_another_of_its_uidl),
        cmocka_unit_test(size_counted_anew_changes_nothing),
        cmocka_unit_test(header_with_the_servers_marks_is_the_same),
        cmocka_unit_test(uidls_that_all_change_are_the_same_messages),
        cmocka_unit_test(nothing_is_fetched_only_to_be_recognised),
        cmocka_unit_test(quit_without_answer_is_looked_up),
        cmocka_unit_test(quit_that_did_nothing_is_repeated),
        cmocka_unit_test(message_that_may_not_be_deleted_stays),
        cmocka_unit_test(what_cannot_be_remembered_is_not_done),
        cmocka_unit_test(crash_at_every_step_is_survived),
        cmocka_unit_test(crash_before_the_intent_is_saved_deletes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
