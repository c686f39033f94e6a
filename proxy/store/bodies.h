/*
 * Messages' octets on disk, in a directory of each account (proxy/store/bodies_dir.h tells the
 * names). Two kinds lie there:
 *
 * The cache holds what was fetched from the upstream, by content and part: small parts many in a
 * file (proxy/store/bodies_records.h), others each in a file that appears whole, by rename, or not
 * at all. It is bounded, for the account and for all together; the file that was used longest ago
 * makes room, of accounts that nobody has open a whole cache (proxy/store/bodies_idle.h). Nothing
 * of it is synced: what a crash takes is fetched again. The file that was written last stays even
 * if it is larger than the bound: somebody wants to read it.
 *
 * Durable bodies have a key and are not evicted: messages that are nowhere else. They are on the
 * disk, with their name, before they are reported.
 *
 * All work on files is done by the thread pool. The objects of one account belong to one loop; the
 * callbacks come there, never from inside a call of these functions. Failures are sentences with
 * the remedy (the kinds of proxy/store/disk.h).
 *
 * What is being written can be read already when its size was announced: the reader follows the
 * writer, and has the end only when the writer has ended at just that size.
 *
 * A reader that has begun reads on whatever happens to the name of its file: eviction and a new
 * file in its place concern the next reader. Where an eviction crosses a writer of the same file,
 * the file may be gone although it was reported: who asks for it then finds it absent.
 */
#ifndef PROXY_STORE_BODIES_H
#define PROXY_STORE_BODIES_H

#include <uv.h>

#include "proxy/store/bodies_keys.h"
#include "proxy/store/store.h"
#include "translate/mailbox/account.h"
#include "translate/mailbox/mailbox_texts.h"
#include "translate/mime/mime_message.h"

enum { BODIES_PIECE = 65536 }; /* octets that a reader hands out at once, at most */

/* ---- what all accounts share ---- */

struct bodies;

/* `octets` bounds the caches of all accounts together. The store outlives it. NULL when memory or
 * threads are out. */
struct bodies *bodies_new(const struct store *store, uint64_t octets);
void bodies_free(struct bodies *b); /* NULL is fine */

/* Waits until the caches of accounts that are not open are within the bound. It blocks. */
void bodies_settle(struct bodies *b);

/* ---- an account ---- */

struct bodies_account;

/* `opened` says that the account is ready, or why it is not; then it still has to be closed. */
typedef void (*bodies_opened)(void *owner, const struct failure *why);

struct bodies_options {
    struct slice account; /* its key, as in the store */
    uint64_t octets;      /* bound of its cache */
    bool newborn;         /* its state was never written, or lost: numbers of contents begin anew,
                             and what is in the cache belongs to other messages; durable bodies
                             are moved aside (proxy/store/bodies_keys.h) */
    void (*told)(void *owner); /* the owners of some writers were told that they are done: what
                                  follows from it may be begun. NULL: nobody needs to know */
    struct bodies_keys *named; /* by the state, which was read to its end: durable bodies that it
                                  does not name are deleted. Taken over: empty then. NULL: none
                                  is. */
};

/* Looks at what is there and takes leftovers of crashes away. NULL when memory is out. No other
 * function is called with it before `opened`, but bodies_account_close(): so no body is younger
 * than the state that names it. */
struct bodies_account *bodies_account_open(struct bodies *b, uv_loop_t *loop,
                                           const struct bodies_options *options,
                                           bodies_opened opened, void *owner);

/* What is under way is cancelled first, by those who began it; work of the pool goes on by itself.
 * `closed` (may be NULL) comes when the last of it has ended and the memory is about to go; not
 * before that may the same account be opened again. */
void bodies_account_close(struct bodies_account *a, void (*closed)(void *owner), void *owner);

/* Octets in its cache. */
uint64_t bodies_account_octets(const struct bodies_account *a);

/* Deletes a durable body that no message refers to any more. What goes wrong costs room on the disk
 * and is logged. */
void bodies_release(struct bodies_account *a, const char *key);

/* ---- writing ---- */

struct bodies_writer;

struct bodies_writer_handler {
    /* Fewer octets are queued than before. */
    void (*on_progress)(void *owner, struct bodies_writer *w);
    /* It is there, or `why` says why not; comes once, after bodies_writer_end() or as soon as
     * anything failed, and is the last: the writer goes with its return. Of a durable one `key` is
     * the receiver's, and `digest` the SHA-256 of its octets in hex, valid until it returns. */
    void (*on_done)(void *owner, struct bodies_writer *w, char *key, const char *digest,
                    const struct failure *why);
};

/* Writes a part of a content into the cache. NULL when memory is out, as below. */
struct bodies_writer *bodies_write_cached(struct bodies_account *a, uint32_t content,
                                          enum account_part part,
                                          const struct bodies_writer_handler *handler, void *owner);

/* Writes a durable body, under a key of its own. */
struct bodies_writer *bodies_write_durable(struct bodies_account *a,
                                           const struct bodies_writer_handler *handler,
                                           void *owner);

