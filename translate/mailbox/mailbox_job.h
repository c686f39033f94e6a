/*
 * Commands that read messages, FETCH and SEARCH: they go on over many feeds, while octets are read,
 * parsed or brought from the upstream. A session has at most one at a time.
 *
 * The job works on the session's view and the account's state, writes what it finds into the
 * session's output as far as there is room, and asks for octets through the functions of struct
 * job_host; answers come back by job_*(). It never writes a tagged response.
 *
 * What is needed for the next messages is asked for ahead, so that the upstream has several TOPs or
 * RETRs in flight; responses are written in order. Octets are asked for only where the state does
 * not tell, headers before whole messages.
 *
 * While a job lives its view may grow at the end but not lose a message: an EXPUNGE waits for the
 * end of the command, also of UID FETCH and UID SEARCH.
 */
#ifndef TRANSLATE_MAILBOX_MAILBOX_JOB_H
#define TRANSLATE_MAILBOX_MAILBOX_JOB_H

#include "translate/imap/imapd_fetch.h"
#include "translate/imap/imapd_search.h"
#include "translate/mailbox/account.h"
#include "translate/mailbox/mailbox_texts.h"
#include "translate/mailbox/mailbox_view.h"
#include "translate/mime/mime_message.h"
#include "translate/text/buf.h"

/* What a job needs of its session; filled by the session, the same for all of its jobs. It outlives
 * them. `out` fails when memory is out anywhere in a job. */
struct job_host {
    void *owner;
    const struct box_state *(*state)(void *owner);
    struct mailbox_view *view;
    struct buf *out;
    bool (*has_room)(void *owner); /* may more be put into `out` now? */
    bool utf8;                     /* UTF8=ACCEPT or IMAP4rev2 is enabled */
    bool condstore; /* MODSEQ wherever a FETCH response has FLAGS (RFC 7162 section 3.1) */
    /* Each returns the request's number, 0 when memory is out; as MAILBOX_READ, MAILBOX_PARSE,
     * account_want(), account_follow(). They may not answer before they return. A `length` of 0
     * only asks whether the part is there; one beyond its end, up to UINT64_MAX - offset, is the
     * rest of it. */
    uint32_t (*read)(void *owner, uint32_t content, enum account_part part, uint64_t offset,
                     uint64_t length);
    uint32_t (*parse)(void *owner, uint32_t content);
    uint32_t (*texts)(void *owner); /* for job_texts_take(); NULL: nothing is remembered */
    uint32_t (*want)(void *owner, uint32_t content, enum account_part part);
    uint32_t (*follow)(void *owner, uint32_t content);
    uint32_t (*date)(void *owner, uint32_t content); /* account_date() */
};

enum job_state {
    JOB_WAITS, /* for an answer, for room, or for its next turn (job_is_hungry) */
    JOB_DONE,
};

struct job_result {
    bool expunged;          /* FETCH met messages that are gone: [EXPUNGEISSUED] */
    bool found;             /* and others that are there */
    bool broken;            /* octets ended within a literal: the client must not take what follows
                               for them, the connection has to be closed (CASES D4) */
    bool unknown_cte;       /* BINARY of an unknown encoding: NO [UNKNOWN-CTE] (RFC 3516) */
    struct failure failure; /* the first message that could not be read, kind NONE when none. The
                               others were answered, and of this one what could be had; in SEARCH it
                               did not match */
    uint32_t *seen;         /* FETCH: UIDs to be marked \Seen, ascending; owned by the job */
    size_t seen_count;
};

struct job;

/* `fetch` and `set` (or `search` and `tag`) are borrowed until the job is freed. NULL when memory
 * is out. */
struct job *job_fetch(const struct job_host *host, const struct imapd_fetch *fetch,
                      const struct imapd_set *set, bool by_uid);

/* `tag` for ESEARCH's correlator. NULL with FAILURE_PERMANENT in `*why` for a charset that is not
 * known (the session says NO [BADCHARSET (UTF-8)]), FAILURE_TEMPORARY when memory is out. SAVE
 * replaces the view's saved result when the job is done. */
struct job *job_search(const struct job_host *host, const struct imapd_search *search, bool by_uid,
                       struct slice tag, struct failure *why);

/* What it still had asked for may be answered to the next job, which passes over it: the numbers of
 * requests are not used again. */
void job_free(struct job *j);

/* Goes on as far as it can: call it at the beginning, when there is room again, after answers. It
 * does a bounded amount of work in one call and is then JOB_WAITS with job_is_hungry() true, so
 * that a long search does not stall other sessions (CASES R7). */
enum job_state job_run(struct job *j);
bool job_is_hungry(const struct job *j);

/* Octets of a read; `size` is what the part has altogether (not only this range), always the same
 * for one body. When all of it comes in one call it is whole, whatever job_read_done() says. They
 * are taken off `*in` as far as there is room and the turn's work allows: the rest is to be offered
 * again when job_wants_read() says so, which may need a job_run() first. What nobody waits for any
 * more is taken and dropped. */
void job_read_data(struct job *j, uint32_t request, uint64_t size, struct slice *in);
bool job_wants_read(const struct job *j);

/* The read is over: `why` (NULL or kind NONE: no failure) tells that it failed; else `present`
 * whether the body was there. A range that is empty, as it lies behind the end, had no data. */
void job_read_done(struct job *j, uint32_t request, bool present, const struct failure *why);

/* `message` is taken over. NULL: the body is absent, or `why` has a kind. */
void job_parsed(struct job *j, uint32_t request, struct mime_message *message,
                const struct failure *why);

/* What the request asks for, NULL when nobody waits for it any more; it is the caller's, and given
 * back with the answer by job_texts_have(). */
struct mailbox_texts *job_texts_take(struct job *j, uint32_t request);
void job_texts_have(struct job *j, uint32_t request, struct mailbox_texts *t);

/* The answer to a want, follow or date; `why` NULL or of kind NONE: the store of bodies can give
 * it, the date is in the state. */
void job_have(struct job *j, uint32_t request, const struct failure *why);

/* Valid when it is done. */
const struct job_result *job_result(const struct job *j);

#endif
