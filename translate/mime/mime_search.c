/* See mime_search.h. */
#include "translate/mime/mime_search.h"

#include <string.h>

#include "translate/mime/mime_field.h"
#include "translate/mime/mime_words.h"

enum { FIRST = 'A' }; /* how a digest calls the first field */

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

/* The next field with its continuation lines, without the last line end. */
static struct slice take_field(struct slice *header)
{
    size_t end = 0;
    struct slice field;

    do {
        const char *lf = memchr(header->p + end, '\n', header->n - end);
        end = lf ? (size_t)(lf - header->p) + 1 : header->n;
    } while (end < header->n && (header->p[end] == ' ' || header->p[end] == '\t'));
    field = slice_take(header, end);
    while (field.n && is_line_end(field.p[field.n - 1]))
        field.n--;
    return field;
}

/* It may begin in the next line only. */
static struct slice value_of(struct slice rest)
{
    rest = slice_trim(rest);
    while (rest.n && is_line_end(rest.p[0])) {
        slice_take(&rest, 1);
        rest = slice_trim(rest);
    }
    return rest;
}

bool mime_search_next(struct slice *header, struct mime_search_field *field)
{
    if (header->n == 0)
        return false;
    struct slice line = take_field(header);
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
    *field = (struct mime_search_field){.named = colon != NULL, .value = line};
    if (!colon)
        return true;
    field->name = slice_trim(slice_take(&line, (size_t)(colon - line.p)));
    slice_take(&line, 1);
    field->value = value_of(line);
    return true;
}

/* What a date says stands outside of its comments, the only place for an encoded word. */
static void put_value(struct buf *out, enum mime_field field, struct slice value)
{
    if (field != MIME_DATE)
        mime_words_decode(out, value);
    for (size_t i = 0; field == MIME_DATE && i < value.n; i++)
        buf_putc(out, value.p[i] ? value.p[i] : '?');
}

void mime_search_digest(struct buf *out, struct slice header)
{
    struct mime_search_field field;

    while (mime_search_next(&header, &field)) {
        enum mime_field which = field.named ? mime_field_named(field.name) : MIME_FIELDS;
        if (!mime_field_is_envelope(which))
            continue;
        buf_putc(out, (char)(FIRST + which));
        put_value(out, which, field.value);
        buf_putc(out, '\0');
    }
}

bool mime_search_known(struct slice *digest, struct slice *name, struct slice *value)
{
    enum mime_field which = digest->n ? (enum mime_field)(digest->p[0] - FIRST) : MIME_FIELDS;
    const char *end = digest->n ? memchr(digest->p, '\0', digest->n) : NULL;

    if (!end || !mime_field_is_envelope(which))
        return false;
    slice_take(digest, 1);
    *name = slice_of(mime_field_name(which));
    *value = slice_take(digest, (size_t)(end - digest->p));
    slice_take(digest, 1);
    return true;
}
