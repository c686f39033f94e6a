#include "proxy/store/bodies_missed.h"

#include <stdlib.h>

enum { MISSED_MAX = 256 };

void bodies_missed_clear(struct bodies_missed *m)
{
    free(m->contents);
    *m = (struct bodies_missed){0};
}

/* Its place, or that of none. */
static uint32_t *find(const struct bodies_missed *m, uint32_t content)
{
    for (size_t i = 0; i < MISSED_MAX && m->contents; i++)
        if (m->contents[i] == content)
            return &m->contents[i];
    return NULL;
}

void bodies_missed_note(struct bodies_missed *m, uint32_t content)
{
    if (!m->contents)
        m->contents = calloc(MISSED_MAX, sizeof *m->contents);
    if (!m->contents || find(m, content))
        return;
    uint32_t *place = &m->contents[m->next++ % MISSED_MAX];
    m->count += *place == 0;
    *place = content;
}

bool bodies_missed_take(struct bodies_missed *m, uint32_t content)
{
    uint32_t *place = find(m, content);

    if (!place)
        return false;
    *place = 0;
    if (--m->count == 0)
        bodies_missed_clear(m);
    return true;
}
