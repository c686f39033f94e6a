/*
 * Reading headers and small messages, many at a time. Those that are asked for while a batch is
 * under way make the next one: so a scan of a mailbox costs a piece of work in the pool for each
 * window of messages, not for each message.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/store/bodies_parts.h"
#include "proxy/store/disk.h"

enum {
    GATHERED_MAX = 256 << 10, /* octets of a batch; what is more waits for the next */
    MUCH = 32 << 10,          /* then there is room for all at once, not by doubling it */
};

struct bodies_small {
    struct bodies_small *next;
    struct bodies_account *account;
    struct slice fresh; /* the whole part, while that is in memory */
    bodies_small_done done;
    void *owner;
    bool cancelled; /* the loop's */

    /* The pool's, while its batch is under way. */
    uint32_t content;
    enum account_part part;
    bool probe;      /* nothing is read of it */
    bool head, mail; /* the cache has that in a file by itself */
    bool durable;
    uint64_t least;
    char key[BODIES_NAME];
    bool looked;  /* it was reached in this batch */
    size_t at, n; /* of the batch's octets */
    enum bodies_outcome outcome;
    struct failure why;
};

struct bodies_batch {
    uv_work_t work;
    struct bodies_account *account;
    struct bodies_small *first;
    struct buf octets;
    struct bodies_tally tally;
};

/* ---- on the pool -------------------------------------------------------------------------- */

bool bodies_header_ends(struct slice octets, size_t *n)
{
    bool at_start = true; /* of a line, but for CRs */

    for (*n = 0; *n < octets.n; (*n)++) {
        char c = octets.p[*n];
        if (c == '\n' && at_start) {
            (*n)++;
            return true;
        }
        at_start = c == '\n' || (at_start && c == '\r');
    }
    return false;
}

/* The file that has it: of the header alone or of the whole message. */
static int open_single(const struct bodies_account *a, int dir, const struct bodies_small *s)
{
    char name[BODIES_NAME];

    if (s->head) {
        bodies_name(name, s->content, BODIES_HEAD);
        int fd = disk_open(dir, name, O_RDONLY);
        if (fd >= 0 || errno != ENOENT)
            return fd;
    }
    if (s->durable || s->mail)
        return bodies_open_whole(a, dir, s->content, s->durable ? s->key : NULL);
    errno = ENOENT;
    return -1;
}

/* How much of the octets, which are all or the first of a file, is wanted. False: more than these.
 */
static bool measure(const struct bodies_small *s, struct slice octets, size_t *n)
{
    *n = octets.n;
    if (s->part == ACCOUNT_HEADER && bodies_header_ends(octets, n))
        return true;
    return octets.n < BODIES_SMALL_MAX;
}

/* What cannot be remembered is found in the message again. */
static void remember_header(struct bodies_batch *b, const struct bodies_small *s,
                            struct slice octets)
{
    if (s->part == ACCOUNT_HEADER)
        (void)bodies_records_put(b->account->records[BODIES_HEADS], s->content, octets);
}

static void read_single(struct bodies_batch *b, struct bodies_small *s, int fd)
{
    char *p = malloc(BODIES_SMALL_MAX);
    ssize_t n = p ? bodies_pread(fd, p, BODIES_SMALL_MAX, 0) : -1;

    if (n < 0) {
        s->outcome = BODIES_FAILED;
        bodies_failed(b->account, "read", "a message", &s->why);
    } else if (!measure(s, slice_make(p, (size_t)n), &s->n)) {
        s->outcome = BODIES_LONG;
        s->n = 0;
    } else {
        buf_put(&b->octets, slice_make(p, s->n));
        remember_header(b, s, slice_make(p, s->n));
    }
    free(p);
}

static bool is_whole(struct bodies_small *s, int fd)
{
    struct stat st;

    return !s->durable || fstat(fd, &st) != 0 ||
           bodies_is_long_enough((uint64_t)st.st_size, s->least, &s->why);
}

static void find_single(struct bodies_batch *b, struct bodies_small *s, int dir)
{
    int fd = open_single(b->account, dir, s);

    if (fd < 0) {
        s->outcome = errno == ENOENT ? BODIES_ABSENT : BODIES_FAILED;
        if (s->outcome == BODIES_FAILED)
            bodies_failed(b->account, "open", "a message", &s->why);
        return;
    }
    if (!is_whole(s, fd))
        s->outcome = BODIES_FAILED;
    else if (!s->probe)
        read_single(b, s, fd);
    close(fd);
}

