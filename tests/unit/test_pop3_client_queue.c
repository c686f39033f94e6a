/*
 * The queue of commands: order, growth, what was sent and what waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "translate/pop3/pop3_client_queue.h"

static void add(struct pop3_client_queue *q, uint32_t number)
{
    const struct pop3_client_command command = {.number = number, .verb = POP3_NOOP};

    assert_true(pop3_client_queue_add(q, &command));
}

static void test_sent_and_waiting(void **state)
{
    struct pop3_client_queue q = {0};

    (void)state;
    assert_null(pop3_client_queue_send(&q));
    add(&q, 1);
    add(&q, 2);
    assert_null(pop3_client_queue_first(&q));
    assert_int_equal(pop3_client_queue_send(&q)->number, 1);
    assert_int_equal(pop3_client_queue_first(&q)->number, 1);
    pop3_client_queue_drop(&q);
    assert_null(pop3_client_queue_first(&q));
    assert_int_equal(pop3_client_queue_send(&q)->number, 2);
    assert_null(pop3_client_queue_send(&q));
    pop3_client_queue_drop(&q);
    assert_int_equal(q.commands.count, 0);
    assert_null(q.commands.items);
}

/* The ring grows while its first is anywhere. */
static void test_order_at_every_growth(void **state)
{
    struct pop3_client_queue q = {0};
    uint32_t added = 0;
    uint32_t answered = 0;

    (void)state;
    while (added < 1000) {
        for (int i = 0; i < 3; i++)
            add(&q, ++added);
        assert_int_equal(pop3_client_queue_send(&q)->number, answered + 1);
        assert_int_equal(pop3_client_queue_first(&q)->number, ++answered);
        pop3_client_queue_drop(&q);
        assert_int_equal(q.commands.count, added - answered);
    }
    while (q.commands.count) {
        assert_int_equal(pop3_client_queue_send(&q)->number, ++answered);
        pop3_client_queue_drop(&q);
    }
    assert_int_equal(answered, added);
    pop3_client_queue_clear(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sent_and_waiting),
        cmocka_unit_test(test_order_at_every_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
