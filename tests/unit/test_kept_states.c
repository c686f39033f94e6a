#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "proxy/store/kept_states.h"

enum { KIB = 1024, LARGE = KEPT_STATE_MIN };

/* A state that is nothing but its size. */
struct sized {
    size_t octets;
};

static int freed;

static void sized_free(void *state)
{
    __atomic_add_fetch(&freed, state != NULL, __ATOMIC_SEQ_CST);
    free(state);
}

static size_t sized_octets(const void *state)
{
    return ((const struct sized *)state)->octets;
}

static const struct state_kind kind = {.free = sized_free, .octets = sized_octets};
static const struct state_kind other_kind = {.free = sized_free, .octets = sized_octets};
static const struct account_stamp stamp = {.generation = 3, .journal = {.there = true, .size = 9}};

static struct sized *sized_new(size_t octets)
{
    struct sized *s = malloc(sizeof *s);

    assert_non_null(s);
    s->octets = octets;
    return s;
}

static struct sized *put(struct kept_states *k, const char *name, size_t octets)
{
    struct sized *s = sized_new(octets);

    kept_states_put(k, &kind, name, &stamp, s);
    return s;
}

static void *take(struct kept_states *k, const char *name)
{
    void *state = NULL;

    assert_true(kept_states_take(k, &kind, name, &stamp, &state) || !state);
    return state;
}

static bool is_kept(struct kept_states *k, const char *name)
{
    void *state = take(k, name);

    if (state)
        kept_states_put(k, &kind, name, &stamp, state);
    return state != NULL;
}

static size_t count_of(struct kept_states *k)
{
    size_t octets = 0;

    return kept_states_count(k, &octets);
}

static int begin(void **state)
{
    freed = 0;
    *state = kept_states_new(10 * LARGE);
    return *state ? 0 : -1;
}

static int end(void **state)
{
    kept_states_free(*state);
    return 0;
}

static void what_was_put_is_taken_once(void **state)
{
    struct kept_states *k = *state;
    struct sized *s = put(k, "ann", LARGE);

    assert_null(take(k, "bob"));
    assert_ptr_equal(take(k, "ann"), s);
    assert_null(take(k, "ann"));
    assert_int_equal(count_of(k), 0);
    assert_int_equal(freed, 0);
    sized_free(s);
}

static void of_other_files_it_counts_no_more(void **state)
{
    struct account_stamp later = stamp;
    void *taken = NULL;

    later.journal.changed.tv_nsec++;
    put(*state, "ann", LARGE);
    assert_false(kept_states_take(*state, &kind, "ann", &later, &taken));
    assert_null(taken);
    assert_int_equal(freed, 1);
    assert_null(take(*state, "ann"));
}

static void of_another_kind_it_counts_no_more(void **state)
{
    void *taken = NULL;

    put(*state, "ann", LARGE);
    assert_false(kept_states_take(*state, &other_kind, "ann", &stamp, &taken));
    assert_null(taken);
    assert_int_equal(freed, 1);
}

static void small_and_huge_ones_are_not_kept(void **state)
{
    put(*state, "ann", LARGE - 1);
    put(*state, "bob", 10 * LARGE + 1);
    assert_int_equal(count_of(*state), 0);
    assert_int_equal(freed, 2);
}

static void the_one_put_longest_ago_makes_room(void **state)
{
    char name[16];
    size_t octets = 0;

    for (int i = 0; i < 9; i++) {
        snprintf(name, sizeof name, "%d", i);
        put(*state, name, LARGE);
    }
    assert_true(is_kept(*state, "0")); /* and is the newest from now on */
    put(*state, "large", 3 * LARGE);
    assert_true(kept_states_count(*state, &octets) < 9);
    assert_true(octets <= 10 * LARGE && octets > 9 * LARGE);
    assert_false(is_kept(*state, "1"));
    assert_false(is_kept(*state, "2"));
    assert_false(is_kept(*state, "3"));
    assert_true(is_kept(*state, "4"));
    assert_true(is_kept(*state, "0"));
    assert_true(is_kept(*state, "large"));
    assert_int_equal(freed, 3);
}

static void what_is_lent_comes_back(void **state)
{
    struct kept_states *k = *state;
    struct sized *s = put(k, "ann", LARGE);
    void *taken = s;

    assert_ptr_equal(take(k, "ann"), s);
    kept_states_put(k, &kind, "ann", &stamp, NULL);
    assert_true(kept_states_take(k, &kind, "ann", &stamp, &taken));
    assert_null(taken);
    kept_states_put(k, &kind, "ann", &stamp, NULL);
    kept_states_give(k, &kind, "ann", s);
    assert_ptr_equal(take(k, "ann"), s);
    assert_int_equal(freed, 0);
    sized_free(s);
}

/* Nobody knows any more which files they belong to; or one is there already. */
static void what_was_not_lent_does_not_come_back(void **state)
{
    struct kept_states *k = *state;

    kept_states_give(k, &kind, "ann", sized_new(LARGE));
    assert_int_equal(freed, 1);
    kept_states_put(k, &other_kind, "ann", &stamp, NULL);
    kept_states_give(k, &kind, "ann", sized_new(LARGE));
    assert_int_equal(freed, 2);
    put(k, "ann", LARGE);
    kept_states_give(k, &kind, "ann", sized_new(LARGE));
    assert_int_equal(freed, 4);
    kept_states_put(k, &kind, "ann", &stamp, NULL);
    kept_states_give(k, &kind, "ann", sized_new(LARGE - 1));
    assert_int_equal(freed, 5);
    assert_int_equal(count_of(k), 0);
}

/* Each has accounts of its own, as the store sees to. */
struct worker {
    struct kept_states *k;
    int number;
    uv_thread_t thread;
    int found;
    bool within;
};

static void work(void *arg)
{
    struct worker *w = arg;
    size_t octets = 0;
    char name[32];

    w->within = true;
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "%d-%d", w->number, i % 5);
        struct sized *s = take(w->k, name);
        w->found += s != NULL;
        kept_states_put(w->k, &kind, name, &stamp, s ? s : sized_new(LARGE + (size_t)i % KIB));
        kept_states_count(w->k, &octets);
        w->within = w->within && octets <= 10 * LARGE;
    }
}

static void many_threads_stay_within_the_bound(void **state)
{
    struct worker workers[4] = {{NULL}};
    int found = 0;

    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){.k = *state, .number = i};
        assert_int_equal(uv_thread_create(&workers[i].thread, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        uv_thread_join(&workers[i].thread);
        assert_true(workers[i].within);
        found += workers[i].found;
    }
    /* Every state was made here, and is either found again, freed, or there. */
    assert_int_equal(8000 - found, freed + (int)count_of(*state));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_taken_once),           TEST(of_other_files_it_counts_no_more),
        TEST(of_another_kind_it_counts_no_more),    TEST(small_and_huge_ones_are_not_kept),
        TEST(the_one_put_longest_ago_makes_room),   TEST(what_is_lent_comes_back),
        TEST(what_was_not_lent_does_not_come_back), TEST(many_threads_stay_within_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
