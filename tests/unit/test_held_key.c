/* The gateway's key: made once, whole, for nobody else; and what is no key is not taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "proxy/auth/held_key.h"
#include "tests/unit/temp_dir.h"

static char dir[64], path[128];
static struct held_key key;
static struct failure failure;

static int begin(void **state)
{
    (void)state;
    strcpy(dir, temp_dir_make());
    strcpy(path, temp_path(dir, "held.key"));
    failure = (struct failure){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static void expect_none(enum failure_kind kind, const char *said)
{
    failure = (struct failure){0};
    assert_false(held_key_read(&key, path, &failure));
    assert_int_equal(failure.kind, kind);
    assert_non_null(strstr(failure.text, path));
    assert_non_null(strstr(failure.text, said));
}

static void test_where_it_is(void **state)
{
    char *own = held_key_path("/var/lib/x", NULL), *other = held_key_path("/var/lib/x", "/run/k");

    (void)state;
    assert_string_equal(own, "/var/lib/x/held.key");
    assert_string_equal(other, "/run/k");
    free(own);
    free(other);
}

static void test_made_once(void **state)
{
    struct held_key again;
    struct stat st;

    (void)state;
    expect_none(FAILURE_AUTH, "--held");
    assert_true(held_key_make(&key, path, &failure));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_true(held_key_make(&again, path, &failure));
    assert_memory_equal(&key, &again, sizeof key);
    assert_true(held_key_read(&again, path, &failure));
    assert_memory_equal(&key, &again, sizeof key);
    assert_memory_not_equal(key.seal, key.decoy, sizeof key.seal);
    held_key_wipe(&again);
    assert_memory_not_equal(&key, &again, sizeof key);
}

static void test_each_is_another(void **state)
{
    struct held_key other;

    (void)state;
    assert_true(held_key_make(&key, path, &failure));
    assert_int_equal(unlink(path), 0);
    assert_true(held_key_make(&other, path, &failure));
    assert_memory_not_equal(key.seal, other.seal, sizeof key.seal);
    assert_memory_not_equal(key.decoy, other.decoy, sizeof key.decoy);
}

/* As Kubernetes mounts a secret. */
static void test_behind_a_symbolic_link(void **state)
{
    struct held_key again;
    char real[128];

    (void)state;
    strcpy(real, temp_path(dir, "real"));
    assert_true(held_key_make(&key, real, &failure));
    assert_int_equal(symlink("real", path), 0);
    assert_true(held_key_read(&again, path, &failure));
    assert_memory_equal(&key, &again, sizeof key);
}

static void refused(size_t size)
{
    char octets[64] = "";

    memset(octets, 'x', size);
    file_put(dir, "held.key", octets);
    expect_none(FAILURE_PERMANENT, "32 octets");
    assert_false(held_key_make(&key, path, &failure));
    assert_string_equal(file_get(dir, "held.key"), octets);
}

static void test_what_is_none(void **state)
{
    (void)state;
    refused(0);
    refused(31);
    refused(33);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_none(FAILURE_TEMPORARY, "open");
}

static void test_no_place_for_it(void **state)
{
    (void)state;
    strcpy(path, temp_path(dir, "nowhere/held.key"));
    assert_false(held_key_make(&key, path, &failure));
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(failure.text, path));
}

static void test_two_processes(void **state)
{
    int status;

    (void)state;
    for (int i = 0; i < 4; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            bool made = held_key_make(&key, path, &failure);
            FILE *f = fopen(temp_path(dir, (const char *[]){"0", "1", "2", "3"}[i]), "w");
            made = made && f && fwrite(&key, sizeof key, 1, f) == 1 && fclose(f) == 0;
            _exit(made ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_true(held_key_read(&key, path, &failure));
    for (int i = 0; i < 4; i++) {
        struct held_key its;
        FILE *f = fopen(temp_path(dir, (const char *[]){"0", "1", "2", "3"}[i]), "r");
        assert_non_null(f);
        assert_int_equal(fread(&its, sizeof its, 1, f), 1);
        fclose(f);
        assert_memory_equal(&key, &its, sizeof key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_is),
        cmocka_unit_test_setup_teardown(test_made_once, begin, end),
        cmocka_unit_test_setup_teardown(test_each_is_another, begin, end),
        cmocka_unit_test_setup_teardown(test_behind_a_symbolic_link, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_none, begin, end),
        cmocka_unit_test_setup_teardown(test_no_place_for_it, begin, end),
        cmocka_unit_test_setup_teardown(test_two_processes, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
