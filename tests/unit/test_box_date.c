#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/box_steps.h"

enum { SEEN_AT = 1600000000, ARRIVED_AT = 1500000000 };

/* New in INBOX, and nothing but its size is known of it. */
static uint32_t account_lists(struct box_state *s, char *uidl)
{
    struct box_content c = {
        .size = 3, .listed = 3, .upstream = true, .undated = true, .uidl = uidl};
    struct box_draft d;

    box_draft_begin(&d, s, "listing");
    uint32_t id = box_draft_content(&d, &c);
    box_draft_message(&d, BOX_INBOX, id, 0, SEEN_AT);
    step(s, &d);
    return id;
}

static void account_dates(struct box_state *s, uint32_t content, int64_t date)
{
    struct box_draft d;

    box_draft_begin(&d, s, "known");
    box_draft_dated(&d, content, date == SEEN_AT ? NULL : &date);
    step(s, &d);
    assert_survives(s);
}

static int64_t date_of(const struct box_state *s, uint32_t folder, uint32_t uid)
{
    return box_folder_message(box_state_folder_by_id(s, folder), uid)->date;
}

static void a_date_is_learnt_once(void **state)
{
    struct box_state *s = account_born();
    uint32_t id = account_lists(s, (char[]){"a"});

    (void)state;
    assert_true(box_state_content(s, id)->undated);
    assert_survives(s);
    account_dates(s, id, ARRIVED_AT);
    assert_false(box_state_content(s, id)->undated);
    assert_int_equal(date_of(s, BOX_INBOX, 1), ARRIVED_AT);
    account_dates(s, id, ARRIVED_AT + 1);
    assert_int_equal(date_of(s, BOX_INBOX, 1), ARRIVED_AT);
    box_state_free(s);
}

/* RFC 9051 section 6.4.7: a copy has the date of what it is a copy of. */
static void copies_follow_their_content(void **state)
{
    struct box_state *s = account_born();
    uint32_t id = account_lists(s, (char[]){"a"});
    uint32_t other = account_lists(s, (char[]){"b"});
    uint32_t uids[] = {1, 2};
    uint32_t fresh[2];
    struct box_draft d;

    (void)state;
    box_draft_begin(&d, s, "copy");
    box_draft_copy(&d, BOX_INBOX, uids, 2, 4, fresh);
    step(s, &d);
    account_dates(s, id, ARRIVED_AT);
    assert_int_equal(date_of(s, BOX_INBOX, 1), ARRIVED_AT);
    assert_int_equal(date_of(s, 4, fresh[0]), ARRIVED_AT);
    assert_int_equal(date_of(s, BOX_INBOX, 2), SEEN_AT);
    assert_int_equal(date_of(s, 4, fresh[1]), SEEN_AT);
    assert_true(box_state_content(s, other)->undated);
    box_state_free(s);
}

/* What was told by a version that knew only the time of first sight stays. */
static void a_content_of_old_keeps_its_date(void **state)
{
    struct box_state *s = account_born();
    uint32_t id = account_sees(s, "a", NULL, 3);

    (void)state;
    account_dates(s, id, ARRIVED_AT);
    assert_int_equal(date_of(s, BOX_INBOX, 1), SEEN_AT);
    box_state_free(s);
}

/* Its header cannot be had any more. */
static void the_first_sight_becomes_final(void **state)
{
    struct box_state *s = account_born();
    uint32_t id = account_lists(s, (char[]){"a"});

    (void)state;
    account_dates(s, id, SEEN_AT);
    assert_false(box_state_content(s, id)->undated);
    account_dates(s, id, ARRIVED_AT);
    assert_int_equal(date_of(s, BOX_INBOX, 1), SEEN_AT);
    box_state_free(s);
}

static void what_waits_for_its_deletion_has_no_message(void **state)
{
    struct box_state *s = account_born();
    uint32_t id = account_lists(s, (char[]){"a"});
    struct box_draft d;

    (void)state;
    box_draft_begin(&d, s, "listing");
    box_draft_set(&d, "unlisted", &id, 1);
    step(s, &d);
    account_expunges(s, BOX_INBOX, 1);
    assert_int_equal(box_state_content(s, id)->references, 0);
    account_dates(s, id, ARRIVED_AT);
    assert_false(box_state_content(s, id)->undated);
    box_state_free(s);
}

static void a_local_content_has_its_date(void **state)
{
    struct box_state *s = account_born();
    json_t *snapshot;
    struct failure why;

    (void)state;
    account_appends(s, SENT_MAIL + 1, 5);
    snapshot = box_state_to_json(s);
    json_object_set_new(json_object_get(snapshot, "contents"), "undated", json_string("1"));
    assert_null(box_state_from_json(snapshot, &why));
    assert_non_null(strstr(why.text, "/contents/local"));
    json_decref(snapshot);
    box_state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_learnt_once),
        cmocka_unit_test(copies_follow_their_content),
        cmocka_unit_test(a_content_of_old_keeps_its_date),
        cmocka_unit_test(the_first_sight_becomes_final),
        cmocka_unit_test(what_waits_for_its_deletion_has_no_message),
        cmocka_unit_test(a_local_content_has_its_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
