/* Passwords that are held, so that clients can prove them: what the gatekeeper tells of whom. */
#include <unistd.h>

#include "proxy/auth/held_key.h"
#include "tests/unit/gatekeeper_scene.h"

static void make_held_vault(void)
{
    struct held_key key;
    struct failure why;
    json_t *secret = tokens("A-1", 3600);

    assert_true(held_key_make(&key, temp_path(dir, "held.key"), &why));
    struct vault_device printer = {"printer", slice_of(PASSWORD), &all, &key};
    assert_true(vault_create(dir, slice_of(ANN), secret, &printer, true, &why));
    json_decref(secret);
}

/* The key's file was made after the gatekeeper, which looks for it every now and then. */
static void wait_for_key(bool there)
{
    unsigned char key[SASL_SERVER_KEY];

    while (gatekeeper_offers_proof(keeper, key) != there)
        uv_sleep(10);
}

/* The answer to a question for `login`, of no address. */
static const struct held_secret *question(const char *login, const char *mechanism, bool acting)
{
    bool nobody = strstr(login, "elsewhere.example");
    struct admission_request r = {
        .house = &house,
        .settings = settings,
        .route = nobody ? NULL : &settings->config->routes[0],
        .id = "0000test",
        .pop3 = true,
        .acting = acting,
        .login = slice_of(login),
    };

    forget_answers();
    assert_non_null(
        gatekeeper_question(keeper, &r, r.login, mechanism, on_answer, &answers[asked++]));
    wait_for_all();
    assert_int_equal(answers[0].why.kind, FAILURE_NONE);
    assert_null(answers[0].grant);
    return &answers[0].held;
}

static void expect_nobody(const struct held_secret *s, size_t key_size)
{
    assert_false(s->known);
    assert_int_equal(buf_size(&s->password), 0);
    assert_int_equal(s->scram.key_size, key_size);
    assert_int_equal(held_secret_of(s).kind, SASL_SECRET_NONE);
}

static void test_held_password(void **state)
{
    (void)state;
    make_held_vault();
    wait_for_key(true);
    const struct held_secret *s = question(ANN, "APOP", false);
    assert_int_equal(held_secret_of(s).kind, SASL_SECRET_PASSWORD);
    assert_true(slice_is(held_secret_of(s).password, PASSWORD));
    s = question("Ann@Example.com", "SCRAM-SHA-1", false);
    assert_int_equal(held_secret_of(s).kind, SASL_SECRET_SCRAM);
    assert_int_equal(held_secret_of(s).stored_key.n, 20);
    assert_int_equal(held_secret_of(s).iterations, HELD_ITERATIONS);
    assert_true(slice_is(buf_slice(&s->password), PASSWORD));
}

/* Whoever has none is not told from whoever is not there: nor by the work that is done for him. */
static void test_held_by_nobody(void **state)
{
    (void)state;
    make_held_vault();
    wait_for_key(true);
    expect_nobody(question("eve@example.com", "APOP", false), 0);
    expect_nobody(question("eve@example.com", "SCRAM-SHA-256", false), 32);
    expect_nobody(question("eve@elsewhere.example", "SCRAM-SHA-256", false), 32);
    expect_nobody(question(ANN, "SCRAM-SHA-256", true), 32);
    make_vault(tokens("A-1", 3600), &all);
    expect_nobody(question(ANN, "SCRAM-SHA-256", false), 32);
    file_put(dir, "vault/" ANN ".json", "{\"version\": 1, ");
    expect_nobody(question(ANN, "SCRAM-SHA-256", false), 32);
}

static void test_held_without_its_key(void **state)
{
    (void)state;
    wait_for_key(false);
    make_held_vault();
    wait_for_key(true);
    assert_int_equal(unlink(temp_path(dir, "held.key")), 0);
    wait_for_key(false);
    expect_nobody(question(ANN, "APOP", false), 0);
    expect_nobody(question(ANN, "SCRAM-SHA-256", false), 32);
}

/* It is a device's password or none: the upstream never sees it. */
static void test_proved(void **state)
{
    struct admission_request r = {
        .house = &house,
        .settings = settings,
        .id = "0000test",
        .pop3 = true,
        .proved = true,
    };

    (void)state;
    make_held_vault();
    const char *const logins[] = {ANN, ANN, "bob@plain.example"};
    const char *const passwords[] = {PASSWORD, "guess", "his own"};
    for (size_t i = 0; i < 3; i++) {
        r.route = &settings->config->routes[i / 2];
        r.login = r.upstream = slice_of(logins[i]);
        r.password = slice_of(passwords[i]);
        forget_answers();
        gatekeeper_admit(keeper, &r, on_answer, &answers[asked++]);
        wait_for_all();
        if (i == 0)
            expect_token(&answers[0], "A-1");
        else
            expect_refused(&answers[0], FAILURE_AUTH, true, "Authentication failed.");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_held_password, begin, end),
        cmocka_unit_test_setup_teardown(test_held_by_nobody, begin, end),
        cmocka_unit_test_setup_teardown(test_held_without_its_key, begin, end),
        cmocka_unit_test_setup_teardown(test_proved, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
