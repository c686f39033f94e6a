/*
 * The structure of a message, remembered or made. What is remembered is looked up for many messages
 * at a time: those that are asked for while others are being looked up come with the next ones.
 * What has to be made is a piece of work of its own, since messages are large.
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
#include "translate/mime/mime_json.h"
#include "translate/mime/mime_parser.h"
#include "translate/state/json_at.h"

enum { MIME_FILE_MAX = 64 << 20 };

struct bodies_parse {
    struct bodies_parse *next; /* in a batch */
    uv_work_t work;
    struct bodies_account *account;
    bodies_parsed done;
    void *owner;
    atomic_bool cancelled;

    /* The pool's, until it calls back. */
    uint32_t content;
    bool durable;
    char key[BODIES_NAME];
    uint64_t least; /* octets of a durable one */
    char temporary[BODIES_NAME];
    struct mime_message *message;
    struct bodies_tally tally;
    struct failure why;
};

/* One that cannot be read is made again. */
static struct mime_message *parse_text(struct slice text)
{
    struct failure ignored;
    json_t *json = json_at_parse(text, &ignored);
    struct mime_message *message = json ? mime_json_to(json, &ignored) : NULL;

    json_decref(json);
    return message;
}

static bool recall_single(uint32_t content, int dir, struct buf *text)
{
    char name[BODIES_NAME];

    bodies_name(name, content, BODIES_MIME);
    return disk_read(dir, name, MIME_FILE_MAX, text);
}

struct mime_message *bodies_recall(struct bodies_account *a, int dir, uint32_t content,
                                   bool singles)
{
    struct bodies_records *records = a->records[BODIES_MIMES];
    struct mime_message *message = NULL;
    struct buf text = BUF_INIT;

    if (bodies_records_get(records, content, &text) ||
        (singles && recall_single(content, dir, &text)))
        message = parse_text(buf_slice(&text));
    if (message && !bodies_records_has(records, content))
        (void)bodies_records_put(records, content, buf_slice(&text));
    buf_clear(&text);
    return message;
}

/* False with errno. */
static bool feed_all(struct bodies_parse *p, int fd, struct mime_parser *parser, char *piece)
{
    for (uint64_t at = 0; !p->cancelled;) {
        ssize_t n = bodies_pread(fd, piece, BODIES_PIECE, at);
        if (n <= 0)
            return n == 0;
        mime_parser_feed(parser, slice_make(piece, (size_t)n));
        at += (uint64_t)n;
    }
    return true;
}

static bool get_packed(struct bodies_parse *p, int dir, struct buf *octets)
{
    struct bodies_account *a = p->account;

    uv_mutex_lock(&a->records_lock);
    struct bodies_records *records = bodies_begin(a, BODIES_MAILS, dir, &p->tally);
    bool found = bodies_records_get(records, p->content, octets);
    bodies_records_end(records);
    uv_mutex_unlock(&a->records_lock);
    return found;
}

/* From a pack. False when it is not there. */
static bool parse_packed(struct bodies_parse *p, int dir)
{
    struct buf octets = BUF_INIT;
    bool found = get_packed(p, dir, &octets);
    struct mime_parser *parser = found && !buf_failed(&octets) ? mime_parser_new() : NULL;

    if (parser) {
        mime_parser_feed(parser, buf_slice(&octets));
        p->message = mime_parser_end(parser);
    }
    mime_parser_free(parser);
    buf_clear(&octets);
    if (found && !p->message) {
        errno = ENOMEM;
        bodies_failed(p->account, "read", "a message", &p->why);
    }
    return found;
}

static struct mime_message *parse_file(struct bodies_parse *p, int fd)
{
    struct mime_parser *parser = mime_parser_new();
    char *piece = malloc(BODIES_PIECE);
    struct mime_message *message = NULL;

