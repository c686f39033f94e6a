/*
 * Reading a range of a body: the pool opens the file and reads a piece, the loop hands it out, and
 * so on. The buffer is there only while a piece is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/bodies_parts.h"
#include "proxy/store/disk.h"

struct bodies_reader {
    uv_work_t work;
    struct bodies_account *account;
    const struct bodies_reader_handler *handler;
    void *owner;
    bool working;
    atomic_bool cancelled;
    bool resumed;                   /* inside on_data */
    struct bodies_growth *growth;   /* whose writer it follows; NULL: none, or all is there */
    struct bodies_reader *follower; /* of the same growth */
    struct failure fate;            /* why the rest will not be there */

    /* While it works, the pool's. */
    uint32_t content;
    enum account_part part;
    enum bodies_kind kind; /* of the file that was opened; of a pack: none was */
    struct bodies_tally tally;
    bool durable;
    uint64_t least;
    char key[BODIES_NAME];
    int fd;
    bool idle; /* there is nothing to be read yet */
    uint64_t at;
    uint64_t ready; /* not further, for the time being */
    uint64_t end;
    uint64_t total;
    char *piece;
    struct slice rest; /* of the piece, not yet taken */
    enum bodies_outcome outcome;
    struct failure why;
};

static void reader_free(struct bodies_reader *r)
{
    struct bodies_account *a = r->account;

    free(r->piece);
    free(r);
    bodies_let_go(a);
}

/* ---- on the pool ---- */

static bool reader_failed(struct bodies_reader *r, const char *doing)
{
    char name[BODIES_NAME];

    bodies_name(name, r->content, r->kind);
    r->outcome = errno == ENOENT ? BODIES_ABSENT : BODIES_FAILED;
    if (r->outcome == BODIES_FAILED)
        bodies_failed(r->account, doing, r->durable ? r->key : name, &r->why);
    return false;
}

/* How far the header goes, its empty line included; all of `size` where there is none. */
static void find_header_end(struct bodies_reader *r, uint64_t size)
{
    bool at_start = true; /* of a line, but for CRs */

    for (uint64_t at = 0; at < size;) {
        ssize_t n = bodies_pread(r->fd, r->piece, BODIES_PIECE, at);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++) {
            if (r->piece[i] == '\n' && at_start) {
                r->total = at + (uint64_t)i + 1;
                return;
            }
            at_start = r->piece[i] == '\n' || (at_start && r->piece[i] == '\r');
        }
        at += (uint64_t)n;
    }
}

static void reader_clip(struct bodies_reader *r)
{
    if (r->at > r->total)
        r->at = r->total;
    if (r->end > r->total)
        r->end = r->total;
}

/* What is wanted of a record. */
static void reader_take(struct bodies_reader *r, const struct buf *octets)
{
    struct slice all = buf_slice(octets);

    if (r->part == ACCOUNT_HEADER && r->kind == BODIES_MAILS)
        (void)bodies_header_ends(all, &all.n);
    r->total = all.n;
    reader_clip(r);
    size_t n = (size_t)(r->end - r->at);
    char *piece = buf_failed(octets) ? NULL : realloc(r->piece, n ? n : 1);
    if (!piece) {
        errno = ENOMEM;
        reader_failed(r, "read");
        return;
    }
    if (n)
        memcpy(piece, all.p + r->at, n);
    r->piece = piece;
    r->rest = slice_make(piece, n);
    r->at = r->end;
}

/* All that is wanted of it is read at once. */
static bool reader_take_record(struct bodies_reader *r, int dir, enum bodies_kind kind)
{
    struct bodies_account *a = r->account;
    struct buf octets = BUF_INIT;

    uv_mutex_lock(&a->records_lock);
    struct bodies_records *records = bodies_begin(a, kind, dir, &r->tally);
    bool found = bodies_records_get(records, r->content, &octets);
    bodies_records_end(records);
    uv_mutex_unlock(&a->records_lock);
    r->kind = kind;
    if (found)
        reader_take(r, &octets);
    buf_clear(&octets);
    return found;
}

static bool reader_find_header(struct bodies_reader *r, int dir)
{
    char name[BODIES_NAME];

    if (reader_take_record(r, dir, BODIES_HEADS))
        return true;
    r->kind = BODIES_HEAD;
    bodies_name(name, r->content, BODIES_HEAD);
    r->fd = disk_open(dir, name, O_RDONLY);
    return r->fd >= 0;
}

