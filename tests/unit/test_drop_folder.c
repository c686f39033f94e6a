/*
 * Copies of a state that share their messages: each is changed as if it were alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/drop_steps.h"

enum { COPIES = 5 };

static void add(struct drop_state *s, uint32_t uid, char *id, char *uidl)
{
    struct drop_message m = {.uid = uid, .size = uid * 10, .id = id, .uidl = uidl, .hidden = -1};

    apply(s, drop_record_messages(INBOX, 7, &m, 1));
}

static struct drop_state *copy_of(struct drop_state *s)
{
    struct drop_state *copy = drop_state_copy(s);

    assert_non_null(copy);
    return copy;
}

static struct drop_folder *inbox(struct drop_state *s)
{
    struct drop_folder *f = drop_state_folder(s, INBOX);

    assert_non_null(f);
    return f;
}

static bool shared(struct drop_state *a, struct drop_state *b)
{
    return inbox(a)->messages == inbox(b)->messages;
}

/* The sum of a state that is read back is counted message by message. */
static void assert_sum_is_right(struct drop_state *s)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *json = drop_state_to_json(s);
    struct drop_state *again = drop_state_from_json(json, &why);

    json_decref(json);
    assert_non_null(again);
    assert_memory_equal(&inbox(s)->sum, &inbox(again)->sum, sizeof(struct drop_sum));
    drop_state_free(again);
}

static struct drop_state *state_of_three(void)
{
    struct drop_state *s = drop_state_new();

    assert_non_null(s);
    for (uint32_t uid = 1; uid <= 3; uid++)
        add(s, uid, "id", uid == 2 ? "exception" : NULL);
    return s;
}

static void a_copy_shares_until_it_is_changed(void **state)
{
    struct drop_state *s = state_of_three();
    struct drop_state *copy = copy_of(s);
    char *before = dump(s);

    (void)state;
    assert_true(shared(s, copy));
    apply(copy, drop_record_gone(INBOX, 7, (uint32_t[]){2}, 1));
    assert_false(shared(s, copy));
    char *after = dump(s);
    assert_string_equal(before, after);
    assert_int_equal(inbox(copy)->count, 2);
    assert_int_equal(inbox(copy)->sum.octets, 40);
    assert_int_equal(inbox(s)->sum.octets, 60);
    assert_sum_is_right(s);
    assert_sum_is_right(copy);
    free(before);
    free(after);
    drop_state_free(s);
    drop_state_free(copy);
}

static void what_changes_nothing_parts_nothing(void **state)
{
    struct drop_state *s = state_of_three();
    struct drop_state *copy = copy_of(s);

    (void)state;
    apply(copy, drop_record_gone(INBOX, 7, (uint32_t[]){4}, 1));
    apply(copy, drop_record_synced(INBOX, 7, 9, 8));
    apply(copy, drop_record_messages(INBOX, 7, NULL, 0));
    assert_true(shared(s, copy));
    assert_int_equal(inbox(s)->uidnext, 0);
    drop_state_free(s);
    drop_state_free(copy);
}

/* There is room behind the third: whoever is first has it, and the other moves out. */
static void only_one_goes_on_at_the_end(void **state)
{
    struct drop_state *s = state_of_three();

    (void)state;
    while (inbox(s)->count < 5 || inbox(s)->count == inbox(s)->capacity)
        add(s, (uint32_t)inbox(s)->count + 1, NULL, NULL);
    size_t count = inbox(s)->count;
    struct drop_state *reader = copy_of(s);
    struct drop_state *other = copy_of(s);
    add(s, 100, "hundred", NULL);
    assert_true(shared(s, reader));
    assert_int_equal(inbox(reader)->count, count);
    add(other, 200, "two hundred", NULL);
    assert_false(shared(s, other));
    assert_int_equal(inbox(s)->messages[count].uid, 100);
    assert_int_equal(inbox(other)->messages[count].uid, 200);
    drop_state_free(s); /* the reader has an array now that somebody else has filled further */
    assert_int_equal(inbox(reader)->count, count);
    apply(reader, drop_record_hidden(INBOX, 7, (uint32_t[]){1}, 1, 5));
    add(reader, 300, "three hundred", NULL);
    assert_int_equal(inbox(reader)->messages[count].uid, 300);
    assert_sum_is_right(reader);
    assert_sum_is_right(other);
    drop_state_free(reader);
    drop_state_free(other);
}

