/*
 * A disk that fails twice: what was appended cannot be synced, and cannot be cut off again. Nobody
 * was told that it is there, so nobody may see it, and nothing may be put behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/syscall.h>

#include "tests/unit/store_asked.h"

static bool sync_fails, cut_fails;

int fdatasync(int fd)
{
    errno = EIO;
    return sync_fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t n)
{
    errno = EIO;
    return cut_fails ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

/* An account whose message 2 could neither be written nor taken back. */
static struct store *failed_twice(const char *dir, uint32_t before)
{
    struct store *s = open_store(dir);

    if (before)
        assert_int_equal(append(s, before).why.kind, FAILURE_NONE);
    sync_fails = cut_fails = true;
    assert_int_equal(append(s, 2).why.kind, FAILURE_TEMPORARY);
    sync_fails = false;
    return s;
}

static void assert_refused(struct failure why)
{
    assert_int_equal(why.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(why.text, "cannot cut what was not synced off"));
    assert_non_null(strstr(why.text, "/accounts/ann/journal-0.jsonl"));
    assert_non_null(strstr(why.text, "kernel's log"));
}

static void nothing_is_read_or_appended_before_it_is_cut_off(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = failed_twice(dir, 1);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_refused(append(s, 3).why);
        assert_refused(load(s).why);
    }
    cut_fails = false;
    assert_int_equal(loaded_count(s), 1);
    assert_int_equal(append(s, 4).why.kind, FAILURE_NONE);
    assert_int_equal(append(s, 5).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), 3);
    store_close(s);
    s = open_store(dir);
    assert_int_equal(loaded_count(s), 3);
    store_close(s);
    temp_dir_remove(dir);
}

static void an_append_cuts_it_off_too(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = failed_twice(dir, 0); /* and the journal is new */

    (void)state;
    cut_fails = false;
    assert_int_equal(append(s, 3).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), 1);
    store_close(s);
    temp_dir_remove(dir);
}

static void other_accounts_go_on(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = failed_twice(dir, 1);
    struct answer answer = {.calls = 0};

    (void)state;
    store_append(s, uv_default_loop(), &drop_state_kind, slice_of("bob"), records_of(1), saved,
                 &answer);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(answer.why.kind, FAILURE_NONE);
    cut_fails = false;
    store_close(s);
    temp_dir_remove(dir);
}

/* Then nobody is there who was told that it failed: whatever is on the disk is what there is. */
static void another_process_takes_it_as_it_is(void **state)
{
    const char *dir = temp_dir_make();

    (void)state;
    store_close(failed_twice(dir, 1));
    cut_fails = false;
    struct store *s = open_store(dir);
    assert_int_equal(loaded_count(s), 2);
    assert_int_equal(append(s, 3).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), 3);
    store_close(s);
    temp_dir_remove(dir);
}

/* Somebody took the files away meanwhile. */
static void nothing_is_left_to_be_cut_off(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = failed_twice(dir, 1);

    (void)state;
    assert_int_equal(unlink(temp_path(dir, "accounts/ann/journal-0.jsonl")), 0);
    assert_int_equal(rmdir(temp_path(dir, "accounts/ann")), 0);
    assert_int_equal(loaded_count(s), 0);
    cut_fails = false;
    assert_int_equal(append(s, 3).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), 1);
    store_close(s);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_read_or_appended_before_it_is_cut_off),
        cmocka_unit_test(an_append_cuts_it_off_too),
        cmocka_unit_test(other_accounts_go_on),
        cmocka_unit_test(another_process_takes_it_as_it_is),
        cmocka_unit_test(nothing_is_left_to_be_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, close_default_loop);
}
