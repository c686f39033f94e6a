/*
 * For tests of the mailbox: jobs that do the least a FETCH and a SEARCH can do. Part of
 * mailbox_fake.h.
 */
#ifndef TESTS_UNIT_MAILBOX_FAKE_JOB_H
#define TESTS_UNIT_MAILBOX_FAKE_JOB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "translate/imap/imapd_write.h"
#include "translate/mailbox/mailbox_job.h"

/* FETCH gives FLAGS, and with a body section the message as the store has it; SEARCH finds all. */
struct job {
    const struct job_host *host;
    const struct imapd_fetch *fetch;
    const struct imapd_set *set;
    const struct imapd_search *search;
    bool by_uid;
    struct mailbox_walk walk;
    uint32_t number, uid, request;
    bool reading, absent;
    char *tag;
    struct job_result result;
    uint32_t seen[64];
    unsigned rest; /* calls of job_run() between which it is hungry */
};

struct job *job_fetch(const struct job_host *host, const struct imapd_fetch *fetch,
                      const struct imapd_set *set, bool by_uid)
{
    struct job *j = calloc(1, sizeof *j);

    *j = (struct job){.host = host, .fetch = fetch, .set = set, .by_uid = by_uid};
    return j;
}

struct job *job_search(const struct job_host *host, const struct imapd_search *search, bool by_uid,
                       struct slice tag, struct failure *why)
{
    struct job *j = calloc(1, sizeof *j);

    if (search->charset.n && !slice_is_nocase(search->charset, "UTF-8")) {
        failure_set(why, FAILURE_PERMANENT, "The charset is not known");
        free(j);
        return NULL;
    }
    *j = (struct job){
        .host = host, .search = search, .by_uid = by_uid, .tag = slice_dup(tag), .rest = 2};
    return j;
}

void job_free(struct job *j)
{
    if (!j)
        return;
    free(j->tag);
    free(j);
}

static inline enum job_state fake_search(struct job *j)
{
    const struct mailbox_view *v = j->host->view;

    if (j->rest && --j->rest)
        return JOB_WAITS;
    if (j->search->results & IMAPD_RETURN_SAVE) {
        free(j->host->view->saved);
        j->host->view->saved = calloc(v->count + 1, sizeof *v->saved);
        for (size_t i = 0; i < v->count; i++)
            j->host->view->saved[i] = mailbox_view_uid(v, (uint32_t)i + 1);
        j->host->view->saved_count = v->count;
    }
    if (j->search->extended) {
        buf_printf(j->host->out, "* ESEARCH (TAG \"%s\")%s COUNT %zu\r\n", j->tag,
                   j->by_uid ? " UID" : "", v->count);
        return JOB_DONE;
    }
    buf_puts(j->host->out, "* SEARCH");
    for (size_t i = 0; i < v->count; i++)
        buf_printf(j->host->out, " %u",
                   j->by_uid ? mailbox_view_uid(v, (uint32_t)i + 1) : (uint32_t)i + 1);
    buf_puts(j->host->out, "\r\n");
    return JOB_DONE;
}

static inline bool fake_wants_octets(const struct job *j)
{
    return imapd_fetch_has(j->fetch, IMAPD_FETCH_SECTION);
}

enum job_state job_run(struct job *j)
{
    const struct box_state *s = j->host->state(j->host->owner);

    if (j->search)
        return fake_search(j);
    while (!j->reading && j->host->has_room(j->host->owner)) {
        if (!mailbox_view_next(j->host->view, j->set, j->by_uid, &j->walk, &j->number, &j->uid))
            return JOB_DONE;
        const struct box_folder *f = mailbox_view_folder(j->host->view, s);
        const struct box_message *m = f ? box_folder_message(f, j->uid) : NULL;
        if (!m) {
            j->result.expunged = true;
            continue;
        }
        j->result.found = true;
        if (fake_wants_octets(j)) {
            j->request = j->host->read(j->host->owner, m->content, ACCOUNT_WHOLE, 0, UINT64_MAX);
            j->reading = true;
            if (imapd_fetch_sets_seen(j->fetch))
                j->seen[j->result.seen_count++] = j->uid;
            j->result.seen = j->seen;
            continue;
        }
        buf_printf(j->host->out, "* %u FETCH (UID %u FLAGS ", j->number, j->uid);
        mailbox_put_flags(j->host->out, s, m->flags);
        buf_puts(j->host->out, ")\r\n");
    }
    return JOB_WAITS;
}

bool job_is_hungry(const struct job *j)
{
    return j->search && j->rest;
}

void job_read_data(struct job *j, uint32_t request, uint64_t size, struct slice *in)
{
    j->result.broken = size != in->n;
    assert_int_equal(request, j->request);
    buf_printf(j->host->out, "* %u FETCH (UID %u BODY[] ", j->number, j->uid);
    imapd_put_string(j->host->out, slice_take(in, in->n), false);
    buf_puts(j->host->out, ")\r\n");
}

bool job_wants_read(const struct job *j)
{
    return j->reading;
}

void job_read_done(struct job *j, uint32_t request, bool present, const struct failure *why)
{
    assert_int_equal(request, j->request);
    if (why->kind != FAILURE_NONE)
        j->result.failure = *why;
    const struct box_folder *f = mailbox_view_folder(j->host->view, j->host->state(j->host->owner));
    if (present)
        j->reading = false;
    else
        j->request =
            j->host->want(j->host->owner, box_folder_message(f, j->uid)->content, ACCOUNT_WHOLE);
}

void job_parsed(struct job *j, uint32_t request, struct mime_message *message,
                const struct failure *why)
{
    (void)why;
    assert_int_equal(request, j->request);
    mime_message_free(message);
}

struct mailbox_texts *job_texts_take(struct job *j, uint32_t request)
{
    (void)j;
    (void)request;
    return NULL;
}

void job_texts_have(struct job *j, uint32_t request, struct mailbox_texts *t)
{
    (void)j;
    (void)request;
    mailbox_texts_free(t);
}

void job_have(struct job *j, uint32_t request, const struct failure *why)
{
    const struct box_folder *f = mailbox_view_folder(j->host->view, j->host->state(j->host->owner));

    assert_int_equal(request, j->request);
    j->reading = why->kind == FAILURE_NONE;
    j->result.failure = *why;
    if (j->reading)
        j->request = j->host->read(j->host->owner, box_folder_message(f, j->uid)->content,
                                   ACCOUNT_WHOLE, 0, UINT64_MAX);
}

const struct job_result *job_result(const struct job *j)
{
    return &j->result;
}

#endif
