/*
 * The index is the tree of values in the order of the text: a node knows its line, its key and
 * where the nodes below it end, so the children of node i are i+1, then the end of that, and so on.
 */
#include "proxy/config_position.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/array.h"
#include "translate/text/buf.h"

struct node {
    char *key; /* NULL for an element of an array */
    size_t end;
    unsigned line;
};

struct config_positions {
    struct node *nodes;
    size_t count;
    size_t cap;
};

struct scan {
    struct config_positions *index;
    struct slice rest;
    unsigned line;
};

static bool scan_value(struct scan *s, char *key, unsigned line);

/* The next character that is not white space, 0 at the end. It is not taken. */
static char scan_next(struct scan *s)
{
    while (s->rest.n && strchr(" \t\r\n", s->rest.p[0]))
        if (slice_take(&s->rest, 1).p[0] == '\n')
            s->line++;
    return s->rest.n ? s->rest.p[0] : 0;
}

/* A string with its quotes. */
static struct slice scan_string(struct scan *s)
{
    size_t n = 1;

    while (n < s->rest.n && s->rest.p[n] != '"')
        n += s->rest.p[n] == '\\' ? 2 : 1;
    return slice_take(&s->rest, n + 1);
}

/* What a string in quotes means: an owned copy. */
static char *string_decode(struct slice quoted)
{
    json_t *value = json_loadb(quoted.p, quoted.n, JSON_DECODE_ANY, NULL);
    char *copy = json_is_string(value) ? strdup(json_string_value(value)) : NULL;

    json_decref(value);
    return copy;
}

/* Takes over `key`, in any case. */
static bool add_node(struct config_positions *p, char *key, unsigned line)
{
    struct node *nodes = array_grow(p->nodes, &p->cap, p->count, sizeof *nodes);

    if (!nodes) {
        free(key);
        return false;
    }
    p->nodes = nodes;
    p->nodes[p->count++] = (struct node){.key = key, .line = line};
    return true;
}

static bool scan_member(struct scan *s)
{
    unsigned line = s->line;
    char *key = string_decode(scan_string(s));

    if (!key)
        return false;
    scan_next(s);
    slice_take(&s->rest, 1); /* the colon */
    scan_next(s);
    return scan_value(s, key, line);
}

/* Depth is bounded: jansson refuses more than 2,048 levels. */
static bool scan_container(struct scan *s, char close)
{
    slice_take(&s->rest, 1);
    for (char c = scan_next(s); c && c != close; c = scan_next(s)) {
        if (c == ',')
            slice_take(&s->rest, 1);
        else if (!(close == '}' ? scan_member(s) : scan_value(s, NULL, s->line)))
            return false;
    }
    slice_take(&s->rest, 1);
    return true;
}

static void scan_scalar(struct scan *s)
{
    if (s->rest.n && s->rest.p[0] == '"')
        scan_string(s);
    else
        while (s->rest.n && !strchr(" \t\r\n,]}", s->rest.p[0]))
            slice_take(&s->rest, 1);
}

static bool scan_value(struct scan *s, char *key, unsigned line)
{
    size_t self = s->index->count;
    char first = scan_next(s);
    bool done = add_node(s->index, key, line);

    if (done && (first == '{' || first == '['))
        done = scan_container(s, first == '{' ? '}' : ']');
    else if (done)
        scan_scalar(s);
    if (done)
        s->index->nodes[self].end = s->index->count;
    return done;
}

struct config_positions *config_positions_new(struct slice text)
{
    struct config_positions *p = calloc(1, sizeof *p);
    struct scan s = {.index = p, .rest = text, .line = 1};

    if (!p)
        return NULL;
    scan_next(&s);
    if (!scan_value(&s, NULL, s.line)) {
        config_positions_free(p);
        return NULL;
    }
    return p;
}

void config_positions_free(struct config_positions *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->nodes[i].key);
    free(p->nodes);
    free(p);
}

