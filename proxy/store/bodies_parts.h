/*
 * What the files bodies*.c share of an account's bodies. Nobody else includes this.
 */
#ifndef PROXY_STORE_BODIES_PARTS_H
#define PROXY_STORE_BODIES_PARTS_H

#include <stdatomic.h>

#include "proxy/net/loop.h"
#include "proxy/store/bodies.h"
#include "proxy/store/bodies_dir.h"
#include "proxy/store/bodies_index.h"
#include "proxy/store/bodies_missed.h"
#include "proxy/store/bodies_records.h"

/*
 * A message that is read while it is written (bodies_growth.c). Embedded in its writer, and in the
 * account's list as long as it can be followed. On the loop only.
 */
struct bodies_growth {
    struct bodies_growth *next;
    struct bodies_account *account;
    uint32_t content;
    uint64_t total;                  /* announced */
    uint64_t written;                /* octets in the file */
    int fd;                          /* the file, for reading; -1: not there yet */
    struct bodies_reader *followers; /* by their `follower` */
};

void bodies_growth_begin(struct bodies_growth *g, struct bodies_account *a, uint32_t content,
                         uint64_t total);

/* NULL: no such message is being written. */
struct bodies_growth *bodies_growth_find(const struct bodies_account *a, uint32_t content);

/* How far it may be read: the end is held back until it is known to be the end. */
uint64_t bodies_growth_ready(const struct bodies_growth *g);

/* `written` octets are in the file `fd` now, which is duplicated. */
void bodies_growth_progress(struct bodies_growth *g, int fd, uint64_t written);

/* It is all there, `written` octets under its name; `key`: of a durable one, else NULL. */
void bodies_growth_end(struct bodies_growth *g, uint64_t written, const char *key);

/* The rest will not come. */
void bodies_growth_fail(struct bodies_growth *g, const struct failure *why);

void bodies_growth_follow(struct bodies_growth *g, struct bodies_reader *r);
void bodies_growth_leave(struct bodies_growth *g, const struct bodies_reader *r);

/* bodies_reader.c: what a follower learns. The last two are the end of the growth. */
struct bodies_reader **bodies_reader_follower(struct bodies_reader *r);
void bodies_reader_grew(struct bodies_reader *r);
void bodies_reader_settle(struct bodies_reader *r, const char *key);
void bodies_reader_fail(struct bodies_reader *r, const struct failure *why);

/*
 * A small part that is written with others (bodies_packer.c). Embedded in its writer, and in the
 * account's list from bodies_pack() until bodies_writer_packed().
 */
struct bodies_packed {
    struct bodies_packed *next;
    uint32_t content;
    enum account_part part;
    struct buf octets;
    bool missed;                  /* its structure was asked for: it is made, */
    struct mime_message *message; /* owned; the first who asks then takes it */
    struct buf text;              /* as it is remembered */
    struct failure why;
};

/* Its octets will be written soon. On the loop. */
void bodies_pack(struct bodies_account *a, struct bodies_packed *p);

/* Takes it out again. False when it is being written: bodies_writer_packed() comes. */
bool bodies_pack_withdraw(struct bodies_account *a, const struct bodies_packed *p);

/* What was just written, of this content: the part, or the whole of which it is one. NULL: none. */
struct bodies_packed *bodies_pack_fresh(struct bodies_account *a, uint32_t content,
                                        enum account_part part);

/* bodies_writer.c: it was written, or `why` says why not; the owner is told. Then the writer goes,
 * when nobody has use for the octets any more. */
void bodies_writer_packed(struct bodies_packed *p);
void bodies_writer_unpacked(struct bodies_packed *p);

/* bodies_small.c: gives what was taken from memory. The next one of the list. */
struct bodies_small *bodies_small_give(struct bodies_small *s);

/* bodies_parse.c: gives what was made with the message. The next one of the list. */
struct bodies_parse *bodies_parse_give(struct bodies_parse *p);

