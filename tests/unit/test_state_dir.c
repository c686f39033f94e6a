#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "proxy/store/state_dir.h"
#include "tests/unit/temp_dir.h"

enum { PASSED, FAILED, NOT_PERMITTED };

/* Runs the attempt in a process of its own, since it gives up rights. */
static void in_a_child(int (*attempt)(const char *dir), const char *dir)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(attempt(dir));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_PERMITTED) {
        temp_dir_remove(dir);
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), PASSED);
}

/* For a child: the directory is refused, with these words. */
static int is_refused(const char *dir, const char *words)
{
    struct state_dir d;
    struct failure why = {.kind = FAILURE_NONE};

    if (state_dir_open(&d, dir, &why))
        return FAILED;
    if (why.kind == FAILURE_PERMANENT && strstr(why.text, words))
        return PASSED;
    fprintf(stderr, "%s\n", why.text);
    return FAILED;
}

static void is_made_with_its_parents(void **state)
{
    const char *dir = temp_dir_make();
    char deep[128];
    struct state_dir d;
    struct failure why;
    struct stat st;

    (void)state;
    snprintf(deep, sizeof deep, "%s/a/b//c", dir);
    assert_true(state_dir_open(&d, deep, &why));
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(temp_path(deep, "accounts"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(temp_path(deep, "lock"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    state_dir_close(&d);
    assert_true(state_dir_open(&d, deep, &why));
    state_dir_close(&d);
    temp_dir_remove(dir);
}

static int second_process(const char *dir)
{
    char words[64];

    snprintf(words, sizeof words, "in use by process %ld on host ", (long)getppid());
    return is_refused(dir, words);
}

static void a_second_process_is_told_who_holds_it(void **state)
{
    const char *dir = temp_dir_make();
    struct state_dir d;
    struct failure why;

    (void)state;
    assert_true(state_dir_open(&d, dir, &why));
    in_a_child(second_process, dir);
    state_dir_close(&d);
    assert_true(state_dir_open(&d, dir, &why));
    state_dir_close(&d);
    temp_dir_remove(dir);
}

static int as_nobody(const char *dir)
{
    return setuid(65534) == 0 ? is_refused(dir, "chown -R") : NOT_PERMITTED;
}

static void not_writable(void **state)
{
    const char *dir = temp_dir_make();

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    in_a_child(as_nobody, dir);
    temp_dir_remove(dir);
}

static int owned_by_another(const char *dir)
{
    return chown(dir, 12345, 12345) == 0
               ? is_refused(dir, "is owned by uid 12345 but this process is uid 0")
               : NOT_PERMITTED;
}

static void another_users_directory(void **state)
{
    const char *dir = temp_dir_make();

    (void)state;
    in_a_child(owned_by_another, dir);
    temp_dir_remove(dir);
}

static int on_read_only(const char *dir)
{
    char below[128];

    if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", dir, "tmpfs", MS_RDONLY, NULL) != 0)
        return NOT_PERMITTED;
    snprintf(below, sizeof below, "%s/state", dir);
    return is_refused(dir, "mount it writable") == PASSED &&
                   is_refused(below, "mount it writable") == PASSED
               ? PASSED
               : FAILED;
}

static void a_read_only_file_system(void **state)
{
    const char *dir = temp_dir_make();

    (void)state;
    in_a_child(on_read_only, dir);
    temp_dir_remove(dir);
}

static void other_things_in_its_place(void **state)
{
    const char *dir = temp_dir_make();
    char lock[128];

    (void)state;
    file_put(dir, "file", "");
    assert_int_equal(is_refused(temp_path(dir, "file"), "take away what stands there"), PASSED);
    assert_int_equal(is_refused("", "no such file"), PASSED);
    strcpy(lock, temp_path(dir, "lock"));
    assert_int_equal(symlink("/dev/null", lock), 0);
    assert_int_equal(is_refused(dir, "symbolic link"), PASSED);
    assert_int_equal(remove(lock), 0);
    assert_int_equal(mkfifo(lock, 0600), 0);
    assert_int_equal(is_refused(dir, "take away what stands there"), PASSED);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_made_with_its_parents),
        cmocka_unit_test(a_second_process_is_told_who_holds_it),
        cmocka_unit_test(not_writable),
        cmocka_unit_test(another_users_directory),
        cmocka_unit_test(a_read_only_file_system),
        cmocka_unit_test(other_things_in_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
