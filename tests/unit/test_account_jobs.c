/*
 * Contents that are wanted: fetched once, kept whole, with the right octets.
 */
#include "tests/unit/account_two.h"

static void assert_body(struct world *w, uint32_t content, enum account_part part, const char *text)
{
    const struct world_body *body = world_body(w, content, part);

    assert_non_null(body);
    assert_true(body->whole);
    assert_int_equal(buf_size(&body->octets), strlen(text));
    assert_memory_equal(buf_slice(&body->octets).p, text, strlen(text));
}

static void content_that_two_want_is_fetched_once(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    world_login_now(&w, 1, "secret");
    uint32_t c = world_content(&w, "u2");
    uint32_t x = account_want(world_client(&w, 0), c, ACCOUNT_WHOLE);
    uint32_t y = account_want(world_client(&w, 1), c, ACCOUNT_WHOLE);
    uint32_t h = account_want(world_client(&w, 1), world_content(&w, "u1"), ACCOUNT_HEADER);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->type, ACCOUNT_EV_HAVE);
    assert_int_equal(world_answer(&w, 0, x)->content, c);
    assert_int_equal(world_answer(&w, 1, y)->failure.kind, FAILURE_NONE);
    assert_int_equal(world_answer(&w, 1, h)->part, ACCOUNT_HEADER);
    assert_int_equal(w.upstream.retrs, 1);
    assert_int_equal(w.upstream.tops, 1);
    assert_body(&w, world_content(&w, "u1"), ACCOUNT_HEADER, "Subject: one\r\nFrom: a\r\n\r\n");
    world_end(&w);
}

static void header_of_a_server_without_top_is_the_whole(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.no_top = true;
    w.upstream.capa = "UIDL\r\nUSER\r\n";
    world_login_now(&w, 0, "secret");
    uint32_t c = world_content(&w, "u1");
    uint32_t x = account_want(world_client(&w, 0), c, ACCOUNT_HEADER);
    uint32_t y = account_want(world_client(&w, 1), c, ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->part, ACCOUNT_WHOLE);
    assert_int_equal(world_answer(&w, 1, y)->part, ACCOUNT_WHOLE);
    assert_int_equal(w.upstream.retrs, 1);
    assert_body(&w, c, ACCOUNT_WHOLE, one);
    world_end(&w);
}

static void lines_that_end_with_lf_alone_are_made_regular(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.lf_only = true;
    w.piece = 3;
    world_login_now(&w, 0, "secret");
    uint32_t c = world_content(&w, "u1");
    account_want(world_client(&w, 0), c, ACCOUNT_WHOLE);
    account_want(world_client(&w, 0), c, ACCOUNT_HEADER);
    world_run(&w);
    assert_body(&w, c, ACCOUNT_WHOLE, one);
    assert_body(&w, c, ACCOUNT_HEADER, "Subject: one\r\nFrom: a\r\n\r\n");
    world_end(&w);
}

static void wrong_size_is_corrected(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    uint32_t c = world_content(&w, "u1");
    free(w.upstream.messages[0].text);
    w.upstream.messages[0].text = strdup(three);
    account_want(world_client(&w, 0), c, ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(box_state_content(world_state(&w), c)->size, strlen(three));
    assert_int_equal(world_inbox(&w)->size, strlen(three) + strlen(two));
    world_end(&w);
}

/* The server stores `text` and says so in LIST; `sent` is what it gives out, in pieces of each
 * size. */
static void receive(const char *text, const char *sent, const char *expected)
{
    for (size_t piece = 1; piece <= 4; piece++) {
        struct world w;
        world_two(&w);
        w.piece = piece;
        free(w.upstream.messages[0].text);
        w.upstream.messages[0].text = strdup(sent);
        w.upstream.messages[0].more = strlen(text) - strlen(sent);
        world_login_now(&w, 0, "secret");
        uint32_t c = world_content(&w, "u1");
        account_want(world_client(&w, 0), c, ACCOUNT_WHOLE);
        world_run(&w);
        assert_body(&w, c, ACCOUNT_WHOLE, expected);
        assert_int_equal(box_state_content(world_state(&w), c)->size, strlen(expected));
        world_end(&w);
    }
}

static void the_line_end_that_pop3_adds_is_not_the_messages(void **state)
{
    (void)state;
    receive("Subject: a\r\n\r\nno end", "Subject: a\r\n\r\nno end\r\n", "Subject: a\r\n\r\nno end");
}

static void more_than_a_line_end_is_the_messages(void **state)
{
    static const char *const more[] = {"\r\n\r\n", "\r\nx\r\n", "s\r\n"};
    char sent[100];

    (void)state;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        snprintf(sent, sizeof sent, "Subject: a\r\n\r\nno end%s", more[i]);
        receive("Subject: a\r\n\r\nno end", sent, sent);
    }
    receive("Subject: a\r\n\r\nline\r\n", "Subject: a\r\n\r\nline\r\n\r\n",
            "Subject: a\r\n\r\nline\r\n\r\n");
}

