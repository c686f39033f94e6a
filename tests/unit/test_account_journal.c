/*
 * The journal against a disk that fails or a process that dies at any step: the system calls that
 * change the disk are replaced here, counted, and made to fail or to be the last one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "proxy/store/account_journal.h"
#include "proxy/store/account_state.h"
#include "tests/unit/temp_dir.h"
#include "translate/state/drop_state.h"
#include "translate/state/journal.h"

/* What is to happen at the calls numbered from `first` on. */
static struct {
    int calls;
    int first; /* 0: nothing */
    int length;
    int error; /* 0: the process ends */
    bool dirty;
    int directories_synced;
} disk;

static bool fault(void)
{
    disk.calls++;
    if (!disk.first || disk.calls < disk.first || disk.calls >= disk.first + disk.length)
        return false;
    if (!disk.error)
        _exit(0);
    errno = disk.error;
    return true;
}

/* Half of it is on the disk before it fails. */
ssize_t write(int fd, const void *p, size_t n)
{
    bool half = disk.first && disk.calls + 1 == disk.first && n > 1;

    if (half)
        (void)!syscall(SYS_write, fd, p, n / 2);
    if (fault())
        return -1;
    disk.dirty = true;
    return syscall(SYS_write, fd, p, n);
}

/* The process dies, not the machine: nothing needs to be on the disk itself. */
static int sync_nothing(int fd)
{
    struct stat st;

    if (fault())
        return -1;
    disk.dirty = false;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        disk.directories_synced++;
    return 0;
}

int fsync(int fd)
{
    return sync_nothing(fd);
}

int fdatasync(int fd)
{
    return sync_nothing(fd);
}

