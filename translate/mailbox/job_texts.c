/*
 * See mailbox_texts.h. Two runs of messages take turns: while the first is written, the second is
 * looked up.
 */
#include "translate/mailbox/job_internal.h"

#include <string.h>

void job_texts_clear(struct job_texts *t)
{
    for (size_t i = 0; i < JOB_RUNS; i++)
        mailbox_texts_free(t->runs[i].texts);
    *t = (struct job_texts){0};
}

static void run_ask(struct job *j, struct job_run *run)
{
    buf_clear(&run->texts->octets);
    run->texts->looked = 0;
    run->next = 0;
    run->request = j->host->texts(j->host->owner);
    run->progress = JOB_ASKED;
    if (!run->request)
        job_no_memory(j);
}

/* The next messages, if there are any. */
static void run_begin(struct job *j, struct job_run *run, job_walk walk)
{
    struct mailbox_texts *t = run->texts ? run->texts : mailbox_texts_new();

    run->texts = t;
    if (!t) {
        job_no_memory(j);
        return;
    }
    t->kinds = j->texts.kinds;
    t->utf8 = j->host->utf8;
    t->count = 0;
    while (t->count < MAILBOX_TEXTS_MAX && walk(j, &t->of[t->count]))
        t->count++;
    if (t->count)
        run_ask(j, run);
}

/* What there was no room for comes first in the next answer. */
static void run_rest(struct job *j, struct job_run *run)
{
    struct mailbox_texts *t = run->texts;

    t->count -= run->next;
    memmove(t->of, t->of + run->next, t->count * sizeof t->of[0]);
    run_ask(j, run);
}

static struct job_run *run_at(struct job_texts *t, size_t i)
{
    return &t->runs[(t->first + i) % JOB_RUNS];
}

static void runs_begin(struct job *j, job_walk walk)
{
    struct job_texts *t = &j->texts;

    for (size_t i = 0; i < JOB_RUNS; i++)
        if (run_at(t, i)->progress == JOB_IDLE && !t->walked && !j->hungry)
            run_begin(j, run_at(t, i), walk);
}

enum job_texts_step job_texts_next(struct job *j, job_walk walk, const struct mailbox_texts_of **of)
{
    struct job_texts *t = &j->texts;

    for (;;) {
        struct job_run *run = run_at(t, 0);
        runs_begin(j, walk);
        if (run->progress == JOB_IDLE)
            return t->walked ? JOB_TEXTS_END : JOB_TEXTS_WAIT;
        if (run->progress != JOB_READY)
            return JOB_TEXTS_WAIT;
        if (run->next < run->texts->looked) {
            *of = &run->texts->of[run->next++];
            return JOB_TEXTS_NEXT;
        }
        if (run->next < run->texts->count) {
            run_rest(j, run);
            return JOB_TEXTS_WAIT;
        }
        run->progress = JOB_IDLE;
        t->first = (t->first + 1) % JOB_RUNS;
    }
}

static void copy(struct job *j, struct buf *to, struct slice *from, size_t n)
{
    buf_put(to, slice_take(from, n));
    j->window.gathered += n;
    if (buf_failed(to))
        job_no_memory(j);
}

struct slice job_texts_of(const struct job *j, const struct mailbox_texts_of *of)
{
    struct slice all = buf_slice(&j->texts.runs[j->texts.first].texts->octets);
    size_t n = 0;

    for (int kind = 0; kind < MAILBOX_TEXT_KINDS; kind++)
        n += of->n[kind];
    slice_take(&all, of->at);
    return slice_take(&all, n);
}

void job_texts_give(struct job *j, const struct mailbox_texts_of *of, struct job_slot *slot)
{
    struct slice all = job_texts_of(j, of);

    slot->remembered = true;
    copy(j, &slot->octets, &all, of->n[MAILBOX_TEXT_HEADER]);
    copy(j, &slot->envelope, &all, of->n[MAILBOX_TEXT_ENVELOPE]);
    copy(j, &slot->structure, &all, of->n[MAILBOX_TEXT_STRUCTURE]);
    if (j->texts.kinds & 1U << MAILBOX_TEXT_HEADER)
        slot->header = (struct job_need){.ask = JOB_ASK_GATHER,
                                         .progress = JOB_READY,
                                         .content = slot->content,
                                         .part = ACCOUNT_HEADER};
}

static struct job_run *run_find(struct job *j, uint32_t request)
{
    for (size_t i = 0; i < JOB_RUNS; i++)
        if (j->texts.runs[i].progress == JOB_ASKED && j->texts.runs[i].request == request)
            return &j->texts.runs[i];
    return NULL;
}

struct mailbox_texts *job_texts_take(struct job *j, uint32_t request)
{
    struct job_run *run = run_find(j, request);
    struct mailbox_texts *t = run ? run->texts : NULL;

    if (run)
        run->texts = NULL;
    return t;
}

void job_texts_have(struct job *j, uint32_t request, struct mailbox_texts *t)
{
    struct job_run *run = run_find(j, request);

    if (!run) {
        mailbox_texts_free(t);
        return;
    }
    run->texts = t;
    run->progress = JOB_READY;
    if (buf_failed(&t->octets))
        job_no_memory(j);
}
