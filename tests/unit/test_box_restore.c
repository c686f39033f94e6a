/* A state from an earlier day in the place of a later one: no number is given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/box_steps.h"
#include "translate/state/box_restore.h"

static struct box_state *copy(const struct box_state *s)
{
    struct failure why;
    json_t *json = box_state_to_json(s);
    struct box_state *again = box_state_from_json(json, &why);

    assert_non_null(again);
    json_decref(json);
    return again;
}

static void numbers_go_on_behind_those_that_were_given(void **state)
{
    (void)state;
    struct box_state *later = account_born();
    struct box_draft d;

    account_sees(later, "a", NULL, 10);
    struct box_state *earlier = copy(later);
    account_sees(later, "b", NULL, 10);
    box_draft_begin(&d, later, "create");
    box_draft_folder(&d, slice_of("Work"), BOX_NO_USE);
    step(later, &d);

    box_state_outlive(earlier, later);
    const struct box_folder *inbox = box_state_folder_by_id(earlier, BOX_INBOX);
    assert_int_equal(inbox->count, 1);
    assert_int_equal(inbox->uidnext, 3);
    assert_int_equal(inbox->modseq, box_state_folder_by_id(later, BOX_INBOX)->modseq);
    assert_int_equal(earlier->modseq, later->modseq);
    assert_int_equal(earlier->folder_next, later->folder_next);
    assert_int_equal(earlier->content_next, later->content_next);
    assert_int_equal(earlier->uidvalidity, later->uidvalidity);

    /* And it is a state on which records go on. */
    account_sees(earlier, "c", NULL, 10);
    struct box_state *again = copy(earlier);
    inbox = box_state_folder_by_id(again, BOX_INBOX);
    assert_int_equal(inbox->messages[1].uid, 3);
    box_state_free(again);
    box_state_free(earlier);
    box_state_free(later);
}

static void folders_of_another_life_are_left_alone(void **state)
{
    (void)state;
    struct box_state *other = box_state_new();
    struct box_state *s = account_born();
    struct box_draft d;

    box_draft_born(&d, other, 1800000000);
    step(other, &d);
    account_sees(other, "a", NULL, 10);
    box_state_outlive(s, other);
    assert_int_equal(box_state_folder_by_id(s, BOX_INBOX)->uidnext, 1);
    assert_int_equal(box_state_folder_by_id(s, BOX_INBOX)->uidvalidity, 1700000000);
    assert_int_equal(s->uidvalidity, other->uidvalidity);
    box_state_free(other);
    box_state_free(s);
}

static void a_body_gets_another_key(void **state)
{
    (void)state;
    struct box_content c = {.key = strdup("m-1")};

    assert_true(box_content_rekey(&c, "m-9"));
    assert_string_equal(c.key, "m-9");
    free(c.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_on_behind_those_that_were_given),
        cmocka_unit_test(folders_of_another_life_are_left_alone),
        cmocka_unit_test(a_body_gets_another_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
