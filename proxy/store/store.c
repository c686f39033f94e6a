/*
 * How requests find their thread. The requests of one account stand in a queue; the first one that
 * finds no queue makes it and gives it to the thread pool, and the others only join it. The one
 * thread that has a queue takes all that stands in it, writes the appends among them with one sync,
 * and looks again, until it is empty. So requests of an account never run side by side, and no
 * thread of the pool ever waits for another.
 *
 * An answer goes back by a uv_async_t of its own on the loop that asked. What a request holds is
 * touched by the pool's thread only until the answer is sent, by the loop's only after it came;
 * the store's mutex is taken for both.
 */
#include "proxy/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/store/account_dir.h"
#include "proxy/store/account_journal.h"
#include "proxy/store/account_kept.h"
#include "proxy/store/account_name.h"
#include "proxy/store/disk.h"
#include "proxy/store/state_dir.h"
#include "proxy/store/uncut_journals.h"
#include "translate/state/journal.h"
#include "translate/text/slice.h"

/* Octets of states in memory: those of a million messages. */
enum { BUCKETS = 256, KEPT_OCTETS = 64 * 1024 * 1024 };

struct store_request {
    uv_async_t async;
    struct store *store;
    const struct state_kind *kind;
    struct store_request *next;
    store_loaded loaded; /* one of the two; both NULL when cancelled */
    store_saved saved;
    void *owner;
    bool is_load;
    json_t *records; /* to be appended; NULL once they are text */
    void *state;     /* loaded */
    struct failure why;
};

/* An account with requests under way. It is in the store's table from the first one until its
 * thread finds the queue empty. */
struct account_queue {
    uv_work_t work;
    struct store *store;
    struct account_queue *next; /* in the bucket */
    char *name;                 /* of its directory */
    struct store_request *first;
    struct store_request *last;
};

struct store {
    struct state_dir dir;
    struct kept_states *kept;
    struct uncut_journals *uncut;
    uv_mutex_t mutex; /* guards everything below, and each queue's requests */
    uv_cond_t idle;
    size_t queues; /* in the table, or their thread not yet done with the store */
    struct account_queue *buckets[BUCKETS];
    store_notice notice;
    void *notice_owner;
};

struct store *store_open(const char *dir, struct failure *why)
{
    struct store *s = calloc(1, sizeof *s);

    if (!s || uv_mutex_init(&s->mutex) != 0) {
        disk_failure(why, ENOMEM, "open", dir);
        free(s);
        return NULL;
    }
    if (uv_cond_init(&s->idle) == 0) {
        s->kept = kept_states_new(KEPT_OCTETS);
        s->uncut = uncut_journals_new();
        if (!s->kept || !s->uncut)
            disk_failure(why, ENOMEM, "open", dir);
        else if (state_dir_open(&s->dir, dir, why))
            return s;
        kept_states_free(s->kept);
        uncut_journals_free(s->uncut);
        uv_cond_destroy(&s->idle);
    } else {
        disk_failure(why, ENOMEM, "open", dir);
    }
    uv_mutex_destroy(&s->mutex);
    free(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    uv_mutex_lock(&s->mutex);
    while (s->queues)
        uv_cond_wait(&s->idle, &s->mutex);
    uv_mutex_unlock(&s->mutex);
    kept_states_free(s->kept);
    uncut_journals_free(s->uncut);
    state_dir_close(&s->dir);
    uv_cond_destroy(&s->idle);
    uv_mutex_destroy(&s->mutex);
    free(s);
}

int store_accounts(const struct store *s)
{
    return s->dir.accounts;
}

void store_on_notice(struct store *s, store_notice notice, void *owner)
{
    s->notice = notice;
    s->notice_owner = owner;
}

static void notify(const struct store *s, const struct account_dir *d, const struct failure *why)
{
    struct failure what;

    failure_set(&what, why->kind, "%s: %s", d->path, why->text);
    if (s->notice)
        s->notice(s->notice_owner, &what);
}

/* Where in the table the account is, or would be put. */
static struct account_queue **table_slot(struct store *s, const char *name)
{
    struct account_queue **slot = &s->buckets[slice_hash(slice_of(name), 0) % BUCKETS];

