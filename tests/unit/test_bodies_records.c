/*
 * Packs of records on a real disk: cut at every octet, damaged in every octet, evicted at any
 * moment. What is given is always right, or not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "proxy/store/bodies_records.h"
#include "proxy/store/disk.h"
#include "tests/unit/temp_dir.h"

enum { COUNT = 5, CACHE = 1 << 20, HEAD = 16 };

static struct {
    char dir[64];
    int fd;
    struct bodies_records records;
    struct bodies_tally tally;
} it;

static int set_up(void **state)
{
    (void)state;
    snprintf(it.dir, sizeof it.dir, "%s", temp_dir_make());
    it.fd = open(it.dir, O_RDONLY | O_DIRECTORY);
    bodies_records_init(&it.records, BODIES_HEADS, CACHE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bodies_records_clear(&it.records);
    bodies_tally_clear(&it.tally);
    close(it.fd);
    temp_dir_remove(it.dir);
    return 0;
}

static void begin(void)
{
    bodies_tally_clear(&it.tally);
    bodies_records_begin(&it.records, it.fd, &it.tally);
}

static void end(void)
{
    bodies_records_end(&it.records);
}

/* As after a restart: this pack is found. */
static void forget_all(uint32_t pack)
{
    bodies_records_clear(&it.records);
    bodies_records_init(&it.records, BODIES_HEADS, CACHE);
    if (pack)
        assert_true(bodies_records_found(&it.records, pack));
}

static const char *text_of(uint32_t content)
{
    static char text[40];

    snprintf(text, sizeof text, "%.*s%u", (int)content, "abcdefghij", content);
    return text;
}

static void put(uint32_t content)
{
    begin();
    assert_true(bodies_records_put(&it.records, content, slice_of(text_of(content))));
    end();
}

static bool has(uint32_t content)
{
    struct buf out = BUF_INIT;

    begin();
    bool found = bodies_records_get(&it.records, content, &out);
    end();
    if (found)
        assert_true(slice_is(buf_slice(&out), text_of(content)));
    else
        assert_int_equal(buf_size(&out), 0);
    buf_clear(&out);
    return found;
}

/* How many of the first contents are there, one after the other; the others are not. */
static uint32_t has_first(void)
{
    uint32_t there = 0;

    while (there < COUNT && has(there + 1))
        there++;
    for (uint32_t content = there + 1; content <= COUNT; content++)
        assert_false(has(content));
    return there;
}

static size_t size_of(const char *name)
{
    struct stat st;

    return fstatat(it.fd, name, &st, 0) == 0 ? (size_t)st.st_size : 0;
}

static void make_five(void)
{
    for (uint32_t content = 1; content <= COUNT; content++)
        put(content);
    assert_int_equal(has_first(), COUNT);
}