    if (!parser || !piece)
        errno = ENOMEM;
    else if (feed_all(p, fd, parser, piece) && !(message = mime_parser_end(parser)))
        errno = ENOMEM;
    int error = errno;
    free(piece);
    mime_parser_free(parser);
    errno = error;
    return message;
}

/* Opens the file of the durable body, or of the cache; negative when it is not there, and when
 * `p->why` says why not. */
static int parse_open(struct bodies_parse *p, int dir)
{
    int fd = bodies_open_whole(p->account, dir, p->content, p->durable ? p->key : NULL);
    struct stat st;

    if (fd < 0 || !p->durable ||
        (fstat(fd, &st) == 0 && bodies_is_long_enough((uint64_t)st.st_size, p->least, &p->why)))
        return fd;
    close(fd);
    return -1;
}

static void parse_single(struct bodies_parse *p, int dir)
{
    int fd = parse_open(p, dir);
    char name[BODIES_NAME];

    if (fd < 0 && (errno == ENOENT || p->why.kind != FAILURE_NONE))
        return;
    bodies_name(name, p->content, BODIES_MAIL);
    if (fd >= 0)
        p->message = parse_file(p, fd);
    if (!p->message)
        bodies_failed(p->account, "read", p->durable ? p->key : name, &p->why);
    if (fd >= 0)
        close(fd);
}

/* Where the durable body is gone, what was fetched again is looked for. */
static void parse_make(struct bodies_parse *p, int dir)
{
    if (p->durable) {
        parse_single(p, dir);
        p->durable = false;
    }
    if (!p->message && p->why.kind == FAILURE_NONE && !parse_packed(p, dir))
        parse_single(p, dir);
}

static void write_single(struct bodies_parse *p, int dir, struct slice text)
{
    char name[BODIES_NAME];
    int fd = disk_open(dir, p->temporary, O_WRONLY | O_CREAT | O_EXCL);

    if (fd < 0)
        return;
    bodies_name(name, p->content, BODIES_MIME);
    bool written = disk_write(fd, text);
    close(fd);
    if (written && renameat(dir, p->temporary, dir, name) == 0)
        bodies_tally_note(&p->tally, BODIES_MIME, p->content, BODIES_GREW, text.n);
    else
        unlinkat(dir, p->temporary, 0);
}

static void write_packed(struct bodies_parse *p, int dir, struct slice text)
{
    struct bodies_account *a = p->account;

    uv_mutex_lock(&a->records_lock);
    struct bodies_records *records = bodies_begin(a, BODIES_MIMES, dir, &p->tally);
    (void)bodies_records_put(records, p->content, text);
    bodies_records_end(records);
    uv_mutex_unlock(&a->records_lock);
}

/* What cannot be remembered is made again when it is next asked for. */
static void parse_remember(struct bodies_parse *p, int dir)
{
    json_t *json = mime_json_from(p->message);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    struct slice all = text ? slice_of(text) : (struct slice){0};

    if (text && all.n <= BODIES_RECORD_MAX)
        write_packed(p, dir, all);
    else if (text)
        write_single(p, dir, all);
    free(text);
    json_decref(json);
}

static void parse_work(uv_work_t *work)
{
    struct bodies_parse *p = work->data;
    int dir = bodies_dir_open(p->account->accounts, p->account->name, false);

    if (dir < 0) {
        if (errno != ENOENT)
            bodies_failed(p->account, "open", "", &p->why);
        return;
    }
    parse_make(p, dir);
    if (p->message && !p->cancelled)
        parse_remember(p, dir);
    close(dir);
}

static void parse_end(struct bodies_parse *p)
{
    struct bodies_account *a = p->account;

    if (p->cancelled)
        mime_message_free(p->message);
    else
        p->done(p->owner, p->message, &p->why);
    free(p);
    bodies_let_go(a);
}

static void parse_worked(uv_work_t *work, int status)
{
    struct bodies_parse *p = work->data;

    (void)status; /* nobody cancels it */
    bodies_settle_tally(p->account, &p->tally);
    parse_end(p);
}

