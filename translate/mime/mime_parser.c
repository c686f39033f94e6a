/* See mime_parser.h. */
#include "translate/mime/mime_parser.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "translate/mime/mime_header.h"

/* Of a body's line that comes in pieces: "--", a boundary, "--" and a line end. */
enum { BODY_LINE_KEPT = MIME_BOUNDARY_MAX + 16 };

/* A multipart whose closing delimiter was not met yet. */
struct boundary {
    char text[MIME_BOUNDARY_MAX];
    uint8_t n;
    uint32_t part;
};

struct line {
    struct slice text; /* without its end; cut when it is very long */
    uint64_t size;     /* octets, with its end */
    uint8_t end;       /* octets of its end: 0 (the message's last line), 1 or 2 */
};

struct mime_parser {
    struct mime_message *message;
    struct mime_header header;
    bool in_header;
    bool header_over; /* its empty line was met, and the next line was not */
    uint32_t part;    /* the innermost that is open */
    uint32_t depth;   /* how many it is in */
    struct boundary boundaries[MIME_DEPTH_MAX]; /* outermost first */
    uint32_t boundary_count;
    uint64_t at;        /* where the line begins */
    uint64_t lines;     /* line ends before that */
    uint8_t newline;    /* octets of the line end before it that a delimiter takes along: 0 at the
                           beginning of a header or body, and behind a delimiter */
    struct buf held;    /* start of a line whose end has not come in */
    uint64_t held_size; /* octets of it */
    char held_last;     /* the last of them */
};

static struct mime_part *part_at(struct mime_parser *p, uint32_t index)
{
    return &p->message->parts[index];
}

/* A header of a new last part begins at octet `at`. */
static void begin_part(struct mime_parser *p, uint32_t parent, uint64_t at)
{
    bool in_multipart = parent != MIME_NONE && part_at(p, parent)->kind == MIME_KIND_MULTIPART;
    uint32_t index = mime_message_add_part(p->message, parent);

    if (index == MIME_NONE)
        return;
    part_at(p, index)->header_start = at;
    p->depth += parent != MIME_NONE;
    p->part = index;
    p->in_header = true;
    p->header_over = false;
    p->newline = 0;
    mime_header_begin(&p->header, p->message, in_multipart);
}

/* Closes the innermost part. Its lines are counted as its start was noted: in `body_lines`, as the
 * lines before the body, until now. */
static void close_part(struct mime_parser *p, uint64_t end, uint64_t lines)
{
    struct mime_part *part = part_at(p, p->part);

    part->body_end = end;
    part->body_lines = lines - part->body_lines;
    if (part->parent != MIME_NONE) {
        p->part = part->parent;
        p->depth--;
    }
}

static void begin_body(struct mime_parser *p, uint64_t at, uint64_t lines)
{
    struct mime_part *part = part_at(p, p->part);

    part->body_start = at;
    part->body_lines = lines;
    p->in_header = false;
    p->newline = 0;
}

static bool may_nest(struct mime_parser *p)
{
    bool may = p->depth + 1 < MIME_DEPTH_MAX && p->message->count < MIME_PARTS_MAX;

    p->message->cut = p->message->cut || !may;
    return may;
}

/* A message in a message begins where the header that announced it ends. */
static void begin_inner_message(struct mime_parser *p, uint64_t at)
{
    if (may_nest(p))
        begin_part(p, p->part, at);
    else
        part_at(p, p->part)->kind = MIME_KIND_OTHER;
}

static void push_boundary(struct mime_parser *p)
{
    struct boundary *boundary = &p->boundaries[p->boundary_count];

    if (p->depth + 1 >= MIME_DEPTH_MAX) {
        part_at(p, p->part)->kind = MIME_KIND_OTHER;
        p->message->cut = true;
        return;
    }
    assert(p->boundary_count < MIME_DEPTH_MAX);
    p->boundary_count++;
    boundary->part = p->part;
    boundary->n = p->header.boundary_n;
    memcpy(boundary->text, p->header.boundary, boundary->n);
}

/* The empty line. Whether the header ends behind it or, where a delimiter follows at once, before
 * it, the next line tells; but which boundary that is must be known by then. */