static bool find_record(struct bodies_batch *b, struct bodies_small *s, enum bodies_kind kind)
{
    struct bodies_records *r = b->account->records[kind];

    return s->probe ? bodies_records_has(r, s->content)
                    : bodies_records_get(r, s->content, &b->octets);
}

/* In a message that is in a pack. */
static bool find_header(struct bodies_batch *b, struct bodies_small *s)
{
    size_t n;

    if (s->durable || !find_record(b, s, BODIES_MAILS))
        return false;
    if (s->probe || buf_failed(&b->octets))
        return true;
    struct slice mail = buf_slice(&b->octets);
    slice_take(&mail, s->at);
    (void)bodies_header_ends(mail, &n);
    remember_header(b, s, slice_make(mail.p, n));
    buf_truncate(&b->octets, s->at + n);
    return true;
}

static bool find_packed(struct bodies_batch *b, struct bodies_small *s)
{
    if (s->part == ACCOUNT_HEADER)
        return find_record(b, s, BODIES_HEADS);
    return !s->durable && find_record(b, s, BODIES_MAILS);
}

static void find(struct bodies_batch *b, struct bodies_small *s, int dir)
{
    s->looked = true;
    s->at = buf_size(&b->octets);
    if (s->at >= MUCH)
        (void)buf_reserve(&b->octets, GATHERED_MAX + BODIES_SMALL_MAX - s->at);
    if (find_packed(b, s) || (s->part == ACCOUNT_HEADER && find_header(b, s)))
        s->n = buf_size(&b->octets) - s->at;
    else
        find_single(b, s, dir);
}

static void absent(struct bodies_batch *b, int error)
{
    for (struct bodies_small *s = b->first; s; s = s->next) {
        s->looked = true;
        s->outcome = error == ENOENT ? BODIES_ABSENT : BODIES_FAILED;
        errno = error;
        if (error != ENOENT)
            bodies_failed(b->account, "open", "", &s->why);
    }
}

static void batch_work(uv_work_t *work)
{
    struct bodies_batch *b = work->data;
    struct bodies_account *a = b->account;
    int dir = bodies_dir_open(a->accounts, a->name, false);

    if (dir < 0) {
        absent(b, errno);
        return;
    }
    uv_mutex_lock(&a->records_lock);
    bodies_begin(a, BODIES_HEADS, dir, &b->tally);
    bodies_begin(a, BODIES_MAILS, dir, &b->tally);
    for (struct bodies_small *s = b->first; s && buf_size(&b->octets) < GATHERED_MAX; s = s->next)
        find(b, s, dir);
    bodies_records_end(a->records[BODIES_HEADS]);
    bodies_records_end(a->records[BODIES_MAILS]);
    uv_mutex_unlock(&a->records_lock);
    close(dir);
}

/* ---- on the loop -------------------------------------------------------------------------- */

static void deliver(struct bodies_batch *b, struct bodies_small *s)
{
    struct bodies_account *a = b->account;

    if (s->outcome == BODIES_ABSENT && !s->durable)
        bodies_went(a, s->content, bodies_kind_of(s->part));
    else if (s->part == ACCOUNT_WHOLE && !s->durable)
        bodies_index_touch(&a->index, s->content, BODIES_MAIL);
    if (buf_failed(&b->octets)) {
        s->outcome = BODIES_FAILED;
        failure_set(&s->why, FAILURE_TEMPORARY, "out of memory, try again later");
    }
    if (!s->cancelled)
        s->done(s->owner, s->outcome, slice_make(s->n ? buf_slice(&b->octets).p + s->at : "", s->n),
                &s->why);
    free(s);
    bodies_let_go(a);
}

static void append(struct bodies_small **list, struct bodies_small *s)
{
    while (*list)
        list = &(*list)->next;
    *list = s;
}

