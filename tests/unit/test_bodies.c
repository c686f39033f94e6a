/*
 * Bodies on a real disk, by a real loop and the thread pool.
 */
#include "tests/unit/bodies_scene.h"

static void a_part_is_read_in_ranges(void **state)
{
    struct slice mail = slice_of(MAIL);

    (void)state;
    put(7, ACCOUNT_WHOLE, MAIL);
    assert_read((struct bodies_range){7, NULL, ACCOUNT_WHOLE, 0, UINT64_MAX, 0}, mail, mail.n);
    assert_read((struct bodies_range){7, NULL, ACCOUNT_WHOLE, 9, 5, 0}, slice_of("hello"), mail.n);
    assert_read((struct bodies_range){7, NULL, ACCOUNT_WHOLE, mail.n - 2, 100, 0}, slice_of("\r\n"),
                mail.n);
    assert_read((struct bodies_range){7, NULL, ACCOUNT_WHOLE, mail.n + 5, 1, 0}, slice_of(""),
                mail.n);
    assert_true(is_there("1.mails"));
    assert_false(is_there("7.mail"));
}

static void a_header_is_found_in_the_whole_message(void **state)
{
    (void)state;
    put(7, ACCOUNT_WHOLE, MAIL);
    assert_read((struct bodies_range){7, NULL, ACCOUNT_HEADER, 0, UINT64_MAX, 0},
                slice_make(MAIL, HEADER), HEADER);
    put(7, ACCOUNT_HEADER, "Subject: own\r\n\r\n");
    assert_read((struct bodies_range){7, NULL, ACCOUNT_HEADER, 9, 3, 0}, slice_of("own"), 16);
}

static void what_is_not_there_is_absent(void **state)
{
    (void)state;
    assert_int_equal(outcome_of(1, NULL, ACCOUNT_WHOLE), BODIES_ABSENT); /* no directory yet */
    put(7, ACCOUNT_HEADER, "a: b\r\n\r\n");
    assert_int_equal(outcome_of(7, NULL, ACCOUNT_WHOLE), BODIES_ABSENT);
    assert_int_equal(outcome_of(7, "m-9", ACCOUNT_WHOLE), BODIES_ABSENT);
    assert_int_equal(outcome_of(7, "../../../lock", ACCOUNT_WHOLE), BODIES_ABSENT);
}

static void a_large_message_goes_in_pieces(void **state)
{
    enum { SIZE = 1000003 };
    char *octets = pattern(SIZE);
    struct got got = {.take = 1000};
    struct written written = {0};
    struct bodies_writer *w = bodies_write_cached(it.ann, 1, ACCOUNT_WHOLE, &writer, &written);

    (void)state;
    for (size_t at = 0; at < SIZE; at += 4096)
        bodies_writer_data(w, slice_make(octets + at, SIZE - at < 4096 ? SIZE - at : 4096));
    assert_int_equal(bodies_writer_queued(w), SIZE); /* none of it is reported before a turn */
    bodies_writer_end(w);
    run();
    assert_int_equal(written.why.kind, FAILURE_NONE);
    assert_true(written.progress >= 1);
    begin((struct bodies_range){1, NULL, ACCOUNT_WHOLE, 0, UINT64_MAX, 0}, &got);
    run();
    assert_int_equal(got.most, BODIES_PIECE);
    assert_int_equal(buf_size(&got.octets), SIZE);
    assert_memory_equal(buf_slice(&got.octets).p, octets, SIZE);
    buf_clear(&got.octets);
    free(octets);
}

static void a_reader_waits_for_room(void **state)
{
    enum { SIZE = 200000 };
    char *octets = pattern(SIZE);
    struct got got = {.stop = 1};

    (void)state;
    write_cached(it.ann, 1, ACCOUNT_WHOLE, slice_make(octets, SIZE));
    struct bodies_reader *r =
        begin((struct bodies_range){1, NULL, ACCOUNT_WHOLE, 0, UINT64_MAX, 0}, &got);
    run(); /* ends, for nothing is under way while it waits */
    assert_int_equal(got.done, 0);
    assert_int_equal(buf_size(&got.octets), BODIES_PIECE);
    got.stop = 0;
    bodies_reader_resume(r);
    assert_int_equal(buf_size(&got.octets), BODIES_PIECE); /* not from inside the call */
    run();
    assert_int_equal(got.done, 1);
    assert_int_equal(buf_size(&got.octets), SIZE);
    assert_memory_equal(buf_slice(&got.octets).p, octets, SIZE);
    buf_clear(&got.octets);
    free(octets);
}