/* ---- what is remembered ------------------------------------------------------------------- */

struct recall {
    uv_work_t work;
    struct bodies_account *account;
    struct bodies_parse *first;
    struct bodies_tally tally;
    bool singles; /* some structure is in a file by itself */
};

static void recall_work(uv_work_t *work)
{
    struct recall *r = work->data;
    struct bodies_account *a = r->account;
    int dir = bodies_dir_open(a->accounts, a->name, false);

    if (dir < 0)
        return; /* the making says why */
    uv_mutex_lock(&a->records_lock);
    bodies_begin(a, BODIES_MIMES, dir, &r->tally);
    for (struct bodies_parse *p = r->first; p; p = p->next)
        if (!p->cancelled)
            p->message = bodies_recall(a, dir, p->content, r->singles);
    bodies_records_end(a->records[BODIES_MIMES]);
    uv_mutex_unlock(&a->records_lock);
    close(dir);
}

static void recalled(struct bodies_parse *p)
{
    struct bodies_account *a = p->account;

    if (p->message || p->cancelled)
        parse_end(p);
    else
        uv_queue_work(a->loop->uv, &p->work, parse_work, parse_worked);
}

/* What is wanted already is looked up while these are given. */
static void recall_done(uv_work_t *work, int status)
{
    struct recall *r = work->data;
    struct bodies_account *a = r->account;

    (void)status; /* nobody cancels it */
    a->parse_busy = false;
    bodies_settle_tally(a, &r->tally);
    bodies_recall_begin(a);
    for (struct bodies_parse *p = r->first, *next; p; p = next) {
        next = p->next;
        recalled(p);
    }
    free(r);
    bodies_let_go(a);
}

/* Without the memory for it, all are made. */
static void recall_none(struct bodies_account *a)
{
    for (struct bodies_parse *p = a->parse_wanted, *next; p; p = next) {
        next = p->next;
        uv_queue_work(a->loop->uv, &p->work, parse_work, parse_worked);
    }
    a->parse_wanted = NULL;
}

void bodies_recall_begin(struct bodies_account *a)
{
    struct recall *r;

    if (a->parse_busy || !a->parse_wanted)
        return;
    r = calloc(1, sizeof *r);
    if (!r) {
        recall_none(a);
        return;
    }
    r->account = a;
    r->first = a->parse_wanted;
    r->singles = a->index.counts[BODIES_MIME] != 0;
    r->work.data = r;
    a->parse_wanted = NULL;
    a->parse_busy = true;
    bodies_hold(a);
    uv_queue_work(a->loop->uv, &r->work, recall_work, recall_done);
}

static void recall_add(struct bodies_account *a, struct bodies_parse *p)
{
    struct bodies_parse **last = &a->parse_wanted;

    while (*last)
        last = &(*last)->next;
    *last = p;
    if (!a->parse_busy)
        bodies_soon(a);
}

struct bodies_parse *bodies_parse(struct bodies_account *a, uint32_t content, const char *key,
                                  bodies_parsed done, void *owner)
{
    return bodies_parse_known(a, content, key, 0, done, owner);
}

struct bodies_parse *bodies_parse_known(struct bodies_account *a, uint32_t content, const char *key,
                                        uint64_t octets, bodies_parsed done, void *owner)
{
    struct bodies_parse *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->account = a;
    p->done = done;
    p->owner = owner;
    p->content = content;
    p->durable = key != NULL;
    p->least = octets;
    if (key)
        snprintf(p->key, sizeof p->key, "%s", key);
    bodies_temporary_name(p->temporary, a->temporary_next++);
    p->work.data = p;
    bodies_hold(a);
    recall_add(a, p);
    return p;
}

void bodies_parse_cancel(struct bodies_parse *p)
{
    p->cancelled = true;
}
