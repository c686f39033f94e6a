/* See imap_pending.h. */
#include "translate/imap/imap_pending.h"

struct command {
    uint32_t number;
    int purpose;
};

static struct command *at(const struct imap_pending *p, size_t i)
{
    return ring_at(&p->commands, i, sizeof(struct command));
}

void imap_pending_clear(struct imap_pending *p)
{
    ring_clear(&p->commands);
}

bool imap_pending_add(struct imap_pending *p, uint32_t number, int purpose)
{
    struct command *added = ring_add(&p->commands, sizeof *added);

    if (added)
        *added = (struct command){number, purpose};
    return added != NULL;
}

bool imap_pending_take(struct imap_pending *p, uint32_t number, int *purpose)
{
    size_t i = 0;

    while (i < p->commands.count && at(p, i)->number != number)
        i++;
    if (i == p->commands.count)
        return false;
    *purpose = at(p, i)->purpose;
    /* The older ones move up by one, the oldest one's place becomes free. */
    for (; i > 0; i--)
        *at(p, i) = *at(p, i - 1);
    ring_drop(&p->commands);
    return true;
}

bool imap_pending_has(const struct imap_pending *p, int purpose)
{
    for (size_t i = 0; i < p->commands.count; i++)
        if (at(p, i)->purpose == purpose)
            return true;
    return false;
}
