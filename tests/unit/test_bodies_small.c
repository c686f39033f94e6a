/*
 * Headers and small messages, read many at a time, and what is remembered of them in one file.
 */
#include "tests/unit/bodies_scene.h"

enum { COUNT = 100, LONG = BODIES_SMALL_MAX };

static struct {
    int done;
    enum bodies_outcome outcome;
    char text[200];
    size_t n;
    int left; /* to be cancelled when the first comes */
    struct bodies_small *others[COUNT];
} asked;

static int begin_asking(void **state)
{
    memset(&asked, 0, sizeof asked);
    return set_up(state);
}

static void forget(const char *name)
{
    assert_int_equal(unlink(file(name)), 0);
}

static void on_done(void *owner, enum bodies_outcome outcome, struct slice octets,
                    const struct failure *why)
{
    (void)owner;
    (void)why;
    asked.done++;
    asked.outcome = outcome;
    asked.n = octets.n;
    snprintf(asked.text, sizeof asked.text, "%.*s", (int)(octets.n < 100 ? octets.n : 100),
             octets.p);
}

static void read_part(uint32_t content, enum account_part part, uint64_t length)
{
    struct bodies_range what = {.content = content, .part = part, .length = length};
    int before = asked.done;

    assert_non_null(bodies_small(it.ann, &what, on_done, NULL));
    assert_int_equal(asked.done, before);
    run();
    assert_int_equal(asked.done, before + 1);
}

static void check_header(uint32_t content, const char *text)
{
    read_part(content, ACCOUNT_HEADER, 1 << 20);
    assert_int_equal(asked.outcome, BODIES_DONE);
    assert_string_equal(asked.text, text);
}

static void check_absent(uint32_t content)
{
    read_part(content, ACCOUNT_HEADER, 1 << 20);
    assert_int_equal(asked.outcome, BODIES_ABSENT);
}

/* What was read once is read again without the file it came from, after a restart too. */
static void a_header_is_remembered(void **state)
{
    (void)state;
    put(1, ACCOUNT_HEADER, "a: one\r\n\r\n");
    put(2, ACCOUNT_WHOLE, "a: two\r\n\r\nbody\r\n");
    put(3, ACCOUNT_WHOLE, "no end");
    check_header(1, "a: one\r\n\r\n");
    check_header(2, "a: two\r\n\r\n");
    check_header(3, "no end");
    forget("1.mails");
    check_header(1, "a: one\r\n\r\n");
    reopen(FOREVER, false);
    check_header(2, "a: two\r\n\r\n");
    check_header(3, "no end");
    check_absent(4);
    assert_true(bodies_account_octets(it.ann) > 40);
}

/* Contents are numbered anew: nothing of the old ones may be taken for theirs. */
static void a_newborn_account_has_none(void **state)
{
    (void)state;
    put(1, ACCOUNT_HEADER, "a: one\r\n\r\n");
    check_header(1, "a: one\r\n\r\n");
    reopen(FOREVER, true);
    check_absent(1);
}

static void poke(const char *name, long at, char c)
{
    FILE *f = fopen(file(name), "r+");

    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    fputc(c, f);
    fclose(f);
}

/* Never wrong octets: what was found damaged goes with all of its pack, and is fetched anew. */
static void a_damaged_pack_is_dropped(void **state)
{
    (void)state;
    put(1, ACCOUNT_HEADER, "a: one\r\n\r\n");
    put(2, ACCOUNT_HEADER, "a: two\r\n\r\n");
    poke("1.heads", -5, 'x');
    check_header(1, "a: one\r\n\r\n");
    check_absent(2);
    check_absent(1);
    assert_false(file_is_there(it.dir, "accounts/ann/bodies/1.heads"));
    assert_int_equal(bodies_account_octets(it.ann), 0);
    put(1, ACCOUNT_HEADER, "a: one\r\n\r\n");
    check_header(1, "a: one\r\n\r\n");
    forget("2.heads"); /* as the process does that makes room */
    check_absent(1);
    put(2, ACCOUNT_HEADER, "a: two\r\n\r\n");
    check_header(2, "a: two\r\n\r\n");
    check_absent(1);
}

static void a_small_message_is_read_whole(void **state)
{
    char *text = malloc(LONG + 1);

    (void)state;
    put(1, ACCOUNT_WHOLE, "a: one\r\n\r\nbody\r\n");
    read_part(1, ACCOUNT_WHOLE, 100);
    assert_string_equal(asked.text, "a: one\r\n\r\nbody\r\n");
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    put(2, ACCOUNT_WHOLE, text);
    read_part(2, ACCOUNT_WHOLE, 100);
    assert_int_equal(asked.outcome, BODIES_LONG);
    assert_int_equal(asked.n, 0);
    read_part(2, ACCOUNT_HEADER, 100);
    assert_int_equal(asked.outcome, BODIES_LONG);
    read_part(2, ACCOUNT_WHOLE, 0); /* is it there? */
    assert_int_equal(asked.outcome, BODIES_DONE);
    read_part(3, ACCOUNT_WHOLE, 0);
    assert_int_equal(asked.outcome, BODIES_ABSENT);
    free(text);
}

