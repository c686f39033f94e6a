/*
 * States that cannot be read, or not wholly: what the store says, and where the files are then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_asked.h"

#define HEAD_0  "{\"generation\":0,\"version\":1}\n"
#define HEAD_1  "{\"generation\":1,\"version\":1}\n"
#define EMPTY_1 "{\"version\":1,\"last_login\":5,\"age\":0,\"folders\":[],\"generation\":1}\n"
#define MESSAGE_1                                                      \
    "{\"record\":\"messages\",\"folder\":\"INBOX\",\"uidvalidity\":7," \
    "\"uids\":\"1\",\"sizes\":\"1\"}\n"

static void damage_is_set_aside(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *other;
        const char *other_text;
        const char *reason;
    } damages[] = {
        {"snapshot-1.json", "{", NULL, NULL, "snapshot-1.json: "},
        {"snapshot-1.json", "", "journal-1.jsonl", HEAD_1, "snapshot-1.json: "},
        {"snapshot-2.json", EMPTY_1, NULL, NULL, "/generation: "},
        {"snapshot-1.json", "{\"version\":1,\"generation\":1}", NULL, NULL, "/last_login: "},
        {"snapshot-1.json", EMPTY_1, "journal-1.jsonl", HEAD_1 "x\n", "line 2: "},
        {"snapshot-1.json", EMPTY_1, "journal-1.jsonl", HEAD_0, "line 1: /generation: "},
        {"snapshot-1.json", EMPTY_1, "journal-2.jsonl", HEAD_0, "whose snapshot is missing"},
        {NULL, NULL, "journal-1.jsonl", HEAD_1, "whose snapshot is missing"},
        {NULL, NULL, "journal-0.jsonl", HEAD_0 "{}\n", "line 2: /record"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *dir =
            account_with(damages[i].name, damages[i].text, damages[i].other, damages[i].other_text);
        struct store *s = open_store(dir);
        struct answer answer = load(s);
        char account[128];
        assert_int_equal(answer.why.kind, FAILURE_TEMPORARY);
        if (!strstr(answer.why.text, damages[i].reason) ||
            !strstr(answer.why.text, "/accounts/ann/damaged-1"))
            fail_msg("%zu: %s", i, answer.why.text);
        strcpy(account, temp_path(dir, "accounts/ann/damaged-1"));
        if (damages[i].name)
            assert_string_equal(file_get(account, damages[i].name), damages[i].text);
        if (damages[i].other)
            assert_string_equal(file_get(account, damages[i].other), damages[i].other_text);
        assert_int_equal(loaded_count(s), 0);
        assert_int_equal(append(s, 1).why.kind, FAILURE_NONE);
        assert_int_equal(loaded_count(s), 1);
        store_close(s);
        temp_dir_remove(dir);
    }
}

static void damage_is_never_overwritten(void **state)
{
    const char *dir = account_with("snapshot-1.json", "first", NULL, NULL);
    struct store *s = open_store(dir);

    (void)state;
    assert_int_equal(load(s).why.kind, FAILURE_TEMPORARY);
    file_put(temp_path(dir, "accounts/ann"), "snapshot-1.json", "second");
    assert_int_equal(load(s).why.kind, FAILURE_TEMPORARY);
    assert_string_equal(file_get(dir, "accounts/ann/damaged-1/snapshot-1.json"), "first");
    assert_string_equal(file_get(dir, "accounts/ann/damaged-2/snapshot-1.json"), "second");
    store_close(s);
    temp_dir_remove(dir);
}

static void a_newer_version_is_left_where_it_is(void **state)
{
    static const char *const files[][2] = {
        {"snapshot-1.json", "{\"version\":2,\"generation\":\"new\"}\n"},
        {"journal-0.jsonl", "{\"generation\":0,\"version\":2}\n{\"new\":1}\n"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *dir = account_with(files[i][0], files[i][1], NULL, NULL);
        struct store *s = open_store(dir);
        struct answer answer = load(s);
        assert_int_equal(answer.why.kind, FAILURE_PERMANENT);
        assert_non_null(strstr(answer.why.text, "newer mailferry"));
        char account[128];
        strcpy(account, temp_path(dir, "accounts/ann"));
        assert_string_equal(file_get(account, files[i][0]), files[i][1]);
        assert_false(file_is_there(account, "damaged-1"));
        store_close(s);
        temp_dir_remove(dir);
    }
}

/* A crash between a fold's rename and its deletions: the message, which the journal of the past
 * brings, was already gone when the snapshot was made. */
static void a_journal_of_the_past_is_passed_over(void **state)
{
    const char *dir = account_with("snapshot-1.json", EMPTY_1, "journal-0.jsonl", HEAD_0 MESSAGE_1);
    struct store *s = open_store(dir);

    (void)state;
    assert_int_equal(loaded_count(s), 0);
    assert_false(file_is_there(dir, "accounts/ann/journal-0.jsonl"));
    assert_false(file_is_there(dir, "accounts/ann/damaged-1"));
    store_close(s);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_set_aside),
        cmocka_unit_test(damage_is_never_overwritten),
        cmocka_unit_test(a_newer_version_is_left_where_it_is),
        cmocka_unit_test(a_journal_of_the_past_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, close_default_loop);
}
