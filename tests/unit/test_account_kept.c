/*
 * What the store remembers of an account without reading it again, as its callers see it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/syscall.h>

#include "tests/unit/store_asked.h"

enum { MANY = 2000 };

static bool sync_fails;

int fdatasync(int fd)
{
    errno = EIO;
    return sync_fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static struct answer append_records(struct store *s, json_t *records)
{
    struct answer answer = {.calls = 0};

    assert_non_null(
        store_append(s, uv_default_loop(), &drop_state_kind, ANN, records, saved, &answer));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return answer;
}

/* An account of so many messages that its state is kept. */
static struct store *store_with_many(const char *dir)
{
    struct store *s = open_store(dir);
    struct drop_message *messages = calloc(MANY, sizeof *messages);

    assert_non_null(messages);
    for (uint32_t i = 0; i < MANY; i++)
        messages[i] = (struct drop_message){.uid = i + 1, .size = i + 1, .hidden = -1};
    struct answer answer =
        append_records(s, json_pack("[o]", drop_record_messages(INBOX, 7, messages, MANY)));
    assert_int_equal(answer.why.kind, FAILURE_NONE);
    free(messages);
    return s;
}

static struct drop_state *loaded_state(struct store *s)
{
    struct answer answer = load(s);

    if (!answer.state)
        fail_msg("%s", answer.why.text);
    return answer.state;
}

static char *text_of(struct drop_state *state)
{
    json_t *json = drop_state_to_json(state);
    char *text = json_dumps(json, JSON_COMPACT);

    assert_non_null(text);
    json_decref(json);
    drop_state_free(state);
    return text;
}

/* What is in memory is what another process would read. */
static void assert_as_on_disk(struct store *s, const char *dir)
{
    char *here = text_of(loaded_state(s));

    store_close(s);
    s = open_store(dir);
    char *there = text_of(loaded_state(s));
    assert_string_equal(here, there);
    free(here);
    free(there);
    store_close(s);
}

static void two_logins_share_what_was_read_once(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = store_with_many(dir);
    struct drop_state *first = loaded_state(s);
    struct drop_state *second = loaded_state(s);

    (void)state;
    assert_int_equal(count_of(first), MANY);
    assert_ptr_equal(drop_state_folder(first, INBOX)->messages,
                     drop_state_folder(second, INBOX)->messages);
    drop_state_free(first);
    drop_state_free(second);
    assert_as_on_disk(s, dir);
    temp_dir_remove(dir);
}

static void what_is_appended_is_in_the_next_one_only(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = store_with_many(dir);
    struct drop_state *before = loaded_state(s);

    (void)state;
    assert_int_equal(append(s, MANY + 1).why.kind, FAILURE_NONE);
    assert_int_equal(append(s, MANY + 2).why.kind, FAILURE_NONE);
    assert_int_equal(count_of(before), MANY);
    struct drop_state *behind = loaded_state(s);
    assert_int_equal(count_of(behind), MANY + 2);
    uint32_t uids[] = {1, 5, MANY + 1};
    append_records(s, json_pack("[o]", drop_record_gone(INBOX, 7, uids, 3)));
    assert_int_equal(count_of(behind), MANY + 2);
    assert_int_equal(drop_state_folder(behind, INBOX)->messages[0].uid, 1);
    assert_int_equal(loaded_count(s), MANY - 1);
    drop_state_free(before);
    drop_state_free(behind);
    assert_as_on_disk(s, dir);
    temp_dir_remove(dir);
}

/* The journal outgrows its snapshot a few times. */
static void it_stays_the_same_through_folds(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = store_with_many(dir);

    (void)state;
    for (uint32_t uid = MANY + 1; uid <= MANY + 1500; uid++)
        assert_int_equal(append(s, uid).why.kind, FAILURE_NONE);
    assert_false(file_is_there(dir, "accounts/ann/journal-0.jsonl"));
    assert_int_equal(loaded_count(s), MANY + 1500);
    assert_as_on_disk(s, dir);
    temp_dir_remove(dir);
}

static void a_failed_append_is_not_remembered(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = store_with_many(dir);

    (void)state;
    assert_int_equal(loaded_count(s), MANY);
    sync_fails = true;
    assert_int_not_equal(append(s, MANY + 1).why.kind, FAILURE_NONE);
    sync_fails = false;
    assert_int_equal(loaded_count(s), MANY);
    assert_int_equal(append(s, MANY + 2).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), MANY + 1);
    assert_as_on_disk(s, dir);
    temp_dir_remove(dir);
}

/* A backup is put in its place, a line is written by hand, all is removed. */
static void what_others_change_is_read(void **state)
{
    static const char backup[] =
        "{\"generation\":1,\"version\":1,\"last_login\":0,\"age\":0,"
        "\"folders\":[{\"name\":\"INBOX\",\"uidvalidity\":7,"
        "\"uidnext\":0,\"modseq\":0,\"uids\":\"1:3\",\"sizes\":\"1 2 3\"}]}\n";
    const char *dir = temp_dir_make();
    struct store *s = store_with_many(dir);

    (void)state;
    assert_int_equal(loaded_count(s), MANY);
    FILE *f = fopen(temp_path(dir, "accounts/ann/journal-0.jsonl"), "a");
    assert_non_null(f);
    fputs("{\"record\":\"gone\",\"folder\":\"INBOX\",\"uidvalidity\":7,\"uids\":\"1:9\"}\n", f);
    fclose(f);
    assert_int_equal(loaded_count(s), MANY - 9);
    assert_int_equal(append(s, MANY + 1).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), MANY - 8);
    file_put(temp_path(dir, "accounts/ann"), "snapshot-1.json", backup);
    assert_int_equal(loaded_count(s), 3);
    temp_dir_remove(temp_path(dir, "accounts/ann"));
    assert_int_equal(loaded_count(s), 0);
    assert_int_equal(append(s, 1).why.kind, FAILURE_NONE);
    assert_as_on_disk(s, dir);
    temp_dir_remove(dir);
}

/* An append does not hide what was changed before it. */
static void what_others_change_is_not_hidden_by_an_append(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = store_with_many(dir);

    (void)state;
    assert_int_equal(loaded_count(s), MANY);
    FILE *f = fopen(temp_path(dir, "accounts/ann/journal-0.jsonl"), "a");
    assert_non_null(f);
    fputs("{\"record\":\"gone\",\"folder\":\"INBOX\",\"uidvalidity\":7,\"uids\":\"1:9\"}\n", f);
    fclose(f);
    assert_int_equal(append(s, MANY + 1).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), MANY - 8);
    assert_as_on_disk(s, dir);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_logins_share_what_was_read_once),
        cmocka_unit_test(what_is_appended_is_in_the_next_one_only),
        cmocka_unit_test(it_stays_the_same_through_folds),
        cmocka_unit_test(a_failed_append_is_not_remembered),
        cmocka_unit_test(what_others_change_is_read),
        cmocka_unit_test(what_others_change_is_not_hidden_by_an_append),
    };

    return cmocka_run_group_tests(tests, NULL, close_default_loop);
}