    while (*slot && strcmp((*slot)->name, name) != 0)
        slot = &(*slot)->next;
    return slot;
}

/* Answers. */

static void request_free(struct store_request *r)
{
    if (!r)
        return;
    json_decref(r->records);
    r->kind->free(r->state);
    free(r);
}

static void request_closed(uv_handle_t *async)
{
    request_free(async->data);
}

/* On the loop's thread. */
static void request_answer(uv_async_t *async)
{
    struct store_request *r = async->data;
    void *state = NULL;

    uv_mutex_lock(&r->store->mutex);
    if (r->loaded) {
        state = r->state;
        r->state = NULL;
    }
    uv_mutex_unlock(&r->store->mutex);
    uv_close((uv_handle_t *)async, request_closed);
    if (r->loaded)
        r->loaded(r->owner, state, &r->why);
    else if (r->saved)
        r->saved(r->owner, &r->why);
}

/* On the pool's thread; the request is no longer ours behind it. */
static void request_done(struct store_request *r)
{
    struct store *s = r->store;

    uv_mutex_lock(&s->mutex);
    uv_async_send(&r->async);
    uv_mutex_unlock(&s->mutex);
}

void store_request_cancel(struct store_request *r)
{
    if (!r)
        return;
    r->loaded = NULL;
    r->saved = NULL;
}

/* Work. */

/* What is damaged is moved away, and the sentence says both what and where to. */
static void set_aside(struct account_dir *d, struct failure *why)
{
    struct failure wrong = *why;
    struct failure failed = {.kind = FAILURE_NONE};
    unsigned where = 0;

    if (account_dir_set_aside(d, &where, &failed))
        failure_set(why, FAILURE_TEMPORARY,
                    "damaged sync state was set aside in %s/damaged-%u, the next login begins "
                    "anew: %s",
                    d->path, where, wrong.text);
    else
        failure_set(why, FAILURE_TEMPORARY, "%.160s (%s)", failed.text, wrong.text);
}

static void load_from(struct account_dir *d, struct store_request *r)
{
    struct failure notice = {.kind = FAILURE_NONE};

    switch (account_kept_read(r->store->kept, d, &r->state, &r->why)) {
    case ACCOUNT_READ:
        if (!account_dir_sweep(d, &notice))
            notify(r->store, d, &notice);
        break;
    case ACCOUNT_DAMAGED:
        set_aside(d, &r->why);
        break;
    case ACCOUNT_FAILED:
        break;
    }
}

/* As account_dir_open(), of an account that has nothing to be cut off. */
static bool open_dir(struct account_dir *d, struct account_queue *q, const struct state_kind *kind,
                     bool make, struct failure *why)
{
    struct store *s = q->store;

    if (!account_dir_open(d, kind, &s->dir, q->name, make, why))
        return false;
    if (uncut_journals_cut(s->uncut, d, why))
        return true;
    account_dir_close(d);
    return false;
}

static void load(struct account_queue *q, struct store_request *r)
{
    struct account_dir d;

    if (!open_dir(&d, q, r->kind, false, &r->why))
        return;
    load_from(&d, r);
    account_dir_close(&d);
}

/* What requests that are written together have to say. */
struct lines {
    json_t *records;
    struct buf text;
};

/* The text of a large mailbox takes a while to make, so it is not made on the loop. What cannot be
 * written makes the buffer fail. */
static void put_lines(struct lines *lines, struct store_request *r)
{
    for (size_t i = 0; i < json_array_size(r->records); i++)
        if (!journal_put(&lines->text, json_array_get(r->records, i)))
            lines->text.failed = true;
    if (json_array_extend(lines->records, r->records) != 0)
        lines->text.failed = true;
    json_decref(r->records);
    r->records = NULL;
}

/* Takes the appends at the front of the batch off it, and their records into one text. */
static struct store_request *take_appends(struct store_request **batch, struct lines *lines)
{
    struct store_request *first = *batch;
    struct store_request *last = NULL;

    for (; *batch && !(*batch)->is_load; *batch = (*batch)->next) {
        last = *batch;
        put_lines(lines, last);
    }
    last->next = NULL;
    return first;
}

static void answer_all(struct store_request *r, const struct failure *why)
{
    while (r) {
        struct store_request *next = r->next;
        r->why = *why;
        request_done(r);
        r = next;
    }
}

/* Those who wait are answered before the fold, which is not their concern; `room` is taken over. */
static void append_to(struct account_dir *d, const struct lines *lines, struct store_request *group,
                      struct uncut_journal *room)
{
    struct store *s = group->store;
    struct failure why = {.kind = FAILURE_NONE};
    struct account_kept kept;

