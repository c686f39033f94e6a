/* Passwords of devices that the gateway's key opens, and what it does not open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/auth/vault.h"
#include "tests/unit/temp_dir.h"

#define ANN "ann@example.com"
#define BOB "bob@example.com"

static const struct device_limits all = {.pop3 = true, .imap = true};

static char dir[64];
static struct held_key key;
static struct failure failure;

static int begin(void **state)
{
    (void)state;
    strcpy(dir, temp_dir_make());
    failure = (struct failure){0};
    return held_key_make(&key, temp_path(dir, "held.key"), &failure) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

/* A vault with one device. */
static void create(const char *login, const char *device, const char *password, bool held)
{
    struct vault_device its = {device, slice_of(password), &all, held ? &key : NULL};
    json_t *secret = json_pack("{s:s}", "password", "upstream's");

    assert_true(vault_create(dir, slice_of(login), secret, &its, false, &failure));
    json_decref(secret);
}

/* With `its` key of the vault that `password` opens; and that is left to the caller. */
static bool open_by(const char *login, const char *password, struct vault_key *its)
{
    struct device_limits limits = {.folder = NULL};
    struct vault_entered entered;
    json_t *secret = NULL;

    bool opened = vault_open(dir, slice_of(login), slice_of(password), its, &secret, &limits,
                             &entered, &failure);
    json_decref(secret);
    device_limits_clear(&limits);
    return opened;
}

static bool add(const char *login, const char *known, const char *device, const char *password,
                bool held)
{
    struct vault_device its = {device, slice_of(password), &all, held ? &key : NULL};
    struct vault_key open;

    assert_true(open_by(login, known, &open));
    return vault_add(dir, slice_of(login), &open, &its, &failure);
}

/* The password that is held; "" when there is none. Valid until the next call. */
static const char *held_with(const struct held_key *k, const char *login)
{
    static char text[64];
    struct buf password = {.secret = true};

    failure = (struct failure){0};
    bool held = vault_held(dir, slice_of(login), k, &password, &failure);
    assert_int_equal(held, failure.kind == FAILURE_NONE);
    assert_int_equal(held, buf_size(&password) > 0);
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(buf_slice(&password)));
    buf_wipe(&password);
    return text;
}

static const char *held(const char *login)
{
    return held_with(&key, login);
}

static void expect_damaged(void)
{
    assert_string_equal(held(ANN), "");
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    assert_non_null(strstr(failure.text, "ann@example.com.json"));
    assert_non_null(strstr(failure.text, "revoke"));
}

static json_t *load(const char *login)
{
    char name[64];

    snprintf(name, sizeof name, "vault/%s.json", login);
    json_t *document = json_load_file(temp_path(dir, name), 0, NULL);
    assert_non_null(document);
    return document;
}

static void store(const char *login, json_t *document)
{
    char name[64];

    snprintf(name, sizeof name, "vault/%s.json", login);
    assert_int_equal(json_dump_file(document, temp_path(dir, name), 0), 0);
    json_decref(document);
}

static json_t *device_of(json_t *document, size_t i)
{
    return json_array_get(json_object_get(document, "devices"), i);
}

static void test_it_comes_back(void **state)
{
    (void)state;
    assert_string_equal(held(ANN), "");
    assert_int_equal(failure.kind, FAILURE_AUTH);
    create(ANN, "till", "pw-till-1", true);
    assert_string_equal(held(ANN), "pw-till-1");
    assert_string_equal(held("Ann@Example.COM"), "pw-till-1");
    assert_string_equal(held(BOB), "");
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_null(strstr(file_get(dir, "vault/ann@example.com.json"), "pw-till-1"));
}

static void test_only_where_it_was_said(void **state)
{
    struct vault_key open;

    (void)state;
    create(ANN, "laptop", "pw-laptop", false);
    assert_string_equal(held(ANN), "");
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_null(strstr(file_get(dir, "vault/ann@example.com.json"), "held"));
    assert_true(add(ANN, "pw-laptop", "till", "pw-till-1", true));
    assert_string_equal(held(ANN), "pw-till-1");
    assert_true(open_by(ANN, "pw-till-1", &open) && open_by(ANN, "pw-laptop", &open));
}

static void test_one_of_each_user(void **state)
{
    (void)state;
    create(ANN, "till", "pw-till-1", true);
    create(BOB, "till", "pw-bob-1", true);
    assert_false(add(ANN, "pw-till-1", "other", "pw-other", true));
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    assert_non_null(strstr(failure.text, "\"till\""));
    assert_true(add(ANN, "pw-till-1", "other", "pw-other", false));
    assert_true(vault_revoke(dir, slice_of(ANN), "till", false, &failure));
    assert_string_equal(held(ANN), "");
    assert_true(add(ANN, "pw-other", "third", "pw-third", true));
    assert_string_equal(held(ANN), "pw-third");
    assert_string_equal(held(BOB), "pw-bob-1");
}

