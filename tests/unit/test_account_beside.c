/* Reading an account while a server appends to its journal and folds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <uv.h>

#include "proxy/store/account_journal.h"
#include "proxy/store/account_state.h"
#include "tests/unit/temp_dir.h"
#include "translate/state/drop_state.h"
#include "translate/state/journal.h"

enum { RECORDS = 300, FOLD_EVERY = 3 };

static struct {
    struct state_dir held;
    atomic_bool failed;
    atomic_bool done;
} it;

static bool append_message(struct account_dir *d, uint32_t uid)
{
    struct drop_message message = {.uid = uid, .size = 1, .hidden = -1};
    json_t *record = drop_record_messages(slice_of("INBOX"), 7, &message, 1);
    struct buf line = BUF_INIT;
    struct failure why;
    bool appended = journal_put(&line, record) && account_journal_append(d, buf_slice(&line), &why);

    json_decref(record);
    buf_clear(&line);
    return appended;
}

static void write_on(void *arg)
{
    struct account_dir d;
    struct failure why;

    (void)arg;
    for (uint32_t uid = 1; uid <= RECORDS && !it.failed; uid++) {
        if (!account_dir_open(&d, &drop_state_kind, &it.held, "ann", true, &why))
            break;
        it.failed =
            !append_message(&d, uid) || (uid % FOLD_EVERY == 0 && !account_journal_fold(&d, &why));
        account_dir_close(&d);
    }
    it.done = true;
}

/* How many messages are in the state now. */
static size_t look(const struct state_dir *dir)
{
    struct account_dir d;
    struct account_size size;
    struct failure why = {.kind = FAILURE_NONE};
    void *state = NULL;

    assert_true(account_dir_open(&d, &drop_state_kind, dir, "ann", false, &why));
    if (account_state_read_beside(&d, &state, &size, &why) != ACCOUNT_READ)
        fail_msg("%s", why.text);
    const struct drop_folder *f = drop_state_folder(state, slice_of("INBOX"));
    size_t count = f ? f->count : 0;
    account_dir_close(&d);
    drop_state_free(state);
    return count;
}

static void every_look_sees_a_whole_state(void **state)
{
    (void)state;
    const char *path = temp_dir_make();
    struct state_dir beside;
    struct failure why;
    uv_thread_t writer;
    size_t seen = 0;

    assert_true(state_dir_open(&it.held, path, &why));
    assert_true(state_dir_look(&beside, path, &why));
    assert_int_equal(uv_thread_create(&writer, write_on, NULL), 0);
    while (!it.done) {
        size_t now = look(&beside);
        assert_true(now >= seen);
        seen = now;
    }
    uv_thread_join(&writer);
    assert_false(it.failed);
    assert_int_equal(look(&beside), RECORDS);
    state_dir_close(&beside);
    state_dir_close(&it.held);
    temp_dir_remove(path);
}

static void a_look_makes_nothing(void **state)
{
    (void)state;
    const char *path = temp_dir_make();
    struct state_dir dir;
    struct failure why;

    assert_false(state_dir_look(&dir, path, &why));
    assert_non_null(strstr(why.text, "no account was ever kept in it"));
    assert_false(file_is_there(path, "lock"));
    assert_false(file_is_there(path, "accounts"));
    temp_dir_remove(path);
    assert_false(state_dir_look(&dir, path, &why));
    assert_non_null(strstr(why.text, "cannot open"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_look_sees_a_whole_state),
        cmocka_unit_test(a_look_makes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
