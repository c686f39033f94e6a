#include "proxy/gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "translate/text/slice.h"

enum { GATE_BUCKETS = 1024 };

struct gate_entry {
    struct gate_entry *next;
    struct gate_address address;
    unsigned clients;
    unsigned waiting; /* of them, for a login */
};

struct gate {
    uv_mutex_t lock;
    uint64_t seed; /* so that nobody can choose addresses that share a bucket */
    unsigned clients;
    struct gate_entry *buckets[GATE_BUCKETS];
};

struct gate *gate_new(void)
{
    struct gate *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    if (uv_mutex_init(&g->lock) < 0) {
        free(g);
        return NULL;
    }
    if (getrandom(&g->seed, sizeof g->seed, GRND_NONBLOCK) < 0)
        g->seed = uv_hrtime();
    return g;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < GATE_BUCKETS; i++) {
        while (g->buckets[i]) {
            struct gate_entry *entry = g->buckets[i];
            g->buckets[i] = entry->next;
            free(entry);
        }
    }
    uv_mutex_destroy(&g->lock);
    free(g);
}

struct gate_address gate_address_make(const struct sockaddr *peer)
{
    struct gate_address a = {0};

    if (peer->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)peer;
        a.known = true;
        memset(a.octets + 10, 0xff, 2);
        memcpy(a.octets + 12, &in->sin_addr, 4);
    } else if (peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)peer;
        a.known = true;
        memcpy(a.octets, &in6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) ? 16 : 8);
    }
    return a;
}

struct gate_address gate_address_of(int fd)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;

    if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
        return (struct gate_address){0};
    return gate_address_make((const struct sockaddr *)&peer);
}

void gate_address_print(const struct gate_address *a, char *out, size_t cap)
{
    struct in6_addr in6;
    char text[INET6_ADDRSTRLEN] = "unix";

    memcpy(&in6, a->octets, sizeof in6);
    bool v4 = IN6_IS_ADDR_V4MAPPED(&in6);
    if (a->known)
        inet_ntop(v4 ? AF_INET : AF_INET6, a->octets + (v4 ? 12 : 0), text, sizeof text);
    snprintf(out, cap, "%s%s", text, a->known && !v4 ? "/64" : "");
}

static struct gate_entry **gate_bucket(struct gate *g, const struct gate_address *a)
{
    struct slice octets = slice_make((const char *)a->octets, sizeof a->octets);

    return &g->buckets[slice_hash(octets, g->seed) % GATE_BUCKETS];
}

/* The link that leads to the address's entry, or to the end of its bucket. */
static struct gate_entry **gate_find(struct gate *g, const struct gate_address *a)
{
    struct gate_entry **link = gate_bucket(g, a);

    while (*link && memcmp((*link)->address.octets, a->octets, sizeof a->octets) != 0)
        link = &(*link)->next;
    return link;
}

/* NULL when memory is out. An entry that counts nobody is the caller's to drop. */
static struct gate_entry *gate_find_or_add(struct gate *g, const struct gate_address *a)
{
    struct gate_entry **link = gate_find(g, a);

    if (!*link)
        *link = calloc(1, sizeof **link);
    if (*link)
        (*link)->address = *a;
    return *link;
}

static void gate_drop_unused(struct gate *g, const struct gate_address *a)
{
    struct gate_entry **link = gate_find(g, a);
    struct gate_entry *entry = *link;

    if (!entry || entry->clients)
        return;
    *link = entry->next;
    free(entry);
}

static bool gate_has_room(const struct gate_entry *e, const struct config_limits *limits,
                          bool trusted, struct failure *why)
{
    if (e->clients >= limits->connections_per_address)
        failure_set(why, FAILURE_TEMPORARY,
                    "too many connections from your address (%u), close one or try again later",
                    limits->connections_per_address);
    else if (!trusted && e->waiting >= limits->unauthenticated_per_address)
        failure_set(why, FAILURE_TEMPORARY,
                    "too many connections from your address that have not logged in (%u), log in "
                    "there or try again later",
                    limits->unauthenticated_per_address);
    else
        return true;
    return false;
}

static bool gate_count_address(struct gate *g, struct gate_client *c,
                               const struct config_limits *limits, bool trusted,
                               struct failure *why)
{
    struct gate_entry *entry = gate_find_or_add(g, &c->address);

    if (!entry) {
        failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
        return false;
    }
    if (!gate_has_room(entry, limits, trusted, why)) {
        gate_drop_unused(g, &c->address);
        return false;
    }
    entry->clients++;
    entry->waiting++;
    c->waiting = true;
    return true;
}

bool gate_enter(struct gate *g, struct gate_client *c, const struct config_limits *limits,
                bool trusted, struct failure *why)
{
    bool in = true;

    uv_mutex_lock(&g->lock);
    c->waiting = false;
    if (g->clients >= limits->connections) {
        failure_set(why, FAILURE_TEMPORARY, "too many connections, try again later");
        in = false;
    } else if (c->address.known) {
        in = gate_count_address(g, c, limits, trusted, why);
    }
    if (in)
        g->clients++;
    uv_mutex_unlock(&g->lock);
    return in;
}

static void gate_stop_waiting(struct gate *g, struct gate_client *c)
{
    struct gate_entry *entry = c->waiting ? *gate_find(g, &c->address) : NULL;

    if (entry)
        entry->waiting--;
    c->waiting = false;
}

void gate_logged_in(struct gate *g, struct gate_client *c)
{
    uv_mutex_lock(&g->lock);
    gate_stop_waiting(g, c);
    uv_mutex_unlock(&g->lock);
}

void gate_leave(struct gate *g, struct gate_client *c)
{
    uv_mutex_lock(&g->lock);
    g->clients--;
    gate_stop_waiting(g, c);
    struct gate_entry *entry = c->address.known ? *gate_find(g, &c->address) : NULL;
    if (entry) {
        entry->clients--;
        gate_drop_unused(g, &c->address);
    }
    uv_mutex_unlock(&g->lock);
}
