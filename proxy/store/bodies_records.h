/*
 * The headers of an account in one file, the structures of its messages in another, and so on, so
 * that a scan of a whole mailbox reads one file from front to back and not thousands. Such a file
 * is a part of the cache like any other (that of content 0, which no message has): what is lost or
 * damaged of it is brought anew, from the files of single messages or from the upstream.
 *
 * Records are appended, never changed: {magic, content, length, CRC-32 of these two and the
 * octets}, then the octets. Where each one lies is kept in memory, sixteen octets for a message,
 * from the first use until the account is closed.
 *
 * All of this blocks: it is for the thread pool, and one piece of work at a time (`records_lock` in
 * proxy/store/bodies_parts.h).
 */
#ifndef PROXY_STORE_BODIES_RECORDS_H
#define PROXY_STORE_BODIES_RECORDS_H

#include "proxy/store/bodies_dir.h"
#include "translate/text/buf.h"

enum { BODIES_RECORD_MAX = 65536 }; /* octets of one record */

struct bodies_place {
    uint32_t content; /* 0: none */
    uint32_t length;
    uint64_t offset; /* of the octets */
};

struct bodies_records {
    enum bodies_kind kind;
    struct bodies_place *places; /* a hash table */
    size_t capacity, count;
    uint64_t end; /* of the last record; 0: the file was not looked at */
    int fd;       /* while it is open */
    char *window; /* octets of the file, read ahead; while it is open */
    uint64_t window_at;
    size_t window_n;
};

/* Empty: of any kind but BODIES_MAIL. */
void bodies_records_init(struct bodies_records *r, enum bodies_kind kind);
void bodies_records_clear(struct bodies_records *r);

/* Opens the file in the account's directory of bodies, and makes it when it is missing. One that is
 * larger than `most` is begun anew. False: nothing is remembered for now. */
bool bodies_records_open(struct bodies_records *r, int dir, uint64_t most);
void bodies_records_close(struct bodies_records *r);

/* Appends the content's octets to `out`. False when it is not there, or damaged: then it is
 * forgotten. */
bool bodies_records_get(struct bodies_records *r, uint32_t content, struct buf *out);

/* Remembers octets. What is too long, or cannot be written, is not remembered. */
void bodies_records_put(struct bodies_records *r, uint32_t content, struct slice octets);

#endif
