/* Tokens of OAuth 2.0 that the gatekeeper renews and gives out, whatever becomes of the provider,
 * the disk and the other processes. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/gatekeeper_scene.h"

#define OK(body)   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" body
#define GONE(body) "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n\r\n" body
#define TOKENS(access, refresh)                                              \
    OK("{\"access_token\":\"" access "\",\"refresh_token\":\"" refresh "\"," \
       "\"token_type\":\"Bearer\",\"expires_in\":3600}")

/* The refresh token that the disk has. */
static bool is_kept(const char *refresh)
{
    struct vault_entered entered;
    struct device_limits limits;
    struct vault_key key;
    struct failure why;
    json_t *secret;
    const char *kept;

    assert_true(
        vault_open(dir, slice_of(ANN), slice_of(PASSWORD), &key, &secret, &limits, &entered, &why));
    assert_int_equal(json_unpack(secret, "{s:{s:s}}", "tokens", "refresh", &kept), 0);
    bool same = strcmp(kept, refresh) == 0;
    json_decref(secret);
    device_limits_clear(&limits);
    vault_key_wipe(&key);
    return same;
}

/* Both wait for the one renewal, and the disk has it before either hears of it. */
static void test_one_renewal(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] = TOKENS("A-2", "R-2");
    ask(ANN, PASSWORD);
    ask(ANN, PASSWORD);
    wait_for_all();
    assert_true(is_kept("R-2"));
    expect_token(&answers[0], "A-2");
    expect_token(&answers[1], "A-2");
    assert_int_equal(http_server.asked, 1);
    assert_non_null(strstr(http_server.requests[0], "refresh_token=R-1"));
}

static void test_without_new_refresh_token(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] =
        OK("{\"access_token\":\"A-2\",\"token_type\":\"Bearer\",\"expires_in\":3600}");
    expect_token(admit(ANN, PASSWORD), "A-2");
    assert_true(is_kept("R-1"));
}

/* A token that lasts a moment longer is renewed ahead of its end, and nobody waits for that. */
static void test_ahead_of_expiry(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 40), &all);
    http_server.replies[0] = NULL; /* it hangs */
    expect_token(admit(ANN, PASSWORD), "A-1");
    while (http_server.asked == 0)
        uv_run(&http_server.loop, UV_RUN_ONCE);
}

static void test_another_process_has_renewed(void **state)
{
    struct failure why;

    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    expect_token(admit(ANN, PASSWORD), "A-1");
    struct vault_key key;
    struct device_limits limits;
    struct vault_entered entered;
    json_t *secret;
    assert_true(
        vault_open(dir, slice_of(ANN), slice_of(PASSWORD), &key, &secret, &limits, &entered, &why));
    json_decref(secret);
    secret = tokens("A-9", 7200);
    assert_true(vault_write(dir, slice_of(ANN), &key, secret, &why));
    json_decref(secret);
    expect_token(renew(true), "A-9");
    assert_int_equal(http_server.asked, 0);
}

/* What the upstream refuses is renewed once; then it is left alone, also by those who come anew. */
static void test_refused_token(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    http_server.replies[0] = TOKENS("A-2", "R-2");
    expect_token(admit(ANN, PASSWORD), "A-1");
    expect_token(renew(true), "A-2");
    expect_refused(renew(true), FAILURE_TEMPORARY, false, "just renewed");
    struct grant *held = grant_hold(answers[0].grant);
    expect_refused(admit(ANN, PASSWORD), FAILURE_TEMPORARY, false, "just renewed");
    grant_release(held);
    assert_int_equal(http_server.asked, 1);
}

static void test_revoked_grant(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] = GONE("{\"error\":\"invalid_grant\"}");
    expect_refused(admit(ANN, PASSWORD), FAILURE_AUTH, false, AUTHORIZE);
}

/* A provider that is away does no harm while the token lasts. */
static void test_provider_away(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 5), &all);
    http_server.replies[0] = "HTTP/1.1 503 Later\r\n\r\n";
    expect_token(admit(ANN, PASSWORD), "A-1");
    assert_int_equal(http_server.asked, 1);
}

static void test_provider_away_too_long(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] = "HTTP/1.1 503 Later\r\n\r\n";
    expect_refused(admit(ANN, PASSWORD), FAILURE_TEMPORARY, false, "try again later");
    /* Nobody was there in between, and the provider is left alone all the same. */
    expect_refused(admit(ANN, PASSWORD), FAILURE_TEMPORARY, false, "try again later");
    assert_int_equal(http_server.asked, 1);
}

/* Another route of the user leads to another server, which is none of the provider's. */
static void test_tokens_are_for_routes_of_oauth(void **state)
{
    static const char bob[] = "bob@plain.example";

    (void)state;
    make_vault_of(bob, tokens("A-1", 3600), &all);
    expect_refused(admit(bob, PASSWORD), FAILURE_PERMANENT, false, "says nothing of OAuth");
}