static void empty_line(struct mime_parser *p, const struct line *line)
{
    mime_header_end(&p->header);
    if (part_at(p, p->part)->kind == MIME_KIND_MULTIPART && p->header.has_boundary)
        push_boundary(p);
    p->header_over = true;
    p->newline = line->end;
}

/* The header has ended before the octet that we are at. */
static void end_header(struct mime_parser *p)
{
    begin_body(p, p->at, p->lines);
    if (part_at(p, p->part)->kind == MIME_KIND_MESSAGE)
        begin_inner_message(p, p->at);
}

/* A header that a delimiter or the end of the message follows, at octet `end`, behind so many
 * `lines`: the part has no body. */
static void cut_header(struct mime_parser *p, uint64_t end, uint64_t lines)
{
    mime_header_end(&p->header);
    begin_body(p, end, lines);
    if (part_at(p, p->part)->kind == MIME_KIND_MESSAGE)
        begin_inner_message(p, end);
    if (p->in_header) {
        mime_header_end(&p->header);
        begin_body(p, end, lines);
        close_part(p, end, lines);
    }
}

/*
 * The open boundary that a line begins with, or NULL: the innermost of the longest that do, except
 * that one which is the whole line, but for a closing "--", is not looked beyond.
 */
static struct boundary *find_boundary(struct mime_parser *p, const struct line *line)
{
    struct slice text = line->text;
    struct boundary *best = NULL;

    if (p->boundary_count == 0 || text.n < 2 || text.p[0] != '-' || text.p[1] != '-')
        return NULL;
    if (p->message->count >= MIME_PARTS_MAX) {
        p->message->cut = true;
        return NULL;
    }
    slice_take(&text, 2);
    bool closes = line->end && text.n > 2 && memcmp(text.p + text.n - 2, "--", 2) == 0;
    for (uint32_t i = p->boundary_count; i-- > 0;) {
        struct boundary *b = &p->boundaries[i];
        if (b->n > text.n || memcmp(b->text, text.p, b->n) != 0 || (best && best->n >= b->n))
            continue;
        best = b;
        if (b->n == text.n || (closes && (size_t)b->n + 2 == text.n))
            break;
    }
    return best;
}

static bool is_closing(const struct boundary *boundary, struct slice line)
{
    return line.n >= (size_t)boundary->n + 4 && memcmp(line.p + 2 + boundary->n, "--", 2) == 0;
}

/*
 * The line end before a delimiter is part of it, so the part before ends there. When the part
 * before has only begun its header, its multipart keeps that line end, even if it is closed by the
 * same delimiter: so Dovecot counts.
 */
static void close_to(struct mime_parser *p, uint32_t part)
{
    uint64_t end = p->at - p->newline;
    uint64_t lines = p->lines - (p->newline ? 1 : 0);

    if (p->in_header) {
        cut_header(p, end, lines);
        close_part(p, end, lines);
        end = p->at;
        lines = p->lines;
    }
    while (p->part != part)
        close_part(p, end, lines);
}

static void delimiter(struct mime_parser *p, struct boundary *boundary, const struct line *line)
{
    uint32_t part = boundary->part;
    bool closing = is_closing(boundary, line->text);

    close_to(p, part);
    p->boundary_count = (uint32_t)(boundary - p->boundaries) + (closing ? 0 : 1);
    p->newline = 0;
    if (!closing && line->end)
        begin_part(p, part, p->at + line->size);
}

static void body_line(struct mime_parser *p, const struct line *line)
{
    struct boundary *boundary = find_boundary(p, line);

    if (boundary)
        delimiter(p, boundary, line);
    else
        p->newline = line->end;
}

static void plain_header_line(struct mime_parser *p, const struct line *line)
{
    if (line->text.n == 0 && line->end) {
        empty_line(p, line);
    } else {
        mime_header_line(&p->header, line->text);
        p->newline = line->end;
    }
}

