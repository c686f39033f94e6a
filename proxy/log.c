/*
 * See log.h. A line is put together on the stack and leaves in one write(2) of at most PIPE_BUF
 * octets, which a pipe takes whole: so no lock is needed. A field that has no room is left out
 * whole; a line is never cut.
 */
#include "proxy/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "translate/text/failure.h"

enum {
    LINE_SIZE = 4096,
    VALUE_SIZE = 512, /* of a value, before it is quoted */
    TAIL_SIZE = 2,    /* the brace and the line's end always have room */
    MESSAGE_SIZE = 512,
};

struct line {
    char text[LINE_SIZE];
    size_t n;
    bool full; /* what was to be added last had no room */
};

static bool as_json;
static enum log_level threshold = LOG_INFO;

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

void log_setup(bool json, enum log_level level)
{
    as_json = json;
    threshold = level;
}

bool log_enabled(enum log_level level)
{
    return level <= threshold;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

static void add(struct line *l, const char *p, size_t n)
{
    if (n > sizeof l->text - TAIL_SIZE - l->n)
        l->full = true;
    if (l->full)
        return;
    memcpy(l->text + l->n, p, n);
    l->n += n;
}

static void add_text(struct line *l, const char *text)
{
    add(l, text, strlen(text));
}

/* Characters that text_clean() lets pass, but that a terminal or a reader of lines may act upon:
 * the C1 controls, and Unicode's line and paragraph separators. */
static void blank_unicode_controls(char *s)
{
    for (unsigned char *p = (unsigned char *)s; *p; p++) {
        if (p[0] == 0xc2 && p[1] < 0xa0)
            p[0] = p[1] = ' ';
        else if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
            p[0] = p[1] = p[2] = ' ';
    }
}

static void clean(char *out, size_t cap, struct slice text)
{
    text_clean(out, cap, text);
    blank_unicode_controls(out);
}

/* What is left to escape after cleaning is the same for JSON (RFC 8259 section 7) and for text. */
static void add_quoted(struct line *l, const char *value)
{
    add(l, "\"", 1);
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\')
            add(l, "\\", 1);
        add(l, p, 1);
    }
    add(l, "\"", 1);
}

static void add_value(struct line *l, struct slice text)
{
    char value[VALUE_SIZE];

    clean(value, sizeof value, text);
    if (as_json || !*value || strpbrk(value, " \"\\="))
        add_quoted(l, value);
    else
        add_text(l, value);
}

static void add_name(struct line *l, const char *name)
{
    if (as_json) {
        add(l, ",", 1);
        add_quoted(l, name);
        add(l, ":", 1);
    } else {
        add(l, " ", 1);
        add_text(l, name);
        add(l, "=", 1);
    }
}

static void add_field(struct line *l, const struct log_field *f)
{
    char number[24];
    size_t before = l->n;

    add_name(l, f->name);
    if (f->kind == LOG_NUMBER) {
        snprintf(number, sizeof number, "%" PRId64, f->number);
        add_text(l, number);
    } else {
        add_value(l, f->text);
    }
    if (l->full)
        l->n = before;
    l->full = false;
}

static void add_time(struct line *l)
{
    struct timespec now;
    struct tm tm;
    char seconds[32];
    char text[48];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
    add_text(l, text);
}

/* A word that stands in a text line without a name: it must not look like several. */
static void add_word(struct line *l, const char *word)
{
    add(l, " ", 1);
    add_value(l, slice_of(word));
}

static void begin_text(struct line *l, enum log_level level, const char *session, const char *event)
{
    char name[16];

    add_time(l);
    snprintf(name, sizeof name, " %-7s", level_names[level]);
    add_text(l, name);
    add_word(l, session ? session : "-");
    add_word(l, event);
}

static void begin_json(struct line *l, enum log_level level, const char *session, const char *event)
{
    add_text(l, "{\"time\":\"");
    add_time(l);
    add(l, "\"", 1);
    add_field(l, &LOG_FIELD("level", slice_of(level_names[level])));
    if (session)
        add_field(l, &LOG_FIELD("session", slice_of(session)));
    add_field(l, &LOG_FIELD("event", slice_of(event)));
}

/* What cannot be written is dropped: there is nobody to tell. A partial write is not continued, as
 * another line may have come in between. SIGPIPE is ignored by the process. */
static void write_line(struct line *l)
{
    if (as_json)
        l->text[l->n++] = '}';
    l->text[l->n++] = '\n';
    while (write(STDERR_FILENO, l->text, l->n) < 0 && errno == EINTR)
        ;
}

void log_event(enum log_level level, const char *session, const char *event,
               const struct log_field *fields)
{
    int error = errno;
    struct line l;

    if (!log_enabled(level))
        return;
    l.n = 0;
    l.full = false;
    if (as_json)
        begin_json(&l, level, session, event);
    else
        begin_text(&l, level, session, event);
    for (; fields && fields->name; fields++)
        add_field(&l, fields);
    write_line(&l);
    errno = error;
}

void log_message(enum log_level level, const char *event, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_event(level, NULL, event,
              (const struct log_field[]){LOG_FIELD("message", slice_of(message)), LOG_FIELD_END});
}
