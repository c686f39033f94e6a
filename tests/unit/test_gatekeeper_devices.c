/* Devices that are revoked while they are let in: the gatekeeper finds it out, and the house hears.
 */
#include "tests/unit/gatekeeper_scene.h"

#define CAROL "carol@plain.example"
#define PHONE "zyxwv-tsrqp-nmkjh-gfedc"

static unsigned heard; /* how often the house was told */

/* In place of the program's, which ends sessions. */
void __wrap_session_house_revoked(struct session_house *h);
void __wrap_session_house_revoked(struct session_house *h)
{
    assert_ptr_equal(h, &house);
    heard++;
}

static void add_phone(void)
{
    struct vault_device phone = {"phone", slice_of(PHONE), &all, NULL};
    struct device_limits limits;
    struct vault_entered entered;
    struct vault_key key;
    struct failure why;
    json_t *secret;

    assert_true(
        vault_open(dir, slice_of(ANN), slice_of(PASSWORD), &key, &secret, &limits, &entered, &why));
    assert_true(vault_add(dir, slice_of(ANN), &key, &phone, &why));
    json_decref(secret);
    device_limits_clear(&limits);
    vault_key_wipe(&key);
}

static void revoke_device(const char *login, const char *device)
{
    struct failure why;

    assert_true(vault_revoke(dir, slice_of(login), device, true, &why));
}

/* The printer, the phone, and Carol's printer. */
static void let_in_all(void)
{
    house.count = 1;
    heard = 0;
    make_vault(json_pack("{s:s}", "password", "upstream's"), &all);
    add_phone();
    make_vault_of(CAROL, json_pack("{s:s}", "password", "upstream's"), &all);
    forget_answers();
    ask(ANN, PASSWORD);
    ask(ANN, PHONE);
    ask(CAROL, PASSWORD);
    wait_for_all();
    for (unsigned i = 0; i < asked; i++)
        assert_non_null(answers[i].grant);
}

static void wait_until_heard(void)
{
    while (!heard)
        uv_run(&http_server.loop, UV_RUN_ONCE);
}

static bool is_revoked(unsigned i)
{
    return grant_is_revoked(answers[i].grant);
}

static void test_one_of_two(void **state)
{
    (void)state;
    let_in_all();
    revoke_device(ANN, "phone");
    wait_until_heard();
    assert_false(is_revoked(0));
    assert_true(is_revoked(1));
    assert_false(is_revoked(2));
}

/* Its grant is of the vault as it was: that a new one is there by this name is of no use to it. */
static void test_made_again(void **state)
{
    (void)state;
    let_in_all();
    revoke_device(ANN, "phone");
    add_phone();
    ask(ANN, PHONE);
    wait_for_all();
    wait_until_heard();
    assert_true(is_revoked(1));
    assert_false(is_revoked(3));
}

/* Nor is one that cannot be read, and it is looked at again. */
static void test_a_damaged_vault_revokes_nobody(void **state)
{
    char vault[] = "vault/" ANN ".json", kept[] = "kept.json";
    char from[128], to[128];

    (void)state;
    let_in_all();
    snprintf(from, sizeof from, "%s/%s", dir, vault);
    snprintf(to, sizeof to, "%s/%s", dir, kept);
    assert_int_equal(rename(from, to), 0);
    file_put(dir, vault, "{\"version\": 1");
    revoke_device(CAROL, "printer");
    wait_until_heard();
    assert_true(is_revoked(2));
    assert_false(is_revoked(0) || is_revoked(1));
    assert_int_equal(rename(to, from), 0);
    revoke_device(ANN, "phone");
    heard = 0;
    wait_until_heard();
    assert_true(is_revoked(1));
    assert_false(is_revoked(0));
}

/* Who asks for the credential once more finds it out before anybody looks. */
static void test_at_a_renewal(void **state)
{
    (void)state;
    let_in_all();
    revoke_device(ANN, "printer");
    expect_refused(renew(false), FAILURE_AUTH, false, "was revoked");
    assert_true(is_revoked(0));
    wait_until_heard();
    assert_false(is_revoked(2));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_of_two),
        TEST(test_made_again),
        TEST(test_a_damaged_vault_revokes_nobody),
        TEST(test_at_a_renewal),
    };

    return cmocka_run_group_tests_name("gatekeeper_devices", tests, NULL, NULL);
}
