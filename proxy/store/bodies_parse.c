/*
 * The structure of a message, remembered or made.
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
    uint64_t remembered; /* octets of the file that was written; 0: none was */
    bool known;          /* there was one */
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

static void parse_recall(struct bodies_parse *p, int dir)
{
    struct buf text = BUF_INIT;
    char name[BODIES_NAME];

    bodies_name(name, p->content, BODIES_MIME);
    if (disk_read(dir, name, MIME_FILE_MAX, &text))
        p->message = parse_text(buf_slice(&text));
    p->known = p->message != NULL;
    buf_clear(&text);
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

/* Opens the durable body, or what was fetched again where that is gone. Negative when nothing is
 * there, and when `p->why` says why not. */
static int parse_open(struct bodies_parse *p, int dir)
{
    int fd = p->durable ? bodies_open_whole(p->account, dir, p->content, p->key) : -1;
    struct stat st;

    if (!p->durable || (fd < 0 && errno == ENOENT))
        return bodies_open_whole(p->account, dir, p->content, NULL);
    if (fd < 0 ||
        (fstat(fd, &st) == 0 && bodies_is_long_enough((uint64_t)st.st_size, p->least, &p->why)))
        return fd;
    close(fd);
    errno = ENOENT;
    return -1;
}

static void parse_make(struct bodies_parse *p, int dir)
{
    int fd = parse_open(p, dir);
    char name[BODIES_NAME];

    if (fd < 0 && errno == ENOENT)
        return;
    bodies_name(name, p->content, BODIES_MAIL);
    if (fd >= 0)
        p->message = parse_file(p, fd);
    if (!p->message)
        bodies_failed(p->account, "read", p->durable ? p->key : name, &p->why);
    if (fd >= 0)
        close(fd);
}

static bool write_text(struct bodies_parse *p, int dir, struct slice text)
{
    char name[BODIES_NAME];
    int fd = disk_open(dir, p->temporary, O_WRONLY | O_CREAT | O_EXCL);

    if (fd < 0)
        return false;
    bodies_name(name, p->content, BODIES_MIME);
    bool written = disk_write(fd, text);
    close(fd);
    if (written && renameat(dir, p->temporary, dir, name) == 0)
        return true;
    unlinkat(dir, p->temporary, 0);
    return false;
}

/* What cannot be remembered is made again when it is next asked for. */
static void parse_remember(struct bodies_parse *p, int dir)
{
    json_t *json = mime_json_from(p->message);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0;

    if (text && write_text(p, dir, slice_make(text, n)))
        p->remembered = n;
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
    parse_recall(p, dir);
    if (!p->message)
        parse_make(p, dir);
    if (p->message && !p->known && !p->cancelled)
        parse_remember(p, dir);
    close(dir);
}

static void parse_worked(uv_work_t *work, int status)
{
    struct bodies_parse *p = work->data;
    struct bodies_account *a = p->account;

    (void)status; /* nobody cancels it */
    if (p->remembered)
        bodies_came(a, p->content, BODIES_MIME, p->remembered);
    else if (p->known)
        bodies_index_touch(&a->index, p->content, BODIES_MIME);
    if (p->cancelled)
        mime_message_free(p->message);
    else
        p->done(p->owner, p->message, &p->why);
    free(p);
    bodies_let_go(a);
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
    uv_queue_work(a->loop, &p->work, parse_work, parse_worked);
    return p;
}

void bodies_parse_cancel(struct bodies_parse *p)
{
    p->cancelled = true;
}
