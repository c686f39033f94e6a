/* See mime_fields.h. */
#include "translate/mime/mime_fields.h"

#include <string.h>

/* The next field with its continuation lines. */
static struct slice take_field(struct slice *header)
{
    size_t end = 0;

    do {
        const char *lf = memchr(header->p + end, '\n', header->n - end);
        end = lf ? (size_t)(lf - header->p) + 1 : header->n;
    } while (end < header->n && (header->p[end] == ' ' || header->p[end] == '\t'));
    return slice_take(header, end);
}

static struct slice trim_line_ends(struct slice text)
{
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    return slice_trim(text);
}

bool mime_fields_next(struct slice *header, struct slice *name, struct slice *value)
{
    while (header->n) {
        struct slice field = take_field(header);
        const char *colon = memchr(field.p, ':', field.n);
        if (!colon)
            continue;
        *name = slice_take(&field, (size_t)(colon - field.p));
        while (name->n && (name->p[name->n - 1] == ' ' || name->p[name->n - 1] == '\t'))
            name->n--;
        slice_take(&field, 1);
        *value = trim_line_ends(field);
        return true;
    }
    return false;
}
