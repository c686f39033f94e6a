/*
 * Writing small parts of the cache, many at a time: those that come while others are being written
 * make the next batch. Who is told that a part is there asks for it at once, mostly: then it is
 * still in memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/store/bodies_parts.h"
#include "translate/mime/mime_json.h"

/* ---- on the pool -------------------------------------------------------------------------- */

static void fail(struct bodies_account *a, struct bodies_packed *p, const char *doing,
                 const char *name, int error)
{
    errno = error;
    bodies_failed(a, doing, name, &p->why);
}

static void fail_all(struct bodies_account *a, const char *doing, int error)
{
    for (struct bodies_packed *p = a->packing.first; p; p = p->next)
        fail(a, p, doing, "", error);
}

static struct bodies_records *records_of(struct bodies_account *a, const struct bodies_packed *p)
{
    return a->records[p->part == ACCOUNT_HEADER ? BODIES_HEADS : BODIES_MAILS];
}

/* 0, or the errno of what went wrong last. */
static int write_all(struct bodies_account *a)
{
    int error = 0;

    for (struct bodies_packed *p = a->packing.first; p; p = p->next)
        if (!buf_failed(&p->octets) &&
            !bodies_records_put(records_of(a, p), p->content, buf_slice(&p->octets)))
            error = errno;
    if (!bodies_records_flush(a->records[BODIES_HEADS]))
        error = errno;
    if (!bodies_records_flush(a->records[BODIES_MAILS]))
        error = errno;
    return error;
}

static void check_all(struct bodies_account *a, int error)
{
    char name[BODIES_NAME];

    for (struct bodies_packed *p = a->packing.first; p; p = p->next) {
        struct bodies_records *r = records_of(a, p);
        bodies_name(name, r ? r->last : 0, p->part == ACCOUNT_HEADER ? BODIES_HEADS : BODIES_MAILS);
        if (buf_failed(&p->octets))
            fail(a, p, "write", name, ENOMEM);
        else if (error && !bodies_records_has(r, p->content))
            fail(a, p, "write", name, error);
    }
}

/* Before the lock is held: it takes longer than the writing. */
static void parse_all(struct bodies_account *a)
{
    for (struct bodies_packed *p = a->packing.first; p; p = p->next) {
        if (p->missed)
            p->message = bodies_structure_of(&p->octets);
        if (p->message)
            mime_json_put(&p->text, p->message);
    }
}

/* Of what was written: what is fetched in place of the rest may be another message. */
static void remember_all(struct bodies_account *a, int dir)
{
    struct bodies_records *records = NULL;

    for (struct bodies_packed *p = a->packing.first; p; p = p->next) {
        if (buf_size(&p->text) && !records)
            records = bodies_begin(a, BODIES_MIMES, dir, &a->packing.tally);
        if (p->why.kind == FAILURE_NONE)
            bodies_remember(records, p->content, &p->text);
        buf_clear(&p->text);
    }
    bodies_records_end(records);
}

static void packing_work(uv_work_t *work)
{
    struct bodies_account *a = work->data;
    int dir = bodies_dir_open(a->accounts, a->name, true);

    if (dir < 0) {
        fail_all(a, "make the directory of", errno);
        return;
    }
    parse_all(a);
    uv_mutex_lock(&a->records_lock);
    bodies_begin(a, BODIES_HEADS, dir, &a->packing.tally);
    bodies_begin(a, BODIES_MAILS, dir, &a->packing.tally);
    check_all(a, write_all(a));
    remember_all(a, dir);
    bodies_records_end(a->records[BODIES_HEADS]);
    bodies_records_end(a->records[BODIES_MAILS]);
    uv_mutex_unlock(&a->records_lock);
    close(dir);
}

/* ---- on the loop -------------------------------------------------------------------------- */

/* Whoever is told asks for what came, and is given it, or its structure, from memory, all at once:
 * so a scan does not take a step for each message. */
static void report(struct bodies_account *a, struct bodies_packed *first)
{
    struct bodies_packing *g = &a->packing;

    g->fresh = g->fresh_next = first;
    g->asked_last = &g->asked;
    g->parses_last = &g->parses;
    for (struct bodies_packed *p = first; p; p = p->next)
        bodies_writer_packed(p);
    bodies_told(a);
    g->fresh = NULL;
    while (g->asked)
        g->asked = bodies_small_give(g->asked);
    while (g->parses)
        g->parses = bodies_parse_give(g->parses);
    for (struct bodies_packed *next; first; first = next) {
        next = first->next;
        mime_message_free(first->message);
        bodies_writer_unpacked(first);
    }
}

static void packing_done(uv_work_t *work, int status);

static void packing_start(struct bodies_account *a, uv_work_t *work)
{
    struct bodies_packing *g = &a->packing;

    g->first = g->wanted;
    g->wanted = NULL;
    g->work = work;
    work->data = a;
    bodies_hold(a);
    uv_queue_work(a->loop->uv, work, packing_work, packing_done);
}

void bodies_packing_begin(struct bodies_account *a)
{
    struct bodies_packing *g = &a->packing;

    if (g->work || !g->wanted)
        return;
    uv_work_t *work = malloc(sizeof *work);
    if (work) {
        packing_start(a, work);
        return;
    }
    struct bodies_packed *failed = g->first = g->wanted;
    g->wanted = NULL;
    fail_all(a, "write to", ENOMEM);
    g->first = NULL;
    report(a, failed);
}

/* What came meanwhile is written while these are told of. */
static void packing_done(uv_work_t *work, int status)
{
    struct bodies_account *a = work->data;
    struct bodies_packed *first = a->packing.first;

    (void)status; /* nobody cancels it */
    bodies_settle_tally(a, &a->packing.tally);
    a->packing.work = NULL;
    a->packing.first = NULL;
    if (a->packing.wanted)
        packing_start(a, work);
    else
        free(work);
    report(a, first);
    bodies_let_go(a);
}

static bool is_fresh(const struct bodies_packed *p, uint32_t content, enum account_part part)
{
    return p->content == content && (p->part == part || p->part == ACCOUNT_WHOLE) &&
           p->why.kind == FAILURE_NONE;
}

struct bodies_packed *bodies_pack_fresh(struct bodies_account *a, uint32_t content,
                                        enum account_part part)
{
    struct bodies_packing *g = &a->packing;
    const struct bodies_packed *from = g->fresh_next;
    struct bodies_packed *p = NULL;

    while (g->fresh && p != from) {
        p = g->fresh_next;
        g->fresh_next = p->next ? p->next : g->fresh;
        if (is_fresh(p, content, part))
            return p;
        p = g->fresh_next;
    }
    return NULL;
}

static struct bodies_packed **slot_of(struct bodies_packing *g, const struct bodies_packed *p)
{
    struct bodies_packed **slot = &g->wanted;

    while (*slot && *slot != p)
        slot = &(*slot)->next;
    return slot;
}

void bodies_pack(struct bodies_account *a, struct bodies_packed *p)
{
    p->next = NULL;
    p->missed = p->part == ACCOUNT_WHOLE && bodies_missed_take(&a->missed, p->content);
    *slot_of(&a->packing, NULL) = p;
    if (!a->packing.work)
        bodies_soon(a);
}

bool bodies_pack_withdraw(struct bodies_account *a, const struct bodies_packed *p)
{
    struct bodies_packed **slot = slot_of(&a->packing, p);
    bool waits = *slot != NULL;

    if (waits)
        *slot = p->next;
    return waits;
}
