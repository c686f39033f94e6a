/*
 * Reading dialogue files. A line is expanded (variables), told apart by its mark, and unescaped;
 * `{=}` in front of U= lines becomes their number of octets, so that nobody counts by hand.
 */
#include "tests/dialogues/runner_script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INCLUDE_DEPTH_MAX = 4, VARIABLES_MAX = 64 };

struct variable {
    char *name;
    char *value;
};

struct reader {
    struct script *script;
    struct variable variables[VARIABLES_MAX];
    size_t variable_count;
    char *folder; /* of the file named first: includes are found there */
    const char *file;
    unsigned line;
    unsigned depth;
};

static const struct {
    const char *mark;
    enum step_type type;
} MARKS[] = {
    {"C:", STEP_CLIENT_SAYS},      {"U<", STEP_UPSTREAM_SAYS},  {"U=", STEP_UPSTREAM_LITERAL},
    {"S:", STEP_CLIENT_HEARS},     {"S~", STEP_CLIENT_MATCHES}, {"U>", STEP_UPSTREAM_HEARS},
    {"U~", STEP_UPSTREAM_MATCHES},
};

static bool read_file(struct reader *r, const char *path);

static bool complain(const struct reader *r, const char *what, const char *about)
{
    fprintf(stderr, "%s:%u: %s: %s\n", r->file, r->line, what, about);
    return false;
}

static char *duplicate(const char *text)
{
    return slice_dup(slice_of(text));
}

static struct variable *variable_find(struct reader *r, struct slice name)
{
    for (size_t i = 0; i < r->variable_count; i++)
        if (slice_is(name, r->variables[i].name))
            return &r->variables[i];
    return NULL;
}

/* `@set name value` always, `@default name value` only when nobody has set it. */
static bool variable_set(struct reader *r, struct slice args, bool only_if_new)
{
    struct slice name = slice_word(&args);
    struct variable *v = variable_find(r, name);

    if (v && only_if_new)
        return true;
    if (!v) {
        if (r->variable_count == VARIABLES_MAX)
            return complain(r, "too many variables", "");
        v = &r->variables[r->variable_count++];
        *v = (struct variable){.name = slice_dup(name)};
    }
    free(v->value);
    v->value = slice_dup(slice_trim(args));
    return v->name && v->value;
}

/* `${name}` becomes its value. */
static bool expand(struct reader *r, struct buf *out, const char *text)
{
    for (const char *p = text; *p;) {
        const char *end = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
        if (!end) {
            buf_putc(out, *p++);
            continue;
        }
        struct variable *v = variable_find(r, slice_make(p + 2, (size_t)(end - p - 2)));
        if (!v)
            return complain(r, "unknown variable", p);
        buf_puts(out, v->value);
        p = end + 1;
    }
    buf_putc(out, '\0');
    return !buf_failed(out);
}

static int hex_value(const char *p)
{
    char digits[3] = {p[0], p[0] ? p[1] : '\0', '\0'};

    if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
        return -1;
    return (int)strtol(digits, NULL, 16);
}

/* One escape behind a backslash: its octet is appended, its length returned. A backslash before
 * anything else stands for itself: IMAP writes \Seen. */
static size_t unescape_one(struct buf *out, const char *p)
{
    static const char names[] = "rnt0\\";
    static const char octets[] = "\r\n\t\0\\";
    const char *found = *p ? strchr(names, *p) : NULL;

    if (found) {
        buf_putc(out, octets[found - names]);
        return 1;
    }
    int value = *p == 'x' ? hex_value(p + 1) : -1;
    buf_putc(out, value < 0 ? '\\' : (char)value);
    return value < 0 ? 0 : 3;
}

/* Undoes the escapes; a backslash at the very end takes the line end away. */
static void unescape(struct step *s, const char *text)
{
    s->ends = true;
    for (const char *p = text; *p;) {
        if (*p != '\\') {
            buf_putc(&s->octets, *p++);
        } else if (p[1] == '\0') {
            s->ends = false;
            p++;
        } else {
            p++;
            p += unescape_one(&s->octets, p);
        }
    }
    if (s->ends)
        buf_puts(&s->octets, "\r\n");
}