/* It is in memory still, in the order in which they came, mostly. */
static bool take_fresh(struct bodies_account *a, struct bodies_small *s)
{
    const struct bodies_packed *p = s->durable ? NULL : bodies_pack_fresh(a, s->content, s->part);

    if (!p)
        return false;
    s->fresh = buf_slice(&p->octets);
    s->n = s->probe ? 0 : s->fresh.n;
    if (s->part != p->part && !s->probe)
        (void)bodies_header_ends(s->fresh, &s->n);
    *a->packing.asked_last = s;
    a->packing.asked_last = &s->next;
    return true;
}

struct bodies_small *bodies_small_give(struct bodies_small *s)
{
    struct bodies_account *a = s->account;
    struct bodies_small *next = s->next;
    struct failure none = {.kind = FAILURE_NONE};

    if (!s->cancelled)
        s->done(s->owner, BODIES_DONE, slice_make(s->fresh.p, s->n), &none);
    free(s);
    bodies_let_go(a);
    return next;
}

/* What was not reached comes first in the next batch. */
static void put_back(struct bodies_batch *b)
{
    struct bodies_small **end = &b->first;

    while (*end && (*end)->looked)
        end = &(*end)->next;
    if (*end) {
        append(end, b->account->small_wanted);
        b->account->small_wanted = *end;
        *end = NULL;
    }
}

static void deliver_all(struct bodies_batch *b)
{
    struct bodies_small *next;

    for (struct bodies_small *s = b->first; s; s = next) {
        next = s->next;
        deliver(b, s);
    }
}

/* While batch follows batch their memory takes turns: two are there, one filled while the other is
 * given. Afterwards there is none. */
static void batch_end(struct bodies_batch *b)
{
    struct bodies_account *a = b->account;
    bool goes_on = a->small_busy || a->small_wanted;

    if (goes_on && !a->small_spare.p && !buf_failed(&b->octets)) {
        buf_reuse(&b->octets);
        a->small_spare = b->octets;
    } else {
        buf_clear(&b->octets);
    }
    if (!goes_on)
        buf_clear(&a->small_spare);
    free(b);
}

/* What is wanted already is read while these are given. */
static void batch_done(uv_work_t *work, int status)
{
    struct bodies_batch *b = work->data;
    struct bodies_account *a = b->account;

    (void)status; /* nobody cancels it */
    bodies_settle_tally(a, &b->tally);
    a->small_busy = false;
    put_back(b);
    bodies_small_begin(a);
    deliver_all(b);
    batch_end(b);
    bodies_let_go(a);
}

static void fail_all(struct bodies_account *a)
{
    struct bodies_batch b = {.account = a, .first = a->small_wanted};

    a->small_wanted = NULL;
    buf_clear(&a->small_spare);
    b.octets.failed = true;
    deliver_all(&b);
}

void bodies_small_begin(struct bodies_account *a)
{
    struct bodies_batch *b;

    if (a->small_busy || !a->small_wanted)
        return;
    b = calloc(1, sizeof *b);
    if (!b) {
        fail_all(a);
        return;
    }
    b->account = a;
    b->first = a->small_wanted;
    b->work.data = b;
    b->octets = a->small_spare;
    a->small_spare = (struct buf)BUF_INIT;
    a->small_wanted = NULL;
    a->small_busy = true;
    bodies_hold(a);
    uv_queue_work(a->loop->uv, &b->work, batch_work, batch_done);
}

struct bodies_small *bodies_small(struct bodies_account *a, const struct bodies_range *what,
                                  bodies_small_done done, void *owner)
{
    bool coming = what->part == ACCOUNT_WHOLE && bodies_growth_find(a, what->content);
    struct bodies_small *s = coming ? NULL : calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->account = a;
    s->content = what->content;
    s->part = what->part;
    s->probe = what->length == 0;
    s->durable = what->key != NULL;
    s->head = !s->durable && s->part == ACCOUNT_HEADER &&
              bodies_index_has(&a->index, s->content, BODIES_HEAD);
    s->mail = !s->durable && bodies_index_has(&a->index, s->content, BODIES_MAIL);
    s->least = what->least;
    if (what->key)
        snprintf(s->key, sizeof s->key, "%s", what->key);
    s->done = done;
    s->owner = owner;
    bodies_hold(a);
    if (take_fresh(a, s))
        return s;
    append(&a->small_wanted, s);
    if (!a->small_busy)
        bodies_soon(a);
    return s;
}

void bodies_small_cancel(struct bodies_small *s)
{
    s->cancelled = true;
}
