/*
 * For the tests of jobs: messages in an account's INBOX, a store of bodies in memory that has them
 * or not, and a session that runs FETCH and SEARCH on them. Answers come late, one at a time, in
 * pieces of any size, each in an allocation of its own, and the room in the output is small.
 */
#ifndef TESTS_UNIT_JOB_WORLD_H
#define TESTS_UNIT_JOB_WORLD_H

#include "tests/unit/mime_parse.h"

#include "tests/unit/box_steps.h"
#include "translate/imap/imapd_command.h"
#include "translate/mailbox/mailbox_job.h"
#include "translate/mime/mime_charset.h"
#include "translate/mime/mime_put.h"
#include "translate/mime/mime_search.h"

enum { WORLD_MESSAGES = 400, WORLD_ASKED = 1024 };

enum world_ask { ASKED_READ, ASKED_PARSE, ASKED_WANT, ASKED_DATE, ASKED_TEXTS };

struct world_asked {
    enum world_ask ask;
    uint32_t number, content;
    enum account_part part;
    uint64_t offset, length;
};

struct world_body {
    struct slice text;   /* borrowed */
    struct slice digest; /* of its header, borrowed; none: to be made */
    bool parts[2];       /* what the store has, by enum account_part */
    bool gone;           /* the upstream has it no more */
    bool vanishes;       /* another session expunges it while it is fetched */
    bool unreadable;     /* the store fails */
    bool torn;           /* it fails for octets, though the structure is remembered */
    size_t shorter;      /* octets that are missing at the end when it is read */
    int64_t arrived;     /* what its header would tell */
    bool lost;           /* they are not missing: what goes wrong is told */
    unsigned evicted;    /* so often it is lost at once after it came */
};

struct world {
    struct box_state *state;
    struct mailbox_view view;
    struct buf out;
    struct job_host host;
    struct world_body bodies[WORLD_MESSAGES + 1]; /* by content */
    struct world_asked asked[WORLD_ASKED];        /* a ring */
    size_t first, count;
    size_t most;        /* wants that were under way together */
    size_t most_parses; /* and structures */
    uint32_t numbers[5];
    size_t piece; /* octets */
    size_t room;
    bool keeps;             /* the store has all from the start */
    size_t texts_at_once;   /* with host.texts: messages of which it tells what it remembers */
    uint32_t texts_forgets; /* each message so far from another is not remembered; 0: none */
    unsigned tops, retrs, follows, turns;
    uint64_t read;   /* octets */
    struct buf text; /* what was said */
    struct job_result result;
    uint32_t seen[WORLD_MESSAGES];
};

static inline const struct box_state *world_state(void *owner)
{
    return ((struct world *)owner)->state;
}

static inline bool world_has_room(void *owner)
{
    struct world *w = owner;

    return buf_size(&w->out) < w->room;
}

static inline uint32_t world_ask(struct world *w, const struct world_asked *asked)
{
    size_t wants = 0;
    size_t parses = 0;
    struct world_asked *last = &w->asked[(w->first + w->count++) % WORLD_ASKED];

    assert_true(w->count < WORLD_ASKED);
    *last = *asked;
    last->number = ++w->numbers[asked->ask];
    for (size_t i = 0; i < w->count; i++) {
        wants += w->asked[(w->first + i) % WORLD_ASKED].ask == ASKED_WANT;
        parses += w->asked[(w->first + i) % WORLD_ASKED].ask == ASKED_PARSE;
    }
    w->most = wants > w->most ? wants : w->most;
    w->most_parses = parses > w->most_parses ? parses : w->most_parses;
    return last->number;
}

static inline uint32_t world_read(void *owner, uint32_t content, enum account_part part,
                                  uint64_t offset, uint64_t length)
{
    return world_ask(owner, &(struct world_asked){ASKED_READ, 0, content, part, offset, length});
}

static inline uint32_t world_parse(void *owner, uint32_t content)
{
    return world_ask(owner, &(struct world_asked){ASKED_PARSE, 0, content, ACCOUNT_WHOLE, 0, 0});
}

static inline uint32_t world_want(void *owner, uint32_t content, enum account_part part)
{
    return world_ask(owner, &(struct world_asked){ASKED_WANT, 0, content, part, 0, 0});
}

static inline uint32_t world_texts(void *owner)
{
    return world_ask(owner, &(struct world_asked){.ask = ASKED_TEXTS});
}

static inline uint32_t world_date(void *owner, uint32_t content)
{
    return world_ask(owner, &(struct world_asked){ASKED_DATE, 0, content, ACCOUNT_HEADER, 0, 0});
}