static uint32_t turn(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static json_t *some_record(uint32_t *seed)
{
    uint32_t uid = turn(seed) % 40 + 1;
    struct drop_message m = {.uid = uid, .size = turn(seed) % 1000, .hidden = -1};

    switch (turn(seed) % 6) {
    case 0:
        return drop_record_gone(INBOX, 7, &uid, 1);
    case 1:
        return drop_record_hidden(INBOX, 7, &uid, 1, turn(seed) % 9);
    case 2:
        m.id = (char[]){"an id"};
        m.uidl = turn(seed) % 2 ? (char[]){"an exception"} : NULL;
        return drop_record_messages(INBOX, 7, &m, 1);
    case 3:
        m.uid += 40 + turn(seed) % 1000;
        return drop_record_messages(INBOX, 7, &m, 1);
    case 4:
        return drop_record_begun(INBOX, 7 + turn(seed) % 50 / 49, 7);
    default:
        return drop_record_messages(INBOX, 7, &m, 1);
    }
}

static struct drop_state *apart(struct drop_state *s)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *json = drop_state_to_json(s);
    struct drop_state *again = drop_state_from_json(json, &why);

    json_decref(json);
    assert_non_null(again);
    return again;
}

/* Beside each copy there is a twin that shares nothing. */
static void they_change_as_if_alone(void **state)
{
    struct drop_state *copies[COPIES], *twins[COPIES];
    uint32_t seed = 1;

    (void)state;
    copies[0] = state_of_three();
    twins[0] = apart(copies[0]);
    for (int i = 1; i < COPIES; i++) {
        copies[i] = copy_of(copies[0]);
        twins[i] = apart(copies[0]);
    }
    for (int i = 0; i < 20000; i++) {
        uint32_t which = turn(&seed) % COPIES, from = turn(&seed) % COPIES;
        if (turn(&seed) % 8 == 0 && which != from) {
            drop_state_free(copies[which]);
            drop_state_free(twins[which]);
            copies[which] = copy_of(copies[from]);
            twins[which] = apart(copies[from]);
            continue;
        }
        json_t *record = some_record(&seed);
        apply(twins[which], json_incref(record));
        apply(copies[which], record);
    }
    for (int i = 0; i < COPIES; i++) {
        char *text = dump(copies[i]);
        char *twin = dump(twins[i]);
        assert_string_equal(text, twin);
        assert_sum_is_right(copies[i]);
        free(text);
        free(twin);
        drop_state_free(copies[i]);
        drop_state_free(twins[i]);
    }
}

enum { APPENDS = 3000 };

static void *append_many(void *arg)
{
    for (uint32_t uid = 4; uid < 4 + APPENDS; uid++)
        add(arg, uid, "an id", NULL);
    return NULL;
}

static void each_may_have_its_thread(void **state)
{
    struct drop_state *s = state_of_three();
    struct drop_state *copies[COPIES];
    pthread_t threads[COPIES];

    (void)state;
    for (int i = 0; i < COPIES; i++)
        copies[i] = copy_of(s);
    for (int i = 0; i < COPIES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, copies[i]), 0);
    drop_state_free(s);
    for (int i = 0; i < COPIES; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(inbox(copies[i])->count, 3 + APPENDS);
        assert_sum_is_right(copies[i]);
        drop_state_free(copies[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_shares_until_it_is_changed),
        cmocka_unit_test(what_changes_nothing_parts_nothing),
        cmocka_unit_test(only_one_goes_on_at_the_end),
        cmocka_unit_test(they_change_as_if_alone),
        cmocka_unit_test(each_may_have_its_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
