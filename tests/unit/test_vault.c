/* What devices' passwords open, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/auth/vault.h"
#include "tests/unit/temp_dir.h"

static const struct device_limits all = {.pop3 = true, .imap = true};
static const char file[] = "vault/ann@example.com.json";

static char dir[64];
static struct failure failure;

/* What vault_open() gave last. */
static struct vault_key key;
static json_t *secret;
static struct device_limits limits;
static struct vault_entered entered;

static int begin(void **state)
{
    (void)state;
    strcpy(dir, temp_dir_make());
    return 0;
}

static void forget(void)
{
    vault_key_wipe(&key);
    json_decref(secret);
    secret = NULL;
    device_limits_clear(&limits);
    entered = (struct vault_entered){.device = ""};
    failure = (struct failure){0};
}

static int end(void **state)
{
    (void)state;
    forget();
    temp_dir_remove(dir);
    return 0;
}

static struct slice ann(void)
{
    return slice_of("ann@example.com");
}

static bool create(const char *name, const char *password, bool replace)
{
    json_t *token = json_pack("{s:s}", "refresh", "R-1");

    struct vault_device its = {name, slice_of(password), &all, NULL};
    failure = (struct failure){0};
    bool made = vault_create(dir, ann(), token, &its, replace, &failure);
    json_decref(token);
    return made;
}

static bool open_as(const char *login, const char *password)
{
    forget();
    bool opened = vault_open(dir, slice_of(login), slice_of(password), &key, &secret, &limits,
                             &entered, &failure);
    assert_int_equal(opened, failure.kind == FAILURE_NONE);
    assert_int_equal(opened, secret != NULL);
    return opened;
}

static bool open_by(const char *password)
{
    return open_as("ann@example.com", password);
}

static const char *refresh(void)
{
    return json_string_value(json_object_get(secret, "refresh"));
}

static bool add(const char *name, const char *password, const struct device_limits *its)
{
    failure = (struct failure){0};
    return vault_add(dir, ann(), &key, &(struct vault_device){name, slice_of(password), its, NULL},
                     &failure);
}

