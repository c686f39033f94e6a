/*
 * Writing a body. A part for the cache that turns out to be small is gathered, and written with
 * others (bodies_packer.c). What is larger, durable or announced is a file by itself: octets gather
 * in `queued` while the pool writes what it was given before; so there is at most one piece of work
 * under way, and the octets it writes are not touched meanwhile. Behind the last octets the same
 * work gives the file its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/store/bodies_parts.h"
#include "proxy/store/disk.h"

enum { DIGEST_OCTETS = 32 };

struct bodies_writer {
    uv_work_t work;
    struct bodies_account *account;
    const struct bodies_writer_handler *handler;
    void *owner;
    struct bodies_packed packed; /* a small part, once it has ended; of any its content and part */
    bool alone;                  /* it is a file by itself */
    bool durable;
    struct buf queued; /* for the next piece of work */
    size_t under_way;  /* octets of the present one */
    bool working;
    bool ended;
    bool aborted;
    bool announced;
    struct bodies_growth growth;

    /* While it works, the pool's. */
    struct buf writing;
    bool last; /* the file is to be finished behind `writing` */
    bool drop; /* it is to be forgotten */
    bool finished;
    int fd;
    uint64_t size;
    EVP_MD_CTX *digest;
    char temporary[BODIES_NAME];
    char name[BODIES_NAME];
    char hex[2 * DIGEST_OCTETS + 1];
    struct failure why;
};

static void writer_free(struct bodies_writer *w)
{
    buf_clear(&w->queued);
    buf_clear(&w->writing);
    buf_clear(&w->packed.octets);
    EVP_MD_CTX_free(w->digest);
    free(w);
}

/* ---- on the pool ---- */

static bool writer_failed(struct bodies_writer *w, const char *doing)
{
    bodies_failed(w->account, doing, w->name, &w->why);
    return false;
}

static bool writer_open(struct bodies_writer *w, int dir)
{
    if (w->fd < 0)
        w->fd = disk_open(dir, w->temporary, O_RDWR | O_CREAT | O_EXCL);
    return w->fd >= 0 || writer_failed(w, "make");
}

static bool writer_write(struct bodies_writer *w)
{
    struct slice octets = buf_slice(&w->writing);

    if (buf_failed(&w->writing)) {
        errno = ENOMEM;
        return writer_failed(w, "write");
    }
    if (!disk_write(w->fd, octets))
        return writer_failed(w, "write");
    w->size += octets.n;
    if (w->digest && !EVP_DigestUpdate(w->digest, octets.p, octets.n)) {
        errno = ENOMEM;
        return writer_failed(w, "write");
    }
    buf_clear(&w->writing);
    return true;
}

static bool writer_digest(struct bodies_writer *w)
{
    unsigned char octets[DIGEST_OCTETS];

    if (!EVP_DigestFinal_ex(w->digest, octets, NULL)) {
        errno = ENOMEM;
        return writer_failed(w, "write");
    }
    for (size_t i = 0; i < DIGEST_OCTETS; i++)
        snprintf(w->hex + 2 * i, 3, "%02x", octets[i]);
    return true;
}

/* The octets are on the disk before the name is, and the name before anybody is told. */
static bool writer_finish(struct bodies_writer *w, int dir)
{
    const struct bodies_account *a = w->account;

    if (w->durable && (fsync(w->fd) != 0 || !writer_digest(w)))
        return w->why.kind != FAILURE_NONE ? false : writer_failed(w, "sync");
    if (renameat(dir, w->temporary, dir, w->name) != 0)
        return writer_failed(w, "name");
    w->finished = true;
    return !w->durable || bodies_dir_sync(a->accounts, a->name, dir) || writer_failed(w, "sync");
}

/* What stays behind for want of a directory is swept at the next opening. */
static void writer_close(struct bodies_writer *w, int dir)
{
    if (w->fd < 0)
        return;
    close(w->fd);
    w->fd = -1;
    if (dir >= 0)
        unlinkat(dir, w->finished ? w->name : w->temporary, 0);
}

static void writer_step(struct bodies_writer *w, int dir)
{
    bool done =
        !w->drop && writer_open(w, dir) && writer_write(w) && (!w->last || writer_finish(w, dir));

    if (!done) {
        writer_close(w, dir);
    } else if (w->last) {
        close(w->fd);
        w->fd = -1;
    }
}

static void writer_work(uv_work_t *work)
{
    struct bodies_writer *w = work->data;
    int dir = bodies_dir_open(w->account->accounts, w->account->name, true);

    if (dir < 0) {
        writer_failed(w, "make the directory of");
        writer_close(w, dir);
        return;
    }
    writer_step(w, dir);
    close(dir);
}

/* ---- on the loop ---- */

static void writer_go_on(struct bodies_writer *w);

/* Who follows it has the end of it, or knows that it will not come. */
static void writer_settle(struct bodies_writer *w, bool failed)
{
    if (w->announced && failed)
        bodies_growth_fail(&w->growth, &w->why);
    else if (w->announced)
        bodies_growth_end(&w->growth, w->size, w->durable ? w->name : NULL);
}

static void writer_came(struct bodies_writer *w)
{
    bodies_came(w->account, w->packed.content, bodies_kind_of(w->packed.part), w->size);
}

