/* Who is let in, by what, and what a guess costs. test_gatekeeper_tokens and test_gatekeeper_held
 * have the rest of the gatekeeper. */
#include <stdatomic.h>

#include "proxy/auth/seal.h"
#include "tests/unit/gatekeeper_scene.h"
#include "translate/sasl/sasl_mechanism.h"

/* ---- the work that a guess costs ------------------------------------------------------------ */

static atomic_uint vaults_tried;

bool __real_seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                        struct slice password, unsigned char key[SEAL_KEY]);
bool __wrap_seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                        struct slice password, unsigned char key[SEAL_KEY]);

/* What takes the time of a vault is counted: the linker puts it between (tests/CMakeLists.txt). */
bool __wrap_seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                        struct slice password, unsigned char key[SEAL_KEY])
{
    vaults_tried++;
    return __real_seal_derive(cost, salt, password, key);
}

/* The upstream has refused a client's own password, and took so long. */
static struct admission *refuse(const char *login, uint64_t took_ms)
{
    struct admission_request r = request_of(login, "");

    assert_true(asked < PENDING_MAX);
    struct admission *a = gatekeeper_refuse(keeper, &r, took_ms, on_answer, &answers[asked]);
    assert_non_null(a);
    asked++;
    return a;
}

/* How many vaults a guess has cost, when the client hears of it. */
static unsigned cost_of_guess(const char *login)
{
    vaults_tried = 0;
    if (admit(login, "a guess")->own) {
        refuse(login, 0);
        wait_for_all();
    }
    return vaults_tried;
}

/* ---- by passwords -------------------------------------------------------------------------- */

static void test_own_password(void **state)
{
    (void)state;
    const struct admission_answer *a = admit("bob@plain.example", "his own");
    assert_int_equal(a->why.kind, FAILURE_NONE);
    assert_true(a->own);
    assert_null(a->grant);
}

static void test_device_password(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    expect_token(admit(ANN, PASSWORD), "A-1");
    expect_token(admit("Ann@Example.com", PASSWORD), "A-1");
    assert_int_equal(http_server.asked, 0);
}

/* A wrong password, an unknown user, and one whom nobody serves, cannot be told from each other. */
static void test_guesses(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    expect_refused(admit(ANN, "guess"), FAILURE_AUTH, true, "Authentication failed.");
    expect_refused(admit("eve@example.com", "x"), FAILURE_AUTH, true, "Authentication failed.");
    expect_refused(admit("eve@elsewhere.example", "x"), FAILURE_AUTH, true,
                   "Authentication failed.");
}

/* Where devices' passwords are demanded, and where others are tried upstream; he who has a vault,
 * and he who has none: the same work, whoever it is. */
static void test_a_guess_costs_the_same(void **state)
{
    (void)state;
    assert_int_equal(cost_of_guess("bob@plain.example"), 0); /* nobody has a vault */
    make_vault(tokens("A-1", 3600), &all);
    make_vault_of("carol@plain.example", json_pack("{s:s}", "password", "upstream's"), &all);
    assert_int_equal(cost_of_guess(ANN), 1);
    assert_int_equal(cost_of_guess("eve@example.com"), 1);
    assert_int_equal(cost_of_guess("eve@elsewhere.example"), 1);
    assert_int_equal(cost_of_guess("carol@plain.example"), 1);
    assert_int_equal(cost_of_guess("bob@plain.example"), 1);
}

/* What lets him in costs him who has no vault nothing. */
static void test_a_right_password_costs_no_vault(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    vaults_tried = 0;
    assert_true(admit("bob@plain.example", "his own")->own);
    assert_int_equal(vaults_tried, 0);
}