static void cut(size_t size)
{
    int fd = openat(it.fd, "1.heads", O_WRONLY);

    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

static void poke(size_t at)
{
    int fd = openat(it.fd, "1.heads", O_RDWR);
    char c;

    assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
    c ^= 0x20;
    assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
    close(fd);
}

static enum bodies_deed last_deed(void)
{
    assert_true(it.tally.count > 0);
    return it.tally.items[it.tally.count - 1].deed;
}

/* ---- tests ---- */

static void what_is_put_is_there_for_ever(void **state)
{
    (void)state;
    make_five();
    assert_false(has(COUNT + 1));
    forget_all(1);
    assert_int_equal(has_first(), COUNT);
    put(1);
    assert_int_equal(has_first(), COUNT);
    assert_int_equal(it.records.last, 1);
}

static void what_is_put_is_there_before_it_is_written(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    put(1);
    begin();
    assert_true(bodies_records_put(&it.records, 2, slice_of("two")));
    assert_true(bodies_records_has(&it.records, 2));
    assert_true(bodies_records_get(&it.records, 2, &out));
    assert_true(bodies_records_get(&it.records, 1, &out));
    assert_true(slice_is(buf_slice(&out), "twoa1"));
    assert_int_equal(size_of("1.heads"), HEAD + 2);
    assert_true(bodies_records_flush(&it.records));
    assert_int_equal(size_of("1.heads"), HEAD + 2 + HEAD + 3);
    assert_int_equal(last_deed(), BODIES_GREW);
    end();
    buf_clear(&out);
}

/* What a crash has left of the last pack is cut back to whole records, and appended to. */
static void a_pack_is_cut_anywhere(void **state)
{
    (void)state;
    make_five();
    for (size_t size = size_of("1.heads"); size-- > 0;) {
        cut(size);
        forget_all(1);
        uint32_t there = has_first();
        assert_true(there < COUNT);
        assert_true(size_of("1.heads") <= size);
        for (uint32_t content = there + 1; content <= COUNT; content++)
            put(content);
        forget_all(1);
        assert_int_equal(has_first(), COUNT);
    }
}

/* Found at the loading or at the reading: never wrong octets. */
static void a_pack_is_damaged_anywhere(void **state)
{
    (void)state;
    make_five();
    for (size_t at = 0, size = size_of("1.heads"); at < 2 * size; at++) {
        size_t there = 0;
        poke(at % size);
        if (at < size)
            forget_all(1);
        for (uint32_t content = 1; content <= COUNT; content++)
            there += has(content);
        assert_true(there < COUNT);
        (void)unlinkat(it.fd, "1.heads", 0);
        forget_all(0);
        make_five();
    }
}

static void a_full_pack_is_followed_by_another(void **state)
{
    enum { LONG = 20000 };
    char *octets = calloc(1, LONG);
    struct buf out = BUF_INIT;

    (void)state;
    for (uint32_t content = 1; content <= 10; content++) {
        begin();
        assert_true(bodies_records_put(&it.records, content, slice_make(octets, LONG)));
        end();
    }
    assert_int_equal(it.records.last, 4); /* three fit into a sixteenth of the cache */
    assert_true(size_of("1.heads") <= CACHE / BODIES_RECORDS_IN_CACHE);
    assert_int_equal(unlinkat(it.fd, "2.heads", 0), 0);
    begin();
    for (uint32_t content = 1; content <= 10; content++)
        assert_int_equal(bodies_records_get(&it.records, content, &out),
                         content < 4 || content > 6);
    end();
    assert_int_equal(buf_size(&out), 7 * LONG);
    buf_clear(&out);
    free(octets);
}

/* One that is not read through the window: nothing of it is given, and nothing in front of it lost.
 */
static void check_damaged(uint32_t content, size_t at)
{
    struct buf out = BUF_INIT;

    poke(at);
    begin();
    buf_puts(&out, "before");
    assert_false(bodies_records_get(&it.records, content, &out));
    assert_true(slice_is(buf_slice(&out), "before"));
    assert_false(bodies_records_has(&it.records, content));
    assert_int_equal(last_deed(), BODIES_GONE);
    end();
    buf_clear(&out);
}

static void a_long_record_is_damaged_in_its_head_and_octets(void **state)
{
    enum { LONG = 20000 };
    char *octets = calloc(1, LONG);
    const size_t places[] = {0, 4, 8, 12, HEAD, HEAD + LONG / 2, HEAD + LONG - 1};
    struct buf out = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        forget_all(0);
        (void)unlinkat(it.fd, "1.heads", 0);
        begin();
        assert_true(bodies_records_put(&it.records, 1, slice_of("one")));
        assert_true(bodies_records_put(&it.records, 2, slice_make(octets, LONG)));
        end();
        begin();
        assert_true(bodies_records_get(&it.records, 1, &out));
        assert_true(bodies_records_get(&it.records, 2, &out));
        assert_int_equal(buf_size(&out), 3 + LONG);
        assert_memory_equal(buf_slice(&out).p + 3, octets, LONG);
        end();
        buf_clear(&out);
        check_damaged(2, HEAD + 3 + places[i]);
    }
    free(octets);
}