static inline uint32_t world_follow(void *owner, uint32_t content)
{
    ((struct world *)owner)->follows++;
    return world_want(owner, content, ACCOUNT_WHOLE);
}

static inline void world_init(struct world *w)
{
    *w = (struct world){.state = account_born(), .piece = 100000, .room = 100000};
    w->host = (struct job_host){.owner = w,
                                .state = world_state,
                                .view = &w->view,
                                .out = &w->out,
                                .has_room = world_has_room,
                                .read = world_read,
                                .parse = world_parse,
                                .want = world_want,
                                .date = world_date,
                                .follow = world_follow};
}

static inline void world_clear(struct world *w)
{
    mailbox_view_close(&w->view);
    box_state_free(w->state);
    buf_clear(&w->out);
    buf_clear(&w->text);
}

/* A message in INBOX; `text` is borrowed. Its UID. */
static inline uint32_t world_add_octets(struct world *w, struct slice text, uint64_t flags,
                                        int64_t date, const char *keyword)
{
    struct box_draft d;
    char uidl[24];
    struct box_content c = {.size = text.n, .listed = text.n, .upstream = true, .uidl = uidl};

    snprintf(uidl, sizeof uidl, "u%zu", w->state->content_count);
    box_draft_begin(&d, w->state, "seen");
    if (keyword)
        flags |= box_draft_keyword(&d, slice_of(keyword));
    uint32_t content = box_draft_content(&d, &c);
    uint32_t uid = box_draft_message(&d, BOX_INBOX, content, flags, date);
    step(w->state, &d);
    w->bodies[content].text = text;
    return uid;
}

static inline uint32_t world_add(struct world *w, const char *text)
{
    return world_add_octets(w, slice_of(text), 0, 1700000000, NULL);
}

/* A message of which only the listing is known; its header would tell that date. */
static inline void world_add_undated(struct world *w, const char *text, int64_t arrived)
{
    world_add(w, text);
    struct box_content *c = box_state_content(w->state, w->state->content_next - 1);
    c->undated = true;
    w->bodies[c->id].arrived = arrived;
}

static inline void world_select(struct world *w)
{
    const struct box_folder *f = box_state_folder_by_id(w->state, BOX_INBOX);

    assert_true(mailbox_view_open(&w->view, w->state, f, false));
}

/* The header with its empty line, or all. */
static inline struct slice world_part(const struct world_body *b, enum account_part part)
{
    const char *end = memmem(b->text.p, b->text.n, "\r\n\r\n", 4);

    if (part == ACCOUNT_WHOLE || !end)
        return b->text;
    return slice_make(b->text.p, (size_t)(end - b->text.p) + 4);
}

/* False when the job wants no more at this time. */
static inline bool world_give(struct world *w, struct job *j, struct world_asked *a,
                              struct slice all)
{
    uint64_t end = a->length > all.n - a->offset ? all.n : a->offset + a->length;

    end -= end > w->bodies[a->content].shorter ? w->bodies[a->content].shorter : 0;
    /* It is neither hungry nor without room. */
    assert_true(a->offset >= end || job_wants_read(j));
    while (a->offset < end && job_wants_read(j)) {
        size_t n = end - a->offset < w->piece ? (size_t)(end - a->offset) : w->piece;
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, all.p + a->offset, n);
        struct slice in = slice_make(copy, n);
        job_read_data(j, a->number, all.n, &in);
        a->offset += n - in.n;
        a->length -= n - in.n;
        w->read += n - in.n;
        free(copy);
        if (in.n == n)
            return false;
    }
    return a->offset >= end;
}

/* False when it has to go on later. */
static inline bool world_answer_read(struct world *w, struct job *j, struct world_asked *a)
{
    struct world_body *b = &w->bodies[a->content];
    struct slice all = world_part(b, a->part);
    struct failure why = {.kind = FAILURE_NONE};

    if (!b->parts[a->part] && !w->keeps) {
        job_read_done(j, a->number, false, &why);
        return true;
    }
    if (b->unreadable || (b->torn && a->length))
        failure_set(&why, FAILURE_TEMPORARY, "Input/output error");
    else if (a->offset < all.n && !world_give(w, j, a, all))
        return false;
    else if (b->lost && a->length)
        failure_set(&why, FAILURE_TEMPORARY, "the rest of the message did not come");
    job_read_done(j, a->number, true, &why);
    return true;
}

