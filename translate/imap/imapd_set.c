/* See imapd_set.h. */
#include "translate/imap/imapd_set.h"

#include <stdlib.h>

/* "*" while a set is being taken; no number can be 0. */
enum { STAR = 0 };

static bool take_number(struct imapd_cursor *c, uint32_t *out)
{
    uint64_t number = STAR;

    if (!imapd_maybe(c, '*') && !imapd_number(c, "a message number", 1, UINT32_MAX, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

static void add_star(struct imapd_set *set, uint32_t from)
{
    if (from == STAR)
        from = UINT32_MAX;
    if (set->star == 0 || from < set->star)
        set->star = from;
}

static void add_range(struct imapd_set *set, uint32_t a, uint32_t b)
{
    struct imapd_range range = {a < b ? a : b, a < b ? b : a};
    struct imapd_range *last = set->count ? &set->ranges[set->count - 1] : NULL;

    /* Most sets come in order: those never need sorting, and are short when they are merged. */
    if (last && range.first >= last->first && range.first - 1 <= last->last) {
        last->last = range.last > last->last ? range.last : last->last;
        return;
    }
    set->ranges[set->count++] = range;
}

static bool take_piece(struct imapd_cursor *c, struct imapd_set *set)
{
    uint32_t a;
    uint32_t b;

    if (!take_number(c, &a))
        return false;
    b = a;
    if (imapd_maybe(c, ':') && !take_number(c, &b))
        return false;
    if (a == STAR || b == STAR)
        add_star(set, a == STAR ? b : a);
    else
        add_range(set, a, b);
    return true;
}

static int by_first(const void *a, const void *b)
{
    uint32_t first = ((const struct imapd_range *)a)->first;
    uint32_t second = ((const struct imapd_range *)b)->first;

    return (first > second) - (first < second);
}

static bool is_sorted(const struct imapd_set *set)
{
    for (size_t i = 1; i < set->count; i++)
        if (set->ranges[i].first <= set->ranges[i - 1].last)
            return false;
    return true;
}

static void sort(struct imapd_set *set)
{
    size_t count = set->count;

    if (is_sorted(set))
        return;
    qsort(set->ranges, count, sizeof *set->ranges, by_first);
    set->count = 0;
    for (size_t i = 0; i < count; i++)
        add_range(set, set->ranges[i].first, set->ranges[i].last);
}

/* At most as many ranges as there are pieces, which are bounded by the command's length. */
static bool make_room(struct imapd_cursor *c, struct imapd_set *set)
{
    size_t pieces = 1;

    for (size_t i = 0; i < c->rest.n && c->rest.p[i] != ' ' && c->rest.p[i] != ')'; i++)
        pieces += c->rest.p[i] == ',';
    set->ranges = imapd_arena_alloc(c->memory, pieces * sizeof *set->ranges);
    return set->ranges || imapd_fail_memory(c);
}

bool imapd_set_take(struct imapd_cursor *c, struct imapd_set *set)
{
    *set = (struct imapd_set){.saved = imapd_maybe(c, '$')};
    if (set->saved)
        return true;
    if (!make_room(c, set))
        return false;
    do {
        if (!take_piece(c, set))
            return false;
    } while (imapd_maybe(c, ','));
    sort(set);
    return true;
}

bool imapd_set_parse(struct slice text, struct imapd_arena *memory, struct imapd_set *set)
{
    struct failure why;
    struct imapd_cursor c = {
        .rest = text, .begin = text.p, .verb = "a set", .memory = memory, .why = &why};

    return imapd_set_take(&c, set) && c.rest.n == 0;
}

uint32_t imapd_set_highest(const struct imapd_set *set)
{
    uint32_t highest = set->count ? set->ranges[set->count - 1].last : 0;

    if (set->star != UINT32_MAX && set->star > highest)
        highest = set->star;
    return highest;
}

bool imapd_set_has(const struct imapd_set *set, uint32_t max, uint32_t number)
{
    size_t low = 0;
    size_t high = set->count;

    if (number > max)
        return false;
    if (set->star && (number >= set->star || number == max))
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->ranges[low].first <= number;
}

bool imapd_set_next(const struct imapd_set *set, uint32_t max, struct imapd_set_walk *walk,
                    struct imapd_range *range)
{
    /* Where the tail begins that "*" makes: "9:*" is the last message even if that is below 9. */
    uint32_t tail = set->star < max ? set->star : max;

    if (walk->ended || max == 0)
        return false;
    if (walk->at == set->count || set->ranges[walk->at].first > max) {
        walk->ended = true;
        *range = (struct imapd_range){tail, max};
        return set->star != 0;
    }
    *range = set->ranges[walk->at++];
    if (range->last > max)
        range->last = max;
    if (!set->star || range->last < tail - 1)
        return true;
    walk->ended = true;
    range->first = range->first < tail ? range->first : tail;
    range->last = max;
    return true;
}

void imapd_set_put(struct buf *out, const struct imapd_set *set)
{
    const char *comma = "";

    if (set->saved)
        buf_putc(out, '$');
    for (size_t i = 0; i < set->count; i++, comma = ",") {
        struct imapd_range range = set->ranges[i];
        buf_printf(out, "%s%u", comma, range.first);
        if (range.last > range.first)
            buf_printf(out, ":%u", range.last);
    }
    if (set->star == UINT32_MAX)
        buf_printf(out, "%s*", comma);
    else if (set->star)
        buf_printf(out, "%s%u:*", comma, set->star);
}
