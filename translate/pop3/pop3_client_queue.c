/* See pop3_client_queue.h. */
#include "translate/pop3/pop3_client_queue.h"

#include <assert.h>
#include <stdlib.h>

enum { QUEUE_MIN = 8 };

static struct pop3_client_command *slot(const struct pop3_client_queue *q, size_t i)
{
    return &q->ring[(q->head + i) & (q->cap - 1)];
}

void pop3_client_queue_clear(struct pop3_client_queue *q)
{
    free(q->ring);
    *q = (struct pop3_client_queue){0};
}

static bool queue_grow(struct pop3_client_queue *q)
{
    size_t cap = q->cap ? q->cap * 2 : QUEUE_MIN;
    struct pop3_client_command *ring = calloc(cap, sizeof *ring);

    if (!ring)
        return false;
    for (size_t i = 0; i < q->count; i++)
        ring[i] = *slot(q, i);
    free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return true;
}

bool pop3_client_queue_add(struct pop3_client_queue *q, const struct pop3_client_command *command)
{
    if (q->count == q->cap && !queue_grow(q))
        return false;
    *slot(q, q->count++) = *command;
    return true;
}

const struct pop3_client_command *pop3_client_queue_send(struct pop3_client_queue *q)
{
    return q->sent < q->count ? slot(q, q->sent++) : NULL;
}

const struct pop3_client_command *pop3_client_queue_first(const struct pop3_client_queue *q)
{
    return q->sent ? slot(q, 0) : NULL;
}

void pop3_client_queue_drop(struct pop3_client_queue *q)
{
    assert(q->sent > 0);
    q->head = (q->head + 1) & (q->cap - 1);
    q->count--;
    q->sent--;
    /* An idle connection holds no memory for what it has once had to do. */
    if (q->count == 0)
        pop3_client_queue_clear(q);
}
