/*
 * The structure of a message, remembered or made, for many messages at a time: those that are asked
 * for while others are being looked up come with the next ones. Of small messages what is not
 * remembered is made by the same piece of work. What has to be made of a message in a file by
 * itself is a piece of work of its own, since such messages are large.
 *
 * Who asks in vain has the message fetched, mostly, and asks again: so its structure is made when
 * it is written among others, from memory (bodies_packer.c).
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

enum {
    MIME_FILE_MAX = 64 << 20,
    GATHERED_MAX = 512 << 10, /* octets of messages in a batch; of more each is read by itself */
};

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
    bool single; /* the cache has the message in a file by itself */
    bool apart;  /* to be made by a piece of work of its own */
    bool loaded; /* all of a small message are in: */
    struct buf octets;
    struct buf text; /* what is to be remembered */
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

static void load_packed(struct bodies_parse *p, int dir)
{
    struct bodies_account *a = p->account;

    uv_mutex_lock(&a->records_lock);
    struct bodies_records *records = bodies_begin(a, BODIES_MAILS, dir, &p->tally);
    p->loaded = bodies_records_get(records, p->content, &p->octets);
    bodies_records_end(records);
    uv_mutex_unlock(&a->records_lock);
}

struct mime_message *bodies_structure_of(const struct buf *octets)
{
    struct mime_parser *parser = buf_failed(octets) ? NULL : mime_parser_new();
    struct mime_message *message = NULL;

    if (parser) {
        mime_parser_feed(parser, buf_slice(octets));
        message = mime_parser_end(parser);
    }
    mime_parser_free(parser);
    return message;
}

/* From the message's octets, which then go. */
static void parse_octets(struct bodies_parse *p)
{
    p->message = bodies_structure_of(&p->octets);
    buf_clear(&p->octets);
    p->loaded = false;
    if (p->message)
        return;
    errno = ENOMEM;
    bodies_failed(p->account, "read", "a message", &p->why);
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
    if (p->message || p->why.kind != FAILURE_NONE)
        return;
    load_packed(p, dir);
    if (p->loaded)
        parse_octets(p);
    else
        parse_single(p, dir);
}

static void write_single(struct bodies_parse *p, int dir, struct bodies_tally *tally)
{
    struct slice text = buf_slice(&p->text);
    char name[BODIES_NAME];
    int fd = disk_open(dir, p->temporary, O_WRONLY | O_CREAT | O_EXCL);

    if (fd < 0)
        return;
    bodies_name(name, p->content, BODIES_MIME);
    bool written = disk_write(fd, text);
    close(fd);
    if (written && renameat(dir, p->temporary, dir, name) == 0)
        bodies_tally_note(tally, BODIES_MIME, p->content, BODIES_GREW, text.n);
    else
        unlinkat(dir, p->temporary, 0);
}

void bodies_remember(struct bodies_records *records, uint32_t content, const struct buf *text)
{
    if (buf_size(text) && buf_size(text) <= BODIES_RECORD_MAX && !buf_failed(text))
        (void)bodies_records_put(records, content, buf_slice(text));
}

static void write_packed(struct bodies_account *a, const struct bodies_parse *first, int dir,
                         struct bodies_tally *tally)
{
    uv_mutex_lock(&a->records_lock);
    struct bodies_records *records = bodies_begin(a, BODIES_MIMES, dir, tally);
    for (const struct bodies_parse *p = first; p; p = p->next)
        bodies_remember(records, p->content, &p->text);
    bodies_records_end(records);
    uv_mutex_unlock(&a->records_lock);
}

/* What was made of these. What cannot be remembered is made again when it is next asked for. */
static void remember(struct bodies_account *a, struct bodies_parse *first, int dir,
                     struct bodies_tally *tally)
{
    write_packed(a, first, dir, tally);
    for (struct bodies_parse *p = first; p; p = p->next) {
        if (buf_size(&p->text) > BODIES_RECORD_MAX && !buf_failed(&p->text))
            write_single(p, dir, tally);
        buf_clear(&p->text);
    }
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
    if (p->message && !p->cancelled) {
        mime_json_put(&p->text, p->message);
        remember(p->account, p, dir, &p->tally);
    }
    close(dir);
}

