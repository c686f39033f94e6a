/*
 * Commands that read messages, FETCH and SEARCH: they go on over many feeds, while octets are read,
 * parsed or brought from the upstream. A session has at most one at a time.
 *
 * The job works on the session's view and the account's state, writes what it finds into the
 * session's output as far as there is room, and asks for octets through the functions of struct
 * job_host; answers come back by job_*(). It never writes a tagged response.
 */
#ifndef TRANSLATE_MAILBOX_MAILBOX_JOB_H
#define TRANSLATE_MAILBOX_MAILBOX_JOB_H

#include "translate/imap/imapd_fetch.h"
#include "translate/imap/imapd_search.h"
#include "translate/mailbox/account.h"
#include "translate/mailbox/mailbox_view.h"
#include "translate/mime/mime_message.h"
#include "translate/text/buf.h"

/* What a job needs of its session; filled by the session, the same for all of its jobs. */
struct job_host {
    void *owner;
    const struct box_state *(*state)(void *owner);
    struct mailbox_view *view;
    struct buf *out;
    bool (*has_room)(void *owner); /* may more be put into `out` now? */
    bool utf8;                     /* UTF8=ACCEPT or IMAP4rev2 is enabled */
    bool condstore;
    /* Each returns the request's number; as MAILBOX_READ, MAILBOX_PARSE, account_want(). */
    uint32_t (*read)(void *owner, uint32_t content, enum account_part part, uint64_t offset,
                     uint64_t length);
    uint32_t (*parse)(void *owner, uint32_t content);
    uint32_t (*want)(void *owner, uint32_t content, enum account_part part);
};

enum job_state {
    JOB_WAITS, /* for an answer, or for room */
    JOB_DONE,
};

struct job_result {
    bool expunged;          /* FETCH met messages that are gone: NO [EXPUNGEISSUED] */
    struct failure failure; /* the first message that could not be read, kind NONE when none */
    uint32_t *seen;         /* FETCH: UIDs to be marked \Seen; owned by the job */
    size_t seen_count;
};

struct job;

/* `fetch` and `set` (or `search`) are borrowed until the job is freed. NULL when memory is out. */
struct job *job_fetch(const struct job_host *host, const struct imapd_fetch *fetch,
                      const struct imapd_set *set, bool by_uid);

/* `tag` for ESEARCH's correlator. NULL with FAILURE_PERMANENT in `*why` for a charset that is not
 * known (the session says NO [BADCHARSET (UTF-8)]), FAILURE_TEMPORARY when memory is out. */
struct job *job_search(const struct job_host *host, const struct imapd_search *search, bool by_uid,
                       struct slice tag, struct failure *why);
void job_free(struct job *j);

/* Goes on as far as it can: call it at the beginning, when there is room again, after answers. It
 * does a bounded amount of work in one call and is then JOB_WAITS with job_is_hungry() true, so
 * that a long search does not stall other sessions (CASES R7). */
enum job_state job_run(struct job *j);
bool job_is_hungry(const struct job *j);

void job_read_data(struct job *j, uint32_t request, struct slice *in);
bool job_wants_read(const struct job *j);
void job_read_done(struct job *j, uint32_t request, bool present, const struct failure *why);
void job_parsed(struct job *j, uint32_t request, struct mime_message *message,
                const struct failure *why);
void job_have(struct job *j, uint32_t request, const struct failure *why);

/* Valid when it is done. */
const struct job_result *job_result(const struct job *j);

#endif
