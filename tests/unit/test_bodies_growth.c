/*
 * Messages that are read while they are written, on a real disk.
 */
#include "tests/unit/bodies_scene.h"

#include <signal.h>
#include <sys/resource.h>

enum { SIZE = 300000 };

static struct {
    char *octets;
    struct written written;
    struct bodies_writer *writer;
} of;

static int set_up_writer(bool durable)
{
    set_up(NULL);
    memset(&of, 0, sizeof of);
    of.octets = pattern(SIZE);
    of.writer = durable ? bodies_write_durable(it.ann, &writer, &of.written)
                        : bodies_write_cached(it.ann, 7, ACCOUNT_WHOLE, &writer, &of.written);
    bodies_writer_announce(of.writer, 7, SIZE);
    return 0;
}

static int set_up_cached(void **state)
{
    (void)state;
    return set_up_writer(false);
}

static int set_up_durable(void **state)
{
    (void)state;
    return set_up_writer(true);
}

static int tear_down_writer(void **state)
{
    free(of.octets);
    free(of.written.key);
    return tear_down(state);
}

/* The next octets, onto the disk. */
static void write_to(size_t from, size_t end)
{
    bodies_writer_data(of.writer, slice_make(of.octets + from, end - from));
    run();
}

static void end_writing(void)
{
    bodies_writer_end(of.writer);
    run();
    assert_int_equal(of.written.done, 1);
    assert_int_equal(of.written.why.kind, FAILURE_NONE);
}

static struct bodies_reader *follow(struct got *got)
{
    return begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, 0, UINT64_MAX, 0}, got);
}

static void assert_has(struct got *got, size_t from, size_t n)
{
    assert_int_equal(buf_size(&got->octets), n);
    if (n)
        assert_memory_equal(buf_slice(&got->octets).p, of.octets + from, n);
}

/* It has the range, and the end. */
static void assert_done(struct got *got, size_t from, size_t n)
{
    assert_int_equal(got->done, 1);
    assert_int_equal(got->outcome, BODIES_DONE);
    assert_int_equal(got->total, SIZE);
    assert_has(got, from, n);
    buf_clear(&got->octets);
}

static void assert_failed(struct got *got, const char *why)
{
    assert_int_equal(got->done, 1);
    assert_int_equal(got->outcome, BODIES_FAILED);
    assert_int_equal(got->why.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(got->why.text, why));
    assert_true(buf_size(&got->octets) < SIZE);
    buf_clear(&got->octets);
}

/* ---- tests ---- */

static void a_reader_follows_the_writer(void **state)
{
    struct got early = {0};
    struct got late = {.take = 1000};

    (void)state;
    follow(&early);
    run();
    assert_has(&early, 0, 0);
    write_to(0, 100000);
    follow(&late);
    run();
    assert_has(&early, 0, 100000);
    assert_has(&late, 0, 100000);
    write_to(100000, SIZE - 1);
    assert_has(&early, 0, SIZE - 1);
    write_to(SIZE - 1, SIZE);
    assert_has(&early, 0, SIZE - 1); /* that it is the last one is not known yet */
    assert_int_equal(early.done + late.done, 0);
    end_writing();
    assert_done(&early, 0, SIZE);
    assert_done(&late, 0, SIZE);
    assert_read((struct bodies_range){7, of.written.key, ACCOUNT_WHOLE, 0, UINT64_MAX, 0},
                slice_make(of.octets, SIZE), SIZE);
}

static void what_comes_at_once_is_found_by_its_name(void **state)
{
    struct got got = {0};

    (void)state;
    follow(&got);
    bodies_writer_data(of.writer, slice_make(of.octets, SIZE));
    bodies_writer_end(of.writer);
    run();
    assert_done(&got, 0, SIZE);
}

static void ranges_end_before_the_message_does(void **state)
{
    struct got asks = {0};
    struct got first = {0};
    struct got next = {0};
    struct got last = {0};
    struct got beyond = {0};

    (void)state;
    begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, 0, 0, 0}, &asks);
    begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, SIZE + 5, 10, 0}, &beyond);
    run();
    assert_done(&asks, 0, 0);
    assert_done(&beyond, 0, 0);
    write_to(0, 150000);
    begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, 0, 65536, 0}, &first);
    begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, 140000, 20000, 0}, &next);
    begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, SIZE - 10, 20000, 0}, &last);
    run();
    assert_done(&first, 0, 65536);
    assert_has(&next, 140000, 10000);
    assert_has(&last, 0, 0);
    write_to(150000, SIZE);
    assert_done(&next, 140000, 20000);
    assert_has(&last, SIZE - 10, 9);
    end_writing();
    assert_done(&last, SIZE - 10, 10);
}

static void one_that_ends_early_never_ends_for_its_reader(void **state)
{
    struct got got = {0};

    (void)state;
    write_to(0, 1000);
    follow(&got);
    write_to(1000, SIZE - 1);
    assert_int_equal(got.done, 0);
    end_writing();
    assert_failed(&got, "fewer octets than the mail server had said (300000)");
    assert_read((struct bodies_range){7, of.written.key, ACCOUNT_WHOLE, 0, UINT64_MAX, 0},
                slice_make(of.octets, SIZE - 1), SIZE - 1);
}

static void one_that_is_longer_fails_as_soon_as_it_is(void **state)
{
    struct got got = {0};

    (void)state;
    follow(&got);
    write_to(0, SIZE);
    bodies_writer_data(of.writer, slice_of("!"));
    run();
    assert_failed(&got, "more octets than the mail server had said (300000)");
    end_writing();
    assert_read((struct bodies_range){7, of.written.key, ACCOUNT_WHOLE, SIZE - 1, UINT64_MAX, 0},
                slice_make((char[]){of.octets[SIZE - 1], '!'}, 2), SIZE + 1);
}

