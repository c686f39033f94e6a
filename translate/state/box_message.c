/*
 * Messages come and go: what that means for the contents they refer to.
 */
#include <stdlib.h>

#include "translate/state/box_change.h"
#include "translate/state/box_content.h"
#include "translate/state/box_folder.h"
#include "translate/state/uid_set.h"
#include "translate/text/array.h"

bool box_messages_append(const struct json_at *at, struct box_reading *r, struct box_folder *f,
                         const struct box_message *messages, size_t count)
{
    if (count && messages[0].uid < f->uidnext)
        return json_at_wrong(at, "uids", "below the folder's UIDNEXT");
    if (!box_folder_reserve(f, count))
        return json_at_no_memory(at);
    for (size_t i = 0; i < count; i++) {
        struct box_message m = messages[i];
        struct box_content *c = box_state_content(r->s, m.content);
        if (!c || (c->deletion != BOX_KEPT && r->modseq))
            return json_at_wrong(at, "contents", "no such content, or one that is being deleted");
        if (r->modseq)
            m.modseq = r->modseq;
        box_folder_append(f, &m, c->size);
        c->references++;
        c->folder = f->id;
        c->uid = m.uid;
        if (!box_changes_note(r->changes, BOX_ADDED, f->id, m.uid))
            return json_at_no_memory(at);
    }
    if (count && r->modseq)
        f->modseq = r->modseq;
    return true;
}

/* A message no longer refers to the content. */
static void unrefer(struct box_folder *f, const struct box_message *m, struct box_content *c)
{
    c->references--;
    f->size -= c->size;
    if (c->folder == f->id && c->uid == m->uid)
        c->folder = c->uid = 0;
}

/* Expunges one message: whether it leaves its folder. The last one of an upstream content waits for
 * the upstream's word, unless the upstream has nothing to say. */
static bool message_leaves(struct box_folder *f, const struct box_message *m, struct box_content *c,
                           bool all)
{
    bool last = c->references == 1;

    if (last && c->upstream && c->deletion == BOX_KEPT)
        c->deletion = BOX_INTENDED;
    if (last && c->upstream && !c->unlisted && !all)
        return false;
    unrefer(f, m, c);
    return true;
}

/* The UIDs that the set names and the folder has; free() it. */
static uint32_t *uids_there(const struct box_folder *f, struct slice set, size_t *count)
{
    uint32_t *uids = calloc(f->count + 1, sizeof *uids);
    struct uid_range range = {0, 0};

    *count = 0;
    while (uids && uid_set_next(&set, &range))
        for (size_t i = box_folder_position(f, range.first);
             i < f->count && f->messages[i].uid <= range.last; i++)
            uids[(*count)++] = f->messages[i].uid;
    return uids;
}

/* Takes out messages that no longer refer to anything, and tells. */
static bool take_out(struct box_reading *r, struct box_folder *f, const uint32_t *uids,
                     size_t count)
{
    bool noted = true;

    box_folder_take_out(f, uids, count);
    if (count && r->modseq)
        f->modseq = r->modseq;
    for (size_t i = 0; noted && i < count; i++)
        noted = box_changes_note(r->changes, BOX_REMOVED, f->id, uids[i]);
    return noted;
}

/* Keeps in `uids` those that leave. */
static bool each_leaves(struct box_reading *r, struct box_folder *f, uint32_t *uids, size_t *count,
                        bool all)
{
    bool noted = true;
    size_t leaving = 0;

    for (size_t i = 0; noted && i < *count; i++) {
        const struct box_message *m = box_folder_message(f, uids[i]);
        struct box_content *c = box_state_content(r->s, m->content);
        if (!message_leaves(f, m, c, all))
            continue;
        uids[leaving++] = m->uid;
        if (c->references == 0 && !c->upstream)
            noted = box_content_end(r->s, c, r->changes);
    }
    *count = leaving;
    return noted;
}

bool box_messages_remove(const struct json_at *at, struct box_reading *r, struct box_folder *f,
                         struct slice set, bool all)
{
    size_t count = 0;
    uint32_t *uids = uids_there(f, set, &count);
    bool removed = uids && each_leaves(r, f, uids, &count, all) && take_out(r, f, uids, count);

    free(uids);
    return removed || json_at_no_memory(at);
}

/* A message, by folder and UID. */
struct place {
    uint32_t folder;
    uint32_t uid;
};

