#include "translate/state/box_restore.h"

#include <stdlib.h>

static void raise_to(uint32_t *number, uint32_t other)
{
    if (*number < other)
        *number = other;
}

static const struct box_folder *same_folder(const struct box_state *s, const struct box_folder *f)
{
    for (size_t i = 0; i < s->folder_count; i++)
        if (s->folders[i].uidvalidity == f->uidvalidity)
            return &s->folders[i];
    return NULL;
}

void box_state_outlive(struct box_state *s, const struct box_state *before)
{
    if (s->modseq < before->modseq)
        s->modseq = before->modseq;
    raise_to(&s->uidvalidity, before->uidvalidity);
    raise_to(&s->folder_next, before->folder_next);
    raise_to(&s->content_next, before->content_next);
    for (size_t i = 0; i < s->folder_count; i++) {
        struct box_folder *f = &s->folders[i];
        const struct box_folder *was = same_folder(before, f);
        if (!was)
            continue;
        raise_to(&f->uidnext, was->uidnext);
        f->modseq = f->modseq < was->modseq ? was->modseq : f->modseq;
    }
}

bool box_content_rekey(struct box_content *c, const char *key)
{
    char *copy = slice_dup(slice_of(key));

    if (!copy)
        return false;
    free(c->key);
    c->key = copy;
    return true;
}
