/* See pop3_client_queue.h. */
#include "translate/pop3/pop3_client_queue.h"

#include <assert.h>

static struct pop3_client_command *at(const struct pop3_client_queue *q, size_t i)
{
    return ring_at(&q->commands, i, sizeof(struct pop3_client_command));
}

void pop3_client_queue_clear(struct pop3_client_queue *q)
{
    ring_clear(&q->commands);
    q->sent = 0;
}

bool pop3_client_queue_add(struct pop3_client_queue *q, const struct pop3_client_command *command)
{
    struct pop3_client_command *added = ring_add(&q->commands, sizeof *added);

    if (added)
        *added = *command;
    return added != NULL;
}

const struct pop3_client_command *pop3_client_queue_send(struct pop3_client_queue *q)
{
    return q->sent < q->commands.count ? at(q, q->sent++) : NULL;
}

const struct pop3_client_command *pop3_client_queue_first(const struct pop3_client_queue *q)
{
    return q->sent ? at(q, 0) : NULL;
}

void pop3_client_queue_drop(struct pop3_client_queue *q)
{
    assert(q->sent > 0);
    ring_drop(&q->commands);
    q->sent--;
}