/* Who is answered reads RFC822.SIZE next, and must find the literal's. */
static void nobody_is_answered_before_a_size_is_corrected(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.messages[0].more = 7;
    world_login_now(&w, 0, "secret");
    uint32_t c = world_content(&w, "u1");
    w.hold_saves = true;
    uint32_t want = account_want(world_client(&w, 0), c, ACCOUNT_WHOLE);
    uint32_t follow = account_follow(world_client(&w, 1), c);
    world_run(&w);
    assert_body(&w, c, ACCOUNT_WHOLE, one);
    assert_null(world_answer(&w, 0, want));
    assert_null(world_answer(&w, 1, follow));
    w.hold_saves = false;
    world_save(&w, w.held);
    w.held = NULL;
    world_run(&w);
    assert_int_equal(box_state_content(world_state(&w), c)->size, strlen(one));
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_NONE);
    assert_int_equal(world_answer(&w, 1, follow)->failure.kind, FAILURE_NONE);
    world_end(&w);
}

static void body_is_there_though_its_size_cannot_be_saved(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.messages[0].more = 7;
    world_login_now(&w, 0, "secret");
    w.fail_saves = true;
    uint32_t want = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_NONE);
    world_end(&w);
}

static void slow_disk_holds_the_upstream_back(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    account_keep_queued(w.account, 10000000);
    uint32_t x = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_false(account_wants_upstream(w.account));
    world_wait(&w, 60000); /* it is not the server that is slow */
    assert_null(world_answer(&w, 0, x));
    account_keep_queued(w.account, 0);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->failure.kind, FAILURE_NONE);
    world_end(&w);
}

static void full_store_of_bodies_is_told(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    w.fail_keeps = true;
    uint32_t x = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->failure.kind, FAILURE_TEMPORARY);
    w.fail_keeps = false;
    x = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->failure.kind, FAILURE_NONE);
    world_end(&w);
}

static void what_is_not_upstream_cannot_be_had(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.options.unlisted = ACCOUNT_UNLISTED_STAYS;
    world_stop(&w);
    world_open(&w);
    uint32_t x = account_want(world_client(&w, 0), 77, ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->failure.kind, FAILURE_PERMANENT);
    w.upstream.messages[0].there = false;
    world_wait(&w, 6000);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    x = account_want(world_client(&w, 0), world_content(&w, "u1"), ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, x)->failure.kind, FAILURE_PERMANENT);
    world_end(&w);
}

static void archive_keeps_every_body(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.options.archive = true;
    world_stop(&w);
    world_open(&w);
    assert_int_equal(w.upstream.retrs, 2);
    const struct box_content *c = box_state_content(world_state(&w), world_content(&w, "u1"));
    assert_non_null(c->key);
    assert_true(world_body(&w, c->id, ACCOUNT_WHOLE)->durable);
    w.upstream.messages[0].there = false;
    world_wait(&w, 6000);
    account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(world_inbox(&w)->count, 2);
    assert_int_equal(w.upstream.retrs, 2);
    world_end(&w);
}

static void server_that_expires_at_once_is_archived(void **state)
{
    struct world w;

    (void)state;
    world_two(&w);
    w.upstream.capa = "UIDL\r\nTOP\r\nUSER\r\nEXPIRE 0\r\n";
    world_login_now(&w, 0, "secret");
    assert_int_equal(w.upstream.retrs, 2);
    assert_non_null(box_state_content(world_state(&w), world_content(&w, "u2"))->key);
    world_end(&w);
}

/* Dies in the middle of the body, the second time too. */
static void body_that_breaks_off_is_asked_for_once_more(void **state)
{
    struct world w;

    (void)state;
    world_two_open(&w);
    w.upstream.die_at = w.upstream.sent + strlen("+OK message\r\n") + 5;
    uint32_t want = account_want(world_client(&w, 0), 1, ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(w.aborts, 1);
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_NONE);
    assert_body(&w, 1, ACCOUNT_WHOLE, one);
    assert_int_equal(w.connects, 2);
    w.upstream.die_in_bodies = true;
    want = account_want(world_client(&w, 0), 2, ACCOUNT_WHOLE);
    world_run(&w);
    assert_int_equal(world_answer(&w, 0, want)->failure.kind, FAILURE_TEMPORARY);
    assert_int_equal(w.aborts, 3);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_that_two_want_is_fetched_once),
        cmocka_unit_test(header_of_a_server_without_top_is_the_whole),
        cmocka_unit_test(lines_that_end_with_lf_alone_are_made_regular),
        cmocka_unit_test(wrong_size_is_corrected),
        cmocka_unit_test(the_line_end_that_pop3_adds_is_not_the_messages),
        cmocka_unit_test(more_than_a_line_end_is_the_messages),
        cmocka_unit_test(nobody_is_answered_before_a_size_is_corrected),
        cmocka_unit_test(body_is_there_though_its_size_cannot_be_saved),
        cmocka_unit_test(slow_disk_holds_the_upstream_back),
        cmocka_unit_test(full_store_of_bodies_is_told),
        cmocka_unit_test(what_is_not_upstream_cannot_be_had),
        cmocka_unit_test(archive_keeps_every_body),
        cmocka_unit_test(server_that_expires_at_once_is_archived),
        cmocka_unit_test(body_that_breaks_off_is_asked_for_once_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
