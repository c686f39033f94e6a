#include "translate/state/uid_list.h"

#include <stdlib.h>

#include "translate/text/array.h"

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
    if (l->count + count <= l->capacity)
        return true;
    uint32_t *uids = array_reserve(l->uids, &l->capacity, l->count + count, sizeof *uids);
    if (!uids)
        return false;
    l->uids = uids;
    return true;
}