static void ask_at_another_provider(void)
{
    struct admission_request r = request_of(ANN, PASSWORD);

    r.route = &settings->config->routes[2];
    assert_non_null(gatekeeper_admit(keeper, &r, on_answer, &answers[asked]));
    asked++;
}

static const struct admission_answer *admit_at_another_provider(void)
{
    forget_answers();
    ask_at_another_provider();
    wait_for_all();
    return &answers[0];
}

/* Neither that provider nor a server that trusts it is to see them. */
static void test_tokens_are_for_their_own_provider(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] = TOKENS("A-2", "R-2");
    expect_token(admit(ANN, PASSWORD), "A-2");
    struct grant *held = grant_hold(answers[0].grant);
    expect_refused(admit_at_another_provider(), FAILURE_PERMANENT, false, "another provider");
    expect_token(admit(ANN, PASSWORD), "A-2");
    grant_release(held);
    expect_refused(admit_at_another_provider(), FAILURE_PERMANENT, false, "another provider");
    http_server.replies[1] = TOKENS("A-3", "R-3");
    expect_token(admit(ANN, PASSWORD), "A-2");
    expect_token(renew(true), "A-3");
    assert_int_equal(http_server.asked, 2);
}

/* An earlier version has not written down whose they are. */
static void test_tokens_of_an_earlier_version(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    expect_token(admit_at_another_provider(), "A-1");
    expect_token(admit(ANN, PASSWORD), "A-1");
}

/* The provider who renews them is the one they are of, also for those who wait meanwhile. Before he
 * answers, the vaults of two who come later have been opened: so was that of the one who waits. */
static void test_tokens_that_turn_out_to_be_of_another(void **state)
{
    static const char bob[] = "bob@plain.example";

    (void)state;
    make_vault(tokens("A-1", -5), &all);
    make_vault_of(bob, tokens("B-1", 3600), &all);
    ask(ANN, PASSWORD);
    while (http_server.asked == 0)
        uv_run(&http_server.loop, UV_RUN_ONCE);
    ask_at_another_provider();
    for (unsigned i = 2; i < PENDING_MAX; i++) {
        ask(bob, PASSWORD);
        while (answers[i].why.kind == FAILURE_NONE)
            uv_run(&http_server.loop, UV_RUN_ONCE);
    }
    http_server_say(http_server.guests, TOKENS("A-2", "R-2"));
    wait_for_all();
    expect_token(&answers[0], "A-2");
    expect_refused(&answers[1], FAILURE_PERMANENT, false, "another provider");
}

/* The disk does not take the new refresh token, and the old one is worth nothing any more: it is
 * written later, though nobody is there any more. */
static void test_unwritable_vault(void **state)
{
    char blocked[128];

    (void)state;
    make_vault(tokens("A-1", -5), &all);
    snprintf(blocked, sizeof blocked, "%s/vault/.new", dir);
    assert_int_equal(mkdir(blocked, 0700), 0);
    http_server.replies[0] = TOKENS("A-2", "R-2");
    expect_token(admit(ANN, PASSWORD), "A-2");
    forget_answers();
    assert_true(is_kept("R-1"));
    assert_int_equal(rmdir(blocked), 0);
    while (!is_kept("R-2"))
        ; /* that reads the vault, and takes its time */
    expect_token(admit(ANN, PASSWORD), "A-2");
    assert_int_equal(http_server.asked, 1);
}

/* Who needs the token waits; nobody else does. And the end of the process waits for nobody. */
static void test_provider_hangs(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    struct admission *waiting = ask(ANN, PASSWORD);
    while (http_server.asked == 0)
        uv_run(&http_server.loop, UV_RUN_ONCE);
    answered++; /* it will not */
    ask("bob@plain.example", "his own");
    wait_for_all();
    assert_true(answers[1].own);
    admission_cancel(waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_renewal, begin, end),
        cmocka_unit_test_setup_teardown(test_without_new_refresh_token, begin, end),
        cmocka_unit_test_setup_teardown(test_ahead_of_expiry, begin, end),
        cmocka_unit_test_setup_teardown(test_another_process_has_renewed, begin, end),
        cmocka_unit_test_setup_teardown(test_refused_token, begin, end),
        cmocka_unit_test_setup_teardown(test_revoked_grant, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_away, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_away_too_long, begin, end),
        cmocka_unit_test_setup_teardown(test_tokens_are_for_routes_of_oauth, begin, end),
        cmocka_unit_test_setup_teardown(test_tokens_are_for_their_own_provider, begin, end),
        cmocka_unit_test_setup_teardown(test_tokens_of_an_earlier_version, begin, end),
        cmocka_unit_test_setup_teardown(test_tokens_that_turn_out_to_be_of_another, begin, end),
        cmocka_unit_test_setup_teardown(test_unwritable_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_hangs, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
