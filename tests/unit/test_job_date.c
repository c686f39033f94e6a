/* Dates that are not known yet, in FETCH and in SEARCH. */
#include "tests/unit/job_world.h"

#define TEXT "Subject: x\r\n\r\nbody\r\n"

enum { OCTOBER_1 = 1727740800, OCTOBER_5 = 1728086400, OCTOBER_9 = 1728432000 };

static void world_three(struct world *w)
{
    world_init(w);
    world_add_octets(w, slice_of(TEXT), 0, OCTOBER_1, NULL);
    world_add_undated(w, TEXT, OCTOBER_5);
    world_add_undated(w, TEXT, OCTOBER_9);
    world_select(w);
}

static void says(struct world *w, const char *command, const char *expected)
{
    world_run(w, slice_of(command));
    if (!slice_is(buf_slice(&w->text), expected))
        fail_msg("%s: %.*s", command, SLICE_ARG(buf_slice(&w->text)));
}

static void fetch_tells_the_date_once_it_is_known(void **state)
{
    struct world w;

    (void)state;
    world_three(&w);
    says(&w, "a FETCH 1:3 (UID INTERNALDATE)",
         "* 1 FETCH (UID 1 INTERNALDATE \"01-Oct-2024 00:00:00 +0000\")\r\n"
         "* 2 FETCH (UID 2 INTERNALDATE \"05-Oct-2024 00:00:00 +0000\")\r\n"
         "* 3 FETCH (UID 3 INTERNALDATE \"09-Oct-2024 00:00:00 +0000\")\r\n");
    assert_int_equal(w.numbers[ASKED_DATE], 2);
    assert_int_equal(w.numbers[ASKED_READ], 0);
    says(&w, "a FETCH 3 INTERNALDATE",
         "* 3 FETCH (INTERNALDATE \"09-Oct-2024 00:00:00 +0000\")\r\n");
    assert_int_equal(w.numbers[ASKED_DATE], 2);
    world_clear(&w);
}

/* The first listing of a large maildrop needs no header. */
static void flags_and_sizes_need_no_date(void **state)
{
    struct world w;

    (void)state;
    world_three(&w);
    says(&w, "a FETCH 2 (FLAGS RFC822.SIZE)", "* 2 FETCH (FLAGS () RFC822.SIZE 20)\r\n");
    assert_int_equal(w.numbers[ASKED_DATE], 0);
    world_clear(&w);
}

static void a_date_that_cannot_be_known_is_left_out(void **state)
{
    struct world w;

    (void)state;
    world_three(&w);
    w.bodies[2].gone = true;
    says(&w, "a FETCH 2:3 (FLAGS INTERNALDATE)",
         "* 2 FETCH (FLAGS ())\r\n"
         "* 3 FETCH (FLAGS () INTERNALDATE \"09-Oct-2024 00:00:00 +0000\")\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_TEMPORARY);
    world_clear(&w);
}

/* With the header that is on its way, the date comes too. */
static void the_header_comes_first(void **state)
{
    struct world w;

    (void)state;
    world_three(&w);
    world_run(&w, slice_of("a FETCH 1:3 (ENVELOPE INTERNALDATE)"));
    assert_int_equal(w.tops, 3);
    assert_int_equal(w.numbers[ASKED_DATE], 2);
    assert_int_equal(w.result.failure.kind, FAILURE_NONE);
    world_clear(&w);
}

static void search_by_date(void **state)
{
    static const struct {
        const char *keys, *numbers;
        unsigned dates; /* that had to be learnt */
    } cases[] = {
        {"SINCE 5-Oct-2024", " 2 3", 2},
        {"BEFORE 5-Oct-2024", " 1", 2},
        {"ON 9-Oct-2024", " 3", 2},
        {"NOT ON 9-Oct-2024", " 1 2", 2},
        {"OR ON 9-Oct-2024 SEEN", " 3", 2},
        {"OR UNSEEN ON 9-Oct-2024", " 1 2 3", 0},
        {"SEEN SINCE 5-Oct-2024", "", 0},
        {"1:2 SINCE 5-Oct-2024", " 2", 1},
        {"SINCE 5-Oct-2024 SUBJECT x", " 2 3", 2},
        {"SINCE 9-Oct-2024 BODY body", " 3", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        char command[100];
        char expected[100];
        world_three(&w);
        snprintf(command, sizeof command, "a SEARCH %s", cases[i].keys);
        snprintf(expected, sizeof expected, "* SEARCH%s\r\n", cases[i].numbers);
        says(&w, command, expected);
        if (w.numbers[ASKED_DATE] != cases[i].dates)
            fail_msg("%s: %u dates were asked for", command, w.numbers[ASKED_DATE]);
        world_clear(&w);
    }
}

static void search_reads_no_more_than_the_date_leaves_open(void **state)
{
    struct world w;

    (void)state;
    world_three(&w);
    says(&w, "a SEARCH SINCE 9-Oct-2024 SUBJECT x", "* SEARCH 3\r\n");
    assert_int_equal(w.tops, 1);
    world_clear(&w);
}

static void a_message_without_a_date_is_not_found(void **state)
{
    struct world w;

    (void)state;
    world_three(&w);
    w.bodies[3].gone = true;
    says(&w, "a SEARCH SINCE 5-Oct-2024", "* SEARCH 2\r\n");
    assert_int_equal(w.result.failure.kind, FAILURE_TEMPORARY);
    says(&w, "a SEARCH RETURN (MAX) SINCE 5-Oct-2024", "* ESEARCH (TAG \"a\") MAX 2\r\n");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetch_tells_the_date_once_it_is_known),
        cmocka_unit_test(flags_and_sizes_need_no_date),
        cmocka_unit_test(a_date_that_cannot_be_known_is_left_out),
        cmocka_unit_test(the_header_comes_first),
        cmocka_unit_test(search_by_date),
        cmocka_unit_test(search_reads_no_more_than_the_date_leaves_open),
        cmocka_unit_test(a_message_without_a_date_is_not_found),
    };

    mime_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