struct bodies_packing {
    uv_work_t *work; /* owned, while it is under way; NULL: it is not */
    struct bodies_packed *wanted;
    struct bodies_packed *first; /* being written; the pool's */
    struct bodies_tally tally;
    struct bodies_packed *fresh;              /* written, and still in memory */
    struct bodies_packed *fresh_next;         /* of them, to be looked at next */
    struct bodies_small *asked, **asked_last; /* of them */
    struct bodies_parse *parses, **parses_last;
};

struct bodies_account {
    struct bodies *shared;
    struct loop *loop;
    char *name;     /* of the account's directory */
    int accounts;   /* the directory it is in; the store's */
    unsigned users; /* the owner, and work that will call back */
    bool closing;   /* the owner has gone */
    bool small_busy;
    bool parse_busy;
    atomic_bool crowded; /* there is too much, and all that is left is the pack written last */
    uint64_t limit;      /* of its cache, octets */
    uint64_t key_next;
    uint64_t temporary_next;
    struct bodies_index index;
    struct bodies_growth *growing;
    struct loop_task soon;   /* what was asked for in a turn of the loop begins together; the end */
    uv_mutex_t records_lock; /* held by the pool's work while it uses `records` */
    struct bodies_records *records[BODIES_KINDS]; /* owned, those of packs; NULL: not used yet */
    struct bodies_packing packing;
    struct bodies_texts *texts_wanted; /* the first is under way */
    struct bodies_small *small_wanted;
    struct buf small_spare; /* without octets: memory for the next batch, while one is under way */
    struct bodies_parse *parse_wanted;
    struct bodies_missed missed; /* structures of messages that were not there */
    void (*told)(void *owner);
    void *told_owner;
    void (*closed)(void *owner);
    void *closed_owner;
};

/* Writers' owners were told. */
void bodies_told(const struct bodies_account *a);

/* Before the loop waits again, what is wanted begins: bodies_packing_begin() and the other two,
 * each unless such work is under way. */
void bodies_soon(struct bodies_account *a);
void bodies_packing_begin(struct bodies_account *a);
void bodies_small_begin(struct bodies_account *a);
void bodies_recall_begin(struct bodies_account *a);

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

/* On the pool, with the lock: a piece of work with records of that kind begins, which are
 * a->records[kind] from now on. NULL when memory is out, which the records' functions know. */
struct bodies_records *bodies_begin(struct bodies_account *a, enum bodies_kind kind, int dir,
                                    struct bodies_tally *t);

/* What the pool's work has done with files: counts it, and clears the tally. On the loop. */
void bodies_settle_tally(struct bodies_account *a, struct bodies_tally *t);

/* On the pool: opens what there is of a message, its durable body when it has a key, else what the
 * cache has. Negative with errno. */
int bodies_open_whole(const struct bodies_account *a, int dir, uint32_t content, const char *key);

/* Whether a durable body has `least` octets; else `*why`: to give what is left would be to invent a
 * message. */
bool bodies_is_long_enough(uint64_t octets, uint64_t least, struct failure *why);

/* How much of the octets is a header, its empty line included. False when it has no end there. */
bool bodies_header_ends(struct slice octets, size_t *n);

/* On the pool, while work with the structures' records goes on: the structure as it was remembered,
 * among others or, where there are any such files, by itself (`singles`). NULL: it was not. */
struct mime_message *bodies_recall(struct bodies_account *a, int dir, uint32_t content,
                                   bool singles);

/* Any thread. The structure of a whole message, owned by the caller; NULL when memory is out. */
struct mime_message *bodies_structure_of(const struct buf *octets);

/* Any thread, between bodies_begin() and bodies_records_end(). What is too long, or cannot be
 * written, is made again when it is next asked for. */
void bodies_remember(struct bodies_records *records, uint32_t content, const struct buf *text);

/* pread() that begins again when a signal interrupts it. */
ssize_t bodies_pread(int fd, void *p, size_t n, uint64_t offset);

#endif
