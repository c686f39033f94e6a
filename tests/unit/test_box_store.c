/*
 * A box_state in the store: appended, folded into snapshots, loaded; and never taken for a state of
 * the other kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/box_steps.h"
#include "tests/unit/store_asked.h"

static struct box_state *load_box(struct store *s, struct failure *why)
{
    struct answer answer = {.calls = 0};

    assert_non_null(
        store_load(s, uv_default_loop(), &box_state_kind, slice_of("bob"), loaded, &answer));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(answer.calls, 1);
    *why = answer.why;
    return (void *)answer.state;
}

/* Drafts, appends, then applies, as an account does. */
static void keep(struct store *s, struct box_state *state, struct box_draft *d)
{
    struct answer answer = {.calls = 0};
    struct failure why = {.kind = FAILURE_NONE};
    json_t *records = json_array();
    json_t *record = box_draft_end(d);

    assert_non_null(record);
    assert_int_equal(json_array_append(records, record), 0);
    assert_non_null(store_append(s, uv_default_loop(), &box_state_kind, slice_of("bob"), records,
                                 saved, &answer));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(answer.why.kind, FAILURE_NONE);
    assert_true(box_state_apply(state, record, NULL, &why));
    json_decref(record);
}

static void keep_many(struct store *store, struct box_state *s)
{
    enum { COUNT = 3000 }; /* long enough to be folded */
    char uidl[] = "uidl";
    struct box_content c = {.uidl = uidl, .upstream = true};
    struct box_draft d;

    box_draft_begin(&d, s, "seen");
    for (int64_t n = 0; n < COUNT; n++)
        box_draft_message(&d, BOX_INBOX, box_draft_content(&d, &c), 0, n * n);
    keep(store, s, &d);
}

static struct box_state *born(struct store *store)
{
    struct failure why;
    struct box_state *s = load_box(store, &why);
    struct box_draft d;

    assert_int_equal(s->modseq, 0);
    box_draft_born(&d, s, 1700000000);
    keep(store, s, &d);
    return s;
}

static void what_was_kept_is_loaded(void **state)
{
    const char *dir = temp_dir_make();
    struct store *store = open_store(dir);
    struct failure why;
    struct box_state *s = born(store);

    (void)state;
    for (int i = 0; i < 3; i++)
        keep_many(store, s);
    struct box_state *again = load_box(store, &why);
    char *before = account_text(s);
    char *after = account_text(again);
    assert_string_equal(before, after);
    assert_true(file_is_there(dir, "accounts/bob/snapshot-1.json"));
    free(before);
    free(after);
    box_state_free(again);
    box_state_free(s);
    store_close(store);
    temp_dir_remove(dir);
}

static void give(struct store *store, struct box_state *s)
{
    store_give(store, &box_state_kind, slice_of("bob"), s);
}

static void what_is_given_back_is_not_read_again(void **state)
{
    const char *dir = temp_dir_make();
    struct store *store = open_store(dir);
    struct failure why;
    struct box_state *s = born(store);

    (void)state;
    for (int i = 0; i < 3; i++) {
        keep_many(store, s);
        give(store, s);
        assert_ptr_equal(load_box(store, &why), s);
    }
    char *before = account_text(s);
    give(store, s);
    store_close(store);
    store = open_store(dir);
    s = load_box(store, &why);
    char *after = account_text(s);
    assert_string_equal(before, after);
    free(before);
    free(after);
    box_state_free(s);
    store_close(store);
    temp_dir_remove(dir);
}

/* The account is removed while its state is lent, and while it is kept. */
static void what_is_given_back_too_late_is_forgotten(void **state)
{
    const char *dir = temp_dir_make();
    struct store *store = open_store(dir);
    struct failure why;

    (void)state;
    for (int lent = 0; lent < 2; lent++) {
        struct box_state *s = born(store);
        keep_many(store, s);
        if (!lent)
            give(store, s);
        temp_dir_remove(temp_path(dir, "accounts/bob"));
        if (lent)
            give(store, s);
        s = load_box(store, &why);
        assert_int_equal(s->modseq, 0);
        box_state_free(s);
    }
    store_close(store);
    temp_dir_remove(dir);
}

static void the_other_kind_is_refused(void **state)
{
    const char *dir =
        account_with("journal-0.jsonl", "{\"generation\":0,\"version\":1}\n", NULL, "");
    struct answer answer = {.calls = 0};
    struct store *s = open_store(dir);

    (void)state;
    assert_non_null(store_load(s, uv_default_loop(), &box_state_kind, ANN, loaded, &answer));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_null(answer.state);
    assert_non_null(strstr(answer.why.text, "/kind: of another kind of state"));
    store_close(s);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_is_loaded),
        cmocka_unit_test(what_is_given_back_is_not_read_again),
        cmocka_unit_test(what_is_given_back_too_late_is_forgotten),
        cmocka_unit_test(the_other_kind_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, close_default_loop);
}
