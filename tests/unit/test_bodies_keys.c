/* Durable bodies as a whole: which are swept, kept aside, linked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "proxy/store/bodies_keys.h"
#include "proxy/store/disk.h"
#include "tests/unit/temp_dir.h"

static struct {
    char dir[64];
    int fd;     /* the account's directory */
    int bodies; /* in it */
} it;

static int set_up(void **state)
{
    (void)state;
    strcpy(it.dir, temp_dir_make());
    assert_int_equal(mkdir(temp_path(it.dir, "bodies"), 0700), 0);
    for (const char *const *name =
             (const char *const[]){"bodies/m-1", "bodies/m-2", "bodies/m-10", "bodies/m-02",
                                   "bodies/7.mail", "bodies/t-3", NULL};
         *name; name++)
        file_put(it.dir, *name, *name);
    it.fd = open(it.dir, O_RDONLY | O_DIRECTORY);
    it.bodies = disk_open_dir(it.fd, "bodies");
    assert_true(it.bodies >= 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(it.bodies);
    close(it.fd);
    temp_dir_remove(it.dir);
    return 0;
}

static void keys_are_found_among_other_files(void **state)
{
    (void)state;
    struct bodies_keys found = {0};

    assert_true(bodies_keys_list(it.bodies, &found));
    assert_int_equal(found.count, 3);
    assert_int_equal(found.numbers[0], 1);
    assert_int_equal(found.numbers[1], 2);
    assert_int_equal(found.numbers[2], 10);
    assert_true(bodies_keys_has(&found, 10));
    assert_false(bodies_keys_has(&found, 3));
    bodies_keys_clear(&found);
    assert_false(bodies_keys_has(&found, 10));
}

static void what_the_state_does_not_name_is_swept(void **state)
{
    (void)state;
    struct bodies_keys named = {0};
    size_t swept = 0;

    assert_true(bodies_keys_add(&named, "m-10"));
    assert_true(bodies_keys_add(&named, "m-2"));
    assert_true(bodies_keys_add(&named, "../m-1"));
    bodies_keys_sort(&named);
    assert_int_equal(named.count, 2);
    assert_true(bodies_keys_sweep(it.bodies, &named, &swept));
    assert_int_equal(swept, 1);
    assert_false(file_is_there(it.dir, "bodies/m-1"));
    assert_true(file_is_there(it.dir, "bodies/m-2"));
    assert_true(file_is_there(it.dir, "bodies/m-10"));
    assert_true(file_is_there(it.dir, "bodies/m-02"));
    assert_true(file_is_there(it.dir, "bodies/7.mail"));
    bodies_keys_clear(&named);
}

static void bodies_go_beside_the_state_that_was_lost(void **state)
{
    (void)state;
    unsigned where = 0;
    size_t moved = 0;

    assert_int_equal(mkdir(temp_path(it.dir, "damaged-1"), 0700), 0);
    assert_int_equal(mkdir(temp_path(it.dir, "damaged-2"), 0700), 0);
    assert_true(bodies_keys_set_aside(it.fd, &where, &moved));
    assert_int_equal(where, 2);
    assert_int_equal(moved, 3);
    assert_string_equal(file_get(it.dir, "damaged-2/bodies/m-10"), "bodies/m-10");
    assert_false(file_is_there(it.dir, "bodies/m-10"));
    assert_true(file_is_there(it.dir, "bodies/7.mail"));
    assert_true(bodies_keys_set_aside(it.fd, &where, &moved));
    assert_int_equal(moved, 0);

    /* Lost again: the first ones stay what they are. */
    file_put(it.dir, "bodies/m-10", "another");
    assert_true(bodies_keys_set_aside(it.fd, &where, &moved));
    assert_int_equal(where, 3);
    assert_string_equal(file_get(it.dir, "damaged-2/bodies/m-10"), "bodies/m-10");
    assert_string_equal(file_get(it.dir, "damaged-3/bodies/m-10"), "another");
}

static void an_account_without_bodies_is_left_alone(void **state)
{
    (void)state;
    unsigned where = 0;
    size_t moved = 1;
    int nothing = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);

    assert_true(bodies_keys_set_aside(nothing, &where, &moved));
    assert_int_equal(moved, 0);
    assert_true(bodies_keys_preserve(nothing, it.fd));
    close(nothing);
}

static void preserving_gives_second_names(void **state)
{
    (void)state;
    int aside;

    assert_int_equal(mkdir(temp_path(it.dir, "replaced-1"), 0700), 0);
    aside = disk_open_dir(it.fd, "replaced-1");
    assert_true(bodies_keys_preserve(it.fd, aside));
    assert_string_equal(file_get(it.dir, "replaced-1/bodies/m-2"), "bodies/m-2");
    assert_true(file_is_there(it.dir, "bodies/m-2"));
    assert_false(file_is_there(it.dir, "replaced-1/bodies/7.mail"));
    close(aside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_found_among_other_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_state_does_not_name_is_swept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_go_beside_the_state_that_was_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_account_without_bodies_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(preserving_gives_second_names, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
