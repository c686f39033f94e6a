/*
 * Arrays that grow: how much room there is when, and what stands when there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "translate/text/array.h"

struct numbers {
    uint32_t *items;
    size_t count, capacity;
};

static void add(struct numbers *n, uint32_t number)
{
    uint32_t *items = array_grow(n->items, &n->capacity, n->count, sizeof *items);

    assert_non_null(items);
    n->items = items;
    n->items[n->count++] = number;
}

static void test_one_by_one(void **state)
{
    struct numbers n = {.items = NULL};
    size_t growths = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        size_t before = n.capacity;
        add(&n, i);
        assert_in_range(n.count, 1, n.capacity);
        growths += n.capacity != before;
        assert_true(n.capacity == before || before == 0 || n.capacity == 2 * before);
    }
    assert_in_range(growths, 1, 10);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(n.items[i], i);
    free(n.items);
}

/* While there is room nothing moves. */
static void test_room_is_used_first(void **state)
{
    struct numbers n = {.items = NULL};

    (void)state;
    add(&n, 1);
    uint32_t *items = n.items;
    size_t capacity = n.capacity;
    while (n.count < n.capacity)
        add(&n, 2);
    assert_ptr_equal(n.items, items);
    assert_ptr_equal(array_reserve(items, &n.capacity, capacity, sizeof *items), items);
    assert_int_equal(n.capacity, capacity);
    free(n.items);
}

static void test_as_many_as_wanted(void **state)
{
    struct numbers n = {.items = NULL};

    (void)state;
    n.items = array_reserve(NULL, &n.capacity, 100, sizeof *n.items);
    assert_non_null(n.items);
    assert_int_equal(n.capacity, 100);
    n.items[99] = 7;
    uint32_t *half = array_reserve(n.items, &n.capacity, 101, sizeof *half);
    assert_non_null(half);
    assert_int_equal(n.capacity, 150);
    uint32_t *many = array_reserve(half, &n.capacity, 1000, sizeof *many);
    assert_non_null(many);
    assert_int_equal(n.capacity, 1000);
    assert_int_equal(many[99], 7);
    free(many);
}

/* More octets than can be counted: the array stays. (As memory that is out; both are what
 * reallocarray() says no to.) */
static void test_too_many(void **state)
{
    struct numbers n = {.items = NULL};

    (void)state;
    add(&n, 7);
    size_t capacity = n.capacity;
    assert_null(array_reserve(n.items, &n.capacity, SIZE_MAX / 2, sizeof *n.items));
    assert_null(array_reserve(n.items, &n.capacity, SIZE_MAX, sizeof *n.items));
    assert_int_equal(n.capacity, capacity);
    assert_null(array_grow(n.items, &n.capacity, capacity, SIZE_MAX / 2));
    assert_int_equal(n.capacity, capacity);
    assert_int_equal(n.items[0], 7);
    free(n.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_room_is_used_first),
        cmocka_unit_test(test_as_many_as_wanted),
        cmocka_unit_test(test_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