/* A login that no route serves is refused as late as one that an upstream refused. */
static void test_a_stranger_waits_too(void **state)
{
    (void)state;
    free(settings->config->routes[0].oauth.client_id); /* no route demands vaults */
    settings->config->routes[0].oauth.client_id = NULL;
    expect_refused(admit("eve@elsewhere.example", "x"), FAILURE_AUTH, true,
                   "Authentication failed.");
    forget_answers();
    refuse("bob@plain.example", 3600 * 1000);
    wait_for_all();
    struct admission *stranger = ask("eve@elsewhere.example", "x");
    answered++; /* it will not be, for an hour */
    ask("bob@plain.example", "his own");
    wait_for_all();
    assert_true(answers[2].own);
    assert_int_equal(answers[1].why.kind, FAILURE_NONE);
    admission_cancel(stranger);
}

static void test_protocol_limit(void **state)
{
    const struct device_limits imap = {.imap = true};

    (void)state;
    make_vault(tokens("A-1", 3600), &imap);
    expect_refused(admit(ANN, PASSWORD), FAILURE_AUTH, false, "not for this protocol");
}

static void test_refused_password(void **state)
{
    (void)state;
    make_vault(json_pack("{s:s}", "password", "upstream's"), &all);
    const struct admission_answer *a = admit(ANN, PASSWORD);
    assert_int_equal(a->credential.kind, CREDENTIAL_PASSWORD);
    assert_true(slice_is(buf_slice(&a->credential.secret), "upstream's"));
    expect_refused(renew(true), FAILURE_AUTH, false, AUTHORIZE);
}

/* Nobody asks for another one, but those who come next are spared the way. */
static void test_refusal_is_remembered(void **state)
{
    (void)state;
    make_vault(json_pack("{s:s}", "password", "upstream's"), &all);
    const struct admission_answer *a = admit(ANN, PASSWORD);
    struct grant *held = grant_hold(a->grant);
    gatekeeper_refused(held, a->generation);
    expect_refused(admit(ANN, PASSWORD), FAILURE_AUTH, false, AUTHORIZE);
    grant_release(held);
}

/* Whose route was taken away is nobody any more, though his vault is there. */
static void test_vault_without_a_route(void **state)
{
    static const char login[] = "ann@elsewhere.example";

    (void)state;
    make_vault_of(login, json_pack("{s:s}", "password", "upstream's"), &all);
    expect_refused(admit(login, PASSWORD), FAILURE_AUTH, true, "Authentication");
}

static void test_revoked_device(void **state)
{
    struct failure why;

    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    assert_true(admit(ANN, PASSWORD)->grant);
    assert_true(vault_revoke(dir, slice_of(ANN), "printer", true, &why));
    expect_refused(renew(false), FAILURE_AUTH, false, "revoked");
}

static void add_device(const char *known, const struct vault_device *device)
{
    struct vault_entered entered;
    struct device_limits limits;
    struct vault_key key;
    struct failure why;
    json_t *secret;

    assert_true(
        vault_open(dir, slice_of(ANN), slice_of(known), &key, &secret, &limits, &entered, &why));
    assert_true(vault_add(dir, slice_of(ANN), &key, device, &why));
    json_decref(secret);
    device_limits_clear(&limits);
    vault_key_wipe(&key);
}

/* Whoever has the old password may not go on because the name is taken again. */
static void test_revoked_device_of_a_name_that_another_has(void **state)
{
    const struct vault_device laptop = {"laptop", slice_of("laptop's"), &all, NULL};
    const struct vault_device again = {"printer", slice_of("another"), &all, NULL};
    struct failure why;

    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    assert_true(admit(ANN, PASSWORD)->grant);
    add_device(PASSWORD, &laptop);
    assert_true(vault_revoke(dir, slice_of(ANN), "printer", false, &why));
    add_device("laptop's", &again);
    expect_refused(renew(false), FAILURE_AUTH, false, "revoked");
}

static void test_damaged_vault(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    file_put(dir, "vault/" ANN ".json", "{\"version\": 1, ");
    const struct admission_answer *a = admit(ANN, PASSWORD);
    expect_refused(a, FAILURE_PERMANENT, false, "the gateway's log tells");
    assert_null(strstr(a->why.text, dir));
}

