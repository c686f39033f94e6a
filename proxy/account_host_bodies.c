/*
 * Octets that an account gives to be kept, part by part.
 */
#include <stdlib.h>

#include "proxy/account_host_parts.h"

/* A part that is being written. */
struct account_keep {
    struct account_keep *next;
    struct account_host *host;
    struct bodies_writer *writer;
    uint32_t content;
    enum account_part part;
};

static struct account_keep **keep_find(struct account_host *h, uint32_t content,
                                       enum account_part part)
{
    struct account_keep **slot = &h->keeps;

    while (*slot && ((*slot)->content != content || (*slot)->part != part))
        slot = &(*slot)->next;
    return slot;
}

static void keep_remove(struct account_keep *k)
{
    *keep_find(k->host, k->content, k->part) = k->next;
    free(k);
}

size_t account_host_keep_queued(const struct account_host *h)
{
    size_t octets = 0;

    for (const struct account_keep *k = h->keeps; k; k = k->next)
        octets += bodies_writer_queued(k->writer);
    return octets;
}

static void on_progress(void *owner, struct bodies_writer *w)
{
    struct account_keep *k = owner;

    (void)w;
    account_host_tell(k->host);
    account_host_pump(k->host);
}

static void on_done(void *owner, struct bodies_writer *w, char *key, const char *digest,
                    const struct failure *why)
{
    struct account_keep *k = owner;
    struct account_host *h = k->host;
    uint32_t content = k->content;
    enum account_part part = k->part;

    (void)w;
    (void)digest; /* the account made its own of what it received */
    keep_remove(k);
    account_host_tell(h);
    account_kept(h->account, content, part, key, why);
}

void account_host_told(void *owner)
{
    account_host_pump(owner);
}

static const struct bodies_writer_handler handler = {on_progress, on_done};

static struct bodies_writer *writer_for(struct account_host *h, const struct account_action *action,
                                        struct account_keep *k)
{
    return action->durable
               ? bodies_write_durable(h->bodies, &handler, k)
               : bodies_write_cached(h->bodies, action->content, action->part, &handler, k);
}

static void keep_begin(struct account_host *h, const struct account_action *action)
{
    struct account_keep *k = calloc(1, sizeof *k);
    struct failure why;

    if (k && (k->writer = writer_for(h, action, k)) != NULL) {
        k->host = h;
        k->content = action->content;
        k->part = action->part;
        k->next = h->keeps;
        h->keeps = k;
        if (action->announced)
            bodies_writer_announce(k->writer, action->content, action->announced);
        return;
    }
    free(k);
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    account_kept(h->account, action->content, action->part, NULL, &why);
}

static void keep_abort(struct account_keep *k)
{
    bodies_writer_abort(k->writer);
    keep_remove(k);
}

/* Of what could not be written the rest may still come: it is passed over. */
void account_host_keep(struct account_host *h, struct account_action *action)
{
    struct account_keep *k = *keep_find(h, action->content, action->part);

    switch (action->type) {
    case ACCOUNT_KEEP_BEGIN:
        if (k)
            keep_abort(k);
        keep_begin(h, action);
        break;
    case ACCOUNT_KEEP_DATA:
        if (k)
            bodies_writer_data(k->writer, action->octets);
        break;
    case ACCOUNT_KEEP_END:
        if (k)
            bodies_writer_end(k->writer);
        break;
    default:
        if (k)
            keep_abort(k);
        break;
    }
}

void account_host_keep_none(struct account_host *h)
{
    while (h->keeps) {
        struct account_keep *k = h->keeps;
        h->keeps = k->next;
        bodies_writer_abort(k->writer);
        free(k);
    }
}
