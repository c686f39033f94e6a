/* proxy/net/descriptors.c: who has to let go, who waits, and that nothing in use is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include <stdlib.h>
#include <sys/resource.h>

#include "proxy/log.h"
#include "proxy/net/descriptors.h"

enum { LOOPS = 2, LIMIT = 100, FOR_CLIENTS = 85, FOR_UPSTREAMS = 90 };

/* A process of two loops, which take turns on one thread. */
struct scene {
    uv_loop_t loops[LOOPS];
    uv_timer_t alive[LOOPS]; /* a share does not keep its loop running */
    struct health *health;
    struct descriptors *all;
    struct descriptor_share *shares[LOOPS];
    struct rlimit limit;
};

struct keeper {
    struct descriptor_kept kept;
    bool gone;
};

struct waiter {
    struct descriptor_wait wait;
    unsigned asked;
    bool may, got, gave_up;
};

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static int begin(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    struct rlimit few;

    log_setup(false, LOG_ERROR);
    s->health = health_new();
    s->all = descriptors_new(LOOPS, s->health);
    for (size_t i = 0; i < LOOPS; i++) {
        uv_loop_init(&s->loops[i]);
        uv_timer_init(&s->loops[i], &s->alive[i]);
        uv_timer_start(&s->alive[i], on_alive, 1, 1);
        s->shares[i] = descriptor_share_new(s->all, i, &s->loops[i]);
        assert_non_null(s->shares[i]);
    }
    getrlimit(RLIMIT_NOFILE, &s->limit);
    few = s->limit;
    few.rlim_cur = LIMIT;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;

    setrlimit(RLIMIT_NOFILE, &s->limit);
    for (size_t i = 0; i < LOOPS; i++) {
        descriptor_share_close(s->shares[i]);
        uv_close((uv_handle_t *)&s->alive[i], NULL);
        uv_run(&s->loops[i], UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&s->loops[i]), 0);
        descriptor_share_free(s->shares[i]);
    }
    descriptors_free(s->all);
    health_free(s->health);
    free(s);
    return 0;
}

static void turn(struct scene *s)
{
    for (size_t i = 0; i < LOOPS; i++)
        uv_run(&s->loops[i], UV_RUN_NOWAIT);
}

#define UNTIL(s, condition) \
    while (!(condition))    \
    turn(s)

/* A later time than that of all that was done so far. */
static void pass_time(struct scene *s)
{
    uint64_t before =
        uv_now(&s->loops[0]) > uv_now(&s->loops[1]) ? uv_now(&s->loops[0]) : uv_now(&s->loops[1]);

    UNTIL(s, uv_now(&s->loops[0]) > before && uv_now(&s->loops[1]) > before);
}

static void on_let_go(struct descriptor_kept *kept)
{
    ((struct keeper *)(void *)kept)->gone = true;
}

static bool on_take(struct descriptor_wait *wait)
{
    struct waiter *w = (struct waiter *)(void *)wait;

    w->asked++;
    w->got = w->may;
    return w->may;
}

static void on_give_up(struct descriptor_wait *wait)
{
    ((struct waiter *)(void *)wait)->gave_up = true;
}

#define KEEPER                         \
    {                                  \
        .kept = {.let_go = on_let_go } \
    }
#define WAITER                          \
    {                                   \
        .wait = {                       \
            .use = DESCRIPTOR_UPSTREAM, \
            .take = on_take,            \
            .give_up = on_give_up,      \
            .patience_ms = 3600 * 1000  \
        }                               \
    }

static json_int_t counted(const struct scene *s, const char *what)
{
    json_t *json = health_to_json(s->health);
    json_int_t n = json_integer_value(json_object_get(json, what));

    json_decref(json);
    return n;
}

static void the_oldest_goes_first(void **state)
{
    struct scene *s = *state;
    struct keeper first = KEEPER, second = KEEPER, third = KEEPER;

    descriptor_keep(s->shares[1], &first.kept);
    pass_time(s);
    descriptor_keep(s->shares[0], &second.kept);
    pass_time(s);
    descriptor_keep(s->shares[1], &third.kept);
    assert_true(descriptor_let_go(s->shares[0]));
    assert_false(first.gone); /* not before the loop's turn */
    UNTIL(s, first.gone);
    assert_false(second.gone || third.gone);
    assert_true(descriptor_let_go(s->shares[1]));
    UNTIL(s, second.gone);
    assert_false(third.gone);
    assert_true(descriptor_let_go(s->shares[1]));
    UNTIL(s, third.gone);
    assert_false(descriptor_let_go(s->shares[1]));
    assert_int_equal(counted(s, "let_go"), 3);
}

static void what_is_in_use_stays(void **state)
{
    struct scene *s = *state;
    struct keeper used = KEEPER, kept = KEEPER;

    descriptor_keep(s->shares[0], &used.kept);
    pass_time(s);
    descriptor_keep(s->shares[0], &kept.kept);
    assert_true(descriptor_let_go(s->shares[1]));
    descriptor_use(&used.kept); /* after it was asked for, before its loop knows */
    UNTIL(s, kept.gone);
    assert_false(used.gone);
    assert_false(descriptor_let_go(s->shares[1]));
    turn(s);
    assert_false(used.gone);
}