/* Who is in already is not to be asked for another password for it. */
static void test_damaged_vault_at_a_renewal(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    assert_true(admit(ANN, PASSWORD)->grant);
    file_put(dir, "vault/" ANN ".json", "{\"version\": 1, ");
    expect_refused(renew(false), FAILURE_PERMANENT, false, "the gateway's log tells");
    assert_false(grant_is_revoked(answers[0].grant));
}

/* What a client gives may be a device's password, which is none of the upstream's business. */
static void test_unreadable_vault(void **state)
{
    static const char bob[] = "bob@plain.example";

    (void)state;
    make_vault_of(bob, json_pack("{s:s}", "password", "upstream's"), &all);
    const char *file = temp_path(dir, "vault/bob@plain.example.json");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkdir(file, 0700), 0);
    const struct admission_answer *a = admit(bob, PASSWORD);
    assert_false(a->own);
    expect_refused(a, FAILURE_TEMPORARY, false, "the gateway's log tells");
}

/* Whoever waits for his turn when the process ends is not waited for. */
static void test_end_of_a_wait(void **state)
{
    struct gate_address from = {.known = true, .octets = {0x20, 0x01, 0x0d, 0xb8}};
    struct throttle_options options = settings->auth.throttle;

    (void)state;
    for (int i = 0; i < 12; i++)
        gatekeeper_report(keeper, &options, &from, slice_of("bob@plain.example"), false);
    struct admission *a = ask("bob@plain.example", "his own");
    admission_cancel(a);
}

/* ---- by certificates ---------------------------------------------------------------------- */

static const struct admission_answer *admit_certified(const char *login, size_t route, bool acting)
{
    struct admission_request r = {
        .house = &house,
        .settings = settings,
        .route = route < settings->config->route_count ? &settings->config->routes[route] : NULL,
        .id = "0000test",
        .acting = acting,
        .certified = true,
        .login = slice_of(login),
        .upstream = slice_of("upstream"),
    };

    forget_answers();
    assert_non_null(gatekeeper_admit(keeper, &r, on_answer, &answers[0]));
    asked++;
    wait_for_all();
    return &answers[0];
}

static void expect_certified(const struct admission_answer *a, const char *user)
{
    assert_string_equal(a->why.text, "");
    assert_false(a->own);
    assert_int_equal(a->credential.kind, CREDENTIAL_EXTERNAL);
    assert_true(a->credential.vouched);
    assert_true(slice_is(buf_slice(&a->credential.user), user));
    assert_int_equal(buf_size(&a->credential.secret), 0);
}

/* Only where the upstream takes the gateway's own certificate, and for nobody else. */
static void test_certificate(void **state)
{
    static const char refused[] = "A certificate lets nobody in as this user";

    (void)state;
    settings->config->routes[1].sasl.mechanisms = SASL_EXTERNAL;
    expect_certified(admit_certified("bob@plain.example", 1, false), "upstream");
    expect_refused(admit_certified("bob@plain.example", 1, true), FAILURE_AUTH, false, refused);
    expect_refused(admit_certified(ANN, 0, false), FAILURE_AUTH, false, refused);
    expect_refused(admit_certified("bob@plain.example", 2, false), FAILURE_AUTH, false, refused);
}

/* A client that comes again and again is not to get the gateway locked out upstream; other users
 * are asked for as before. */
static void test_refused_certificate_is_remembered(void **state)
{
    static const char refused[] = "did not let the gateway in";

    (void)state;
    settings->config->routes[1].sasl.mechanisms = SASL_EXTERNAL;
    const struct admission_answer *a = admit_certified("bob@plain.example", 1, false);
    expect_certified(a, "upstream");
    assert_non_null(a->grant);
    expect_certified(renew(false), "upstream");
    gatekeeper_refused(a->grant, a->generation);
    expect_refused(admit_certified("bob@plain.example", 1, false), FAILURE_TEMPORARY, false,
                   refused);
    expect_certified(admit_certified("eve@plain.example", 1, false), "upstream");
    expect_refused(renew(true), FAILURE_TEMPORARY, false, refused);
}