static void what_is_aborted_fails_its_readers(void **state)
{
    struct got idle = {0};
    struct got slow = {.stop = 1};
    struct got partial = {.stop = 1};

    (void)state;
    write_to(0, 100000);
    follow(&idle);
    follow(&slow);
    struct bodies_reader *r =
        begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, 0, BODIES_PIECE + 10, 0}, &partial);
    run();
    partial.stop = 0;
    bodies_reader_resume(r);
    run();
    assert_int_equal(partial.done, 1);
    buf_clear(&partial.octets);
    bodies_writer_abort(of.writer);
    assert_int_equal(idle.done, 0); /* not from inside the call */
    run();
    assert_failed(&idle, "the rest of the message did not come");
    assert_failed(&slow, "the rest of the message did not come");
    assert_int_equal(files(), 0);
    assert_int_equal(outcome_of(7, NULL, ACCOUNT_WHOLE), BODIES_ABSENT);
}

static void a_full_disk_fails_readers_too(void **state)
{
    struct rlimit before;
    struct rlimit small;
    struct got got = {0};

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 50000;
    write_to(0, 40000);
    follow(&got);
    setrlimit(RLIMIT_FSIZE, &small);
    write_to(40000, 100000);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(of.written.done, 1);
    assert_int_equal(of.written.why.kind, FAILURE_TEMPORARY);
    assert_failed(&got, "raise the limit of file sizes");
}

static void a_slow_reader_holds_nobody(void **state)
{
    struct got slow = {.stop = 1};
    struct got quick = {0};

    (void)state;
    write_to(0, 200000);
    struct bodies_reader *r = follow(&slow);
    follow(&quick);
    run();
    assert_has(&slow, 0, BODIES_PIECE);
    write_to(200000, SIZE);
    end_writing();
    assert_done(&quick, 0, SIZE);
    slow.stop = 0;
    bodies_reader_resume(r);
    run();
    assert_done(&slow, 0, SIZE);
}

static void who_goes_away_leaves_the_others(void **state)
{
    struct got gone = {0};
    struct got stays = {0};

    (void)state;
    struct bodies_reader *first = follow(&gone);
    follow(&stays);
    struct bodies_reader *last = follow(&gone);
    bodies_reader_cancel(first);
    write_to(0, 1000);
    bodies_reader_cancel(last);
    write_to(1000, SIZE);
    end_writing();
    assert_done(&stays, 0, SIZE);
    assert_int_equal(gone.done, 0);
    buf_clear(&gone.octets);
}

static void others_are_not_found_in_it(void **state)
{
    struct got got = {0};

    (void)state;
    write_to(0, 1000);
    assert_int_equal(outcome_of(8, NULL, ACCOUNT_WHOLE), BODIES_ABSENT);
    assert_int_equal(outcome_of(7, NULL, ACCOUNT_HEADER), BODIES_ABSENT);
    assert_int_equal(outcome_of(7, "m-77", ACCOUNT_WHOLE), BODIES_ABSENT);
    follow(&got);
    struct bodies_writer *again =
        bodies_write_cached(it.ann, 9, ACCOUNT_WHOLE, &writer, &of.written);
    bodies_writer_announce(again, 9, SIZE);
    bodies_writer_abort(again);
    run();
    assert_has(&got, 0, 1000);
    bodies_writer_abort(of.writer);
    run();
    assert_failed(&got, "the rest of the message did not come");
}

/* Pieces, ranges and moments at random: everybody has what the range says. */
static void readers_at_any_moment_have_the_same(void **state)
{
    enum { READERS = 40 };
    struct got got[READERS] = {{.take = 0}};
    size_t from[READERS];
    size_t n[READERS];
    size_t begun = 0;
    size_t at = 0;

    (void)state;
    srand(11);
    while (begun < READERS || at < SIZE) {
        size_t most = SIZE - at < 20000 ? SIZE - at : 20000;
        size_t piece = most ? 1 + (size_t)rand() % most : 0;
        bodies_writer_data(of.writer, slice_make(of.octets + at, piece));
        at += piece;
        if (begun < READERS) {
            from[begun] = (size_t)rand() % SIZE;
            n[begun] = 1 + (size_t)rand() % (SIZE - from[begun]);
            got[begun].take = rand() % 2 ? 0 : 1 + (size_t)rand() % 5000;
            begin((struct bodies_range){7, NULL, ACCOUNT_WHOLE, from[begun], n[begun], 0},
                  &got[begun]);
            begun++;
        }
        for (int turns = rand() % 4; turns > 0; turns--)
            uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    }
    bodies_writer_end(of.writer);
    run();
    for (size_t i = 0; i < READERS; i++)
        assert_done(&got[i], from[i], n[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name)                                                          \
    cmocka_unit_test_setup_teardown(name, set_up_cached, tear_down_writer), \
        cmocka_unit_test_setup_teardown(name, set_up_durable, tear_down_writer)
        TEST(a_reader_follows_the_writer),
        TEST(what_comes_at_once_is_found_by_its_name),
        TEST(ranges_end_before_the_message_does),
        TEST(one_that_ends_early_never_ends_for_its_reader),
        TEST(one_that_is_longer_fails_as_soon_as_it_is),
        TEST(what_is_aborted_fails_its_readers),
        TEST(a_full_disk_fails_readers_too),
        TEST(a_slow_reader_holds_nobody),
        TEST(who_goes_away_leaves_the_others),
        TEST(others_are_not_found_in_it),
        TEST(readers_at_any_moment_have_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