struct places {
    struct place *list;
    size_t count;
    size_t capacity;
};

static bool place_add(struct places *p, uint32_t folder, uint32_t uid)
{
    struct place *list = array_grow(p->list, &p->capacity, p->count, sizeof *list);

    if (!list)
        return false;
    p->list = list;
    p->list[p->count++] = (struct place){folder, uid};
    return true;
}

static int place_order(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;

    if (a->folder != b->folder)
        return a->folder < b->folder ? -1 : 1;
    return a->uid < b->uid ? -1 : a->uid > b->uid;
}

static int id_order(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

/* Every message that refers to one of the contents, by going through all there are. */
static bool places_search(const struct box_state *s, const uint32_t *ids, size_t count,
                          struct places *p)
{
    for (size_t i = 0; i < s->folder_count; i++) {
        const struct box_folder *f = &s->folders[i];
        for (size_t j = 0; j < f->count; j++)
            if (bsearch(&f->messages[j].content, ids, count, sizeof *ids, id_order) &&
                !place_add(p, f->id, f->messages[j].uid))
                return false;
    }
    return true;
}

/* The same; contents in one place, which is known, as most are, cost no search. */
static bool places_find(const struct box_state *s, const uint32_t *ids, size_t count,
                        struct places *p)
{
    bool known = true;

    for (size_t i = 0; known && i < count; i++) {
        const struct box_content *c = box_state_content(s, ids[i]);
        known = c->references == 0 || (c->references == 1 && c->folder);
        if (known && c->references && !place_add(p, c->folder, c->uid))
            return false;
    }
    if (!known)
        p->count = 0;
    if (!known && !places_search(s, ids, count, p))
        return false;
    if (p->count)
        qsort(p->list, p->count, sizeof *p->list, place_order);
    return true;
}

/* The messages of one folder, which stand together. */
static bool remove_run(struct box_reading *r, const struct place *run, size_t count)
{
    struct box_folder *f = box_state_folder_by_id(r->s, run->folder);
    uint32_t *uids = calloc(count, sizeof *uids);

    for (size_t i = 0; uids && i < count; i++) {
        const struct box_message *m = box_folder_message(f, run[i].uid);
        unrefer(f, m, box_state_content(r->s, m->content));
        uids[i] = m->uid;
    }
    bool removed = uids && take_out(r, f, uids, count);
    free(uids);
    return removed;
}

bool box_references_remove(const struct json_at *at, struct box_reading *r, const uint32_t *ids,
                           size_t count)
{
    struct places p = {.list = NULL};
    bool removed = places_find(r->s, ids, count, &p);

    for (size_t from = 0, to = 0; removed && from < p.count; from = to) {
        while (to < p.count && p.list[to].folder == p.list[from].folder)
            to++;
        removed = remove_run(r, &p.list[from], to - from);
    }
    free(p.list);
    return removed || json_at_no_memory(at);
}

bool box_content_resize(const struct json_at *at, struct box_reading *r, struct box_content *c,
                        uint64_t size)
{
    struct places p = {.list = NULL};
    bool done = places_find(r->s, &c->id, 1, &p);

    for (size_t i = 0; done && i < p.count; i++) {
        struct box_folder *f = box_state_folder_by_id(r->s, p.list[i].folder);
        f->size += size - c->size;
        box_folder_touch(f, box_folder_message(f, p.list[i].uid), r->modseq);
        done = box_changes_note(r->changes, BOX_CHANGED, f->id, p.list[i].uid);
    }
    c->size = size;
    free(p.list);
    return done || json_at_no_memory(at);
}

static bool give_date(const struct box_state *s, const struct box_content *c, int64_t date)
{
    struct places p = {.list = NULL};
    bool found = places_find(s, &c->id, 1, &p);

    for (size_t i = 0; found && i < p.count; i++) {
        const struct box_folder *f = box_state_folder_by_id(s, p.list[i].folder);
        box_folder_message(f, p.list[i].uid)->date = date;
    }
    free(p.list);
    return found;
}

bool box_content_date(const struct json_at *at, struct box_reading *r, struct box_content *c)
{
    bool none = json_is_null(json_object_get(at->object, "date"));
    int64_t date = 0;

    if (!none && !json_at_integer(at, "date", INT64_MIN, INT64_MAX, &date))
        return false;
    if (c->undated && !none && !give_date(r->s, c, date))
        return json_at_no_memory(at);
    c->undated = false;
    return true;
}