static inline void world_answer_parse(struct world *w, struct job *j, const struct world_asked *a)
{
    struct world_body *b = &w->bodies[a->content];

    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "Input/output error");
    if (!b->parts[ACCOUNT_WHOLE] && !w->keeps)
        job_parsed(j, a->number, NULL, NULL);
    else if (b->unreadable)
        job_parsed(j, a->number, NULL, &why);
    else
        job_parsed(j, a->number, mime_parse(b->text, 4096), NULL);
}

static inline void world_answer_want(struct world *w, struct job *j, const struct world_asked *a)
{
    struct world_body *b = &w->bodies[a->content];
    struct failure why = {.kind = FAILURE_NONE};

    *(a->part == ACCOUNT_HEADER ? &w->tops : &w->retrs) += 1;
    if (b->vanishes) {
        b->vanishes = false;
        b->gone = true;
        account_expunges(w->state, BOX_INBOX, a->content); /* its UID too */
        account_hears(w->state, "gone", a->content);
    }
    if (b->gone)
        failure_set(&why, FAILURE_PERMANENT, "The message is not there any more");
    else if (b->evicted)
        b->evicted--;
    else
        b->parts[a->part] = true;
    job_have(j, a->number, &why);
}

static inline void world_answer_date(struct world *w, struct job *j, const struct world_asked *a)
{
    struct failure why = {.kind = FAILURE_NONE};
    const struct world_body *b = &w->bodies[a->content];
    struct box_draft d;

    if (b->gone) {
        failure_set(&why, FAILURE_TEMPORARY, "The mail server is away");
    } else {
        box_draft_begin(&d, w->state, "known");
        box_draft_dated(&d, a->content, &b->arrived);
        step(w->state, &d);
    }
    job_have(j, a->number, &why);
}

static inline void world_put_text(struct buf *out, const struct world_body *b,
                                  enum mailbox_text kind, bool utf8)
{
    struct mime_message *message = NULL;

    if (kind == MAILBOX_TEXT_HEADER)
        buf_put(out, world_part(b, ACCOUNT_HEADER));
    else if (kind == MAILBOX_TEXT_DIGEST && b->digest.p)
        buf_put(out, b->digest);
    else if (kind == MAILBOX_TEXT_DIGEST)
        mime_search_digest(out, world_part(b, ACCOUNT_HEADER));
    else if (message = mime_parse(b->text, 4096), kind == MAILBOX_TEXT_ENVELOPE)
        mime_put_envelope(out, message, 0, utf8);
    else
        mime_put_body(out, message, true, utf8);
    mime_message_free(message);
}

static inline void world_remember(struct world *w, struct mailbox_texts *t,
                                  struct mailbox_texts_of *of)
{
    struct world_body *b = &w->bodies[of->content];
    enum account_part part = mailbox_texts_want(t, MAILBOX_TEXT_STRUCTURE);

    of->there =
        (w->keeps || b->parts[part]) && !(w->texts_forgets && of->content % w->texts_forgets == 0);
    of->at = buf_size(&t->octets);
    for (int kind = 0; kind < MAILBOX_TEXT_KINDS; kind++) {
        size_t before = buf_size(&t->octets);
        if (of->there && mailbox_texts_want(t, (enum mailbox_text)kind))
            world_put_text(&t->octets, b, (enum mailbox_text)kind, t->utf8);
        of->n[kind] = buf_size(&t->octets) - before;
    }
}

static inline void world_answer_texts(struct world *w, struct job *j, const struct world_asked *a)
{
    struct mailbox_texts *t = job_texts_take(j, a->number);

    if (!t)
        return;
    while (t->looked < t->count && t->looked < w->texts_at_once)
        world_remember(w, t, &t->of[t->looked++]);
    job_texts_have(j, a->number, t);
}

static inline void world_answer(struct world *w, struct job *j)
{
    struct world_asked *a = &w->asked[w->first];
    struct world_asked copy = *a;

    if (a->ask == ASKED_READ && !world_answer_read(w, j, a))
        return;
    w->first = (w->first + 1) % WORLD_ASKED;
    w->count--;
    if (copy.ask == ASKED_PARSE)
        world_answer_parse(w, j, &copy);
    else if (copy.ask == ASKED_WANT)
        world_answer_want(w, j, &copy);
    else if (copy.ask == ASKED_DATE)
        world_answer_date(w, j, &copy);
    else if (copy.ask == ASKED_TEXTS)
        world_answer_texts(w, j, &copy);
}

static inline void world_drain(struct world *w)
{
    assert_false(buf_failed(&w->out));
    buf_put(&w->text, buf_slice(&w->out));
    buf_truncate(&w->out, 0);
}