static bool reader_find_whole(struct bodies_reader *r, int dir)
{
    if (reader_take_record(r, dir, BODIES_MAILS))
        return true;
    r->kind = BODIES_MAIL;
    r->fd = bodies_open_whole(r->account, dir, r->content, NULL);
    return r->fd >= 0;
}

static bool reader_open_cached(struct bodies_reader *r, int dir)
{
    r->durable = false;
    if (r->part == ACCOUNT_HEADER && (reader_find_header(r, dir) || errno != ENOENT))
        return r->fd >= 0 || bodies_is_pack(r->kind);
    return reader_find_whole(r, dir);
}

static bool reader_open_file(struct bodies_reader *r, int dir)
{
    if (!r->durable)
        return reader_open_cached(r, dir);
    r->kind = BODIES_MAIL;
    r->fd = bodies_open_whole(r->account, dir, r->content, r->key);
    if (r->fd < 0 && errno == ENOENT)
        return reader_open_cached(r, dir);
    return r->fd >= 0;
}

static bool reader_measure(struct bodies_reader *r)
{
    struct stat st;

    if (fstat(r->fd, &st) != 0)
        return reader_failed(r, "look at");
    r->total = (uint64_t)st.st_size;
    if (r->durable && !bodies_is_long_enough(r->total, r->least, &r->why)) {
        r->outcome = BODIES_FAILED;
        return false;
    }
    if (r->part == ACCOUNT_HEADER && r->kind == BODIES_MAIL)
        find_header_end(r, r->total);
    reader_clip(r);
    return true;
}

static bool reader_open(struct bodies_reader *r)
{
    int dir = bodies_dir_open(r->account->accounts, r->account->name, false);

    if (dir < 0)
        return reader_failed(r, "open");
    bool opened = reader_open_file(r, dir) || reader_failed(r, "open");
    close(dir);
    return opened && (bodies_is_pack(r->kind) || reader_measure(r));
}

static bool reader_read(struct bodies_reader *r)
{
    uint64_t left = (r->end < r->ready ? r->end : r->ready) - r->at;
    size_t wanted = left < BODIES_PIECE ? (size_t)left : BODIES_PIECE;
    ssize_t n = wanted ? bodies_pread(r->fd, r->piece, wanted, r->at) : 0;

    if (n == 0 && wanted) {
        errno = EIO; /* somebody has cut the file */
        n = -1;
    }
    if (n < 0)
        return reader_failed(r, "read");
    r->rest = slice_make(r->piece, (size_t)n);
    r->at += (uint64_t)n;
    return true;
}

static void reader_work(uv_work_t *work)
{
    struct bodies_reader *r = work->data;

    if (r->cancelled || r->rest.n || r->idle)
        return;
    if (!r->piece && !(r->piece = malloc(BODIES_PIECE))) {
        errno = ENOMEM;
        reader_failed(r, "read");
    } else if ((r->fd >= 0 || reader_open(r)) && !bodies_is_pack(r->kind)) {
        reader_read(r);
    }
}

/* ---- on the loop ---- */

static void reader_count(struct bodies_reader *r)
{
    if (r->durable)
        return;
    if (r->outcome == BODIES_ABSENT)
        bodies_went(r->account, r->content, bodies_kind_of(r->part));
    else if (!bodies_is_pack(r->kind))
        bodies_index_touch(&r->account->index, r->content, r->kind);
}

static void reader_end(struct bodies_reader *r)
{
    if (r->growth)
        bodies_growth_leave(r->growth, r);
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    bodies_settle_tally(r->account, &r->tally);
    reader_count(r);
    if (!r->cancelled)
        r->handler->on_done(r->owner, r, r->outcome, &r->why);
    reader_free(r);
}

static void reader_worked(uv_work_t *work, int status);

/* What the writer's file has for it; one that follows and has no descriptor takes one. */
static bool reader_is_ready(struct bodies_reader *r)
{
    if (!r->growth) {
        r->ready = UINT64_MAX;
        return r->fate.kind == FAILURE_NONE;
    }
    if (r->fd < 0 && r->growth->fd >= 0)
        r->fd = dup(r->growth->fd);
    r->ready = bodies_growth_ready(r->growth);
    return r->fd >= 0 && r->at < r->ready;
}

