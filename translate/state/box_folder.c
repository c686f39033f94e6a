#include "translate/state/box_folder.h"

#include <stdlib.h>
#include <string.h>

#include "translate/state/folder_uids.h"
#include "translate/text/array.h"

void box_folder_clear(struct box_folder *f)
{
    free(f->messages);
    free(f->newest);
    free(f->name);
    folder_uids_let_go(f->uids);
    *f = (struct box_folder){.name = NULL};
}

bool box_folder_reserve(struct box_folder *f, size_t count)
{
    size_t wanted = f->count + count;
    size_t capacity = f->capacity;

    if (wanted > UINT32_MAX || (f->uids && !folder_uids_reserve(f->uids, count)))
        return false;
    if (wanted <= capacity)
        return true;
    struct box_message *p = array_reserve(f->messages, &capacity, wanted, sizeof *p);
    if (!p)
        return false;
    f->messages = p;
    uint64_t *newest = reallocarray(f->newest, capacity / BOX_RUN + 1, sizeof *newest);
    if (!newest)
        return false;
    f->newest = newest;
    f->capacity = (uint32_t)(capacity < UINT32_MAX ? capacity : UINT32_MAX);
    return true;
}

/* The message at `i` has come, or has been changed. */
static void note_modseq(struct box_folder *f, size_t i)
{
    uint64_t *newest = &f->newest[i / BOX_RUN];

    if (*newest < f->messages[i].modseq)
        *newest = f->messages[i].modseq;
}

/* The messages from `from` on stand in other places. */
static void note_all_modseqs(struct box_folder *f, size_t from)
{
    for (size_t i = from; i < f->count; i++) {
        if (i % BOX_RUN == 0)
            f->newest[i / BOX_RUN] = 0;
        note_modseq(f, i);
    }
}

/* Counts a message with these flags in, or takes it out of the counts (then `one` is UINT32_MAX, by
 * which they come round). */
static void count_flags(struct box_folder *f, uint64_t flags, uint32_t one)
{
    if (!(flags & BOX_SEEN))
        f->unseen += one;
    if (flags & BOX_DELETED)
        f->deleted += one;
}

void box_folder_append(struct box_folder *f, const struct box_message *m, uint64_t size)
{
    f->messages[f->count++] = *m;
    if (f->uids)
        folder_uids_add(f->uids, m->uid);
    note_all_modseqs(f, f->count - 1);
    f->uidnext = m->uid + 1;
    f->size += size;
    count_flags(f, m->flags, 1);
}

void box_folder_touch(struct box_folder *f, struct box_message *m, uint64_t modseq)
{
    m->modseq = modseq;
    f->modseq = modseq;
    note_modseq(f, (size_t)(m - f->messages));
}

void box_folder_flag(struct box_folder *f, struct box_message *m, uint64_t flags)
{
    count_flags(f, m->flags, UINT32_MAX);
    m->flags = flags;
    count_flags(f, m->flags, 1);
    size_t place = (size_t)(m - f->messages);
    if (!(flags & BOX_SEEN) && place < f->seen_before)
        f->seen_before = (uint32_t)place;
}

void box_folder_take_out(struct box_folder *f, const uint32_t *uids, size_t count)
{
    size_t first = count ? box_folder_position(f, uids[0]) : f->count;
    size_t from = first;
    size_t to = first;

    for (size_t i = 0; i < count; i++) {
        count_flags(f, f->messages[from].flags, UINT32_MAX);
        size_t next = i + 1 < count ? box_folder_position(f, uids[i + 1]) : f->count;
        size_t kept = next - from - 1;
        memmove(&f->messages[to], &f->messages[from + 1], kept * sizeof *f->messages);
        to += kept;
        from = next;
    }
    if (count == 0)
        return;
    f->count = (uint32_t)to;
    f->removals++;
    if (first < f->seen_before)
        f->seen_before = (uint32_t)first;
    folder_uids_let_go(f->uids);
    f->uids = NULL;
    note_all_modseqs(f, first);
}

size_t box_folder_first_unseen(struct box_folder *f)
{
    while (f->seen_before < f->count && f->messages[f->seen_before].flags & BOX_SEEN)
        f->seen_before++;
    return f->seen_before;
}

struct folder_uids *box_folder_uids(struct box_folder *f)
{
    if (f->uids)
        return f->uids;
    f->uids = folder_uids_new(f->count);
    for (size_t i = 0; f->uids && i < f->count; i++)
        folder_uids_add(f->uids, f->messages[i].uid);
    return f->uids;
}

size_t box_folder_position(const struct box_folder *f, uint32_t uid)
{
    size_t low = 0;
    size_t high = f->count;

    if (high && f->messages[high - 1].uid < uid)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->messages[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct box_message *box_folder_message(const struct box_folder *f, uint32_t uid)
{
    size_t i = box_folder_position(f, uid);

    return i < f->count && f->messages[i].uid == uid ? &f->messages[i] : NULL;
}

size_t box_folder_changed(const struct box_folder *f, size_t position, uint64_t modseq)
{
    if (f->modseq <= modseq)
        return f->count;
    while (position < f->count && f->messages[position].modseq <= modseq) {
        position++;
        while (position % BOX_RUN == 0 && position < f->count &&
               f->newest[position / BOX_RUN] <= modseq)
            position += BOX_RUN;
    }
    return position < f->count ? position : f->count;
}
