#include "translate/state/uid_set.h"

#include <stdlib.h>
#include <string.h>

#include "translate/state/number_list.h"

void uid_set_put(struct buf *out, const uint32_t *uids, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t last = i;
        while (last + 1 < count && uids[last + 1] == uids[last] + 1)
            last++;
        if (i)
            buf_putc(out, ',');
        number_put(out, uids[i]);
        if (last > i) {
            buf_putc(out, ':');
            number_put(out, uids[last]);
        }
        i = last + 1;
    }
}

/* What stands before the separator, which is taken off too. */
static struct slice take_until(struct slice *text, char separator)
{
    const char *end = text->n ? memchr(text->p, separator, text->n) : NULL;
    struct slice head = slice_take(text, end ? (size_t)(end - text->p) : text->n);

    slice_take(text, end ? 1 : 0);
    return head;
}

static bool range_parse(struct slice text, struct uid_range *range)
{
    bool pair = text.n && memchr(text.p, ':', text.n);
    struct slice head = take_until(&text, ':');
    uint64_t first = 0;
    uint64_t last = 0;

    if (!slice_number(head, UINT32_MAX, &first))
        return false;
    last = first;
    if (pair && !slice_number(text, UINT32_MAX, &last))
        return false;
    *range = (struct uid_range){(uint32_t)first, (uint32_t)last};
    return first > 0 && first <= last;
}

bool uid_set_count(struct slice text, uint64_t *count)
{
    struct uid_range range = {0, 0};
    uint64_t total = 0;
    uint32_t before = 0;

    if (text.n && text.p[text.n - 1] == ',')
        return false;
    while (text.n) {
        if (!range_parse(take_until(&text, ','), &range) || range.first <= before)
            return false;
        total += (uint64_t)range.last - range.first + 1;
        before = range.last;
    }
    *count = total;
    return true;
}

bool uid_set_next(struct slice *text, struct uid_range *range)
{
    return text->n && range_parse(take_until(text, ','), range);
}

uint32_t *uid_set_expand(struct slice text, size_t count)
{
    uint32_t *uids = calloc(count, sizeof *uids);
    struct uid_range range = {0, 0};
    size_t n = 0;

    while (uids && uid_set_next(&text, &range))
        for (uint64_t uid = range.first; uid <= range.last && n < count; uid++)
            uids[n++] = (uint32_t)uid;
    return uids;
}
