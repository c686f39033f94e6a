#include "translate/state/box_changes.h"

#include <stdlib.h>

#include "translate/text/array.h"

void box_changes_clear(struct box_changes *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->list[i].uids);
    for (size_t i = 0; i < c->released_count; i++)
        free(c->released[i]);
    free(c->list);
    free(c->released);
    *c = (struct box_changes){.list = NULL};
}

static struct box_change *change_of(struct box_changes *c, enum box_change_kind kind,
                                    uint32_t folder)
{
    struct box_change *last = c->count ? &c->list[c->count - 1] : NULL;

    if (last && last->kind == kind && last->folder == folder)
        return last;
    struct box_change *p = reallocarray(c->list, c->count + 1, sizeof *p);
    if (!p)
        return NULL;
    c->list = p;
    p[c->count] = (struct box_change){.kind = kind, .folder = folder};
    return &p[c->count++];
}

static bool change_put(struct box_change *change, uint32_t uid)
{
    uint32_t *p = array_grow(change->uids, &change->capacity, change->count, sizeof *p);

    if (!p)
        return false;
    change->uids = p;
    change->uids[change->count++] = uid;
    return true;
}

bool box_changes_note(struct box_changes *c, enum box_change_kind kind, uint32_t folder,
                      uint32_t uid)
{
    if (!c)
        return true;
    struct box_change *change = change_of(c, kind, folder);
    return change && (uid == 0 || change_put(change, uid));
}

bool box_changes_release(struct box_changes *c, char *key)
{
    char **p = c && key ? reallocarray(c->released, c->released_count + 1, sizeof *p) : NULL;

    if (!p) {
        bool wanted = c && key;
        free(key);
        return !wanted;
    }
    c->released = p;
    p[c->released_count++] = key;
    return true;
}
