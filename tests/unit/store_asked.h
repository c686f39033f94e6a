/*
 * For tests of the store: what it is asked, and what it answers, on the default loop. The account
 * is always "ann", the folder INBOX, and a message's size is its UID.
 */
#ifndef TESTS_UNIT_STORE_ASKED_H
#define TESTS_UNIT_STORE_ASKED_H

#include "proxy/store/store.h"
#include "tests/unit/temp_dir.h"
#include "translate/state/drop_state.h"

#define INBOX slice_of("INBOX")
#define ANN   slice_of("ann")

/* What the callbacks were told. */
struct answer {
    int calls;
    struct drop_state *state;
    struct failure why;
};

static inline void loaded(void *owner, void *state, const struct failure *why)
{
    struct answer *answer = owner;

    answer->calls++;
    answer->state = state;
    answer->why = *why;
}

static inline void saved(void *owner, const struct failure *why)
{
    struct answer *answer = owner;

    answer->calls++;
    answer->why = *why;
}

static inline struct store *open_store(const char *dir)
{
    struct failure why;
    struct store *s = store_open(dir, &why);

    if (!s)
        fail_msg("%s", why.text);
    return s;
}

/* One record: there is a message with that UID, which is its size too. */
static inline json_t *records_of(uint32_t uid)
{
    struct drop_message m = {.uid = uid, .size = uid, .hidden = -1};
    json_t *records = json_array();

    assert_int_equal(json_array_append_new(records, drop_record_messages(INBOX, 7, &m, 1)), 0);
    return records;
}

static inline struct store_request *begin_append(struct store *s, uv_loop_t *loop, uint32_t uid,
                                                 store_saved done, void *owner)
{
    return store_append(s, loop, &drop_state_kind, ANN, records_of(uid), done, owner);
}

static inline struct answer append(struct store *s, uint32_t uid)
{
    struct answer answer = {.calls = 0};

    assert_non_null(begin_append(s, uv_default_loop(), uid, saved, &answer));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(answer.calls, 1);
    return answer;
}

static inline struct answer load(struct store *s)
{
    struct answer answer = {.calls = 0};

    assert_non_null(store_load(s, uv_default_loop(), &drop_state_kind, ANN, loaded, &answer));
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.state == NULL, answer.why.kind != FAILURE_NONE);
    return answer;
}

static inline size_t count_of(struct drop_state *state)
{
    struct drop_folder *f = drop_state_folder(state, INBOX);

    return f ? f->count : 0;
}

/* How many messages the account has; it must be whole. */
static inline size_t loaded_count(struct store *s)
{
    struct answer answer = load(s);

    if (!answer.state)
        fail_msg("%s", answer.why.text);
    size_t count = count_of(answer.state);
    drop_state_free(answer.state);
    return count;
}

/* A directory with these files of the account ann, two of them at most. */
static inline const char *account_with(const char *name, const char *text, const char *other,
                                       const char *other_text)
{
    const char *dir = temp_dir_make();

    assert_int_equal(mkdir(temp_path(dir, "accounts"), 0700), 0);
    assert_int_equal(mkdir(temp_path(dir, "accounts/ann"), 0700), 0);
    if (name)
        file_put(temp_path(dir, "accounts/ann"), name, text);
    if (other)
        file_put(temp_path(dir, "accounts/ann"), other, other_text);
    return dir;
}

/* Behind the last test of a group. */
static inline int close_default_loop(void **state)
{
    (void)state;
    uv_loop_close(uv_default_loop());
    uv_library_shutdown();
    return 0;
}

#endif