/* There the upstream asks nobody for a password, so nobody's own one is passed on. */
static void test_password_where_certificates_are(void **state)
{
    (void)state;
    settings->config->routes[0].sasl.mechanisms = SASL_EXTERNAL;
    settings->config->routes[1].sasl.mechanisms = SASL_EXTERNAL;
    expect_refused(admit("bob@plain.example", "his own"), FAILURE_AUTH, true, "Authentication");
    make_vault(json_pack("{s:b}", "gateway", 1), &all);
    expect_refused(admit(ANN, "his own"), FAILURE_AUTH, true, "Authentication");
    expect_certified(admit(ANN, PASSWORD), ANN);
    expect_certified(renew(false), ANN);
    expect_refused(renew(true), FAILURE_TEMPORARY, false, "did not let the gateway in");
}

static void expect_master(const struct admission_answer *a, const char *user)
{
    assert_string_equal(a->why.text, "");
    assert_int_equal(a->credential.kind, CREDENTIAL_PASSWORD);
    assert_true(a->credential.vouched);
    assert_true(slice_is(buf_slice(&a->credential.user), "master"));
    assert_true(slice_is(buf_slice(&a->credential.authzid), user));
    assert_true(slice_is(buf_slice(&a->credential.secret), "master's"));
}

/* Whatever the vault has, the gateway logs in; and where it does not, a vault that relied on that
 * is of no use. */
static void test_master(void **state)
{
    struct config_route *route = &settings->config->routes[0];

    (void)state;
    make_vault(json_pack("{s:s}", "password", "upstream's"), &all);
    route->sasl.master_user = strdup("master");
    settings->auth.masters[0] = strdup("master's");
    expect_master(admit(ANN, PASSWORD), ANN);
    expect_master(renew(false), ANN);
    expect_master(admit_certified(ANN, 0, false), "upstream");
    expect_refused(admit(ANN, "his own"), FAILURE_AUTH, true, "Authentication");
    make_vault(json_pack("{s:b}", "gateway", 1), &all);
    expect_master(admit(ANN, PASSWORD), ANN);
    free(route->sasl.master_user);
    route->sasl.master_user = NULL;
    expect_refused(admit(ANN, PASSWORD), FAILURE_PERMANENT, false, "--replace");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_password, begin, end),
        cmocka_unit_test_setup_teardown(test_device_password, begin, end),
        cmocka_unit_test_setup_teardown(test_guesses, begin, end),
        cmocka_unit_test_setup_teardown(test_a_guess_costs_the_same, begin, end),
        cmocka_unit_test_setup_teardown(test_a_right_password_costs_no_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_a_stranger_waits_too, begin, end),
        cmocka_unit_test_setup_teardown(test_protocol_limit, begin, end),
        cmocka_unit_test_setup_teardown(test_refused_password, begin, end),
        cmocka_unit_test_setup_teardown(test_refusal_is_remembered, begin, end),
        cmocka_unit_test_setup_teardown(test_vault_without_a_route, begin, end),
        cmocka_unit_test_setup_teardown(test_revoked_device, begin, end),
        cmocka_unit_test_setup_teardown(test_revoked_device_of_a_name_that_another_has, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_vault_at_a_renewal, begin, end),
        cmocka_unit_test_setup_teardown(test_unreadable_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_end_of_a_wait, begin, end),
        cmocka_unit_test_setup_teardown(test_certificate, begin, end),
        cmocka_unit_test_setup_teardown(test_refused_certificate_is_remembered, begin, end),
        cmocka_unit_test_setup_teardown(test_password_where_certificates_are, begin, end),
        cmocka_unit_test_setup_teardown(test_master, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