/* Who comes before the loop has had its turn is not promised the same one. */
static void each_is_asked_for_once(void **state)
{
    struct scene *s = *state;
    struct keeper older = KEEPER, newer = KEEPER, next = KEEPER;

    descriptor_keep(s->shares[0], &older.kept);
    pass_time(s);
    descriptor_keep(s->shares[1], &newer.kept);
    assert_true(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS));
    assert_true(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS));
    assert_false(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS));
    UNTIL(s, older.gone && newer.gone);
    descriptor_keep(s->shares[0], &next.kept);
    assert_true(descriptor_let_go(s->shares[1]));
    UNTIL(s, next.gone);
}

static void a_reserve_is_left(void **state)
{
    struct scene *s = *state;
    struct keeper kept = KEEPER;

    assert_true(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS - 1));
    assert_false(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS));
    assert_true(descriptor_affords(s->shares[0], DESCRIPTOR_UPSTREAM, FOR_UPSTREAMS - 1));
    assert_false(descriptor_affords(s->shares[0], DESCRIPTOR_UPSTREAM, FOR_UPSTREAMS));
    assert_true(descriptor_affords(NULL, DESCRIPTOR_CLIENT, LIMIT - 1));
    descriptor_keep(s->shares[1], &kept.kept);
    assert_true(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS - 1));
    turn(s);
    assert_false(kept.gone);
    assert_true(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS));
    UNTIL(s, kept.gone); /* for the client that comes in */
    assert_false(descriptor_affords(s->shares[0], DESCRIPTOR_CLIENT, FOR_CLIENTS));
}

static void who_waits_is_served_in_order(void **state)
{
    struct scene *s = *state;
    struct waiter first = WAITER, second = WAITER;

    descriptor_wait(s->shares[0], &first.wait);
    descriptor_wait(s->shares[0], &second.wait);
    assert_true(descriptors_are_awaited(s->shares[0]));
    second.may = true;
    descriptor_freed(s->shares[1]);
    UNTIL(s, first.asked);
    assert_false(second.asked || second.got);
    first.may = true;
    descriptor_freed(s->shares[1]);
    UNTIL(s, first.got && second.got);
    assert_false(descriptors_are_awaited(s->shares[0]));
    assert_int_equal(counted(s, "waited"), 2);
}

/* What other loops have, or files that were closed, is told by nobody. */
static void it_is_tried_again_unasked(void **state)
{
    struct scene *s = *state;
    struct waiter w = WAITER;

    descriptor_wait(s->shares[0], &w.wait);
    UNTIL(s, w.asked > 1);
    w.may = true;
    UNTIL(s, w.got);
}

static void clients_come_behind_upstreams(void **state)
{
    struct scene *s = *state;
    struct waiter client = WAITER, upstream = WAITER;

    client.wait.use = DESCRIPTOR_CLIENT;
    client.may = true;
    descriptor_wait(s->shares[0], &client.wait);
    assert_false(descriptors_are_awaited(s->shares[0]));
    descriptor_wait(s->shares[0], &upstream.wait);
    descriptor_freed(s->shares[0]);
    UNTIL(s, client.got);
    assert_int_equal(upstream.asked, 1);
    descriptor_wait_cancel(&upstream.wait);
}

static void who_waits_makes_others_let_go(void **state)
{
    struct scene *s = *state;
    struct keeper before = KEEPER, after = KEEPER;
    struct waiter w = WAITER;

    descriptor_keep(s->shares[1], &before.kept);
    descriptor_wait(s->shares[0], &w.wait);
    UNTIL(s, before.gone);
    descriptor_keep(s->shares[1], &after.kept);
    UNTIL(s, after.gone);
    descriptor_wait_cancel(&w.wait);
    descriptor_wait_cancel(&w.wait);
    assert_false(descriptors_are_awaited(s->shares[0]));
}

static void it_is_given_up_when_nothing_moves(void **state)
{
    struct scene *s = *state;
    struct waiter hasty = WAITER, patient = WAITER;

    hasty.wait.patience_ms = 1;
    descriptor_wait(s->shares[0], &hasty.wait);
    descriptor_wait(s->shares[0], &patient.wait);
    UNTIL(s, hasty.gave_up);
    assert_false(patient.gave_up);
    patient.may = true;
    UNTIL(s, patient.got);
    assert_false(patient.gave_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_goes_first, begin, end),
        cmocka_unit_test_setup_teardown(what_is_in_use_stays, begin, end),
        cmocka_unit_test_setup_teardown(each_is_asked_for_once, begin, end),
        cmocka_unit_test_setup_teardown(a_reserve_is_left, begin, end),
        cmocka_unit_test_setup_teardown(who_waits_is_served_in_order, begin, end),
        cmocka_unit_test_setup_teardown(it_is_tried_again_unasked, begin, end),
        cmocka_unit_test_setup_teardown(clients_come_behind_upstreams, begin, end),
        cmocka_unit_test_setup_teardown(who_waits_makes_others_let_go, begin, end),
        cmocka_unit_test_setup_teardown(it_is_given_up_when_nothing_moves, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