/* One thing that may happen next, or the test fails: a job never waits for nothing. */
static inline void world_step(struct world *w, struct job *j)
{
    if (job_is_hungry(j))
        return;
    if (buf_size(&w->out) >= w->room)
        world_drain(w);
    else if (w->count)
        world_answer(w, j);
    else
        fail_msg("the job waits for nothing");
}

static inline void world_run_job(struct world *w, struct job *j)
{
    for (w->turns = 1; job_run(j) == JOB_WAITS; w->turns++)
        world_step(w, j);
    while (w->count) /* answers nobody waits for any more */
        world_answer(w, j);
    world_drain(w);
    w->result = *job_result(j);
    assert_true(w->result.seen_count <= WORLD_MESSAGES);
    if (w->result.seen_count)
        memcpy(w->seen, w->result.seen, w->result.seen_count * sizeof *w->seen);
    w->result.seen = w->seen;
    job_free(j);
}

/* Carries a FETCH or SEARCH out; what it says is in `text`. */
static inline void world_run(struct world *w, struct slice command)
{
    struct imapd_command cmd;
    struct failure why = {.kind = FAILURE_NONE};

    if (!imapd_command_parse(&cmd, command, false, &why))
        fail_msg("%.*s: %s", SLICE_ARG(command), why.text);
    struct job *j = cmd.verb == IMAPD_FETCH
                        ? job_fetch(&w->host, &cmd.fetch, &cmd.set, cmd.uid)
                        : job_search(&w->host, &cmd.search, cmd.uid, cmd.tag, &why);
    assert_non_null(j);
    buf_clear(&w->text);
    world_run_job(w, j);
    imapd_command_clear(&cmd);
}

static inline void world_forget(struct world *w)
{
    for (size_t i = 0; i <= WORLD_MESSAGES; i++)
        w->bodies[i].parts[ACCOUNT_HEADER] = w->bodies[i].parts[ACCOUNT_WHOLE] = false;
    w->tops = w->retrs = w->follows = 0;
    w->most = 0;
    w->read = 0;
}

/* The job is let run for so many steps and goes then, whatever it waits for. */
static inline void world_free_after(struct world *w, struct job *j, unsigned steps)
{
    enum job_state now = job_run(j);

    for (unsigned i = 0; i < steps && now == JOB_WAITS; i++) {
        world_step(w, j);
        now = job_run(j);
    }
    job_free(j);
    world_forget(w);
    w->count = 0;
    buf_clear(&w->out);
}

/* Says the same whether texts are remembered, or only some, or are told a few at a time. */
static inline void world_check_texts(struct world *w, const char *command)
{
    static const uint32_t forgets[] = {0, 1, 2, 7};
    static const size_t at_once[] = {1, 30, MAILBOX_TEXTS_MAX};

    w->keeps = true;
    world_run(w, slice_of(command));
    struct buf expected = BUF_INIT;
    buf_put(&expected, buf_slice(&w->text));
    w->host.texts = world_texts;
    for (size_t i = 0; i < 4 * 3 * 2; i++) {
        w->texts_forgets = forgets[i % 4];
        w->texts_at_once = at_once[i / 4 % 3];
        w->room = i % 3 ? 100000 : 60;
        w->keeps = i % 2;
        world_run(w, slice_of(command));
        if (!slice_equal(buf_slice(&w->text), buf_slice(&expected)))
            fail_msg("%s\nsaid     \"%.*s\"\nexpected \"%.*s\"", command,
                     SLICE_ARG(buf_slice(&w->text)), SLICE_ARG(buf_slice(&expected)));
    }
    buf_clear(&expected);
    w->host.texts = NULL;
    w->texts_forgets = 0;
    w->keeps = false;
    w->room = 100000;
}

/* The command says just that, however its octets come. */
static inline void world_check_octets(struct world *w, const char *command, struct slice expected)
{
    static const size_t pieces[] = {1, 3, 64, 100000};
    static const size_t rooms[] = {1, 50, 100000};

    for (size_t i = 0; i < 4 * 3 * 2; i++) {
        w->piece = pieces[i % 4];
        w->room = rooms[i / 4 % 3];
        w->keeps = i >= 4 * 3;
        world_forget(w);
        world_run(w, slice_of(command));
        struct slice text = buf_slice(&w->text);
        if (!slice_equal(text, expected))
            fail_msg("%s\nsaid     \"%.*s\"\nexpected \"%.*s\"\n(pieces of %zu, room for %zu)",
                     command, SLICE_ARG(text), SLICE_ARG(expected), w->piece, w->room);
    }
    w->keeps = false;
    w->piece = w->room = 100000;
}

static inline void world_check(struct world *w, const char *command, const char *expected)
{
    world_check_octets(w, command, slice_of(expected));
}

#endif
