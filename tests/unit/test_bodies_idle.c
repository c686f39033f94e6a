/* The bound of all caches: those of accounts that nobody has open give way first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "proxy/store/bodies_idle.h"
#include "tests/unit/temp_dir.h"

static struct {
    char dir[64];
    int fd;
    atomic_uint_fast64_t open;
    struct bodies_idle *idle;
} it;

/* An account of 10 octets of cache, and more that is none; last used `seconds` after 1970. */
static void make_account(const char *name, time_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    char path[64];

    assert_int_equal(mkdir(temp_path(it.dir, name), 0700), 0);
    snprintf(path, sizeof path, "%s/bodies", name);
    assert_int_equal(mkdir(temp_path(it.dir, path), 0700), 0);
    snprintf(path, sizeof path, "%s/bodies/1.mail", name);
    file_put(it.dir, path, "1234567");
    snprintf(path, sizeof path, "%s/bodies/2.heads", name);
    file_put(it.dir, path, "123");
    snprintf(path, sizeof path, "%s/bodies/m-1", name);
    file_put(it.dir, path, "this is durable");
    snprintf(path, sizeof path, "%s/bodies/t-1", name);
    file_put(it.dir, path, "this is being written");
    snprintf(path, sizeof path, "%s/bodies", name);
    assert_int_equal(utimensat(AT_FDCWD, temp_path(it.dir, path), times, 0), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(it.dir, temp_dir_make());
    make_account("ann", 3000);
    make_account("bob", 1000);
    make_account("eve", 2000);
    assert_int_equal(mkdir(temp_path(it.dir, "new"), 0700), 0);
    it.fd = open(it.dir, O_RDONLY | O_DIRECTORY);
    it.open = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bodies_idle_free(it.idle);
    close(it.fd);
    temp_dir_remove(it.dir);
    return 0;
}

static void begin(uint64_t limit)
{
    it.idle = bodies_idle_new(it.fd, limit, &it.open);
    assert_non_null(it.idle);
    bodies_idle_settle(it.idle);
}

/* Whose cache is still there. */
static const char *caches(void)
{
    static char text[16];

    snprintf(text, sizeof text, "%s%s%s", file_is_there(it.dir, "ann/bodies/1.mail") ? "ann " : "",
             file_is_there(it.dir, "bob/bodies/1.mail") ? "bob " : "",
             file_is_there(it.dir, "eve/bodies/1.mail") ? "eve " : "");
    return text;
}

static void what_fits_stays(void **state)
{
    (void)state;
    begin(30);
    assert_string_equal(caches(), "ann bob eve ");
}

static void the_start_evicts_what_was_used_longest_ago(void **state)
{
    (void)state;
    begin(29);
    assert_string_equal(caches(), "ann eve ");
    assert_false(file_is_there(it.dir, "bob/bodies/2.heads"));
    assert_true(file_is_there(it.dir, "bob/bodies/m-1"));
    assert_true(file_is_there(it.dir, "bob/bodies/t-1"));
}

static void open_accounts_push_the_others_out(void **state)
{
    (void)state;
    begin(30);
    bodies_idle_opened(it.idle, "bob");
    it.open = 11;
    bodies_idle_grown(it.idle);
    bodies_idle_settle(it.idle);
    assert_string_equal(caches(), "ann bob ");

    /* More than the bound by themselves: the rest is theirs to see to. */
    it.open = 100;
    bodies_idle_grown(it.idle);
    bodies_idle_settle(it.idle);
    assert_string_equal(caches(), "bob ");
}

static void who_was_open_last_goes_last(void **state)
{
    (void)state;
    begin(30);
    bodies_idle_opened(it.idle, "bob");
    it.open = 10;
    bodies_idle_closed(it.idle, "bob", 10);
    it.open = 0;
    bodies_idle_opened(it.idle, "new");
    it.open = 15;
    bodies_idle_grown(it.idle);
    bodies_idle_settle(it.idle);
    assert_string_equal(caches(), "bob ");
    bodies_idle_closed(it.idle, "new", 0);
    it.open = 0;
    bodies_idle_settle(it.idle);
    assert_string_equal(caches(), "bob ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_fits_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_start_evicts_what_was_used_longest_ago, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(open_accounts_push_the_others_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_was_open_last_goes_last, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
