#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/net/loop.h"

enum { ALARMS = 500, NEVER = 1000 };

/* One that notes when it rang. */
struct bell {
    struct alarm alarm;
    uint64_t wanted;
    size_t place; /* in the order of ringing, from 1; 0: it did not */
};

struct world {
    uv_loop_t uv;
    struct loop *loop;
    struct bell bells[ALARMS];
    uint64_t start;
};

static size_t rung;
static uint64_t last;

static struct bell *bell_of(struct alarm *a)
{
    return (struct bell *)((char *)a - offsetof(struct bell, alarm));
}

static void ring(struct alarm *a)
{
    struct bell *b = bell_of(a);

    assert_true(b->wanted >= last);
    assert_true(a->due == UINT64_MAX);
    last = b->wanted;
    b->place = ++rung;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_int_equal(uv_loop_init(&w->uv), 0);
    w->loop = loop_acquire(&w->uv);
    w->start = uv_now(&w->uv);
    for (size_t i = 0; i < ALARMS; i++)
        alarm_init(&w->bells[i].alarm, ring);
    rung = 0;
    last = 0;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    loop_release(w->loop);
    uv_run(&w->uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->uv), 0);
    free(w);
    return 0;
}

static void set(struct world *w, struct bell *b, uint64_t ms)
{
    b->wanted = w->start + ms;
    alarm_set(w->loop, &b->alarm, b->wanted);
}

static void each_rings_in_its_turn(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < ALARMS; i++)
        set(w, &w->bells[i], i * 7919 % 101);
    uv_run(&w->uv, UV_RUN_DEFAULT);
    assert_int_equal(rung, ALARMS);
    assert_true(uv_now(&w->uv) >= w->start + 100);
}

/* Taken out of the middle, brought forward, put off: whatever the heap looks like. */
static void what_is_set_anew_rings_once_and_then(void **state)
{
    struct world *w = *state;
    size_t cleared = 0;

    for (size_t i = 0; i < ALARMS; i++)
        set(w, &w->bells[i], i * 7919 % 53);
    for (size_t i = 0; i < ALARMS; i += 3)
        set(w, &w->bells[i], i * 31 % 61);
    for (size_t i = 1; i < ALARMS; i += 5) {
        alarm_set(w->loop, &w->bells[i].alarm, UINT64_MAX);
        w->bells[i].wanted = UINT64_MAX;
        cleared++;
    }
    uv_run(&w->uv, UV_RUN_DEFAULT);
    assert_int_equal(rung, ALARMS - cleared);
    for (size_t i = 0; i < ALARMS; i++)
        assert_int_equal(w->bells[i].place == 0, w->bells[i].wanted == UINT64_MAX);
}

static void one_that_is_cleared_lets_the_loop_end(void **state)
{
    struct world *w = *state;

    set(w, &w->bells[0], NEVER * 1000);
    alarm_set(w->loop, &w->bells[0].alarm, UINT64_MAX);
    uv_run(&w->uv, UV_RUN_DEFAULT);
    assert_int_equal(rung, 0);
}

/* One that is due again whenever it rings. */
struct greedy {
    struct alarm alarm;
    struct loop *loop;
    unsigned left;
};

static void ring_again(struct alarm *a)
{
    struct greedy *g = (struct greedy *)((char *)a - offsetof(struct greedy, alarm));

    if (g->left > 0) {
        g->left--;
        alarm_set(g->loop, a, 0);
    }
}

static void look(uv_check_t *check)
{
    ++*(unsigned *)check->data;
}

/* The sockets are looked at in between, and another one that is due rings too. */
static void one_that_is_always_due_starves_nobody(void **state)
{
    struct world *w = *state;
    struct greedy g = {.loop = w->loop, .left = 20};
    unsigned looks = 0;
    uv_check_t check;

    uv_check_init(&w->uv, &check);
    check.data = &looks;
    uv_check_start(&check, look);
    uv_unref((uv_handle_t *)&check);
    alarm_init(&g.alarm, ring_again);
    set(w, &w->bells[0], 0);
    alarm_set(w->loop, &g.alarm, 0);
    uv_run(&w->uv, UV_RUN_ONCE);
    assert_true(g.left >= 18);
    uv_run(&w->uv, UV_RUN_DEFAULT);
    assert_int_equal(g.left, 0);
    assert_int_equal(rung, 1);
    assert_true(looks >= 18);
    uv_close((uv_handle_t *)&check, NULL);
    uv_run(&w->uv, UV_RUN_DEFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_rings_in_its_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_set_anew_rings_once_and_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_cleared_lets_the_loop_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_always_due_starves_nobody, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
