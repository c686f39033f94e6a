#include "translate/state/uid_list.h"

#include <stdlib.h>

struct uid_list *uid_list_new(size_t capacity)
{
    struct uid_list *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->holders = 1;
    if (uid_list_reserve(l, capacity))
        return l;
    uid_list_let_go(l);
    return NULL;
}

struct uid_list *uid_list_hold(struct uid_list *l)
{
    l->holders++;
    return l;
}

void uid_list_let_go(struct uid_list *l)
{
    if (!l || --l->holders)
        return;
    free(l->uids);
    free(l);
}

bool uid_list_reserve(struct uid_list *l, size_t count)
{
    size_t wanted = l->count + count;
    size_t capacity = l->capacity + l->capacity / 2;

    if (wanted <= l->capacity)
        return true;
    if (capacity < wanted)
        capacity = wanted;
    uint32_t *uids = reallocarray(l->uids, capacity, sizeof *uids);
    if (!uids)
        return false;
    l->uids = uids;
    l->capacity = capacity;
    return true;
}
