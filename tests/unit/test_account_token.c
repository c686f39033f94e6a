/*
 * An account whose upstream takes OAuth tokens: they expire, and are asked for anew.
 */
#include "tests/unit/account_world.h"

static void world_with_tokens(struct world *w)
{
    world_init(w);
    w->upstream.capa = "UIDL\r\nTOP\r\nSASL XOAUTH2\r\n";
    w->upstream.password = "token-1";
    model_add(&w->upstream, "u1", "Subject: one\r\n\r\nbody\r\n");
    world_start(w);
}

static struct credential token_credential(const char *token)
{
    struct credential c = {0};

    assert_true(credential_set(&c, CREDENTIAL_TOKEN, slice_of("joe"), slice_of(token)));
    c.vouched = true;
    return c;
}

static uint32_t log_in(struct world *w, size_t client, const char *token)
{
    struct credential c = token_credential(token);
    uint32_t request = account_login(world_client(w, client), &c);

    credential_clear(&c);
    world_run(w);
    return request;
}

static void give(struct world *w, const char *token)
{
    struct credential c = token_credential(token);

    assert_true(w->credential_asked);
    w->credential_asked = false;
    account_credential(w->account, &c);
    credential_clear(&c);
    world_run(w);
}

static enum failure_kind answer(struct world *w, size_t client, uint32_t request)
{
    return world_answer(w, client, request)->failure.kind;
}

static void first_token_is_used_as_it_came(void **state)
{
    struct world w;

    (void)state;
    world_with_tokens(&w);
    assert_int_equal(answer(&w, 0, log_in(&w, 0, "token-1")), FAILURE_NONE);
    assert_int_equal(w.credentials, 0);
    /* Another login of the same user's has another token: the owner has vouched for it. */
    assert_int_equal(answer(&w, 1, log_in(&w, 1, "token-2")), FAILURE_NONE);
    assert_int_equal(w.connects, 1);
    world_end(&w);
}

static void reopening_asks_for_a_fresh_one(void **state)
{
    struct world w;

    (void)state;
    world_with_tokens(&w);
    log_in(&w, 0, "token-1");
    world_wait(&w, 40000);
    assert_false(w.connected);
    w.upstream.password = "token-2";
    uint32_t poll = account_poll(world_client(&w, 0));
    world_run(&w);
    assert_int_equal(w.connects, 1);
    give(&w, "token-2");
    assert_int_equal(answer(&w, 0, poll), FAILURE_NONE);
    assert_int_equal(w.connects, 2);
    assert_int_equal(w.upstream.logins, 2);
    world_end(&w);
}

static void refused_token_is_replaced_once(void **state)
{
    struct world w;

    (void)state;
    world_with_tokens(&w);
    uint32_t first = log_in(&w, 0, "stale");
    give(&w, "token-1");
    assert_int_equal(answer(&w, 0, first), FAILURE_NONE);
    world_end(&w);

    world_with_tokens(&w);
    first = log_in(&w, 0, "stale");
    give(&w, "stale too");
    assert_false(w.credential_asked);
    assert_int_equal(answer(&w, 0, first), FAILURE_AUTH);
    assert_int_equal(w.connects, 2);
    world_end(&w);
}

static void revoked_grant_lets_nobody_in(void **state)
{
    struct failure why;
    struct world w;

    (void)state;
    world_with_tokens(&w);
    log_in(&w, 0, "token-1");
    world_wait(&w, 40000);
    uint32_t poll = account_poll(world_client(&w, 0));
    world_run(&w);
    assert_true(w.credential_asked);
    w.credential_asked = false;
    failure_set(&why, FAILURE_AUTH, "revoked: run mailferry authorize again");
    account_credential_failed(w.account, &why);
    world_run(&w);
    assert_string_equal(world_answer(&w, 0, poll)->failure.text,
                        "revoked: run mailferry authorize again");
    /* Nobody is asked again until somebody has logged in. */
    world_wait(&w, 600000);
    assert_int_equal(w.credentials, 1);
    assert_int_equal(answer(&w, 1, log_in(&w, 1, "token-1")), FAILURE_NONE);
    world_end(&w);
}

static void late_answers_are_nothing(void **state)
{
    struct credential c = token_credential("token-1");
    struct world w;

    (void)state;
    world_with_tokens(&w);
    log_in(&w, 0, "token-1");
    account_credential(w.account, &c);
    world_run(&w);
    assert_int_equal(w.connects, 1);
    credential_clear(&c);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_token_is_used_as_it_came),
        cmocka_unit_test(reopening_asks_for_a_fresh_one),
        cmocka_unit_test(refused_token_is_replaced_once),
        cmocka_unit_test(revoked_grant_lets_nobody_in),
        cmocka_unit_test(late_answers_are_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