/* The octets will be the whole of this content, `total` (not 0) of them as far as anybody knows:
 * from now on bodies_read() finds it, as long as it has no key. Before any octets are given. */
void bodies_writer_announce(struct bodies_writer *w, uint32_t content, uint64_t total);

/* Copies the octets. They are queued while the disk is busy: who feeds it stops while
 * bodies_writer_queued() is high. */
void bodies_writer_data(struct bodies_writer *w, struct slice octets);
size_t bodies_writer_queued(const struct bodies_writer *w);

/* All octets came. */
void bodies_writer_end(struct bodies_writer *w);

/* Forgets it: no callback comes, and nothing stays on the disk. Not after `on_done`; after
 * bodies_writer_end() what is written may still stay. */
void bodies_writer_abort(struct bodies_writer *w);

/* ---- reading ---- */

struct bodies_reader;

enum bodies_outcome {
    BODIES_DONE,   /* the range was given, as far as the part goes */
    BODIES_ABSENT, /* it is not there */
    BODIES_FAILED, /* `why` */
    BODIES_LONG,   /* bodies_small() only: it is there, for bodies_read() */
};

struct bodies_range {
    uint32_t content;
    const char *key; /* of a durable body of the content, borrowed; NULL: none. One that is not
                        there is looked for in the cache. */
    enum account_part part;
    uint64_t offset, length;
    uint64_t least; /* octets that a durable body is known to have: a shorter one fails */
};

struct bodies_reader_handler {
    /* The next octets, at most BODIES_PIECE; takes from the front of `*in` what there is room for.
     * What it leaves is offered again after bodies_reader_resume(). */
    void (*on_data)(void *owner, struct bodies_reader *r, struct slice *in);
    /* The end; comes once, and is the last: the reader goes with its return. */
    void (*on_done)(void *owner, struct bodies_reader *r, enum bodies_outcome outcome,
                    const struct failure *why);
};

/* A header is found in the whole message too, where only that is there. Of what is being written
 * under an announced total, at least the last octet is given only when that total has proved right:
 * BODIES_FAILED as soon as it proves wrong, or the rest does not come. NULL when memory is out. */
struct bodies_reader *bodies_read(struct bodies_account *a, const struct bodies_range *range,
                                  const struct bodies_reader_handler *handler, void *owner);

/* Octets of the whole part, or what was announced; from the first on_data on and in on_done. */
uint64_t bodies_reader_total(const struct bodies_reader *r);

/* There is room again. May be called from on_data. */
void bodies_reader_resume(struct bodies_reader *r);

/* No callback comes any more. */
void bodies_reader_cancel(struct bodies_reader *r);

/* ---- headers and small messages ---- */

enum { BODIES_SMALL_MAX = 128 << 10 }; /* octets; what has as many or more is not small */

struct bodies_small;

/* All octets of the part, valid until it returns; comes once, never from inside bodies_small(). */
typedef void (*bodies_small_done)(void *owner, enum bodies_outcome outcome, struct slice octets,
                                  const struct failure *why);

/* A part as bodies_read() finds it, at once; the range in it is nothing to this, but that a length
 * of 0 asks only whether it is there, whatever its size. What is asked for while others are being
 * read comes with the next ones; what is asked for by a writer's `on_done` comes from memory. NULL
 * when memory is out, and for a whole message that is being written: bodies_read() may follow it.
 */
struct bodies_small *bodies_small(struct bodies_account *a, const struct bodies_range *what,
                                  bodies_small_done done, void *owner);

/* `done` does not come. */
void bodies_small_cancel(struct bodies_small *s);

/* ---- what is remembered of many ---- */

struct bodies_texts;

/* `t` is the receiver's again. Never from inside bodies_texts(). */
typedef void (*bodies_texts_done)(void *owner, struct mailbox_texts *t);

/* Looks for what is asked of messages (translate/mailbox/mailbox_texts.h), and makes it from
 * headers and structures that are remembered. `t` is taken over. NULL when memory is out: `t` is
 * still the caller's then. */
struct bodies_texts *bodies_texts(struct bodies_account *a, struct mailbox_texts *t,
                                  bodies_texts_done done, void *owner);

/* `done` does not come. */
void bodies_texts_cancel(struct bodies_texts *x);

/* ---- structure ---- */

struct bodies_parse;

/* The receiver owns `message`; NULL: absent when `why->kind` is FAILURE_NONE, else the reason. */
typedef void (*bodies_parsed)(void *owner, struct mime_message *message, const struct failure *why);

/* The structure of a content's whole message: the one that was remembered, else it is made from the
 * message and remembered. NULL when memory is out. */
struct bodies_parse *bodies_parse(struct bodies_account *a, uint32_t content, const char *key,
                                  bodies_parsed done, void *owner);

/* The same of a durable body of which `octets` are known to be there: a shorter one fails. */
struct bodies_parse *bodies_parse_known(struct bodies_account *a, uint32_t content, const char *key,
                                        uint64_t octets, bodies_parsed done, void *owner);

/* No callback comes any more. */
void bodies_parse_cancel(struct bodies_parse *p);

#endif