/* In the order of asking; each comes with its own octets. */
static void on_each(void *owner, enum bodies_outcome outcome, struct slice octets,
                    const struct failure *why)
{
    uint32_t content = (uint32_t)(uintptr_t)owner;
    char text[40];

    (void)why;
    assert_int_equal(outcome, BODIES_DONE);
    snprintf(text, sizeof text, "a: %u\r\n\r\n", content);
    assert_true(slice_is(octets, text));
    assert_int_equal(content, ++asked.done);
    for (int i = asked.left; i < COUNT && asked.left; i++)
        bodies_small_cancel(asked.others[i]);
    asked.left = 0;
}

static void begin_all(void)
{
    asked.done = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct bodies_range what = {.content = i + 1, .part = ACCOUNT_HEADER, .length = 100};
        void *owner = (void *)(uintptr_t)what.content;
        asked.others[i] = bodies_small(it.ann, &what, on_each, owner);
        assert_non_null(asked.others[i]);
    }
}

static void ask_all(void)
{
    begin_all();
    run();
}

static void put_all(void)
{
    char text[40];

    for (uint32_t content = 1; content <= COUNT; content++) {
        snprintf(text, sizeof text, "a: %u\r\n\r\n", content);
        put(content, ACCOUNT_HEADER, text);
    }
}

/* One piece of work in the pool, which a turn of the loop begins. */
static void what_a_turn_asks_for_comes_at_once(void **state)
{
    (void)state;
    put_all();
    begin_all();
    while (asked.done == 0)
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    assert_int_equal(asked.done, COUNT);
    run();
}

static void many_come_in_order(void **state)
{
    (void)state;
    put_all();
    ask_all();
    assert_int_equal(asked.done, COUNT);
    ask_all();
    assert_int_equal(asked.done, COUNT);
    asked.left = COUNT / 2;
    ask_all();
    assert_int_equal(asked.done, COUNT / 2);
}

static void fill(char *text, size_t n, uint32_t content)
{
    snprintf(text, n, "a: %u\r\n\r\n", content);
    memset(text + strlen(text), 'a' + (int)(content % 26), n - strlen(text) - 1);
    text[n - 1] = '\0';
}

enum { LARGE = 20000 };

static void on_large(void *owner, enum bodies_outcome outcome, struct slice octets,
                     const struct failure *why)
{
    static char text[LARGE];

    (void)why;
    fill(text, sizeof text, (uint32_t)(uintptr_t)owner);
    assert_int_equal(outcome, BODIES_DONE);
    assert_true(slice_is(octets, text));
    asked.done++;
}

static void ask_large(uint32_t first, uint32_t last)
{
    int before = asked.done;

    for (uint32_t content = first; content <= last; content++) {
        struct bodies_range what = {.content = content, .part = ACCOUNT_WHOLE, .length = LARGE};
        assert_non_null(bodies_small(it.ann, &what, on_large, (void *)(uintptr_t)content));
    }
    run();
    assert_int_equal(asked.done - before, last + 1 - first);
}

/* One batch after the other, in the same memory. */
static void more_than_a_batch_come_each_with_its_octets(void **state)
{
    static char text[LARGE];

    (void)state;
    for (uint32_t content = 1; content <= COUNT; content++) {
        fill(text, sizeof text, content);
        put(content, ACCOUNT_WHOLE, text);
    }
    ask_large(1, COUNT);
    ask_large(7, 7);
    ask_large(1, COUNT);
}

/* Asks for what was just written, the pack being gone already. */
static void on_written_ask(void *owner, struct bodies_writer *w, char *key, const char *digest,
                           const struct failure *why)
{
    struct bodies_range header = {.content = 7, .part = ACCOUNT_HEADER, .length = 100};
    struct bodies_range whole = {.content = 7, .part = ACCOUNT_WHOLE, .length = 100};
    struct bodies_range other = {.content = 8, .part = ACCOUNT_WHOLE, .length = 100};

    on_written(owner, w, key, digest, why);
    forget("1.mails");
    assert_non_null(bodies_small(it.ann, &other, on_done, NULL));
    assert_non_null(bodies_small(it.ann, &whole, on_done, NULL));
    bodies_small_cancel(bodies_small(it.ann, &whole, on_done, NULL));
    assert_non_null(bodies_small(it.ann, &header, on_done, NULL));
    assert_int_equal(asked.done, 0); /* not from inside the call */
}

static void what_just_came_is_still_in_memory(void **state)
{
    static const struct bodies_writer_handler asks = {on_progress, on_written_ask};
    struct written written = {0};
    struct bodies_writer *w = bodies_write_cached(it.ann, 7, ACCOUNT_WHOLE, &asks, &written);

    (void)state;
    bodies_writer_data(w, slice_of("a: b\r\n\r\nbody"));
    bodies_writer_end(w);
    while (!asked.done)
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    assert_int_equal(asked.done, 2);
    assert_int_equal(asked.outcome, BODIES_DONE);
    assert_string_equal(asked.text, "a: b\r\n\r\n");
    run();
    assert_int_equal(asked.done, 3);
    assert_int_equal(asked.outcome, BODIES_ABSENT);
    check_absent(7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_asking, tear_down)
        TEST(a_header_is_remembered),
        TEST(a_newborn_account_has_none),
        TEST(a_damaged_pack_is_dropped),
        TEST(a_small_message_is_read_whole),
        TEST(what_a_turn_asks_for_comes_at_once),
        TEST(many_come_in_order),
        TEST(what_just_came_is_still_in_memory),
        TEST(more_than_a_batch_come_each_with_its_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