static void writer_end(struct bodies_writer *w)
{
    struct bodies_account *a = w->account;
    bool failed = w->why.kind != FAILURE_NONE;
    char *key = w->durable && !failed ? strdup(w->name) : NULL;

    if (w->durable && !failed && !key)
        failure_set(&w->why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (!w->durable && !failed)
        writer_came(w);
    writer_settle(w, failed);
    w->handler->on_done(w->owner, w, key, w->hex, &w->why);
    writer_free(w);
    bodies_told(a);
    bodies_let_go(a);
}

/* What was finished before it was forgotten is whole: in the cache it is welcome. */
static void writer_forget(struct bodies_writer *w)
{
    struct bodies_account *a = w->account;

    if (w->fd >= 0) {
        writer_go_on(w);
        return;
    }
    if (w->finished && w->why.kind == FAILURE_NONE) {
        if (w->durable)
            bodies_release(a, w->name);
        else
            writer_came(w);
    }
    writer_free(w);
    bodies_let_go(a);
}

static void writer_progress(struct bodies_writer *w)
{
    if (w->announced)
        bodies_growth_progress(&w->growth, w->fd, w->size);
    writer_go_on(w);
    w->handler->on_progress(w->owner, w);
}

static void writer_worked(uv_work_t *work, int status)
{
    struct bodies_writer *w = work->data;

    (void)status; /* nobody cancels it */
    w->working = false;
    w->under_way = 0;
    if (w->aborted)
        writer_forget(w);
    else if (w->last || w->why.kind != FAILURE_NONE)
        writer_end(w);
    else
        writer_progress(w);
}

/* Gives the pool its next piece of work, when there is any. */
static void writer_go_on(struct bodies_writer *w)
{
    if (w->working ||
        (buf_size(&w->queued) == 0 && !buf_failed(&w->queued) && !w->ended && !w->aborted))
        return;
    w->under_way = buf_size(&w->queued);
    buf_move(&w->writing, &w->queued);
    w->last = w->ended;
    w->drop = w->aborted;
    w->working = true;
    uv_queue_work(w->account->loop->uv, &w->work, writer_work, writer_worked);
}

static struct bodies_writer *writer_new(struct bodies_account *a,
                                        const struct bodies_writer_handler *handler, void *owner)
{
    struct bodies_writer *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->account = a;
    w->handler = handler;
    w->owner = owner;
    w->fd = -1;
    w->work.data = w;
    bodies_temporary_name(w->temporary, a->temporary_next++);
    bodies_hold(a);
    return w;
}

struct bodies_writer *bodies_write_cached(struct bodies_account *a, uint32_t content,
                                          enum account_part part,
                                          const struct bodies_writer_handler *handler, void *owner)
{
    struct bodies_writer *w = writer_new(a, handler, owner);

    if (!w)
        return NULL;
    w->packed.content = content;
    w->packed.part = part;
    bodies_name(w->name, content, bodies_kind_of(part));
    return w;
}

struct bodies_writer *bodies_write_durable(struct bodies_account *a,
                                           const struct bodies_writer_handler *handler, void *owner)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    struct bodies_writer *w = NULL;

    if (digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
        w = writer_new(a, handler, owner);
    if (!w) {
        EVP_MD_CTX_free(digest);
        return NULL;
    }
    w->digest = digest;
    w->durable = w->alone = true;
    bodies_key_name(w->name, a->key_next++);
    return w;
}

void bodies_writer_announce(struct bodies_writer *w, uint32_t content, uint64_t total)
{
    w->announced = w->alone = true;
    bodies_growth_begin(&w->growth, w->account, content, total);
}

void bodies_writer_data(struct bodies_writer *w, struct slice octets)
{
    buf_put(&w->queued, octets);
    w->alone = w->alone || buf_size(&w->queued) >= BODIES_SMALL_MAX;
    if (w->alone)
        writer_go_on(w);
}

size_t bodies_writer_queued(const struct bodies_writer *w)
{
    return buf_size(&w->queued) + w->under_way;
}

/* ---- a small part ---- */

static void writer_pack(struct bodies_writer *w)
{
    w->under_way = buf_size(&w->queued);
    buf_move(&w->packed.octets, &w->queued);
    w->working = true;
    bodies_pack(w->account, &w->packed);
}

static struct bodies_writer *writer_of(struct bodies_packed *p)
{
    return (struct bodies_writer *)((char *)p - offsetof(struct bodies_writer, packed));
}

void bodies_writer_packed(struct bodies_packed *p)
{
    struct bodies_writer *w = writer_of(p);

    if (!w->aborted)
        w->handler->on_done(w->owner, w, NULL, w->hex, &p->why);
}

void bodies_writer_unpacked(struct bodies_packed *p)
{
    struct bodies_writer *w = writer_of(p);
    struct bodies_account *a = w->account;

    writer_free(w);
    bodies_let_go(a);
}

/* ---- the end ---- */

void bodies_writer_end(struct bodies_writer *w)
{
    w->ended = true;
    if (w->alone)
        writer_go_on(w);
    else
        writer_pack(w);
}

static void writer_disappoint(struct bodies_writer *w)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY, "the rest of the message did not come, fetch it again");
    bodies_growth_fail(&w->growth, &why);
}

void bodies_writer_abort(struct bodies_writer *w)
{
    if (w->announced)
        writer_disappoint(w);
    w->aborted = true;
    if (!w->alone && w->working && bodies_pack_withdraw(w->account, &w->packed))
        w->working = false;
    if (!w->working)
        writer_forget(w);
}
