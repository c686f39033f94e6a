/*
 * The store with real loops and a real directory. Tests that fork come first, and leave the thread
 * pool to the child: a process that has threads is no good parent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/store_asked.h"

/* The journal's syncs, counted; the first one can be held up. */
static struct {
    bool armed;
    int syncs;
    uv_sem_t entered;
    uv_sem_t released;
} gate;

int fdatasync(int fd)
{
    if (gate.armed && __atomic_add_fetch(&gate.syncs, 1, __ATOMIC_SEQ_CST) == 1) {
        uv_sem_post(&gate.entered);
        uv_sem_wait(&gate.released);
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* Runs a test's body in a child. */
enum { PASSED, FAILED, NOT_PERMITTED };

static int wait_for(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static void in_a_child(int (*body)(const char *dir), const char *dir)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(body(dir));
    int result = wait_for(child);
    if (result == NOT_PERMITTED) {
        temp_dir_remove(dir);
        skip();
    }
    assert_int_equal(result, PASSED);
}

#define CHECK(condition)                                                 \
    do {                                                                 \
        if (!(condition)) {                                              \
            fprintf(stderr, "line %d: not: %s\n", __LINE__, #condition); \
            return FAILED;                                               \
        }                                                                \
    } while (0)

/* Fills the file system; false when it is not full then. */
static bool fill(const char *dir)
{
    static const char block[4096];
    int fd = open(temp_path(dir, "filler"), O_WRONLY | O_CREAT, 0600);
    ssize_t n = 1;

    while (fd >= 0 && n > 0)
        n = write(fd, block, sizeof block);
    close(fd);
    return n < 0 && errno == ENOSPC;
}

/* CASES D15: a clear reason, no damage, and it works again once there is room. */
static int on_a_full_disk(const char *dir)
{
    if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", dir, "tmpfs", 0, "size=256k") != 0)
        return NOT_PERMITTED;
    struct store *s = open_store(dir);
    CHECK(append(s, 1).why.kind == FAILURE_NONE);
    CHECK(fill(dir));
    uint32_t uid = 2;
    struct answer answer;
    do { /* what is left of the journal's last block has room for some */
        answer = append(s, uid++);
    } while (answer.why.kind == FAILURE_NONE && uid < 10000);
    CHECK(answer.why.kind == FAILURE_FULL);
    CHECK(strstr(answer.why.text, "no space left") && strstr(answer.why.text, "free some space"));
    CHECK(loaded_count(s) == uid - 2);
    CHECK(append(s, uid).why.kind == FAILURE_FULL);
    CHECK(unlink(temp_path(dir, "filler")) == 0);
    CHECK(append(s, uid).why.kind == FAILURE_NONE);
    CHECK(loaded_count(s) == uid - 1);
    store_close(s);
    return PASSED;
}

static void a_full_disk(void **state)
{
    const char *dir = temp_dir_make();

    (void)state;
    in_a_child(on_a_full_disk, dir);
    temp_dir_remove(dir);
}

/* Appends one message after the other, and says each that was answered. */
struct appender {
    struct store *store;
    uv_loop_t *loop;
    uint32_t uid;  /* under way */
    uint32_t step; /* to the next */
    uint32_t last;
    int answers; /* a pipe, or -1 */
};

static void appended(void *owner, const struct failure *why)
{
    struct appender *a = owner;

    if (why->kind != FAILURE_NONE)
        abort();
    if (a->answers >= 0 && write(a->answers, &a->uid, sizeof a->uid) != sizeof a->uid)
        abort();
    a->uid += a->step;
    if (a->uid <= a->last && !begin_append(a->store, a->loop, a->uid, appended, a))
        abort();
}

static void append_for_ever(const char *dir, int answers)
{
    enum { SIDE_BY_SIDE = 3 };
    struct appender a[SIDE_BY_SIDE];
    struct store *s = open_store(dir);

    for (uint32_t i = 0; i < SIDE_BY_SIDE; i++) {
        a[i] = (struct appender){s, uv_default_loop(), i + 1, SIDE_BY_SIDE, UINT32_MAX, answers};
        begin_append(s, a[i].loop, a[i].uid, appended, &a[i]);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    _exit(FAILED);
}

/* Everything on the pipe is in the store. */
static void note_answers(int from, bool *answered, size_t *count, size_t until)
{
    uint32_t uid;

    while (*count < until && read(from, &uid, sizeof uid) == sizeof uid) {
        answered[uid] = true;
        ++*count;
    }
}

static const bool *expected;

static int holds_what_was_answered(const char *dir)
{
    struct store *s = open_store(dir);
    struct answer answer = load(s);

    CHECK(answer.state);
    for (uint32_t uid = 1; uid < 100000; uid++)
        CHECK(!expected[uid] || drop_folder_message(drop_state_folder(answer.state, INBOX), uid));
    drop_state_free(answer.state);
    CHECK(append(s, 200000).why.kind == FAILURE_NONE);
    store_close(s);
    return PASSED;
}

/* CASES P1 */
static void killed_between_appends(void **state)
{
    enum { ROUNDS = 5, ANSWERS = 150 };
    const char *dir = temp_dir_make();
    bool *answered = calloc(200000, sizeof *answered);

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int answers[2];
        size_t count = 0;
        assert_int_equal(pipe(answers), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            append_for_ever(dir, answers[1]);
        close(answers[1]);
        note_answers(answers[0], answered, &count, ANSWERS + (size_t)round);
        kill(child, SIGKILL);
        wait_for(child);
        note_answers(answers[0], answered, &count, SIZE_MAX);
        close(answers[0]);
        assert_true(count >= ANSWERS && count < 100000);
        expected = answered;
        in_a_child(holds_what_was_answered, dir);
    }
    free(answered);
    temp_dir_remove(dir);
}

static void an_unknown_account_is_empty(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = open_store(dir);

    (void)state;
    assert_int_equal(loaded_count(s), 0);
    assert_false(file_is_there(dir, "accounts/ann"));
    store_close(s);
    store_close(NULL);
    temp_dir_remove(dir);
}

static void what_was_appended_is_loaded(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = open_store(dir);
    struct stat st;

    (void)state;
    assert_int_equal(append(s, 1).why.kind, FAILURE_NONE);
    assert_int_equal(append(s, 2).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), 2);
    store_close(s);
    s = open_store(dir);
    assert_int_equal(loaded_count(s), 2);
    assert_int_equal(stat(temp_path(dir, "accounts/ann"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(temp_path(dir, "accounts/ann/journal-0.jsonl"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(s);
    temp_dir_remove(dir);
}

/* A load sees what was asked for before it, and not what was asked for behind it. */
static void requests_keep_their_order(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = open_store(dir);
    uv_loop_t *loop = uv_default_loop();
    struct answer answers[5] = {{.calls = 0}};

    (void)state;
    begin_append(s, loop, 1, saved, &answers[0]);
    begin_append(s, loop, 2, saved, &answers[1]);
    store_load(s, loop, &drop_state_kind, ANN, loaded, &answers[2]);
    begin_append(s, loop, 3, saved, &answers[3]);
    store_load(s, loop, &drop_state_kind, ANN, loaded, &answers[4]);
    uv_run(loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(answers[i].calls, 1);
    assert_int_equal(count_of(answers[2].state), 2);
    assert_int_equal(count_of(answers[4].state), 3);
    drop_state_free(answers[2].state);
    drop_state_free(answers[4].state);
    store_close(s);
    temp_dir_remove(dir);
}

static void what_waits_shares_one_sync(void **state)
{
    enum { WAITING = 10 };
    const char *dir = temp_dir_make();
    struct store *s = open_store(dir);
    struct answer answers[WAITING + 1] = {{.calls = 0}};

    (void)state;
    uv_sem_init(&gate.entered, 0);
    uv_sem_init(&gate.released, 0);
    gate.syncs = 0;
    gate.armed = true;
    begin_append(s, uv_default_loop(), 1, saved, &answers[0]);
    uv_sem_wait(&gate.entered);
    for (uint32_t i = 1; i <= WAITING; i++)
        begin_append(s, uv_default_loop(), i + 1, saved, &answers[i]);
    uv_sem_post(&gate.released);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    gate.armed = false;
    assert_int_equal(gate.syncs, 2);
    for (size_t i = 0; i <= WAITING; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].why.kind, FAILURE_NONE);
    }
    assert_int_equal(loaded_count(s), WAITING + 1);
    uv_sem_destroy(&gate.entered);
    uv_sem_destroy(&gate.released);
    store_close(s);
    temp_dir_remove(dir);
}

enum { HAMMERS = 4, EACH = 250, LOOPS = 2 };

struct hammer {
    uv_thread_t thread;
    uv_loop_t loop;
    struct store *store;
    uint32_t first;
    struct answer loaded;
};

/* Four appends at a time, and a load in the middle of them. */
static void hammer(void *arg)
{
    struct hammer *h = arg;
    struct appender a[HAMMERS];

    for (uint32_t i = 0; i < HAMMERS; i++) {
        uint32_t last = h->first + EACH - 1;
        a[i] = (struct appender){h->store, &h->loop, h->first + i, HAMMERS, last, -1};
        begin_append(h->store, &h->loop, a[i].uid, appended, &a[i]);
    }
    store_load(h->store, &h->loop, &drop_state_kind, ANN, loaded, &h->loaded);
    uv_run(&h->loop, UV_RUN_DEFAULT);
}

static void two_loops_on_one_account(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = open_store(dir);
    static struct hammer hammers[LOOPS];

    (void)state;
    for (uint32_t i = 0; i < LOOPS; i++) {
        hammers[i].store = s;
        hammers[i].first = 1 + i * EACH;
        assert_int_equal(uv_loop_init(&hammers[i].loop), 0);
        assert_int_equal(uv_thread_create(&hammers[i].thread, hammer, &hammers[i]), 0);
    }
    for (size_t i = 0; i < LOOPS; i++)
        uv_thread_join(&hammers[i].thread);
    for (size_t i = 0; i < LOOPS; i++) {
        assert_int_equal(uv_loop_close(&hammers[i].loop), 0);
        assert_int_equal(hammers[i].loaded.calls, 1);
        assert_non_null(hammers[i].loaded.state);
        drop_state_free(hammers[i].loaded.state);
    }
    assert_int_equal(loaded_count(s), LOOPS * EACH);
    store_close(s);
    temp_dir_remove(dir);
}

static void cancelled_work_goes_on(void **state)
{
    const char *dir = temp_dir_make();
    struct store *s = open_store(dir);
    struct answer answers[2] = {{.calls = 0}};

    (void)state;
    store_request_cancel(begin_append(s, uv_default_loop(), 1, saved, &answers[0]));
    store_request_cancel(
        store_load(s, uv_default_loop(), &drop_state_kind, ANN, loaded, &answers[1]));
    store_request_cancel(NULL);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(answers[0].calls + answers[1].calls, 0);
    assert_int_equal(loaded_count(s), 1);
    store_close(s);
    temp_dir_remove(dir);
}

static void noticed(void *owner, const struct failure *what)
{
    struct answer *answer = owner;

    answer->calls++;
    answer->why = *what;
}

/* A directory stands where the temporary file should be made: the append is answered all the same,
 * and the journal goes on. */
static void a_failed_fold_is_noticed(void **state)
{
    const char *dir = account_with(NULL, NULL, NULL, NULL);
    struct store *s = open_store(dir);
    struct answer notices = {.calls = 0};
    json_t *records = json_array();

    (void)state;
    store_on_notice(s, noticed, &notices);
    assert_int_equal(mkdir(temp_path(dir, "accounts/ann/snapshot.tmp"), 0700), 0);
    for (uint32_t uid = 1; uid <= 1000; uid++) {
        json_t *one = records_of(uid);
        json_array_extend(records, one);
        json_decref(one);
    }
    struct answer answer = {.calls = 0};
    store_append(s, uv_default_loop(), &drop_state_kind, ANN, records, saved, &answer);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), 1000); /* behind the fold, in the queue */
    assert_int_equal(notices.calls, 1);
    assert_non_null(strstr(notices.why.text, "snapshot.tmp"));
    assert_int_equal(rmdir(temp_path(dir, "accounts/ann/snapshot.tmp")), 0);
    assert_int_equal(append(s, 1001).why.kind, FAILURE_NONE);
    assert_int_equal(loaded_count(s), 1001);
    assert_int_equal(notices.calls, 1);
    assert_true(file_is_there(dir, "accounts/ann/snapshot-1.json"));
    assert_false(file_is_there(dir, "accounts/ann/journal-0.jsonl"));
    store_close(s);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(killed_between_appends),
        cmocka_unit_test(an_unknown_account_is_empty),
        cmocka_unit_test(what_was_appended_is_loaded),
        cmocka_unit_test(requests_keep_their_order),
        cmocka_unit_test(what_waits_shares_one_sync),
        cmocka_unit_test(two_loops_on_one_account),
        cmocka_unit_test(cancelled_work_goes_on),
        cmocka_unit_test(a_failed_fold_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, close_default_loop);
}