static void reader_go_on(struct bodies_reader *r)
{
    r->idle = !reader_is_ready(r);
    r->working = true;
    uv_queue_work(r->account->loop->uv, &r->work, reader_work, reader_worked);
}

/* True when the octets at hand were all taken. */
static bool reader_offer(struct bodies_reader *r)
{
    size_t n = r->rest.n < BODIES_PIECE ? r->rest.n : BODIES_PIECE;
    struct slice in = slice_make(r->rest.p, n);

    if (n == 0)
        return true;
    r->resumed = false;
    r->handler->on_data(r->owner, r, &in);
    slice_take(&r->rest, n - in.n);
    r->resumed = r->resumed || in.n == 0;
    return r->rest.n == 0;
}

/* What was read already is given, whatever becomes of the rest. */
static bool reader_is_over(struct bodies_reader *r)
{
    if (r->fate.kind != FAILURE_NONE && r->at < r->end && r->outcome == BODIES_DONE) {
        r->outcome = BODIES_FAILED;
        r->why = r->fate;
    }
    return r->cancelled || r->outcome != BODIES_DONE;
}

static void reader_worked(uv_work_t *work, int status)
{
    struct bodies_reader *r = work->data;

    (void)status; /* nobody cancels it */
    bool taken = !reader_is_over(r) && reader_offer(r);
    r->working = false;
    if (reader_is_over(r) || (taken && r->at == r->end))
        reader_end(r);
    else if (r->rest.n ? r->resumed : reader_is_ready(r))
        reader_go_on(r);
}

/* ---- following a writer ---- */

struct bodies_reader **bodies_reader_follower(struct bodies_reader *r)
{
    return &r->follower;
}

/* Callbacks come from the loop: also what there is nothing to be read for takes the way over the
 * pool. */
static void reader_wake(struct bodies_reader *r)
{
    if (!r->working)
        reader_go_on(r);
}

void bodies_reader_grew(struct bodies_reader *r)
{
    if (!r->working && r->rest.n == 0 && reader_is_ready(r))
        reader_go_on(r);
}

/* One that never had a descriptor finds the file by its name, as any reader does. */
void bodies_reader_settle(struct bodies_reader *r, const char *key)
{
    r->growth = NULL;
    r->durable = key != NULL;
    if (key)
        snprintf(r->key, sizeof r->key, "%s", key);
    if (!r->working && r->rest.n == 0)
        reader_go_on(r);
}

void bodies_reader_fail(struct bodies_reader *r, const struct failure *why)
{
    r->growth = NULL;
    r->fate = *why;
    reader_wake(r);
}

static void reader_follow(struct bodies_reader *r)
{
    r->growth = bodies_growth_find(r->account, r->content);
    if (!r->growth)
        return;
    bodies_growth_follow(r->growth, r);
    r->kind = BODIES_MAIL;
    r->total = r->growth->total;
    reader_clip(r);
}

struct bodies_reader *bodies_read(struct bodies_account *a, const struct bodies_range *range,
                                  const struct bodies_reader_handler *handler, void *owner)
{
    struct bodies_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->account = a;
    r->handler = handler;
    r->owner = owner;
    r->content = range->content;
    r->part = range->part;
    r->durable = range->key != NULL;
    r->least = range->least;
    if (range->key)
        snprintf(r->key, sizeof r->key, "%s", range->key);
    r->fd = -1;
    r->at = range->offset;
    r->end =
        range->length > UINT64_MAX - range->offset ? UINT64_MAX : range->offset + range->length;
    r->work.data = r;
    if (r->part == ACCOUNT_WHOLE && !r->durable)
        reader_follow(r);
    bodies_hold(a);
    reader_go_on(r);
    return r;
}

uint64_t bodies_reader_total(const struct bodies_reader *r)
{
    return r->total;
}

/* The octets at hand take the way over the pool too: callbacks come from the loop. */
void bodies_reader_resume(struct bodies_reader *r)
{
    r->resumed = true;
    if (!r->working)
        reader_go_on(r);
}

void bodies_reader_cancel(struct bodies_reader *r)
{
    r->cancelled = true;
    if (!r->working)
        reader_end(r);
}
