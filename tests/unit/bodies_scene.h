/*
 * The scene of the tests of bodies: an account on a real disk, and what is written and read there.
 */
#ifndef TESTS_UNIT_BODIES_SCENE_H
#define TESTS_UNIT_BODIES_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "proxy/store/bodies.h"
#include "tests/unit/temp_dir.h"

static const char MAIL[] = "Subject: hello\r\nMIME-Version: 1.0\r\n"
                           "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
                           "--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n";
enum { HEADER = 80, FOREVER = 1 << 30, RECORD = 16 /* octets before those of a record */ };

static struct {
    char dir[64];
    struct store *store;
    struct bodies *shared;
    struct bodies_account *ann;
    int opened;
    int closed;
    struct failure why;
} it;

static inline void run(void)
{
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static inline void on_opened(void *owner, const struct failure *why)
{
    (void)owner;
    it.opened++;
    it.why = *why;
}

static inline void on_closed(void *owner)
{
    (void)owner;
    it.closed++;
}

static inline struct bodies_account *open_account(const char *key, uint64_t octets, bool newborn)
{
    struct bodies_options options = {
        .account = slice_of(key), .octets = octets, .newborn = newborn};
    int before = it.opened;
    struct bodies_account *a =
        bodies_account_open(it.shared, uv_default_loop(), &options, on_opened, NULL);

    assert_non_null(a);
    run();
    assert_int_equal(it.opened, before + 1);
    assert_int_equal(it.why.kind, FAILURE_NONE);
    return a;
}

static inline void close_account(struct bodies_account *a)
{
    int before = it.closed;

    bodies_account_close(a, on_closed, NULL);
    run();
    assert_int_equal(it.closed, before + 1);
}

static inline void reopen(uint64_t octets, bool newborn)
{
    close_account(it.ann);
    it.ann = open_account("ann", octets, newborn);
}

static inline int set_up_with(uint64_t shared)
{
    struct failure why;

    snprintf(it.dir, sizeof it.dir, "%s", temp_dir_make());
    it.store = store_open(it.dir, &why);
    it.shared = bodies_new(it.store, shared);
    it.ann = open_account("ann", FOREVER, false);
    return 0;
}

static inline int set_up(void **state)
{
    (void)state;
    return set_up_with(FOREVER);
}

static inline int tear_down(void **state)
{
    (void)state;
    close_account(it.ann);
    bodies_free(it.shared);
    store_close(it.store);
    temp_dir_remove(it.dir);
    return 0;
}

static inline const char *file(const char *name)
{
    return temp_path(temp_path(it.dir, "accounts/ann/bodies"), name);
}

static inline bool is_there(const char *name)
{
    return access(file(name), F_OK) == 0;
}

static inline void make_file(const char *name, const char *text)
{
    FILE *f = fopen(file(name), "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static inline size_t files(void)
{
    size_t count = 0;
    DIR *d = opendir(file(""));

    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* ---- writing ---- */

struct written {
    int done;
    int progress;
    char *key;
    char digest[65];
    struct failure why;
};

static inline void on_progress(void *owner, struct bodies_writer *w)
{
    struct written *written = owner;

    (void)w;
    written->progress++;
}

static inline void on_written(void *owner, struct bodies_writer *w, char *key, const char *digest,
                              const struct failure *why)
{
    struct written *written = owner;

    (void)w;
    written->done++;
    written->key = key;
    snprintf(written->digest, sizeof written->digest, "%s", digest);
    written->why = *why;
}

static const struct bodies_writer_handler writer = {on_progress, on_written};

static inline struct written write_cached(struct bodies_account *a, uint32_t content,
                                          enum account_part part, struct slice octets)
{
    struct written written = {0};
    struct bodies_writer *w = bodies_write_cached(a, content, part, &writer, &written);

    bodies_writer_data(w, octets);
    bodies_writer_end(w);
    run();
    assert_int_equal(written.done, 1);
    return written;
}

static inline void put(uint32_t content, enum account_part part, const char *text)
{
    struct written written = write_cached(it.ann, content, part, slice_of(text));

    assert_int_equal(written.why.kind, FAILURE_NONE);
    assert_null(written.key);
}

static inline struct written write_durable(const char *text)
{
    struct written written = {0};
    struct bodies_writer *w = bodies_write_durable(it.ann, &writer, &written);

    bodies_writer_data(w, slice_of(text));
    bodies_writer_end(w);
    run();
    assert_int_equal(written.done, 1);
    return written;
}

static inline char *pattern(size_t n)
{
    char *p = malloc(n);

    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 31 + i / 251);
    return p;
}

/* ---- reading ---- */

struct got {
    struct buf octets;
    size_t take; /* at a time; 0: all */
    size_t stop; /* takes no more when it has so many; 0: never */
    size_t most; /* offered at once */
    int done;
    uint64_t total;
    enum bodies_outcome outcome;
    struct failure why;
};

static inline void on_data(void *owner, struct bodies_reader *r, struct slice *in)
{
    struct got *got = owner;

    if (in->n > got->most)
        got->most = in->n;
    if (got->stop && buf_size(&got->octets) >= got->stop)
        return;
    buf_put(&got->octets, slice_take(in, got->take ? got->take : in->n));
    if (in->n)
        bodies_reader_resume(r);
}

static inline void on_read(void *owner, struct bodies_reader *r, enum bodies_outcome outcome,
                           const struct failure *why)
{
    struct got *got = owner;

    got->done++;
    got->total = bodies_reader_total(r);
    got->outcome = outcome;
    got->why = *why;
}

static const struct bodies_reader_handler reader = {on_data, on_read};

static inline struct bodies_reader *begin(struct bodies_range range, struct got *got)
{
    struct bodies_reader *r = bodies_read(it.ann, &range, &reader, got);

    assert_non_null(r);
    return r;
}

static inline void assert_read(struct bodies_range range, struct slice expected, uint64_t total)
{
    struct got got = {0};

    begin(range, &got);
    run();
    assert_int_equal(got.done, 1);
    assert_int_equal(got.outcome, BODIES_DONE);
    assert_int_equal(got.total, total);
    assert_int_equal(buf_size(&got.octets), expected.n);
    if (expected.n)
        assert_memory_equal(buf_slice(&got.octets).p, expected.p, expected.n);
    buf_clear(&got.octets);
}

static inline enum bodies_outcome outcome_of(uint32_t content, const char *key,
                                             enum account_part part)
{
    struct got got = {0};

    begin((struct bodies_range){content, key, part, 0, UINT64_MAX, 0}, &got);
    run();
    assert_int_equal(got.done, 1);
    buf_clear(&got.octets);
    return got.outcome;
}

#endif
