/*
 * The world of account_world.h with five messages of one size in the maildrop, u1 to u5, and what
 * is done with them: others deliver and delete, the server renames and reorders, a client looks and
 * reads.
 */
#ifndef TESTS_UNIT_ACCOUNT_FIVE_H
#define TESTS_UNIT_ACCOUNT_FIVE_H

#include "tests/unit/account_world.h"

enum { FIVE = 5, A_WHILE = 6000, LONG = 16 * 60 * 1000 };

static const char letter[] = "Subject: letter\r\n\r\nletter %zu\r\n";

static inline void deliver(struct world *w, const char *uidl)
{
    char text[64];

    snprintf(text, sizeof text, letter, w->upstream.count + 10);
    model_add(&w->upstream, uidl, text);
}

/* Five messages of one size, u1 to u5. */
static inline void world_five(struct world *w)
{
    char uidl[8];

    world_init(w);
    for (size_t i = 1; i <= FIVE; i++) {
        snprintf(uidl, sizeof uidl, "u%zu", i);
        deliver(w, uidl);
    }
}

static inline void world_five_open(struct world *w)
{
    world_five(w);
    world_open(w);
    assert_int_equal(world_inbox(w)->count, FIVE);
    assert_int_equal(w->upstream.lists, 1);
}

static inline enum failure_kind look_after(struct world *w, uint64_t ms)
{
    world_wait(w, ms);
    world_forget_events(w);
    uint32_t poll = account_poll(world_client(w, 0));
    world_run(w);
    const struct account_event *ev = world_answer(w, 0, poll);
    assert_non_null(ev);
    return ev->failure.kind;
}

static inline void look(struct world *w)
{
    size_t logins = w->upstream.logins;

    assert_int_equal(look_after(w, A_WHILE), FAILURE_NONE);
    assert_int_equal(w->upstream.logins, logins + 1);
}

/* How many times the next look lists the whole. */
static inline size_t lists_of_look(struct world *w)
{
    size_t before = w->upstream.lists;

    look(w);
    return w->upstream.lists - before;
}

/* After a failure it is tried again by itself, once somebody has asked. */
static inline void recover(struct world *w)
{
    look_after(w, 0);
    world_wait(w, 60000);
}

static inline bool inbox_has(const struct world *w, const char *uidl)
{
    const struct box_content *c = box_state_content(world_state(w), world_content(w, uidl));

    return c && c->references;
}

/* The server says of one that is there that it is another, of the same size. */
static inline void rename_message(struct world *w, size_t i, const char *uidl)
{
    struct model_message *message = &w->upstream.messages[i];

    snprintf(message->uidl, sizeof message->uidl, "%s", uidl);
    message->text[strlen(message->text) - 3]++;
}

static inline void swap_messages(struct world *w, size_t i, size_t j)
{
    struct model_message first = w->upstream.messages[i];

    w->upstream.messages[i] = w->upstream.messages[j];
    w->upstream.messages[j] = first;
}

static inline enum failure_kind want(struct world *w, uint32_t content, enum account_part part)
{
    uint32_t request = account_want(world_client(w, 0), content, part);

    world_run(w);
    const struct account_event *ev = world_answer(w, 0, request);
    assert_non_null(ev);
    return ev->failure.kind;
}

/* The whole of it, and that it is this one. */
static inline void want_right(struct world *w, size_t i)
{
    const struct model_message *message = &w->upstream.messages[i];
    uint32_t content = world_content(w, message->uidl);

    assert_int_equal(want(w, content, ACCOUNT_WHOLE), FAILURE_NONE);
    assert_true(slice_is(buf_slice(&world_body(w, content, ACCOUNT_WHOLE)->octets), message->text));
}

#endif