static bool is_expectation(enum step_type type)
{
    return type == STEP_CLIENT_HEARS || type == STEP_UPSTREAM_HEARS;
}

/* The octets of an expectation that ends with "...": what must stand before it. */
static void unescape_expectation(struct step *s)
{
    size_t n = strlen(s->text);
    char *head = duplicate(s->text);

    s->any_rest = n >= 3 && strcmp(s->text + n - 3, "...") == 0;
    if (!head)
        return;
    if (s->any_rest)
        head[n - 3] = '\0';
    unescape(s, head);
    if (s->any_rest)
        buf_truncate(&s->octets, buf_size(&s->octets) - 2);
    free(head);
}

static struct step *step_add(struct reader *r, enum step_type type, const char *text)
{
    struct script *script = r->script;
    struct step *steps = realloc(script->steps, (script->count + 1) * sizeof *steps);

    if (!steps)
        return NULL;
    script->steps = steps;
    struct step *s = &steps[script->count++];
    *s = (struct step){
        .type = type, .file = duplicate(r->file), .line = r->line, .text = duplicate(text)};
    return s->file && s->text ? s : NULL;
}

static bool read_spoken(struct reader *r, enum step_type type, const char *text)
{
    struct step *s = step_add(r, type, *text == ' ' ? text + 1 : text);

    if (!s)
        return complain(r, "out of memory", "");
    if (is_expectation(type))
        unescape_expectation(s);
    else if (type == STEP_CLIENT_MATCHES || type == STEP_UPSTREAM_MATCHES)
        s->ends = true;
    else
        unescape(s, s->text);
    return !buf_failed(&s->octets);
}

/* `@NAME` is the file NAME.inc of the dialogue's folder, when there is one. */
static char *include_path(const struct reader *r, struct slice name)
{
    struct buf path = BUF_INIT;

    buf_printf(&path, "%s/%.*s.inc", r->folder, SLICE_ARG(name));
    buf_putc(&path, '\0');
    FILE *f = buf_failed(&path) ? NULL : fopen(buf_slice(&path).p, "r");
    char *found = f ? duplicate(buf_slice(&path).p) : NULL;
    if (f)
        fclose(f);
    buf_clear(&path);
    return found;
}

static bool read_include(struct reader *r, char *path)
{
    const char *file = r->file;
    unsigned line = r->line;

    r->depth++;
    bool good = r->depth <= INCLUDE_DEPTH_MAX ? read_file(r, path)
                                              : complain(r, "includes are nested too deep", path);
    r->depth--;
    r->file = file;
    r->line = line;
    free(path);
    return good;
}

static bool read_line(struct reader *r, const char *text);

/* `%d` becomes the number of the repetition. */
static bool read_numbered(struct reader *r, struct slice text, uint64_t number)
{
    struct buf line = BUF_INIT;

    while (text.n) {
        bool place = text.n >= 2 && text.p[0] == '%' && text.p[1] == 'd';
        struct slice piece = slice_take(&text, place ? 2 : 1);
        if (place)
            buf_printf(&line, "%llu", (unsigned long long)number);
        else
            buf_put(&line, piece);
    }
    buf_putc(&line, '\0');
    bool good = !buf_failed(&line) && read_line(r, buf_slice(&line).p);
    buf_clear(&line);
    return good;
}

/* `@repeat N LINE` */
static bool read_repeat(struct reader *r, struct slice args)
{
    uint64_t times = 0;
    bool good = slice_number(slice_word(&args), 10000000, &times);

    if (!good)
        return complain(r, "@repeat needs a number", args.p);
    args = slice_trim(args);
    for (uint64_t i = 1; good && i <= times; i++)
        good = read_numbered(r, args, i);
    return good;
}

static bool read_directive(struct reader *r, const char *text)
{
    struct slice args = slice_of(text);
    struct slice name = slice_word(&args);

    args = slice_trim(args);
    if (slice_is(name, "set") || slice_is(name, "default"))
        return variable_set(r, args, slice_is(name, "default"));
    if (slice_is(name, "repeat"))
        return read_repeat(r, args);
    char *path = include_path(r, name);
    if (path)
        return read_include(r, path);
    char *rest = slice_dup(args);
    struct step *s = rest ? step_add(r, STEP_DIRECTIVE, rest) : NULL;
    free(rest);
    if (s)
        s->name = slice_dup(name);
    return s && s->name;
}