    account_kept_take(&kept, s->kept, d);
    bool appended = account_journal_append(d, buf_slice(&lines->text), &why);
    if (d->uncut >= 0)
        uncut_journals_add(s->uncut, d, room);
    else
        free(room);
    answer_all(group, &why);
    if (!appended) {
        account_kept_drop(&kept, d);
        return;
    }
    account_kept_apply(&kept, d, lines->records);
    if (account_journal_is_long(d) && !account_journal_fold(d, &why))
        notify(s, d, &why);
    account_kept_put(&kept, d);
}

static void append(struct account_queue *q, struct store_request **batch)
{
    struct lines lines = {.records = json_array(), .text = BUF_INIT};
    struct failure why = {.kind = FAILURE_NONE};
    struct store_request *group = take_appends(batch, &lines);
    struct uncut_journal *room = uncut_journal_new(q->name);
    struct account_dir d;

    if (!room || buf_failed(&lines.text)) {
        disk_failure(&why, ENOMEM, "append to the state of", q->name);
        answer_all(group, &why);
        free(room);
    } else if (!open_dir(&d, q, group->kind, true, &why)) {
        answer_all(group, &why);
        free(room);
    } else {
        append_to(&d, &lines, group, room);
        account_dir_close(&d);
    }
    json_decref(lines.records);
    buf_clear(&lines.text);
}

static void serve(struct account_queue *q, struct store_request *batch)
{
    while (batch) {
        struct store_request *r = batch;
        if (!r->is_load) {
            append(q, &batch);
            continue;
        }
        batch = r->next;
        load(q, r);
        request_done(r);
    }
}

/* All that stands in the queue. NULL when nothing does: then the account is out of the table. */
static struct store_request *queue_take(struct account_queue *q)
{
    struct store *s = q->store;

    uv_mutex_lock(&s->mutex);
    struct store_request *batch = q->first;
    q->first = q->last = NULL;
    if (!batch) {
        *table_slot(s, q->name) = q->next;
        if (--s->queues == 0)
            uv_cond_broadcast(&s->idle); /* the store may be gone as soon as it is unlocked */
    }
    uv_mutex_unlock(&s->mutex);
    return batch;
}

static void queue_work(uv_work_t *work)
{
    struct account_queue *q = work->data;
    struct store_request *batch;

    while ((batch = queue_take(q)) != NULL)
        serve(q, batch);
}

static void queue_free(struct account_queue *q)
{
    if (!q)
        return;
    free(q->name);
    free(q);
}

static void queue_done(uv_work_t *work, int status)
{
    (void)status; /* nobody cancels it */
    queue_free(work->data);
}

/* Requests. */

static struct account_queue *queue_new(struct store *s, struct slice account)
{
    struct account_queue *q = calloc(1, sizeof *q);

    if (!q)
        return NULL;
    q->store = s;
    q->work.data = q;
    q->name = account_name(account);
    if (q->name)
        return q;
    free(q);
    return NULL;
}

/* Puts the request into its account's queue: into `fresh`, when the account has none yet. True when
 * `fresh` was needed. */
static bool queue_join(struct store *s, struct account_queue *fresh, struct store_request *r)
{
    uv_mutex_lock(&s->mutex);
    struct account_queue **slot = table_slot(s, fresh->name);
    bool needed = *slot == NULL;
    if (needed) {
        *slot = fresh;
        s->queues++;
    }
    struct account_queue *q = *slot;
    if (q->last)
        q->last->next = r;
    else
        q->first = r;
    q->last = r;
    uv_mutex_unlock(&s->mutex);
    return needed;
}

/* Takes the request over. Everything that can fail is done before it joins. */
static struct store_request *request_start(struct store *s, uv_loop_t *loop, struct slice account,
                                           struct store_request *r)
{
    struct account_queue *fresh = queue_new(s, account);

    r->store = s;
    r->async.data = r;
    if (!fresh || uv_async_init(loop, &r->async, request_answer) != 0) {
        queue_free(fresh);
        request_free(r);
        return NULL;
    }
    if (queue_join(s, fresh, r))
        uv_queue_work(loop, &fresh->work, queue_work, queue_done);
    else
        queue_free(fresh);
    return r;
}

struct store_request *store_load(struct store *s, uv_loop_t *loop, const struct state_kind *kind,
                                 struct slice account, store_loaded done, void *owner)
{
    struct store_request *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->kind = kind;
    r->is_load = true;
    r->loaded = done;
    r->owner = owner;
    return request_start(s, loop, account, r);
}

void store_give(struct store *s, const struct state_kind *kind, struct slice account, void *state)
{
    char *name = account_name(account);

    if (name)
        kept_states_give(s->kept, kind, name, state);
    else
        kind->free(state);
    free(name);
}

struct store_request *store_append(struct store *s, uv_loop_t *loop, const struct state_kind *kind,
                                   struct slice account, json_t *records, store_saved done,
                                   void *owner)
{
    struct store_request *r = calloc(1, sizeof *r);

    if (!r) {
        json_decref(records);
        return NULL;
    }
    r->kind = kind;
    r->records = records;
    r->saved = done;
    r->owner = owner;
    return request_start(s, loop, account, r);
}
