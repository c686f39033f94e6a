#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/drop_steps.h"
#include "translate/state/journal.h"

enum { RECORDS = 6, LINES = RECORDS + 1 };

/* A journal of every kind of record, and what the state is after each line. */
struct fixture {
    struct buf text;
    size_t ends[LINES];
    char *states[LINES];
};

static json_t *record(size_t i)
{
    const struct drop_message messages[] = {
        {.uid = 1, .size = 310, .hidden = -1, .id = (char[]){"M\xc3\xbc"}},
        {.uid = 2, .size = 4711, .hidden = -1}};
    struct slice inbox = slice_of("INBOX");

    switch (i) {
    case 0:
        return drop_record_begun(inbox, 7, 0);
    case 1:
        return drop_record_messages(inbox, 7, messages, 2);
    case 2:
        return drop_record_gone(inbox, 7, (uint32_t[]){1}, 1);
    case 3:
        return drop_record_synced(inbox, 7, 3, 99);
    case 4:
        return drop_record_hidden(inbox, 7, (uint32_t[]){2}, 1, 60);
    default:
        return drop_record_login(1700000000, 61);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct drop_state *s = drop_state_new();
    struct failure why;

    journal_begin(&f->text, &drop_state_kind, 3);
    f->ends[0] = buf_size(&f->text);
    f->states[0] = dump(s);
    for (size_t i = 0; i < RECORDS; i++) {
        json_t *json = record(i);
        assert_true(journal_put(&f->text, json));
        assert_true(drop_state_apply(s, json, &why));
        json_decref(json);
        f->ends[i + 1] = buf_size(&f->text);
        f->states[i + 1] = dump(s);
    }
    drop_state_free(s);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    buf_clear(&f->text);
    for (size_t i = 0; i < LINES; i++)
        free(f->states[i]);
    free(f);
    return 0;
}

static bool replay(struct slice text, struct journal_replay *done, char **after,
                   struct failure *why)
{
    struct drop_state *s = drop_state_new();

    *done = (struct journal_replay){.generation = 3};
    bool replayed = journal_replay(&drop_state_kind, s, text, done, why);
    *after = dump(s);
    drop_state_free(s);
    return replayed;
}

static void one_compact_line_each(void **state)
{
    struct fixture *f = *state;
    struct slice text = buf_slice(&f->text);
    const char first[] = "{\"generation\":3,\"version\":1}\n";

    assert_memory_equal(text.p, first, sizeof first - 1);
    const char second[] =
        "{\"folder\":\"INBOX\",\"record\":\"begun\",\"uidvalidity\":7,\"was\":0}\n";
    assert_memory_equal(text.p + f->ends[0], second, sizeof second - 1);
    size_t lines = 0;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    assert_int_equal(lines, LINES);
}

/* CASES D16: after a cut anywhere, the state is that of a prefix of whole records. */
static void cut_at_every_octet(void **state)
{
    struct fixture *f = *state;
    struct slice text = buf_slice(&f->text);

    for (size_t cut = 0; cut <= text.n; cut++) {
        struct journal_replay done;
        struct failure why;
        char *after;
        size_t lines = 0;
        while (lines < LINES && f->ends[lines] <= cut)
            lines++;
        char *piece = slice_dup(slice_make(text.p, cut));
        assert_true(replay(slice_make(piece, cut), &done, &after, &why));
        assert_string_equal(after, f->states[lines ? lines - 1 : 0]);
        assert_int_equal(done.octets, lines ? f->ends[lines - 1] : 0);
        assert_int_equal(done.records, lines ? lines - 1 : 0);
        free(piece);
        free(after);
    }
}

/* An octet above 127 fits nowhere but in the one text that has some. */
static void flip_every_octet(void **state)
{
    struct fixture *f = *state;
    struct slice text = buf_slice(&f->text);
    char *copy = slice_dup(text);

    for (size_t i = 0; i + 1 < text.n; i++) {
        struct journal_replay done;
        struct failure why = {.kind = FAILURE_NONE};
        char *after;
        size_t line = 0;
        while (f->ends[line] <= i)
            line++;
        copy[i] = (char)(copy[i] ^ 0x80);
        assert_false(replay(slice_make(copy, text.n), &done, &after, &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
        assert_int_equal(done.line, line + 1);
        assert_string_equal(after, f->states[line ? line - 1 : 0]);
        assert_int_equal(done.octets, line ? f->ends[line - 1] : 0);
        copy[i] = text.p[i];
        free(after);
    }
    free(copy);
}

static void assert_refused(const char *text, const char *reason, bool newer)
{
    struct journal_replay done;
    struct failure why = {.kind = FAILURE_NONE};
    char *after;

    assert_false(replay(slice_of(text), &done, &after, &why));
    if (!strstr(why.text, reason))
        fail_msg("%s: %s", text, why.text);
    assert_int_equal(done.newer, newer);
    free(after);
}

static void the_first_line_must_fit(void **state)
{
    (void)state;
    assert_refused("{\"generation\":2,\"version\":1}\n", "line 1: /generation: ", false);
    assert_refused("{\"generation\":4,\"version\":1}\n", "line 1: /generation: ", false);
    assert_refused("{\"generation\":3}\n", "line 1: /version: ", false);
    assert_refused("{\"generation\":3,\"version\":2}\n", "line 1: /version: ", true);
    assert_refused("{\"generation\":3,\"kind\":\"mailbox\",\"version\":1}\n",
                   "line 1: /kind: ", false);
    assert_refused("\n", "line 1: ", false);
    assert_refused("[]\n", "line 1: not a JSON object", false);
    assert_refused("{\"record\":\"login\",\"at\":1,\"age\":1}\n", "line 1: ", false);
}

static void damage_names_its_line(void **state)
{
    (void)state;
    assert_refused("{\"generation\":3,\"version\":1}\n\n", "line 2: ", false);
    assert_refused("{\"generation\":3,\"version\":1}\n"
                   "{\"record\":\"login\",\"at\":1,\"age\":1}\n"
                   "{\"record\":\"login\",\"at\":1,\"age\":x}\n",
                   "line 3: ", false);
    assert_refused("{\"generation\":3,\"version\":1}\n"
                   "{\"record\":\"login\",\"at\":1,\"age\":1,\"age\":2}\n",
                   "line 2: ", false);
    assert_refused("{\"generation\":3,\"version\":1}\n{\"record\":\"sing\"}\n", "line 2: /record",
                   false);
}

static void an_empty_journal(void **state)
{
    struct journal_replay done;
    struct failure why;
    char *after;

    assert_true(replay(slice_of(""), &done, &after, &why));
    assert_string_equal(after, ((struct fixture *)*state)->states[0]);
    free(after);
}

/* Allocations of jansson until the next one fails. */
static long allowed;

static void *scarce_malloc(size_t n)
{
    return allowed-- > 0 ? malloc(n) : NULL;
}

/* Whenever memory runs out, a record is whole or not made at all, and a journal is replayed whole
 * or refused for want of memory: nothing is said to be wrong with it. */
static void memory_runs_out_at_every_step(void **state)
{
    struct fixture *f = *state;
    size_t made = 0;

    for (long n = 0; made < RECORDS; n++) {
        struct buf text = BUF_INIT;
        json_set_alloc_funcs(scarce_malloc, free);
        allowed = n;
        journal_begin(&text, &drop_state_kind, 3);
        for (made = 0; made < RECORDS; made++) {
            json_t *json = record(made);
            bool put = json && journal_put(&text, json);
            json_decref(json);
            if (!put)
                break;
        }
        json_set_alloc_funcs(malloc, free);
        assert_int_equal(buf_size(&text), f->ends[made]);
        assert_memory_equal(buf_slice(&text).p, buf_slice(&f->text).p, f->ends[made]);
        buf_clear(&text);
    }
    bool replayed = false;
    for (long n = 0; !replayed; n++) {
        struct drop_state *s = drop_state_new();
        struct journal_replay done = {.generation = 3};
        struct failure why = {.kind = FAILURE_NONE};
        json_set_alloc_funcs(scarce_malloc, free);
        allowed = n;
        replayed = journal_replay(&drop_state_kind, s, buf_slice(&f->text), &done, &why);
        json_set_alloc_funcs(malloc, free);
        if (why.kind != (replayed ? FAILURE_NONE : FAILURE_TEMPORARY))
            fail_msg("allocation %ld: %s", n, why.text);
        drop_state_free(s);
    }
}

static void only_objects_are_put(void **state)
{
    struct buf out = BUF_INIT;
    json_t *array = json_array();

    (void)state;
    assert_false(journal_put(&out, array));
    assert_false(journal_put(&out, NULL));
    assert_int_equal(buf_size(&out), 0);
    json_decref(array);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_compact_line_each), cmocka_unit_test(cut_at_every_octet),
        cmocka_unit_test(flip_every_octet),      cmocka_unit_test(the_first_line_must_fit),
        cmocka_unit_test(damage_names_its_line), cmocka_unit_test(an_empty_journal),
        cmocka_unit_test(only_objects_are_put),  cmocka_unit_test(memory_runs_out_at_every_step),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