static void header_line(struct mime_parser *p, const struct line *line)
{
    struct boundary *boundary = find_boundary(p, line);

    if (boundary && boundary->part != p->part) {
        delimiter(p, boundary, line);
    } else if (p->header_over) {
        end_header(p);
        /* An inner message's header has begun, or a body: its own delimiter may be its first line.
         */
        if (p->in_header)
            plain_header_line(p, line);
        else
            body_line(p, line);
    } else {
        plain_header_line(p, line);
    }
}

static void take_line(struct mime_parser *p, const struct line *line)
{
    if (p->in_header)
        header_line(p, line);
    else
        body_line(p, line);
    p->at += line->size;
    p->lines += line->end != 0;
}

/* A whole line lies in the octets that were fed. */
static void line_at_once(struct mime_parser *p, struct slice octets)
{
    struct line line = {.size = octets.n, .end = 1};

    if (octets.n > 1 && octets.p[octets.n - 2] == '\r')
        line.end = 2;
    line.text = slice_make(octets.p, octets.n - line.end);
    take_line(p, &line);
}

static void hold(struct mime_parser *p, struct slice octets)
{
    size_t most = p->in_header ? MIME_VALUE_MAX : BODY_LINE_KEPT;
    size_t room = most > buf_size(&p->held) ? most - buf_size(&p->held) : 0;

    p->held_size += octets.n;
    if (octets.n)
        p->held_last = octets.p[octets.n - 1];
    buf_put(&p->held, slice_take(&octets, room));
}

/* The line that was held has ended, with LF or with the message. */
static void release(struct mime_parser *p, bool lf)
{
    struct line line = {.size = p->held_size + (lf ? 1 : 0), .end = lf ? 1 : 0};

    line.text = buf_slice(&p->held);
    if (lf && p->held_size && p->held_last == '\r') {
        line.end = 2;
        if (line.text.n == p->held_size)
            line.text.n--;
    }
    p->message->failed = p->message->failed || buf_failed(&p->held);
    p->message->cut = p->message->cut || (p->in_header && buf_size(&p->held) < p->held_size);
    take_line(p, &line);
    buf_truncate(&p->held, 0);
    p->held_size = 0;
}

/* With no boundary open, nothing but line ends matters to a body. */
static void count_lines(struct mime_parser *p, struct slice octets)
{
    p->at += octets.n;
    while (octets.n) {
        const char *lf = memchr(octets.p, '\n', octets.n);
        if (!lf)
            return;
        p->lines++;
        slice_take(&octets, (size_t)(lf + 1 - octets.p));
    }
}

struct mime_parser *mime_parser_new(void)
{
    struct mime_parser *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->message = mime_message_new();
    if (p->message)
        begin_part(p, MIME_NONE, 0);
    if (p->message && !p->message->failed)
        return p;
    mime_parser_free(p);
    return NULL;
}

void mime_parser_free(struct mime_parser *parser)
{
    if (!parser)
        return;
    mime_message_free(parser->message);
    mime_header_clear(&parser->header);
    buf_clear(&parser->held);
    free(parser);
}

void mime_parser_feed(struct mime_parser *p, struct slice octets)
{
    while (octets.n && !p->message->failed) {
        if (!p->in_header && p->boundary_count == 0 && p->held_size == 0) {
            count_lines(p, octets);
            return;
        }
        const char *lf = memchr(octets.p, '\n', octets.n);
        size_t n = lf ? (size_t)(lf - octets.p) : octets.n;
        struct slice piece = slice_take(&octets, n);
        if (lf && p->held_size == 0) {
            line_at_once(p, slice_make(piece.p, n + 1));
        } else {
            hold(p, piece);
            if (lf)
                release(p, true);
        }
        slice_take(&octets, lf ? 1 : 0);
    }
}

struct mime_message *mime_parser_end(struct mime_parser *p)
{
    struct mime_message *message = p->message;

    if (p->held_size)
        release(p, false);
    message->size = p->at;
    if (message->failed)
        return NULL;
    if (p->in_header && p->header_over)
        end_header(p);
    if (p->in_header)
        cut_header(p, p->at, p->lines);
    while (p->part != 0)
        close_part(p, p->at, p->lines);
    close_part(p, p->at, p->lines);
    p->message = NULL;
    if (!message->failed)
        return message;
    mime_message_free(message);
    return NULL;
}