/* Whether `token`, a piece of a pointer, means `key`: "~1" is a slash, "~0" a tilde. */
static bool token_is(struct slice token, const char *key)
{
    while (token.n) {
        char c = slice_take(&token, 1).p[0];
        if (c == '~' && token.n)
            c = slice_take(&token, 1).p[0] == '1' ? '/' : '~';
        if (*key++ != c)
            return false;
    }
    return *key == '\0';
}

/* The child of `parent` that the token names; `parent` itself when there is none. */
static size_t find_child(const struct config_positions *p, size_t parent, struct slice token)
{
    uint64_t index = 0;
    bool is_index = slice_number(token, UINT64_MAX, &index);
    uint64_t i = 0;

    for (size_t n = parent + 1; n < p->nodes[parent].end; n = p->nodes[n].end, i++)
        if (p->nodes[n].key ? token_is(token, p->nodes[n].key) : is_index && i == index)
            return n;
    return parent;
}

unsigned config_positions_line(const struct config_positions *p, const char *pointer)
{
    size_t node = 0;

    while (*pointer == '/') {
        const char *token = ++pointer;
        pointer += strcspn(pointer, "/");
        size_t child = find_child(p, node, slice_make(token, (size_t)(pointer - token)));
        if (child == node)
            break;
        node = child;
    }
    return p->nodes[node].line;
}

static void pointer_add_key(struct buf *pointer, const char *key)
{
    buf_putc(pointer, '/');
    for (; *key; key++) {
        if (*key == '~' || *key == '/')
            buf_puts(pointer, *key == '~' ? "~0" : "~1");
        else
            buf_putc(pointer, *key);
    }
}

struct duplicates {
    const struct config_positions *index;
    void (*found)(void *context, const char *pointer, unsigned line);
    void *context;
    struct buf pointer;
};

/* By key, then in the order of the text. */
static int compare_nodes(const void *left, const void *right)
{
    const struct node *a = *(const struct node *const *)left;
    const struct node *b = *(const struct node *const *)right;
    int order = strcmp(a->key, b->key);

    return order ? order : (a > b) - (a < b);
}

static void report_duplicate(struct duplicates *d, const struct node *node)
{
    size_t length = buf_size(&d->pointer);

    pointer_add_key(&d->pointer, node->key);
    buf_putc(&d->pointer, '\0');
    if (!buf_failed(&d->pointer))
        d->found(d->context, buf_slice(&d->pointer).p, node->line);
    buf_truncate(&d->pointer, length);
}

static bool check_members(struct duplicates *d, size_t parent)
{
    const struct node *nodes = d->index->nodes;
    size_t end = nodes[parent].end;
    size_t count = 0;
    size_t n = 0;

    for (size_t i = parent + 1; i < end && nodes[i].key; i = nodes[i].end)
        count++;
    if (count < 2)
        return true;
    const struct node **members = calloc(count, sizeof *members);
    if (!members)
        return false;
    for (size_t i = parent + 1; i < end; i = nodes[i].end)
        members[n++] = &nodes[i];
    qsort(members, count, sizeof *members, compare_nodes);
    for (n = 1; n < count; n++)
        if (strcmp(members[n - 1]->key, members[n]->key) == 0)
            report_duplicate(d, members[n]);
    free(members);
    return true;
}

static bool check_node(struct duplicates *d, size_t parent)
{
    const struct node *nodes = d->index->nodes;
    size_t length = buf_size(&d->pointer);
    size_t index = 0;

    if (!check_members(d, parent))
        return false;
    for (size_t i = parent + 1; i < nodes[parent].end; i = nodes[i].end, index++) {
        if (nodes[i].end == i + 1)
            continue;
        if (nodes[i].key)
            pointer_add_key(&d->pointer, nodes[i].key);
        else
            buf_printf(&d->pointer, "/%zu", index);
        if (!check_node(d, i))
            return false;
        buf_truncate(&d->pointer, length);
    }
    return true;
}

bool config_positions_duplicates(const struct config_positions *p,
                                 void (*found)(void *context, const char *pointer, unsigned line),
                                 void *context)
{
    struct duplicates d = {.index = p, .found = found, .context = context};
    bool done = check_node(&d, 0) && !buf_failed(&d.pointer);

    buf_clear(&d.pointer);
    return done;
}
