#include "translate/state/number_list.h"

#include <string.h>

void number_put(struct buf *out, int64_t number)
{
    if (number < 0)
        buf_putc(out, '-');
    buf_put_number(out, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void number_list_put(struct buf *list, int64_t number)
{
    if (buf_size(list))
        buf_putc(list, ' ');
    number_put(list, number);
}

bool number_list_next(struct slice *list, int64_t *number)
{
    const char *end = list->n ? memchr(list->p, ' ', list->n) : NULL;
    struct slice word = slice_take(list, end ? (size_t)(end - list->p) : list->n);
    bool negative = word.n && word.p[0] == '-';
    uint64_t magnitude = 0;

    slice_take(list, end ? 1 : 0);
    slice_take(&word, negative ? 1 : 0);
    if (!slice_number(word, (uint64_t)INT64_MAX + negative, &magnitude))
        return false;
    *number = (int64_t)(negative ? -magnitude : magnitude);
    return true;
}