static bool read_line(struct reader *r, const char *text)
{
    struct buf line = BUF_INIT;
    bool good = expand(r, &line, text);
    const char *p = good ? buf_slice(&line).p : "";

    if (*p == '\0' || *p == '#') {
        buf_clear(&line);
        return good;
    }
    if (*p == '@') {
        good = read_directive(r, p + 1);
        buf_clear(&line);
        return good;
    }
    size_t i = 0;
    while (i < sizeof MARKS / sizeof *MARKS && strncmp(p, MARKS[i].mark, 2) != 0)
        i++;
    if (i < sizeof MARKS / sizeof *MARKS)
        good = read_spoken(r, MARKS[i].type, p + 2);
    else
        good = complain(r, "a line begins with C: S: S~ U> U~ U< U= @ or #", p);
    buf_clear(&line);
    return good;
}

/* A directive goes on in the lines below it that begin with a blank: JSON is long. */
static bool read_logical_line(FILE *f, struct buf *line, unsigned *lines)
{
    char *text = NULL;
    size_t cap = 0;
    ssize_t n = getline(&text, &cap, f);
    bool directive = n > 0 && text[0] == '@';

    *lines = 0;
    for (bool more = n >= 0; more; (*lines)++) {
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
            n--;
        buf_put(line, slice_make(text, (size_t)n));
        if (directive)
            buf_putc(line, ' ');
        int next = directive ? fgetc(f) : EOF;
        more = next == ' ' && (n = getline(&text, &cap, f)) >= 0;
        if (next != EOF && next != ' ')
            ungetc(next, f);
    }
    free(text);
    buf_putc(line, '\0');
    return *lines > 0;
}

static bool read_file(struct reader *r, const char *path)
{
    FILE *f = fopen(path, "r");
    bool good = f != NULL;

    if (!f)
        return complain(r, "cannot be opened", path);
    r->file = path;
    r->line = 1;
    for (;;) {
        struct buf line = BUF_INIT;
        unsigned lines = 0;
        bool more = good && read_logical_line(f, &line, &lines) && !buf_failed(&line);
        if (more)
            good = read_line(r, buf_slice(&line).p);
        buf_clear(&line);
        if (!more)
            break;
        r->line += lines;
    }
    fclose(f);
    return good;
}

/* Puts the octets of the U= lines that follow into `{=}`. */
static bool count_literal(struct script *script, size_t at)
{
    struct step *s = &script->steps[at];
    struct slice octets = buf_slice(&s->octets);
    const char *place = memmem(octets.p, octets.n, "{=}", 3);
    size_t count = 0;
    struct buf counted = BUF_INIT;

    if (!place)
        return true;
    for (size_t i = at + 1; i < script->count; i++) {
        if (script->steps[i].type != STEP_UPSTREAM_LITERAL)
            break;
        count += buf_size(&script->steps[i].octets);
    }
    buf_put(&counted, slice_make(octets.p, (size_t)(place - octets.p)));
    buf_printf(&counted, "{%zu}", count);
    const char *rest = place + 3;
    buf_put(&counted, slice_make(rest, (size_t)(octets.p + octets.n - rest)));
    buf_clear(&s->octets);
    s->octets = counted;
    return !buf_failed(&counted);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slice_dup(slice_make(path, (size_t)(slash - path))) : duplicate(".");
}

bool script_read(struct script *s, const char *path)
{
    struct reader r = {.script = s, .file = path, .folder = folder_of(path)};

    *s = (struct script){0};
    bool good = r.folder && read_file(&r, path);
    for (size_t i = 0; good && i < s->count; i++)
        if (s->steps[i].type == STEP_UPSTREAM_SAYS)
            good = count_literal(s, i);
    for (size_t i = 0; i < r.variable_count; i++) {
        free(r.variables[i].name);
        free(r.variables[i].value);
    }
    free(r.folder);
    return good;
}

void script_clear(struct script *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->steps[i].file);
        free(s->steps[i].text);
        free(s->steps[i].name);
        buf_clear(&s->steps[i].octets);
    }
    free(s->steps);
    *s = (struct script){0};
}
