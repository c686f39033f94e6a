#include "translate/state/folder_uids.h"

#include <stdlib.h>

#include "translate/text/array.h"

struct folder_uids *folder_uids_new(size_t capacity)
{
    struct folder_uids *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->holders = 1;
    if (folder_uids_reserve(l, capacity))
        return l;
    folder_uids_let_go(l);
    return NULL;
}

struct folder_uids *folder_uids_hold(struct folder_uids *l)
{
    l->holders++;
    return l;
}

void folder_uids_let_go(struct folder_uids *l)
{
    if (!l || --l->holders)
        return;
    free(l->uids);
    free(l);
}

bool folder_uids_reserve(struct folder_uids *l, size_t count)
{
    if (l->count + count <= l->capacity)
        return true;
    uint32_t *uids = array_reserve(l->uids, &l->capacity, l->count + count, sizeof *uids);
    if (!uids)
        return false;
    l->uids = uids;
    return true;
}