int ftruncate(int fd, off_t n)
{
    return fault() ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fault() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int unlinkat(int dir, const char *name, int flags)
{
    return fault() ? -1 : (int)syscall(SYS_unlinkat, dir, name, flags);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
    return fault() ? -1 : (int)syscall(SYS_mkdirat, dir, name, mode);
}

enum { APPENDS = 5, BIG = 33000 };

struct fixture {
    char path[64];
    struct state_dir state;
};

static void fixture_open(struct fixture *f)
{
    struct failure why;

    memset(&disk, 0, sizeof disk);
    strcpy(f->path, temp_dir_make());
    if (!state_dir_open(&f->state, f->path, &why))
        fail_msg("%s", why.text);
}

static void fixture_close(struct fixture *f)
{
    memset(&disk, 0, sizeof disk);
    state_dir_close(&f->state);
    temp_dir_remove(f->path);
}

/* Message `uid`, and the deletion of the one before; long, so that journals are folded soon. */
static void put_records(struct buf *lines, uint32_t uid)
{
    static char big[BIG];
    struct drop_message messages[] = {{.uid = uid, .size = uid, .hidden = -1},
                                      {.uid = 1000, .size = 1, .hidden = -1, .id = big}};
    uint32_t before = uid - 1;
    json_t *json[2];

    memset(big, 'x', sizeof big - 1);
    json[0] = drop_record_messages(slice_of("INBOX"), 7, messages, 2);
    json[1] = drop_record_gone(slice_of("INBOX"), 7, &before, before ? 1 : 0);
    for (size_t i = 0; i < 2; i++) {
        assert_true(journal_put(lines, json[i]));
        json_decref(json[i]);
    }
}

static bool append(struct fixture *f, uint32_t uid)
{
    struct buf lines = BUF_INIT;
    struct account_dir d;
    struct failure why;
    bool appended = false;

    put_records(&lines, uid);
    if (account_dir_open(&d, &drop_state_kind, &f->state, "ann", true, &why)) {
        appended = account_journal_append(&d, buf_slice(&lines), &why);
        assert_false(appended && disk.dirty);
        if (appended && account_journal_is_long(&d))
            account_journal_fold(&d, &why); /* may fail: that is what is tried */
        account_dir_close(&d);
    }
    buf_clear(&lines);
    if (!appended)
        assert_true(why.kind == FAILURE_TEMPORARY || why.kind == FAILURE_FULL);
    return appended;
}

static struct drop_state *load(struct fixture *f)
{
    void *state = NULL;
    struct account_dir d;
    struct failure why = {.kind = FAILURE_NONE};

    if (!account_dir_open(&d, &drop_state_kind, &f->state, "ann", false, &why))
        fail_msg("%s", why.text);
    if (account_state_read(&d, &state, &why) != ACCOUNT_READ)
        fail_msg("%s", why.text);
    account_dir_close(&d);
    return state;
}

/* Message `uid` is the last one, and none before came back; `uid` + 1 may be there when its append
 * was not answered, with or without the deletion of `uid`. */
static void assert_holds(struct drop_state *s, uint32_t uid)
{
    struct drop_folder *f = drop_state_folder(s, slice_of("INBOX"));

    if (uid == 0 && !f)
        return;
    assert_non_null(f);
    assert_true(drop_folder_message(f, uid) || drop_folder_message(f, uid + 1));
    for (uint32_t before = 1; before < uid; before++)
        assert_null(drop_folder_message(f, before));
    assert_null(drop_folder_message(f, uid + 2));
}

static void appends_and_folds(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    for (uint32_t uid = 1; uid <= APPENDS; uid++) {
        assert_true(append(&f, uid));
        struct drop_state *s = load(&f);
        assert_holds(s, uid);
        assert_int_equal(drop_state_folder(s, slice_of("INBOX"))->count, 2);
        drop_state_free(s);
    }
    assert_true(file_is_there(f.path, "accounts/ann/snapshot-2.json"));
    assert_false(file_is_there(f.path, "accounts/ann/snapshot-1.json"));
    assert_false(file_is_there(f.path, "accounts/ann/journal-1.jsonl"));
    assert_false(file_is_there(f.path, "accounts/ann/snapshot.tmp"));
    fixture_close(&f);
}

/* Both the account's directory and the one that holds it. */
static void a_new_account_is_in_its_directory(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    disk.directories_synced = 0;
    assert_true(append(&f, 1));
    assert_int_equal(disk.directories_synced, 2);
    fixture_close(&f);
}

/* Runs in a process of its own, which says each append that was answered. */
static void die_at(struct fixture *f, int call, int answers)
{
    disk.calls = 0;
    disk.first = call;
    disk.length = 1;
    for (uint32_t uid = 1; uid <= APPENDS; uid++) {
        if (!append(f, uid))
            _exit(1);
        if (syscall(SYS_write, answers, "", 1) != 1)
            _exit(1);
    }
    _exit(2);
}

/* True when the process was still alive at the end. */
static bool die_and_look(struct fixture *f, int call)
{
    int answers[2];
    int status = 0;
    uint32_t answered = 0;
    char c;

    assert_int_equal(pipe(answers), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        die_at(f, call, answers[1]);
    close(answers[1]);
    while (read(answers[0], &c, 1) == 1)
        answered++;
    close(answers[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    struct drop_state *s = load(f);
    assert_holds(s, answered);
    drop_state_free(s);
    for (uint32_t uid = answered + 1; uid <= answered + 3; uid++)
        assert_true(append(f, uid));
    s = load(f);
    assert_holds(s, answered + 3);
    drop_state_free(s);
    return WEXITSTATUS(status) == 2;
}

static void dies_at_every_step(void **state)
{
    bool alive = false;
    int call = 1;

    (void)state;
    for (; !alive; call++) {
        struct fixture f;
        fixture_open(&f);
        alive = die_and_look(&f, call);
        fixture_close(&f);
    }
    assert_true(call > 4 * APPENDS);
}

/* True when the fault was met. What was not appended is tried again, as a client would. */
static bool fail_and_look(struct fixture *f, int call, int length, int error)
{
    uint32_t uid = 1;

    disk.calls = 0;
    disk.first = call;
    disk.length = length;
    disk.error = error;
    while (uid <= APPENDS) {
        bool appended = append(f, uid);
        struct drop_state *s = load(f);
        assert_holds(s, appended ? uid : uid - 1);
        drop_state_free(s);
        uid += appended;
    }
    bool met = disk.calls >= call;
    disk.first = 0;
    assert_true(append(f, uid));
    struct drop_state *s = load(f);
    assert_holds(s, uid);
    assert_int_equal(drop_state_folder(s, slice_of("INBOX"))->count, 2);
    drop_state_free(s);
    return met;
}

static void the_disk_fails_at_every_step(void **state)
{
    static const int errors[] = {ENOSPC, EIO, EDQUOT, EROFS};

    (void)state;
    for (int i = 0; i < 4; i++) {
        bool met = true;
        for (int call = 1; met; call++) {
            struct fixture f;
            fixture_open(&f);
            met = fail_and_look(&f, call, i + 1, errors[i]);
            fixture_close(&f);
        }
    }
}

/* Written whole, but the sync fails: it was not answered, so it is taken back. */
static void what_was_not_synced_is_cut_off(void **state)
{
    struct fixture f;
    struct stat before;
    struct stat after;

    (void)state;
    fixture_open(&f);
    assert_true(append(&f, 1));
    assert_int_equal(stat(temp_path(f.path, "accounts/ann/journal-0.jsonl"), &before), 0);
    disk.first = disk.calls + 3; /* behind the making of the directory and the write */
    disk.length = 1;
    disk.error = EIO;
    assert_false(append(&f, 2));
    assert_int_equal(disk.calls, disk.first + 1); /* the sync, and the cut */
    assert_int_equal(stat(temp_path(f.path, "accounts/ann/journal-0.jsonl"), &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    fixture_close(&f);
}

static void the_reason_names_file_and_remedy(void **state)
{
    struct buf lines = BUF_INIT;
    struct account_dir d;
    struct failure why = {.kind = FAILURE_NONE};
    struct fixture f;

    (void)state;
    fixture_open(&f);
    put_records(&lines, 1);
    assert_true(account_dir_open(&d, &drop_state_kind, &f.state, "ann", true, &why));
    disk.first = disk.calls + 1;
    disk.length = 1;
    disk.error = ENOSPC;
    assert_false(account_journal_append(&d, buf_slice(&lines), &why));
    assert_non_null(strstr(why.text, "/accounts/ann/journal-0.jsonl"));
    assert_non_null(strstr(why.text, "no space left"));
    assert_non_null(strstr(why.text, "free some space"));
    account_dir_close(&d);
    buf_clear(&lines);
    fixture_close(&f);
}

/* However long the torn line is. */
static void a_torn_line_is_cut_off(void **state)
{
    static const size_t lengths[] = {1, 100, 4095, 4096, 4097, 20000};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct fixture f;
        fixture_open(&f);
        assert_true(append(&f, 1));
        FILE *journal = fopen(temp_path(f.path, "accounts/ann/journal-0.jsonl"), "a");
        for (size_t n = 0; n < lengths[i]; n++)
            fputc('{', journal);
        fclose(journal);
        struct drop_state *s = load(&f);
        assert_holds(s, 1);
        drop_state_free(s);
        assert_true(append(&f, 2));
        s = load(&f);
        assert_holds(s, 2);
        drop_state_free(s);
        fixture_close(&f);
    }
}

static void nothing_is_put_behind_a_journal_of_another(void **state)
{
    static const char *const heads[] = {"{\"generation\":0,\"version\":2}\n",
                                        "{\"generation\":1,\"version\":1}\n", "\n"};

    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct buf lines = BUF_INIT;
        struct account_dir d;
        struct failure why = {.kind = FAILURE_NONE};
        struct fixture f;
        fixture_open(&f);
        put_records(&lines, 1);
        assert_int_equal(mkdir(temp_path(f.path, "accounts/ann"), 0700), 0);
        file_put(f.path, "accounts/ann/journal-0.jsonl", heads[i]);
        assert_true(account_dir_open(&d, &drop_state_kind, &f.state, "ann", true, &why));
        assert_false(account_journal_append(&d, buf_slice(&lines), &why));
        assert_string_equal(file_get(f.path, "accounts/ann/journal-0.jsonl"), heads[i]);
        account_dir_close(&d);
        buf_clear(&lines);
        fixture_close(&f);
    }
}

static void symbolic_links_are_not_followed(void **state)
{
    struct buf lines = BUF_INIT;
    struct account_dir d;
    struct failure why = {.kind = FAILURE_NONE};
    struct fixture f;
    char target[128];

    (void)state;
    fixture_open(&f);
    put_records(&lines, 1);
    strcpy(target, temp_path(f.path, "target"));
    assert_int_equal(mkdir(temp_path(f.path, "accounts/ann"), 0700), 0);
    assert_int_equal(symlink(target, temp_path(f.path, "accounts/ann/journal-0.jsonl")), 0);
    assert_true(account_dir_open(&d, &drop_state_kind, &f.state, "ann", true, &why));
    assert_false(account_journal_append(&d, buf_slice(&lines), &why));
    assert_non_null(strstr(why.text, "symbolic link"));
    account_dir_close(&d);
    assert_int_equal(symlink(f.path, temp_path(f.path, "accounts/bob")), 0);
    assert_false(account_dir_open(&d, &drop_state_kind, &f.state, "bob", true, &why));
    assert_false(file_is_there(f.path, "target"));
    buf_clear(&lines);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_folds),
        cmocka_unit_test(a_new_account_is_in_its_directory),
        cmocka_unit_test(dies_at_every_step),
        cmocka_unit_test(the_disk_fails_at_every_step),
        cmocka_unit_test(what_was_not_synced_is_cut_off),
        cmocka_unit_test(the_reason_names_file_and_remedy),
        cmocka_unit_test(a_torn_line_is_cut_off),
        cmocka_unit_test(nothing_is_put_behind_a_journal_of_another),
        cmocka_unit_test(symbolic_links_are_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