static void what_is_too_long_is_refused(void **state)
{
    char *octets = calloc(1, BODIES_RECORD_MAX + 1);

    (void)state;
    begin();
    assert_false(bodies_records_put(&it.records, 1, slice_make(octets, BODIES_RECORD_MAX + 1)));
    assert_int_equal(errno, EFBIG);
    assert_true(bodies_records_put(&it.records, 1, slice_make(octets, BODIES_RECORD_MAX)));
    assert_true(bodies_records_put(&it.records, 2, slice_make(octets, BODIES_RECORD_MAX)));
    end();
    begin();
    assert_true(bodies_records_has(&it.records, 1));
    assert_true(bodies_records_has(&it.records, 2));
    end();
    free(octets);
}

/* The last pack goes while nothing is under way, or between two puts. */
static void an_evicted_pack_is_not_written_to(void **state)
{
    (void)state;
    put(1);
    assert_int_equal(unlinkat(it.fd, "1.heads", 0), 0);
    put(2);
    assert_false(has(1));
    assert_true(has(2));
    assert_int_equal(size_of("1.heads"), 0);
    assert_true(size_of("2.heads") > 0);
    forget_all(2);
    assert_true(has(2));
    put(3);
    assert_true(has(2));
    assert_true(has(3));
}

/* Somebody has put another file in its place. */
static void a_foreign_pack_is_not_believed(void **state)
{
    (void)state;
    put(1);
    put(2);
    int fd = openat(it.fd, "1.heads", O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "not a pack at all, but long enough to be one", 44), 44);
    close(fd);
    put(3);
    assert_true(has(3));
    assert_false(has(1));
    assert_int_equal(last_deed(), BODIES_GONE);
    assert_false(has(2));
    assert_true(has(3));
}

static void a_sealed_pack_is_not_appended_to(void **state)
{
    (void)state;
    put(1);
    bodies_records_seal(&it.records);
    put(2);
    assert_int_equal(it.records.last, 2);
    assert_true(has(1));
    assert_true(has(2));
}

/* CASES D15: a limit of file sizes stands in for a disk that is full. */
static void a_full_disk_leaves_what_was_there(void **state)
{
    struct rlimit before;
    struct rlimit small;

    (void)state;
    put(1);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = size_of("1.heads") + 5;
    setrlimit(RLIMIT_FSIZE, &small);
    begin();
    assert_true(bodies_records_put(&it.records, 2, slice_of("b2")));
    assert_false(bodies_records_flush(&it.records));
    int error = errno;
    assert_false(bodies_records_has(&it.records, 2));
    assert_true(bodies_records_has(&it.records, 1));
    end();
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(error, EFBIG);
    put(2);
    assert_true(has(1));
    assert_true(has(2));
    forget_all(1);
    assert_true(has(1));
    assert_true(has(2));
}

static void without_memory_there_is_nothing(void **state)
{
    struct buf octets = BUF_INIT;

    (void)state;
    assert_false(bodies_records_found(NULL, 1));
    assert_false(bodies_records_has(NULL, 1));
    assert_false(bodies_records_get(NULL, 1, &octets));
    assert_int_equal(buf_size(&octets), 0);
    errno = 0;
    assert_false(bodies_records_put(NULL, 1, slice_of("a1")));
    assert_int_equal(errno, ENOMEM);
    assert_true(bodies_records_flush(NULL));
    bodies_records_end(NULL);
    bodies_records_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(what_is_put_is_there_for_ever),
        TEST(what_is_put_is_there_before_it_is_written),
        TEST(a_pack_is_cut_anywhere),
        TEST(a_pack_is_damaged_anywhere),
        TEST(a_full_pack_is_followed_by_another),
        TEST(a_long_record_is_damaged_in_its_head_and_octets),
        TEST(what_is_too_long_is_refused),
        TEST(an_evicted_pack_is_not_written_to),
        TEST(a_foreign_pack_is_not_believed),
        TEST(a_sealed_pack_is_not_appended_to),
        TEST(a_full_disk_leaves_what_was_there),
        TEST(without_memory_there_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
