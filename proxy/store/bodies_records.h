/*
 * What is small of many contents, gathered in few files, one kind of it: headers, messages, or what
 * is known of them. So neither a first scan of a mailbox makes thousands of files, nor a later one
 * reads them.
 *
 * A file of records is a pack. Records are appended to the last pack, never changed: {magic,
 * content, length, CRC-32 of these two and the octets}, then the octets. When it has reached its
 * size the next one is begun. A pack is a file of the cache as any other: the one that was used
 * longest ago makes room whole, and what is still wanted of it is brought anew. So is what is found
 * damaged, and what a crash has cut off. Where each record lies is kept in memory, from the first
 * use until the account is closed.
 *
 * All of this blocks: it is for the thread pool, and one piece of work at a time (`records_lock` in
 * proxy/store/bodies_parts.h).
 */
#ifndef PROXY_STORE_BODIES_RECORDS_H
#define PROXY_STORE_BODIES_RECORDS_H

#include "proxy/store/bodies_places.h"
#include "proxy/store/bodies_tally.h"
#include "translate/text/buf.h"

enum {
    BODIES_RECORD_MAX = 128 << 10,  /* octets of one record */
    BODIES_RECORDS_IN_CACHE = 16,   /* packs in the bound of a cache, of all kinds */
    BODIES_RECORDS_PACK = 16 << 20, /* octets of a pack, at most */
};

struct bodies_records {
    enum bodies_kind kind;
    uint64_t most; /* octets of a pack; one record may be longer */
    struct bodies_places places;
    uint32_t *unread; /* packs that were found and not looked into */
    size_t unread_count;
    uint32_t last; /* the pack that is appended to; 0: none */
    uint64_t end;  /* of its last record */
    bool open;     /* it can be appended to */

    /* While work goes on. */
    int dir;
    struct bodies_tally *tally;
    bool checked; /* the last pack is as it was left: it may have been evicted meanwhile */
    int fd;       /* of `pack`; -1: of none */
    uint32_t pack;
    char *window; /* octets of it, read ahead */
    uint64_t window_at;
    size_t window_n;
    char *tail; /* records that are not yet written, behind `end` */
    size_t tail_n;
};

/*
 * NULL, in the place of records, is what there was no memory for: nothing is there, nothing can be
 * found or put (ENOMEM), and there is nothing to be written or cleared.
 */

/* Empty. `cache`: octets of the account's cache. */
void bodies_records_init(struct bodies_records *r, enum bodies_kind kind, uint64_t cache);
void bodies_records_clear(struct bodies_records *r);

/* This pack is there. False when memory is out: then it is not read. Before the first begin. */
bool bodies_records_found(struct bodies_records *r, uint32_t number);

/* What is put from now on goes into a new pack. */
void bodies_records_seal(struct bodies_records *r);

/* A piece of work begins, in the account's directory of bodies; what becomes of packs is noted in
 * `tally`. Both outlive it. */
void bodies_records_begin(struct bodies_records *r, int dir, struct bodies_tally *tally);

/* It ends: writes what was put, or forgets it. */
void bodies_records_end(struct bodies_records *r);

/* Whether there is a record of the content. */
bool bodies_records_has(struct bodies_records *r, uint32_t content);

/* Appends the content's octets to `out`. False when it is not there, or damaged: then its pack is
 * deleted. */
bool bodies_records_get(struct bodies_records *r, uint32_t content, struct buf *out);

/* Remembers octets, at most BODIES_RECORD_MAX; they are written with others, at the latest by
 * bodies_records_flush(). False with errno: then others that were put may be forgotten too, and
 * bodies_records_has() tells which. */
bool bodies_records_put(struct bodies_records *r, uint32_t content, struct slice octets);
bool bodies_records_flush(struct bodies_records *r);

#endif
