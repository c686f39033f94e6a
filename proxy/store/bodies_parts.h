/*
 * What the files bodies*.c share of an account's bodies. Nobody else includes this.
 */
#ifndef PROXY_STORE_BODIES_PARTS_H
#define PROXY_STORE_BODIES_PARTS_H

#include "proxy/store/bodies.h"
#include "proxy/store/bodies_dir.h"
#include "proxy/store/bodies_index.h"
#include "proxy/store/bodies_records.h"

struct bodies_account {
    struct bodies *shared;
    uv_loop_t *loop;
    char *name;     /* of the account's directory */
    int accounts;   /* the directory it is in; the store's */
    uint64_t limit; /* of its cache, octets */
    uint64_t key_next;
    uint64_t temporary_next;
    struct bodies_index index;
    struct bodies_records headers; /* the pool's, while a batch is under way */
    struct bodies_small *small_wanted;
    bool small_busy;
    struct bodies_records structures; /* the same */
    struct bodies_parse *parse_wanted;
    bool parse_busy;
    unsigned users; /* the owner, and work that will call back */
    bool closing;   /* the owner has gone */
    void (*closed)(void *owner);
    void *closed_owner;
};

/* Work holds the account; the last one that lets go frees it. Both on the loop. */
void bodies_hold(struct bodies_account *a);
void bodies_let_go(struct bodies_account *a);

/* Any thread. disk_failure() for a file of the account, with the present errno. */
void bodies_failed(const struct bodies_account *a, const char *doing, const char *name,
                   struct failure *why);

/* A file of the cache was written: counts it, and makes room for it. On the loop. */
void bodies_came(struct bodies_account *a, uint32_t content, enum bodies_kind kind, uint64_t size);

/* A file of the cache was looked for and is not there. On the loop. */
void bodies_went(struct bodies_account *a, uint32_t content, enum bodies_kind kind);

static inline enum bodies_kind bodies_kind_of(enum account_part part)
{
    return part == ACCOUNT_HEADER ? BODIES_HEAD : BODIES_MAIL;
}

/* On the pool: opens what there is of a message, its durable body when it has a key, else what the
 * cache has. Negative with errno. */
int bodies_open_whole(const struct bodies_account *a, int dir, uint32_t content, const char *key);

/* pread() that begins again when a signal interrupts it. */
ssize_t bodies_pread(int fd, void *p, size_t n, uint64_t offset);

#endif
