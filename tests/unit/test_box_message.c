/*
 * Random operations against a model that keeps every message in one plain list and counts by going
 * through it; sometimes the account is replaced by what its snapshot, or its journal, gives back.
 * BOX_SEED=N in the environment replays a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/box_steps.h"
#include "translate/state/journal.h"

enum { MESSAGES = 4000, CONTENTS = 4000, FOLDERS = 6, OPERATIONS = 6000 };

struct fake {
    uint32_t folder;
    uint32_t uid;
    uint32_t content; /* 0: no longer there */
    uint64_t flags;
};

struct model {
    struct fake messages[MESSAGES];
    size_t count;
    bool upstream[CONTENTS + 1];
    bool unlisted[CONTENTS + 1];
    bool ended[CONTENTS + 1];
    enum box_deletion deletion[CONTENTS + 1];
    uint64_t size[CONTENTS + 1];
    uint32_t contents;
    uint32_t uidnext[FOLDERS + 1];
};

struct run {
    struct model m;
    struct box_state *s;
    struct buf journal; /* since the last snapshot */
    char *snapshot;
    unsigned seed;
};

static unsigned any(struct run *r, unsigned below)
{
    r->seed = r->seed * 1664525u + 1013904223u;
    return (r->seed >> 8) % below;
}

static size_t references(const struct model *m, uint32_t content)
{
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++)
        n += m->messages[i].content == content;
    return n;
}

static void put_message(struct model *m, uint32_t folder, uint32_t content, uint64_t flags)
{
    assert_true(m->count < MESSAGES);
    m->messages[m->count++] = (struct fake){folder, m->uidnext[folder]++, content, flags};
}

/* A few messages of one folder, ascending. */
static size_t pick(struct run *r, uint32_t folder, struct fake **some, uint32_t *uids)
{
    unsigned share = 1 + any(r, 8);
    size_t n = 0;

    for (size_t i = 0; i < r->m.count; i++)
        if (r->m.messages[i].content && r->m.messages[i].folder == folder && any(r, share) == 0) {
            some[n] = &r->m.messages[i];
            uids[n++] = r->m.messages[i].uid;
        }
    return n;
}

static void record(struct run *r, struct box_draft *d)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *json = box_draft_end(d);

    assert_non_null(json);
    assert_true(journal_put(&r->journal, json));
    if (!box_state_apply(r->s, json, NULL, &why))
        fail_msg("%s", why.text);
    json_decref(json);
}

static void see(struct run *r)
{
    struct box_draft d;
    char name[] = "x"; /* borrowed by the draft */
    unsigned count = 1 + any(r, 5);

    box_draft_begin(&d, r->s, "seen");
    for (unsigned i = 0; i < count && r->m.contents < CONTENTS; i++) {
        uint32_t id = ++r->m.contents;
        uint32_t folder = 1 + any(r, FOLDERS);
        struct box_content c = {.listed = any(r, 9), .upstream = any(r, 3) > 0};
        *(c.upstream ? &c.uidl : &c.key) = name;
        c.size = c.listed;
        r->m.upstream[id] = c.upstream;
        r->m.size[id] = c.size;
        assert_int_equal(box_draft_content(&d, &c), id);
        box_draft_message(&d, folder, id, BOX_SEEN, 0);
        put_message(&r->m, folder, id, BOX_SEEN);
    }
    record(r, &d);
}

static void expunge(struct model *m, struct fake *f)
{
    uint32_t c = f->content;
    bool last = references(m, c) == 1;

    if (last && m->upstream[c] && m->deletion[c] == BOX_KEPT)
        m->deletion[c] = BOX_INTENDED;
    if (last && m->upstream[c] && !m->unlisted[c])
        return;
    f->content = 0;
    m->ended[c] = m->ended[c] || (last && !m->upstream[c]);
}

static void transfer(struct run *r, struct fake **some, uint32_t *uids)
{
    struct box_draft d;
    uint32_t from = 1 + any(r, FOLDERS);
    uint32_t to = 1 + any(r, FOLDERS);
    bool move = any(r, 2);
    size_t count = pick(r, from, some, uids);
    uint32_t *fresh = calloc(count + 1, sizeof *fresh);

    if (count + r->m.count < MESSAGES) {
        box_draft_begin(&d, r->s, "transfer");
        (move ? box_draft_move : box_draft_copy)(&d, from, uids, count, to, fresh);
        record(r, &d);
        for (size_t i = 0; i < count; i++) {
            bool doomed = r->m.deletion[some[i]->content] != BOX_KEPT;
            assert_int_equal(fresh[i], doomed ? 0 : r->m.uidnext[to]);
            if (!doomed)
                put_message(&r->m, to, some[i]->content, some[i]->flags);
            if (!doomed && move)
                some[i]->content = 0;
        }
    }
    free(fresh);
}

