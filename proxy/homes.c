#include "proxy/homes.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "translate/text/slice.h"

enum { HOMES_BUCKETS = 4096 };

struct homes {
    uv_mutex_t lock;
    struct home *buckets[HOMES_BUCKETS];
    size_t count;
    size_t accounts[]; /* of each house */
};

struct homes *homes_new(size_t count)
{
    struct homes *h = calloc(1, sizeof *h + count * sizeof h->accounts[0]);

    if (!h)
        return NULL;
    h->count = count;
    if (uv_mutex_init(&h->lock) < 0) {
        free(h);
        return NULL;
    }
    return h;
}

void homes_free(struct homes *h)
{
    if (!h)
        return;
    uv_mutex_destroy(&h->lock);
    free(h);
}

/* The link that leads to the account's home, or to the end of its bucket. Keys are of users who
 * were let in. */
static struct home **homes_find(struct homes *h, const char *key)
{
    struct home **link = &h->buckets[slice_hash(slice_of(key), 0) % HOMES_BUCKETS];

    while (*link && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    return link;
}

static struct home *home_new(const char *key, size_t number)
{
    size_t size = strlen(key) + 1;
    struct home *home = malloc(sizeof *home + size);

    if (!home)
        return NULL;
    *home = (struct home){.number = number};
    memcpy(home->key, key, size);
    return home;
}

static size_t homes_emptiest(const struct homes *h, size_t number)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->accounts[i] < h->accounts[number])
            number = i;
    return number;
}

static struct home *homes_add(struct homes *h, const char *key, size_t number)
{
    struct home *home = home_new(key, homes_emptiest(h, number));

    if (home)
        h->accounts[home->number]++;
    return home;
}

struct home *homes_enter(struct homes *h, const char *key, size_t number)
{
    uv_mutex_lock(&h->lock);
    struct home **link = homes_find(h, key);
    if (!*link)
        *link = homes_add(h, key, number);
    struct home *home = *link;
    if (home)
        home->holders++;
    uv_mutex_unlock(&h->lock);
    return home;
}

void homes_leave(struct homes *h, struct home *home)
{
    if (!home)
        return;
    uv_mutex_lock(&h->lock);
    if (--home->holders == 0) {
        *homes_find(h, home->key) = home->next;
        h->accounts[home->number]--;
        free(home);
    }
    uv_mutex_unlock(&h->lock);
}