/* The first of `from` in the file becomes `to`, which is as long. */
static void edit(const char *from, const char *to)
{
    char text[8192];
    FILE *f = fopen(temp_path(dir, file), "r+");

    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    char *at = strstr(text, from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    rewind(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static bool file_has(const char *text)
{
    char octets[8192];
    FILE *f = fopen(temp_path(dir, file), "r");

    assert_non_null(f);
    size_t n = fread(octets, 1, sizeof octets, f);
    fclose(f);
    return memmem(octets, n, text, strlen(text)) != NULL;
}

static void test_the_password_opens(void **state)
{
    struct stat st;

    (void)state;
    assert_true(create("printer", "pw-1", false));
    assert_true(open_by("pw-1"));
    assert_string_equal(refresh(), "R-1");
    assert_string_equal(entered.device, "printer");
    assert_true(limits.pop3 && limits.imap && !limits.read_only && !limits.never_delete);
    assert_null(limits.folder);
    assert_true(open_as("Ann@Example.COM", "pw-1"));
    assert_int_equal(stat(temp_path(dir, file), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(file_has("R-1"));
    assert_false(file_has("pw-1"));
}

static void test_nothing_else_opens(void **state)
{
    (void)state;
    assert_false(vault_exists(dir, ann()));
    assert_false(open_by("pw-1"));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_true(create("printer", "pw-1", false));
    assert_true(vault_exists(dir, ann()));
    assert_false(open_by("pw-2"));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_false(open_by(""));
    assert_false(open_as("bob@example.com", "pw-1"));
    assert_int_equal(failure.kind, FAILURE_AUTH);
}

static void test_each_device_by_itself(void **state)
{
    struct device_limits few = {.pop3 = true, .never_delete = true, .folder = (char *)"Scans"};

    (void)state;
    assert_true(create("laptop", "pw-1", false));
    assert_true(open_by("pw-1"));
    assert_true(add("printer", "pw-2", &few));
    assert_false(add("printer", "pw-3", &few));
    assert_non_null(strstr(failure.text, "already"));
    assert_true(open_by("pw-2"));
    assert_string_equal(refresh(), "R-1");
    assert_string_equal(entered.device, "printer");
    assert_true(limits.pop3 && !limits.imap && limits.never_delete);
    assert_string_equal(limits.folder, "Scans");
    assert_true(vault_revoke(dir, ann(), "laptop", false, &failure));
    assert_false(open_by("pw-1"));
    assert_true(open_by("pw-2"));
    assert_false(vault_revoke(dir, ann(), "laptop", false, &failure));
    assert_false(vault_revoke(dir, ann(), "printer", false, &failure));
    assert_non_null(strstr(failure.text, "--last"));
    assert_true(vault_revoke(dir, ann(), "printer", true, &failure));
    assert_false(vault_exists(dir, ann()));
}

static void test_an_open_vault_goes_on(void **state)
{
    json_t *renewed = json_pack("{s:s}", "refresh", "R-2");
    json_t *again = NULL;
    struct vault_entered printer;
    struct vault_key mine;

    (void)state;
    assert_true(create("printer", "pw-1", false));
    assert_true(open_by("pw-1"));
    mine = key;
    printer = entered;
    assert_true(vault_write(dir, ann(), &mine, renewed, &failure));
    assert_true(vault_read(dir, ann(), &mine, &printer, &again, &failure));
    assert_true(json_equal(renewed, again));
    json_decref(again);
    assert_true(open_by("pw-1"));
    assert_string_equal(refresh(), "R-2");
    assert_true(add("laptop", "pw-2", &all));
    assert_true(vault_revoke(dir, ann(), "printer", false, &failure));
    assert_false(vault_read(dir, ann(), &mine, &printer, &again, &failure));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_true(open_by("pw-2"));
    assert_true(add("printer", "pw-1", &all)); /* another one, whatever it is called */
    assert_false(vault_read(dir, ann(), &mine, &printer, &again, &failure));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    mine.octets[0] ^= 1;
    assert_false(vault_write(dir, ann(), &mine, renewed, &failure));
    json_decref(renewed);
    assert_true(open_by("pw-2"));
    assert_string_equal(refresh(), "R-2");
}

static bool has(const struct vault_entered *device)
{
    failure = (struct failure){0};
    return vault_has(dir, ann(), device, &failure);
}

/* Without its password; and only who took a device away has revoked it. */
static void test_a_device_is_there_until_it_is_revoked(void **state)
{
    struct vault_entered printer, phone;
    char away[128];

    (void)state;
    assert_true(create("printer", "pw-1", false));
    assert_true(open_by("pw-1"));
    printer = entered;
    assert_true(add("phone", "pw-2", &all));
    assert_true(open_by("pw-2"));
    phone = entered;
    assert_true(has(&printer) && has(&phone));
    edit("\"n\": 32768", "\"n\": 32767");
    assert_false(has(&phone));
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    edit("\"n\": 32767", "\"n\": 32768");
    assert_true(vault_revoke(dir, ann(), "phone", false, &failure));
    assert_true(has(&printer));
    assert_false(has(&phone));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_true(open_by("pw-1"));
    assert_true(add("phone", "pw-2", &all)); /* another one by that name */
    assert_false(has(&phone));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    snprintf(away, sizeof away, "%s/away", dir);
    assert_int_equal(rename(temp_path(dir, "vault"), away), 0);
    assert_false(has(&printer));
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
    assert_int_equal(rename(away, temp_path(dir, "vault")), 0);
    assert_true(has(&printer));
    assert_true(create("printer", "pw-1", true));
    assert_false(has(&printer));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_int_equal(remove(temp_path(dir, file)), 0);
    assert_false(has(&printer));
    assert_int_equal(failure.kind, FAILURE_AUTH);
}

static struct file_stamp stamp(const char *login)
{
    struct file_stamp s;
    int vaults = vaults_open(dir);

    assert_true(vaults >= 0);
    assert_true(vault_stamp(vaults, slice_of(login), &s));
    close(vaults);
    return s;
}

/* Of whoever's case; other users' do not change with it. */
static void test_a_stamp_changes_with_the_vault(void **state)
{
    (void)state;
    assert_int_equal(vaults_open(dir), -1);
    assert_true(create("printer", "pw-1", false));
    struct file_stamp first = stamp("ann@example.com"), none = stamp("bob@example.com");
    struct file_stamp same = stamp("Ann@Example.com");
    assert_true(first.there && !none.there);
    assert_true(file_stamp_equal(&first, &same));
    assert_true(open_by("pw-1"));
    assert_true(add("phone", "pw-2", &all));
    struct file_stamp then = stamp("ann@example.com"), still = stamp("bob@example.com");
    assert_false(file_stamp_equal(&first, &then));
    assert_true(file_stamp_equal(&none, &still));
}

static void test_limits_cannot_be_edited(void **state)
{
    struct device_limits few = {.pop3 = true, .read_only = true};

    (void)state;
    assert_true(create("laptop", "pw-1", false));
    assert_true(open_by("pw-1"));
    assert_true(add("printer", "pw-2", &few));
    edit("\"read_only\": true", "\"read_only\": null");
    assert_false(open_by("pw-2"));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_true(open_by("pw-1"));
}

static void damaged(const char *from, const char *to, const char *said)
{
    assert_true(create("printer", "pw-1", true));
    edit(from, to);
    assert_false(open_by("pw-1"));
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    assert_non_null(strstr(failure.text, file));
    assert_non_null(strstr(failure.text, said));
    assert_true(vault_exists(dir, ann()));
    assert_false(create("printer", "pw-1", false));
    assert_true(file_has(to));
}

static void test_a_damaged_file_is_refused(void **state)
{
    (void)state;
    damaged("\"version\": 1", "\"version\": 2", "newer");
    damaged("\"version\"", "\"wersion\"", "/version");
    damaged("{", "[", "");
    damaged("ann@example.com", "bob@example.com", "another user");
    damaged("\"n\": 32768", "\"n\": 32767", "/kdf/n");
    damaged("\"r\": 8", "\"r\": 0", "/kdf/r");
    damaged("\"salt\": \"", "\"salt\":\"!", "/kdf/salt");
    damaged("\"secret\"", "\"sekret\"", "/secret");
    assert_true(create("printer", "pw-1", true));
    assert_true(open_by("pw-1"));
}

static void add_some(int process)
{
    char name[32];

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%d-%d", process, i);
        if (!vault_add(dir, ann(), &key, &(struct vault_device){name, slice_of(name), &all, NULL},
                       &failure))
            _exit(1);
    }
    _exit(0);
}

static void test_two_processes(void **state)
{
    int status;

    (void)state;
    assert_true(create("printer", "pw-1", false));
    assert_true(open_by("pw-1"));
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            add_some(i);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    json_t *devices = vault_devices(dir, ann(), &failure);
    assert_int_equal(json_array_size(devices), 7);
    char *text = json_dumps(devices, 0);
    assert_null(strstr(text, "sealed"));
    free(text);
    json_decref(devices);
    assert_true(open_by("1-2"));
}

static void test_names_of_devices(void **state)
{
    char name[VAULT_DEVICE + 1];

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(create("", "pw", false));
    assert_false(create("a\nb", "pw", false));
    assert_false(create(name, "pw", false));
    name[VAULT_DEVICE - 1] = '\0';
    assert_true(create(name, "pw", false));
}

static void test_passwords(void **state)
{
    char one[VAULT_PASSWORD], other[VAULT_PASSWORD];

    (void)state;
    assert_true(vault_make_password(one));
    assert_true(vault_make_password(other));
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), 23);
    assert_int_equal(strspn(one, "abcdefghjkmnpqrstuvwxyz23456789-"), 23);
    assert_true(one[5] == '-' && one[11] == '-' && one[17] == '-');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_password_opens, begin, end),
        cmocka_unit_test_setup_teardown(test_nothing_else_opens, begin, end),
        cmocka_unit_test_setup_teardown(test_each_device_by_itself, begin, end),
        cmocka_unit_test_setup_teardown(test_an_open_vault_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(test_a_device_is_there_until_it_is_revoked, begin, end),
        cmocka_unit_test_setup_teardown(test_a_stamp_changes_with_the_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_limits_cannot_be_edited, begin, end),
        cmocka_unit_test_setup_teardown(test_a_damaged_file_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_two_processes, begin, end),
        cmocka_unit_test_setup_teardown(test_names_of_devices, begin, end),
        cmocka_unit_test(test_passwords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
