#include "translate/state/box_list.h"

#include <stdlib.h>
#include <string.h>

#include "translate/state/number_list.h"

/* A run of equal numbers has `first` == `last` and a count above 1. */
static void run_put(struct box_list_writer *w)
{
    bool repeats = w->first == w->last;

    if (w->count == 0)
        return;
    number_list_put(&w->text, w->first);
    if (w->count > 1) {
        buf_putc(&w->text, repeats ? '*' : ':');
        number_put(&w->text, repeats ? (int64_t)w->count : w->last);
    }
}

void box_list_add(struct box_list_writer *w, int64_t number)
{
    bool counts = w->count && w->last != INT64_MAX && number == w->last + 1 &&
                  (w->count == 1 || w->last != w->first);
    bool repeats = w->count && number == w->last && (w->count == 1 || w->last == w->first);

    if (!counts && !repeats) {
        run_put(w);
        w->first = number;
        w->count = 0;
    }
    w->last = number;
    w->count++;
}

void box_list_end(struct box_list_writer *w)
{
    run_put(w);
    w->count = 0;
}

/* The number at the front, taken off `text` with the octet that ends it. */
static bool number_take(struct slice *text, int64_t *number, char *end)
{
    size_t n = 0;

    while (n < text->n && (text->p[n] == '-' || (text->p[n] >= '0' && text->p[n] <= '9')))
        n++;
    struct slice word = slice_take(text, n);
    *end = text->n ? *text->p : '\0';
    slice_take(text, 1);
    return number_list_next(&word, number);
}

/* What stands behind ":" or "*". */
static bool run_end(struct box_list_reader *r, struct slice *rest, char mark)
{
    int64_t number = 0;
    char end = '\0';

    if (!number_take(rest, &number, &end) || (end != ' ' && end != '\0') ||
        (end == ' ' && !rest->n))
        return false;
    r->counting = mark == ':';
    if (r->counting ? number <= r->next : number < 2)
        return false;
    r->left = r->counting ? (uint64_t)number - (uint64_t)r->next + 1 : (uint64_t)number;
    return r->left != 0;
}

static bool run_take(struct box_list_reader *r)
{
    struct slice rest = r->text;
    char end = '\0';

    if (!number_take(&rest, &r->next, &end))
        return false;
    r->left = 1;
    if (end == ':' || end == '*' ? !run_end(r, &rest, end)
                                 : (end != ' ' && end != '\0') || (end == ' ' && !rest.n))
        return false;
    r->text = rest;
    return true;
}

bool box_list_next(struct box_list_reader *r, int64_t *number)
{
    if (r->left == 0 && (r->text.n == 0 || !run_take(r))) {
        r->left = 0;
        return false;
    }
    *number = r->next;
    if (--r->left && r->counting)
        r->next++;
    return true;
}

bool box_list_is_read(const struct box_list_reader *r)
{
    return r->left == 0 && r->text.n == 0;
}

static bool is_plain(char c)
{
    return c > ' ' && c <= '~' && c != '%';
}

void box_words_add(struct buf *list, const char *text)
{
    if (buf_size(list))
        buf_putc(list, ' ');
    if (!text || !*text) {
        buf_putc(list, '-');
        return;
    }
    bool dash = strcmp(text, "-") == 0;
    for (const char *end = text; *text; text = end) {
        while (!dash && is_plain(*end))
            end++;
        buf_put(list, slice_make(text, (size_t)(end - text)));
        if (*end)
            buf_printf(list, "%%%02X", (unsigned char)*end++);
    }
}

/* -1: none */
static int hex_value(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* In place, since a text is never longer than what it is written as. */
static bool unescape(char *text)
{
    char *to = text;

    for (const char *p = text; *p; p++) {
        int high = *p == '%' ? hex_value(p[1]) : -1;
        int low = high < 0 ? -1 : hex_value(p[2]);
        if (is_plain(*p))
            *to++ = *p;
        else if (low < 0 || (*to++ = (char)(16 * high + low)) == '\0')
            return false;
        else
            p += 2;
    }
    *to = '\0';
    return true;
}

bool box_words_next(struct slice *list, char **text, bool *no_memory)
{
    const char *end = list->n ? memchr(list->p, ' ', list->n) : NULL;
    struct slice word = slice_take(list, end ? (size_t)(end - list->p) : list->n);

    *text = NULL;
    *no_memory = false;
    slice_take(list, end ? 1 : 0);
    if (slice_is(word, "-"))
        return true;
    if (word.n == 0 || slice_has_nul(word) || (end && list->n == 0))
        return false;
    *text = slice_dup(word);
    *no_memory = !*text;
    if (*text && unescape(*text))
        return true;
    free(*text);
    *text = NULL;
    return false;
}