static void flag(struct run *r, struct fake **some, uint32_t *uids)
{
    struct box_draft d;
    uint32_t folder = 1 + any(r, FOLDERS);
    size_t count = pick(r, folder, some, uids);
    uint64_t set = any(r, 32);
    uint64_t clear = any(r, 32);

    box_draft_begin(&d, r->s, "store");
    box_draft_flags(&d, folder, uids, count, set, clear);
    record(r, &d);
    for (size_t i = 0; i < count; i++)
        some[i]->flags = (some[i]->flags & ~clear) | set;
}

static void purge(struct run *r, struct fake **some, uint32_t *uids)
{
    struct box_draft d;
    uint32_t folder = 1 + any(r, FOLDERS);
    size_t count = pick(r, folder, some, uids);

    box_draft_begin(&d, r->s, "expunge");
    box_draft_remove(&d, folder, uids, count);
    record(r, &d);
    for (size_t i = 0; i < count; i++)
        expunge(&r->m, some[i]);
}

static void take_away(struct model *m, uint32_t content)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->messages[i].content == content)
            m->messages[i].content = 0;
}

static void hear_of(struct model *m, unsigned what, uint32_t id)
{
    if (what == 0 || (what == 1 && m->deletion[id] != BOX_KEPT))
        take_away(m, id);
    if (what == 0)
        m->ended[id] = true;
    if (what == 1)
        m->unlisted[id] = true;
    if (what == 1 && m->deletion[id] != BOX_KEPT)
        m->deletion[id] = BOX_INTENDED;
    if (what == 2 && m->deletion[id] == BOX_INTENDED)
        m->deletion[id] = BOX_SENT;
    if (what == 3 && references(m, id))
        m->deletion[id] = BOX_KEPT;
}

static void hear(struct run *r)
{
    static const char *const sections[] = {"gone", "unlisted", "sent", "spared"};
    unsigned what = any(r, 4);
    unsigned share = 2 + any(r, 50);
    uint32_t *ids = calloc(r->m.contents + 1, sizeof *ids);
    struct box_draft d;
    size_t n = 0;

    for (uint32_t id = 1; id <= r->m.contents; id++)
        if (r->m.upstream[id] && !r->m.ended[id] && any(r, share) == 0) {
            ids[n++] = id;
            hear_of(&r->m, what, id);
        }
    box_draft_begin(&d, r->s, "poll");
    box_draft_set(&d, sections[what], ids, n);
    record(r, &d);
    free(ids);
}

static void resize(struct run *r)
{
    struct box_draft d;
    uint32_t id = 1 + any(r, r->m.contents ? r->m.contents : 1);

    if (!box_state_content(r->s, id))
        return;
    r->m.size[id] = any(r, 1000);
    box_draft_begin(&d, r->s, "known");
    box_draft_known(&d, id, r->m.size[id], NULL, NULL);
    record(r, &d);
}

static void begin_journal(struct run *r)
{
    free(r->snapshot);
    r->snapshot = account_text(r->s);
    buf_clear(&r->journal);
    journal_begin(&r->journal, &box_state_kind, 1);
}

/* As after a restart. */
static void reload(struct run *r)
{
    struct box_state *s = account_of(r->snapshot);
    struct journal_replay done = {.generation = 1};
    struct failure why;

    assert_true(journal_replay(&box_state_kind, s, buf_slice(&r->journal), &done, &why));
    char *before = account_text(r->s);
    char *after = account_text(s);
    assert_string_equal(before, after);
    free(before);
    free(after);
    box_state_free(r->s);
    r->s = s;
    begin_journal(r);
}

