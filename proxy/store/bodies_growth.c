/*
 * Messages that are read while they are written: who follows which writer, and how far. The writer
 * tells what is in its file, the readers read there by a descriptor of their own. What the
 * message's size was announced to be is a promise to clients that nobody can take back, so the last
 * octet stays here until the writer has ended at just that size.
 */
#include <unistd.h>

#include "proxy/store/bodies_parts.h"

void bodies_growth_begin(struct bodies_growth *g, struct bodies_account *a, uint32_t content,
                         uint64_t total)
{
    *g = (struct bodies_growth){.account = a, .content = content, .total = total, .fd = -1};
    g->next = a->growing;
    a->growing = g;
}

struct bodies_growth *bodies_growth_find(const struct bodies_account *a, uint32_t content)
{
    struct bodies_growth *g = a->growing;

    while (g && g->content != content)
        g = g->next;
    return g;
}

uint64_t bodies_growth_ready(const struct bodies_growth *g)
{
    return g->written < g->total ? g->written : g->total - 1;
}

/* Nobody finds it any more. */
static void growth_close(struct bodies_growth *g)
{
    struct bodies_growth **slot = &g->account->growing;

    while (*slot && *slot != g)
        slot = &(*slot)->next;
    if (*slot)
        *slot = g->next;
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
}

void bodies_growth_fail(struct bodies_growth *g, const struct failure *why)
{
    growth_close(g);
    while (g->followers) {
        struct bodies_reader *r = g->followers;
        g->followers = *bodies_reader_follower(r);
        bodies_reader_fail(r, why);
    }
}

static void growth_refuse(struct bodies_growth *g, const char *relation)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY,
                "the message has %s octets than the mail server had said (%llu), fetch it again",
                relation, (unsigned long long)g->total);
    bodies_growth_fail(g, &why);
}

/* Without a descriptor to spare the followers wait for the next octets, or for the end. */
void bodies_growth_progress(struct bodies_growth *g, int fd, uint64_t written)
{
    g->written = written;
    if (written > g->total) {
        growth_refuse(g, "more");
        return;
    }
    if (g->fd < 0 && fd >= 0)
        g->fd = dup(fd);
    for (struct bodies_reader *r = g->followers; r; r = *bodies_reader_follower(r))
        bodies_reader_grew(r);
}

void bodies_growth_end(struct bodies_growth *g, uint64_t written, const char *key)
{
    if (written != g->total) {
        growth_refuse(g, written > g->total ? "more" : "fewer");
        return;
    }
    growth_close(g);
    while (g->followers) {
        struct bodies_reader *r = g->followers;
        g->followers = *bodies_reader_follower(r);
        bodies_reader_settle(r, key);
    }
}

void bodies_growth_follow(struct bodies_growth *g, struct bodies_reader *r)
{
    *bodies_reader_follower(r) = g->followers;
    g->followers = r;
}

void bodies_growth_leave(struct bodies_growth *g, const struct bodies_reader *r)
{
    struct bodies_reader **slot = &g->followers;

    while (*slot != r)
        slot = bodies_reader_follower(*slot);
    *slot = *bodies_reader_follower(*slot);
}