/* Of a message in a pack, which makes room meanwhile. */
static void a_reader_outlives_its_pack(void **state)
{
    enum { SIZE = 100000 };
    char *octets = pattern(SIZE);
    struct got got = {.stop = 1};

    (void)state;
    write_cached(it.ann, 1, ACCOUNT_WHOLE, slice_make(octets, SIZE));
    struct bodies_reader *r =
        begin((struct bodies_range){1, NULL, ACCOUNT_WHOLE, 7, SIZE - 10, 0}, &got);
    run();
    assert_int_equal(buf_size(&got.octets), BODIES_PIECE);
    assert_int_equal(unlink(file("1.mails")), 0);
    assert_int_equal(outcome_of(1, NULL, ACCOUNT_WHOLE), BODIES_ABSENT);
    assert_int_equal(bodies_account_octets(it.ann), 0);
    got.stop = 0;
    bodies_reader_resume(r);
    run();
    assert_int_equal(got.done, 1);
    assert_int_equal(got.total, SIZE);
    assert_int_equal(buf_size(&got.octets), SIZE - 10);
    assert_memory_equal(buf_slice(&got.octets).p, octets + 7, SIZE - 10);
    buf_clear(&got.octets);
    free(octets);
}

static void a_durable_body_has_a_key_for_ever(void **state)
{
    (void)state;
    struct written first = write_durable("hello");
    struct written second = write_durable("world");
    assert_string_equal(first.key, "m-1");
    assert_string_equal(second.key, "m-2");
    assert_string_equal(first.digest,
                        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    reopen(FOREVER, false);
    assert_read((struct bodies_range){3, "m-1", ACCOUNT_WHOLE, 0, 9, 0}, slice_of("hello"), 5);
    bodies_release(it.ann, "m-1");
    bodies_release(it.ann, "m-1/../m-2");
    run();
    assert_int_equal(outcome_of(3, "m-1", ACCOUNT_WHOLE), BODIES_ABSENT);
    assert_int_equal(outcome_of(3, "m-2", ACCOUNT_WHOLE), BODIES_DONE);
    struct written third = write_durable("again");
    assert_string_equal(third.key, "m-3");
    free(first.key);
    free(second.key);
    free(third.key);
}

static void what_was_used_longest_ago_makes_room(void **state)
{
    (void)state;
    reopen(2 * (RECORD + 5), false);
    put(1, ACCOUNT_WHOLE, "12345");
    put(2, ACCOUNT_WHOLE, "12345");
    assert_int_equal(outcome_of(1, NULL, ACCOUNT_WHOLE), BODIES_DONE);
    put(3, ACCOUNT_WHOLE, "12345");
    assert_int_equal(outcome_of(2, NULL, ACCOUNT_WHOLE), BODIES_ABSENT);
    assert_int_equal(outcome_of(1, NULL, ACCOUNT_WHOLE), BODIES_DONE);
    assert_int_equal(bodies_account_octets(it.ann), 2 * (RECORD + 5));
    put(4, ACCOUNT_WHOLE, "larger than all the room that there is");
    assert_int_equal(outcome_of(4, NULL, ACCOUNT_WHOLE), BODIES_DONE);
    assert_int_equal(files(), 1);
}

static void a_smaller_bound_holds_from_the_opening(void **state)
{
    struct timespec old[2] = {{1, 0}, {1, 0}};

    (void)state;
    put(1, ACCOUNT_WHOLE, "12345");
    put(2, ACCOUNT_HEADER, "12345");
    struct written durable = write_durable("is not counted");
    assert_int_equal(utimensat(AT_FDCWD, file("1.heads"), old, 0), 0);
    reopen(RECORD + 5, false);
    run();
    assert_int_equal(bodies_account_octets(it.ann), RECORD + 5);
    assert_true(is_there("1.mails"));
    assert_false(is_there("1.heads"));
    assert_int_equal(outcome_of(2, NULL, ACCOUNT_HEADER), BODIES_ABSENT);
    assert_int_equal(outcome_of(1, NULL, ACCOUNT_WHOLE), BODIES_DONE);
    assert_true(is_there("m-1"));
    free(durable.key);
}

static void all_accounts_together_are_bounded(void **state)
{
    (void)state;
    set_up_with(2 * (RECORD + 5));
    struct bodies_account *bob = open_account("bob", FOREVER, false);
    put(1, ACCOUNT_WHOLE, "12345");
    write_cached(bob, 1, ACCOUNT_WHOLE, slice_of("12345"));
    write_cached(bob, 2, ACCOUNT_WHOLE, slice_of("12345")); /* grows the pack beyond the bound */
    write_cached(bob, 3, ACCOUNT_WHOLE, slice_of("12345"));
    run();
    assert_int_equal(bodies_account_octets(bob), RECORD + 5);
    assert_int_equal(bodies_account_octets(it.ann), RECORD + 5);
    close_account(bob);
    put(2, ACCOUNT_WHOLE, "12345"); /* nobody reads what is bob's */
    assert_int_equal(bodies_account_octets(it.ann), 2 * (RECORD + 5));
    bodies_settle(it.shared);
    assert_false(file_is_there(it.dir, "accounts/bob/bodies/2.mails"));
    tear_down(NULL);
}

static void leftovers_are_swept(void **state)
{
    (void)state;
    put(1, ACCOUNT_WHOLE, "12345");
    FILE *f = fopen(file("t-77"), "w");
    assert_non_null(f);
    fclose(f);
    f = fopen(file("somebody else's"), "w");
    assert_non_null(f);
    fclose(f);
    reopen(FOREVER, false);
    assert_false(is_there("t-77"));
    assert_true(is_there("1.mails"));
    reopen(FOREVER, true);
    assert_false(is_there("1.mails"));
    assert_true(is_there("somebody else's"));
    assert_int_equal(bodies_account_octets(it.ann), 0);
}

/* Its packs are swept, its files of single messages are read. */
static void the_cache_of_an_earlier_version_is_taken_over(void **state)
{
    static const char *const former[] = {"0.head", "0.mime", "0.envelope", "0.structure"};

    (void)state;
    put(1, ACCOUNT_WHOLE, "12345");
    for (size_t i = 0; i < 4; i++)
        make_file(former[i], "1HDM");
    make_file("7.head", "a: b\r\n\r\n");
    make_file("8.mail", "c: d\r\n\r\nbody");
    reopen(FOREVER, false);
    for (size_t i = 0; i < 4; i++)
        assert_false(is_there(former[i]));
    assert_read((struct bodies_range){7, NULL, ACCOUNT_HEADER, 0, 99, 0}, slice_of("a: b\r\n\r\n"),
                8);
    assert_read((struct bodies_range){8, NULL, ACCOUNT_HEADER, 0, 99, 0}, slice_of("c: d\r\n\r\n"),
                8);
    assert_read((struct bodies_range){8, NULL, ACCOUNT_WHOLE, 8, 99, 0}, slice_of("body"), 12);
    assert_int_equal(bodies_account_octets(it.ann), RECORD + 5 + 8 + 12);
}

static void readers_are_not_disturbed_by_a_writer(void **state)
{
    enum { SIZE = 150000 };
    char *octets = pattern(SIZE);
    struct got slow = {.stop = 1};
    struct got quick = {0};

    (void)state;
    write_cached(it.ann, 1, ACCOUNT_WHOLE, slice_make(octets, SIZE));
    struct bodies_reader *r =
        begin((struct bodies_range){1, NULL, ACCOUNT_WHOLE, 0, UINT64_MAX, 0}, &slow);
    run();
    write_cached(it.ann, 1, ACCOUNT_WHOLE, slice_make(octets + 7, SIZE - 7));
    begin((struct bodies_range){1, NULL, ACCOUNT_WHOLE, 0, UINT64_MAX, 0}, &quick);
    slow.stop = 0;
    bodies_reader_resume(r);
    run();
    assert_int_equal(buf_size(&slow.octets), SIZE);
    assert_memory_equal(buf_slice(&slow.octets).p, octets, SIZE);
    assert_int_equal(buf_size(&quick.octets), SIZE - 7);
    assert_memory_equal(buf_slice(&quick.octets).p, octets + 7, SIZE - 7);
    assert_int_equal(bodies_account_octets(it.ann), SIZE - 7);
    buf_clear(&slow.octets);
    buf_clear(&quick.octets);
    free(octets);
}

static void not_parsed(void *owner, struct mime_message *message, const struct failure *why)
{
    (void)owner;
    (void)message;
    (void)why;
    fail();
}

static void what_is_cancelled_calls_nobody(void **state)
{
    struct got got = {.stop = 1};
    struct written written = {0};
    char *octets = pattern(150000);

    (void)state;
    struct bodies_writer *early = bodies_write_cached(it.ann, 1, ACCOUNT_WHOLE, &writer, &written);
    bodies_writer_abort(early);
    struct bodies_writer *late = bodies_write_durable(it.ann, &writer, &written);
    bodies_writer_data(late, slice_of("x"));
    bodies_writer_abort(late);
    struct bodies_writer *open = bodies_write_durable(it.ann, &writer, &written);
    bodies_writer_data(open, slice_of("x"));
    run();
    assert_int_equal(files(), 1);
    bodies_writer_abort(open);
    run();
    assert_int_equal(files(), 0);
    struct bodies_writer *ended = bodies_write_durable(it.ann, &writer, &written);
    bodies_writer_data(ended, slice_of("x"));
    run();
    bodies_writer_end(ended);
    bodies_writer_abort(ended);
    run();
    assert_int_equal(files(), 0);
    assert_int_equal(written.done, 0);

    write_cached(it.ann, 1, ACCOUNT_WHOLE, slice_make(octets, 150000));
    struct bodies_range range = {1, NULL, ACCOUNT_WHOLE, 0, UINT64_MAX, 0};
    bodies_reader_cancel(begin(range, &got));
    struct bodies_reader *waiting = begin(range, &got);
    bodies_parse_cancel(bodies_parse(it.ann, 1, NULL, not_parsed, NULL));
    run();
    bodies_reader_cancel(waiting);
    run();
    assert_int_equal(got.done, 0);
    buf_clear(&got.octets);
    free(octets);
}

/* CASES D15: a limit of file sizes stands in for a disk that is full. */
static void a_disk_that_takes_no_more_is_told(void **state)
{
    struct rlimit before;
    struct rlimit small;
    char *octets = pattern(200000);

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 50000;
    put(1, ACCOUNT_WHOLE, "before");
    setrlimit(RLIMIT_FSIZE, &small);
    struct written written = write_cached(it.ann, 1, ACCOUNT_WHOLE, slice_make(octets, 200000));
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(written.why.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(written.why.text, "accounts/ann/bodies/1.mail"));
    assert_non_null(strstr(written.why.text, "raise the limit of file sizes"));
    assert_int_equal(files(), 1);
    assert_read((struct bodies_range){1, NULL, ACCOUNT_WHOLE, 0, 9, 0}, slice_of("before"), 6);
    free(octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_part_is_read_in_ranges),
        TEST(a_header_is_found_in_the_whole_message),
        TEST(what_is_not_there_is_absent),
        TEST(a_large_message_goes_in_pieces),
        TEST(a_reader_waits_for_room),
        TEST(a_reader_outlives_its_pack),
        TEST(a_durable_body_has_a_key_for_ever),
        TEST(what_was_used_longest_ago_makes_room),
        TEST(a_smaller_bound_holds_from_the_opening),
        cmocka_unit_test(all_accounts_together_are_bounded),
        TEST(leftovers_are_swept),
        TEST(the_cache_of_an_earlier_version_is_taken_over),
        TEST(readers_are_not_disturbed_by_a_writer),
        TEST(what_is_cancelled_calls_nobody),
        TEST(a_disk_that_takes_no_more_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