static void parse_end(struct bodies_parse *p)
{
    struct bodies_account *a = p->account;

    if (!p->message && !p->cancelled && !p->durable && p->why.kind == FAILURE_NONE)
        bodies_missed_note(&a->missed, p->content);
    if (p->cancelled)
        mime_message_free(p->message);
    else
        p->done(p->owner, p->message, &p->why);
    buf_clear(&p->octets);
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

static void parse_apart(struct bodies_parse *p)
{
    p->next = NULL;
    uv_queue_work(p->account->loop->uv, &p->work, parse_work, parse_worked);
}

/* ---- many at a time ----------------------------------------------------------------------- */

struct parse_batch {
    uv_work_t work;
    struct bodies_account *account;
    struct bodies_parse *first;
    struct bodies_tally tally;
    bool singles; /* some structure is in a file by itself */
};

/* While work with both records goes on. */
static void look_up(struct parse_batch *b, struct bodies_parse *p, int dir, size_t *gathered)
{
    struct bodies_account *a = b->account;

    p->message = bodies_recall(a, dir, p->content, b->singles);
    if (p->message)
        return;
    p->apart = p->durable || p->single || *gathered >= GATHERED_MAX;
    p->loaded = !p->apart && bodies_records_get(a->records[BODIES_MAILS], p->content, &p->octets);
    *gathered += buf_size(&p->octets);
}

static void look_up_all(struct parse_batch *b, int dir)
{
    struct bodies_account *a = b->account;
    size_t gathered = 0;

    uv_mutex_lock(&a->records_lock);
    bodies_begin(a, BODIES_MIMES, dir, &b->tally);
    bodies_begin(a, BODIES_MAILS, dir, &b->tally);
    for (struct bodies_parse *p = b->first; p; p = p->next)
        if (!p->cancelled)
            look_up(b, p, dir, &gathered);
    bodies_records_end(a->records[BODIES_MIMES]);
    bodies_records_end(a->records[BODIES_MAILS]);
    uv_mutex_unlock(&a->records_lock);
}

static void make(struct bodies_parse *p)
{
    if (!p->loaded || p->cancelled)
        return;
    parse_octets(p);
    if (p->message)
        mime_json_put(&p->text, p->message);
}

/* Where there is no directory nothing is there; why it cannot be opened, each is told apart. */
static void look_for_all(struct parse_batch *b, int dir, int error)
{
    if (dir >= 0)
        look_up_all(b, dir);
    else
        for (struct bodies_parse *p = b->first; p; p = p->next)
            p->apart = error != ENOENT;
}

static void batch_work(uv_work_t *work)
{
    struct parse_batch *b = work->data;
    struct bodies_account *a = b->account;
    int dir = bodies_dir_open(a->accounts, a->name, false);
    bool made = false;

    look_for_all(b, dir, errno);
    for (struct bodies_parse *p = b->first; p; p = p->next) {
        make(p);
        made = made || buf_size(&p->text);
    }
    if (made)
        remember(a, b->first, dir, &b->tally);
    if (dir >= 0)
        close(dir);
}

/* What is wanted already is looked up while these are given. */
static void batch_done(uv_work_t *work, int status)
{
    struct parse_batch *b = work->data;
    struct bodies_account *a = b->account;

    (void)status; /* nobody cancels it */
    bodies_settle_tally(a, &b->tally);
    a->parse_busy = false;
    bodies_recall_begin(a);
    for (struct bodies_parse *p = b->first, *next; p; p = next) {
        next = p->next;
        if (p->apart && !p->cancelled)
            parse_apart(p);
        else
            parse_end(p);
    }
    free(b);
    bodies_let_go(a);
}

/* Without the memory for it, each is made by itself. */
static void batch_none(struct bodies_account *a)
{
    for (struct bodies_parse *p = a->parse_wanted, *next; p; p = next) {
        next = p->next;
        parse_apart(p);
    }
    a->parse_wanted = NULL;
}

void bodies_recall_begin(struct bodies_account *a)
{
    struct parse_batch *b;

    if (a->parse_busy || !a->parse_wanted)
        return;
    b = calloc(1, sizeof *b);
    if (!b) {
        batch_none(a);
        return;
    }
    b->account = a;
    b->first = a->parse_wanted;
    b->singles = a->index.counts[BODIES_MIME] != 0;
    b->work.data = b;
    a->parse_wanted = NULL;
    a->parse_busy = true;
    bodies_hold(a);
    uv_queue_work(a->loop->uv, &b->work, batch_work, batch_done);
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

/* It was made before the message was written. */
static bool take_fresh(struct bodies_parse *p)
{
    struct bodies_account *a = p->account;
    struct bodies_packed *packed =
        p->durable ? NULL : bodies_pack_fresh(a, p->content, ACCOUNT_WHOLE);

    if (!packed || !packed->message)
        return false;
    p->message = packed->message;
    packed->message = NULL;
    *a->packing.parses_last = p;
    a->packing.parses_last = &p->next;
    return true;
}

struct bodies_parse *bodies_parse_give(struct bodies_parse *p)
{
    struct bodies_parse *next = p->next;

    parse_end(p);
    return next;
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
    p->single = bodies_index_has(&a->index, content, BODIES_MAIL);
    p->least = octets;
    if (key)
        snprintf(p->key, sizeof p->key, "%s", key);
    bodies_temporary_name(p->temporary, a->temporary_next++);
    p->work.data = p;
    bodies_hold(a);
    if (!take_fresh(p))
        recall_add(a, p);
    return p;
}

void bodies_parse_cancel(struct bodies_parse *p)
{
    p->cancelled = true;
}