static void compare_folder(struct run *r, uint32_t folder)
{
    struct box_folder *f = box_state_folder_by_id(r->s, folder);
    size_t n = 0;
    size_t unseen = 0;
    size_t first_unseen = 0;
    size_t deleted = 0;
    uint64_t size = 0;

    for (size_t i = 0; i < r->m.count; i++) {
        const struct fake *m = &r->m.messages[i];
        if (m->folder != folder || !m->content)
            continue;
        assert_true(n < f->count);
        assert_int_equal(f->messages[n].uid, m->uid);
        assert_int_equal(f->messages[n].content, m->content);
        assert_true(f->messages[n].flags == m->flags);
        n++;
        unseen += !(m->flags & BOX_SEEN);
        if (unseen == 0)
            first_unseen = n;
        deleted += (m->flags & BOX_DELETED) != 0;
        size += r->m.size[m->content];
    }
    assert_int_equal(f->count, n);
    assert_int_equal(f->unseen, unseen);
    assert_int_equal(box_folder_first_unseen(f), first_unseen);
    assert_int_equal(f->deleted, deleted);
    assert_int_equal(f->size, size);
    assert_int_equal(f->uidnext, r->m.uidnext[folder]);
}

static void compare(struct run *r)
{
    for (uint32_t folder = 1; folder <= FOLDERS; folder++)
        compare_folder(r, folder);
    for (uint32_t id = 1; id <= r->m.contents; id++) {
        const struct box_content *c = box_state_content(r->s, id);
        assert_int_equal(c == NULL, r->m.ended[id]);
        if (!c)
            continue;
        assert_int_equal(c->deletion, r->m.deletion[id]);
        assert_int_equal(c->unlisted, r->m.unlisted[id]);
    }
}

/* Messages that are gone are forgotten, so that the model has room. */
static void tidy(struct model *m)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->count; i++)
        if (m->messages[i].content)
            m->messages[kept++] = m->messages[i];
    m->count = kept;
}

static void operate(struct run *r, struct fake **some, uint32_t *uids)
{
    unsigned what = any(r, 20);

    if (what < 7 && r->m.count + 10 < MESSAGES && r->m.contents + 10 < CONTENTS)
        see(r);
    else if (what < 10)
        transfer(r, some, uids);
    else if (what < 13)
        flag(r, some, uids);
    else if (what < 15)
        purge(r, some, uids);
    else if (what < 17)
        hear(r);
    else
        resize(r);
    tidy(&r->m);
}

static void random_operations(void **state)
{
    const char *given = getenv("BOX_SEED");
    struct run *r = calloc(1, sizeof *r);
    struct fake **some = calloc(MESSAGES, sizeof *some);
    uint32_t *uids = calloc(MESSAGES, sizeof *uids);

    (void)state;
    r->seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("BOX_SEED=%u\n", r->seed);
    r->s = account_born();
    for (int i = 1; i <= FOLDERS; i++)
        r->m.uidnext[i] = 1;
    begin_journal(r);
    for (int i = 0; i < OPERATIONS; i++) {
        operate(r, some, uids);
        if (i % 10 == 0)
            compare(r);
        if (any(r, 100) == 0)
            reload(r);
    }
    reload(r);
    compare(r);
    box_state_free(r->s);
    buf_clear(&r->journal);
    free(r->snapshot);
    free(r);
    free(some);
    free(uids);
}

/* Octets per message of a snapshot, and what is asked of its time: see the printed line. */
static void a_hundred_thousand_messages(void **state)
{
    enum { COUNT = 100000 };
    struct box_state *s = account_born();
    struct box_draft d;
    char *uidls = calloc(COUNT, 20);

    (void)state;
    box_draft_begin(&d, s, "seen");
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(uidls + 20 * i, 20, "%08x%08x", i * 2654435761u, 1700000000u);
        struct box_content c = {.uidl = uidls + 20 * i, .upstream = true};
        c.size = c.listed = 1000 + i * 7919 % 50000;
        box_draft_message(&d, i % 10 ? BOX_INBOX : ARCHIVE, box_draft_content(&d, &c),
                          i % 3 ? BOX_SEEN : 0, 1600000000 + i * 60);
    }
    step(s, &d);
    char *text = account_text(s);
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    struct box_state *again = account_of(text);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    print_message(
        "100,000 messages: %zu octets of snapshot, loaded in %.1f ms of CPU\n", strlen(text),
        (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6);
    assert_int_equal(again->folders[0].count + again->folders[5].count, COUNT);
    assert_true(strlen(text) < 100 * COUNT);
    free(text);
    free(uidls);
    box_state_free(again);
    box_state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(a_hundred_thousand_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