static void test_the_list_says_which(void **state)
{
    (void)state;
    create(ANN, "till", "pw-till-1", true);
    assert_true(add(ANN, "pw-till-1", "other", "pw-other", false));
    json_t *devices = vault_devices(dir, slice_of(ANN), &failure);
    assert_true(json_is_true(json_object_get(json_array_get(devices, 0), "held")));
    assert_true(json_is_false(json_object_get(json_array_get(devices, 1), "held")));
    char *text = json_dumps(devices, 0);
    assert_null(strstr(text, "sealed"));
    free(text);
    json_decref(devices);
}

static void test_another_key(void **state)
{
    struct held_key other = key;

    (void)state;
    create(ANN, "till", "pw-till-1", true);
    other.seal[0] ^= 1;
    assert_string_equal(held_with(&other, ANN), "");
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
}

/* The device's own password opens the vault all the same. */
static void test_changed(void **state)
{
    struct vault_key open;

    (void)state;
    create(ANN, "till", "pw-till-1", true);
    json_t *document = load(ANN);
    json_t *sealed = json_object_get(device_of(document, 0), "held");
    char text[128];
    snprintf(text, sizeof text, "%s", json_string_value(json_object_get(sealed, "sealed")));
    text[0] = text[0] == 'A' ? 'B' : 'A';
    json_object_set_new(sealed, "sealed", json_string(text));
    store(ANN, document);
    expect_damaged();
    assert_true(open_by(ANN, "pw-till-1", &open));
    document = load(ANN);
    json_object_set_new(device_of(document, 0), "held", json_true());
    store(ANN, document);
    expect_damaged();
}

static void test_limits_cannot_be_edited(void **state)
{
    (void)state;
    create(ANN, "till", "pw-till-1", true);
    json_t *document = load(ANN);
    json_object_set_new(json_object_get(device_of(document, 0), "limits"), "read_only",
                        json_true());
    store(ANN, document);
    expect_damaged();
}

static void paste(const char *from, size_t i, json_t *into)
{
    json_t *document = load(from);

    json_object_set(into, "held", json_object_get(device_of(document, i), "held"));
    json_decref(document);
}

static void test_pasted(void **state)
{
    (void)state;
    create(ANN, "till", "pw-till-1", true);
    create(BOB, "till", "pw-bob-1", true);
    json_t *document = load(ANN);
    paste(BOB, 0, device_of(document, 0));
    store(ANN, document);
    expect_damaged();
}

static void test_pasted_to_another_device(void **state)
{
    (void)state;
    create(ANN, "laptop", "pw-laptop", false);
    assert_true(add(ANN, "pw-laptop", "till", "pw-till-1", true));
    json_t *document = load(ANN);
    paste(ANN, 1, device_of(document, 0));
    store(ANN, document);
    expect_damaged();
}

/* As it was written before passwords could be held. */
static const char old_vault[] =
    "{\"version\": 1, \"login\": \"ann@example.com\", \"kdf\": {\"name\": \"scrypt\", \"n\": "
    "32768, "
    "\"r\": 8, \"p\": 1, \"salt\": \"opyjVPiiUnKCt1qjooFkzA==\"}, \"devices\": [{\"name\": "
    "\"scanner\", \"created\": 1795271782, \"limits\": {\"pop3\": true, \"imap\": false, "
    "\"read_only\": false, \"never_delete\": true}, \"key\": {\"nonce\": \"xMtnkzqXaR+8wbR2\", "
    "\"sealed\": \"8vUZaUpiRtEa9mU4LUkRrt33SoenND1huHI6354UMTTpJEZOskFLgd6f8LVNcZTe\"}}], "
    "\"secret\": {\"nonce\": \"Ml4v4sOzsYbF58D7\", \"sealed\": "
    "\"qOyLBW2jluK8p/coXO27bEWL3SGyn31c5zOUHhvCVeOBFTzI/ryPzQ==\"}}";

static void test_a_vault_of_before(void **state)
{
    (void)state;
    create(ANN, "in its place", "pw-till-1", false); /* for the directory */
    file_put(dir, "vault/ann@example.com.json", old_vault);
    assert_string_equal(held(ANN), "");
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_true(add(ANN, "dev1c-epass-w0rd", "till", "pw-till-1", true));
    assert_string_equal(held(ANN), "pw-till-1");
    assert_false(add(ANN, "dev1c-epass-w0rd", "scanner", "pw-other", false));
}

static void test_a_damaged_file(void **state)
{
    (void)state;
    create(ANN, "till", "pw-till-1", true);
    file_put(dir, "vault/ann@example.com.json", "{");
    assert_string_equal(held(ANN), "");
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(test_only_where_it_was_said, begin, end),
        cmocka_unit_test_setup_teardown(test_one_of_each_user, begin, end),
        cmocka_unit_test_setup_teardown(test_the_list_says_which, begin, end),
        cmocka_unit_test_setup_teardown(test_another_key, begin, end),
        cmocka_unit_test_setup_teardown(test_changed, begin, end),
        cmocka_unit_test_setup_teardown(test_limits_cannot_be_edited, begin, end),
        cmocka_unit_test_setup_teardown(test_pasted, begin, end),
        cmocka_unit_test_setup_teardown(test_pasted_to_another_device, begin, end),
        cmocka_unit_test_setup_teardown(test_a_vault_of_before, begin, end),
        cmocka_unit_test_setup_teardown(test_a_damaged_file, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
