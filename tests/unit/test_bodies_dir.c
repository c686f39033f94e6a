/*
 * A cache that is cleared, on a real disk: its numbers go to other messages next, so it has to be
 * gone for good before they are given. What is synced is seen by standing before fsync().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/store/bodies_dir.h"
#include "tests/unit/temp_dir.h"

static const char *const cached[] = {"7.head", "7.mail", "1.heads", "1.mails", "1.structure"};

enum { CACHED = sizeof cached / sizeof *cached };

static struct {
    char dir[64];
    int accounts;
    bool fails;
    unsigned syncs;
    ino_t synced;
    size_t left; /* files of the cache when it was synced */
} it;

static const char *file(const char *name)
{
    return temp_path(temp_path(it.dir, "ann/bodies"), name);
}

static size_t files_left(void)
{
    size_t left = 0;

    for (size_t i = 0; i < CACHED; i++)
        left += access(file(cached[i]), F_OK) == 0;
    return left;
}

int fsync(int fd)
{
    struct stat st;

    if (it.fails) {
        errno = EIO;
        return -1;
    }
    it.syncs++;
    it.synced = fstat(fd, &st) == 0 ? st.st_ino : 0;
    it.left = files_left();
    return (int)syscall(SYS_fsync, fd);
}

static void make_file(const char *name)
{
    FILE *f = fopen(file(name), "w");

    assert_non_null(f);
    assert_int_equal(fputs("text", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&it, 0, sizeof it);
    snprintf(it.dir, sizeof it.dir, "%s", temp_dir_make());
    it.accounts = open(it.dir, O_RDONLY | O_DIRECTORY);
    int bodies = bodies_dir_open(it.accounts, "ann", true);
    assert_true(bodies >= 0);
    close(bodies);
    for (size_t i = 0; i < CACHED; i++)
        make_file(cached[i]);
    make_file("m-3");
    it.syncs = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(it.accounts);
    temp_dir_remove(it.dir);
    return 0;
}

static void what_is_cleared_is_gone_for_good(void **state)
{
    struct bodies_scan scan;
    struct stat st;

    (void)state;
    assert_true(bodies_dir_scan(it.accounts, "ann", true, &scan));
    assert_int_equal(scan.count, 0);
    assert_int_equal(scan.key_next, 4);
    assert_int_equal(it.syncs, 1);
    assert_int_equal(it.left, 0);
    assert_int_equal(stat(file(""), &st), 0);
    assert_int_equal(it.synced, st.st_ino);
    assert_int_equal(access(file("m-3"), F_OK), 0);
}

static void what_may_come_back_is_not_cleared(void **state)
{
    struct bodies_scan scan;

    (void)state;
    it.fails = true;
    assert_false(bodies_dir_scan(it.accounts, "ann", true, &scan));
    assert_int_equal(errno, EIO);
    free(scan.files);
}

static void what_stays_is_not_synced(void **state)
{
    struct bodies_scan scan;

    (void)state;
    assert_true(bodies_dir_scan(it.accounts, "ann", false, &scan));
    assert_int_equal(scan.count, CACHED);
    assert_int_equal(files_left(), CACHED);
    assert_int_equal(it.syncs, 0);
    free(scan.files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_cleared_is_gone_for_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_may_come_back_is_not_cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stays_is_not_synced, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
