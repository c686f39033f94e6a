/*
 * What the files of the account share; nobody else includes it.
 *
 *     account.c           feeding, actions, time
 *     account_client.c    the attached mailboxes, their events, who asked for what
 *     account_link.c      the connection: open, lost, let go of; commands under way
 *     account_login.c     whose password opens it
 *     account_listing.c   which message has which number on this connection
 *     account_octets.c    line ends, the end of a header, digests
 *     account_jobs.c      contents that are wanted, fetched and kept
 *     account_commit.c    turns, records, what follows from them
 *     account_delete.c    carrying out deletions that the state intends
 *
 * A public function notes what happened and then calls account_advance() once, which decides what
 * is to be done next. Nothing below it calls it again.
 */
#ifndef TRANSLATE_MAILBOX_ACCOUNT_INTERNAL_H
#define TRANSLATE_MAILBOX_ACCOUNT_INTERNAL_H

#include <openssl/evp.h>

#include "translate/mailbox/account.h"
#include "translate/state/box_listing.h"

enum {
    LEVEL_ERROR,
    LEVEL_WARNING,
    LEVEL_INFO,
    LEVEL_DEBUG,
    KEEP_HIGH_WATER = 256 * 1024,  /* octets not yet written, above which the upstream waits */
    RETR_BUDGET = 4 * 1024 * 1024, /* octets of bodies that are asked for ahead */
    FRESH_MS = 5000,               /* a look that young is now */
    DELETE_GRACE_MS = 2000,        /* deletions wait for downloads at most so long */
    LOOK_AGAIN_MS = 30000,         /* until a suspicious listing is looked at again */
    LOGIN_SECRET = 32,             /* octets of the digest of a password, and of its key */
    LISTED_DIGEST = 32,            /* characters of a message's digest */
    JOB_TRIES = 2,
};

/* ---- who waits for what ------------------------------------------------------------------ */

struct asker {
    struct account_client *client;
    uint32_t request;
};

struct askers {
    struct asker *items;
    size_t count, cap;
};

/* ---- the upstream connection ------------------------------------------------------------- */

struct account_op;
struct account_job;

/* What the upstream says to a command: LISTING, BODY_DATA, BODY_END, at last DONE. */
typedef void (*account_op_event)(struct account *a, struct account_op *op,
                                 const struct pop3_client_event *ev);

/* A command whose answer is awaited. */
struct account_op {
    struct account_op *next;
    uint32_t command;
    account_op_event event;
    size_t entry;            /* of the listing */
    bool begun;              /* its body */
    uint32_t content;        /* DELE */
    struct account_job *job; /* NULL: nobody wants it any more */
};

enum link_state {
    LINK_CLOSED,
    LINK_CREDENTIAL, /* the owner looks for a fresh token */
    LINK_CONNECTING,
    LINK_LOGIN,   /* greeting, TLS, password */
    LINK_LISTING, /* until the listing is in the state */
    LINK_OPEN,
    LINK_QUITTING,
};

struct link {
    enum link_state state;
    struct pop3_client *client; /* stays after the end, for what is still to be sent */
    struct account_op *first, **last;
    struct sasl_binding binding;
    bool renewed; /* a token was refused, and this is another one */
    bool cut;          /* TLS is being started: nothing is fed */
    uint64_t heard;    /* when the server last said something, or something was asked for */
    uint64_t used;     /* when it was last needed */
    unsigned ended;    /* connections so far */
    unsigned failures; /* in a row, without a listing between */
    uint64_t retry_at; /* not opened again before */
    uint64_t login_at; /* the upstream's LOGIN-DELAY ends */
    uint64_t login_delay_ms;
    struct failure failure; /* the last one; kind NONE when all is well */
    bool noticed;           /* the clients were told of it */
    unsigned window;        /* for the next connection, 0: as the options say */
    struct buf nothing;
};

/* ---- logins ------------------------------------------------------------------------------ */

struct login {
    struct login *next;
    struct asker asker; /* client NULL: it went away while its password was tried */
    struct credential credential;
    unsigned char digest[LOGIN_SECRET];
};

struct logins {
    unsigned char key[LOGIN_SECRET];
    bool known; /* the upstream took it last */
    struct credential credential;
    unsigned char digest[LOGIN_SECRET];
    struct login *first, **last;
    struct login *trying; /* not in the list */
};

/* ---- octets ------------------------------------------------------------------------------ */

/* Makes every line end CRLF, and finds the end of the header. Zero is the beginning. */
struct octets {
    bool after_cr;
    bool line_begun;
    bool header_over;
    struct buf out;
};

/* ---- listing ----------------------------------------------------------------------------- */

enum listing_stage {
    LISTING_NONE,
    LISTING_ASKED,    /* UIDL, LIST */
    LISTING_DIGESTS,  /* TOP of those that are not recognised */
    LISTING_COMMIT,   /* the record is on its way */
    LISTING_KNOWN,    /* the numbers of this connection are known */
    LISTING_CHECKING, /* known; digests of what is to be deleted are asked for */
};

/* Beside each box_entry. */
struct listed {
    bool tried; /* a digest was asked for */
    char digest[LISTED_DIGEST + 1];
};

struct number_of_content {
    uint32_t content;
    uint32_t entry;
};

struct listing {
    enum listing_stage stage;
    struct box_listing list;
    struct listed *beside;
    size_t cap;
    struct buf uidls;
    struct uidl_row {
        uint32_t number;
        uint32_t n;
        size_t at; /* in `uidls`, each with NUL behind it */
    } * rows;
    size_t row_count, row_cap;
    size_t awaited; /* answers */
    bool failed;
    struct failure failure;
    bool drafted;
    bool suspicious;
    struct number_of_content *index; /* ascending by content */
    size_t index_count;
    EVP_MD_CTX *digest; /* of the header that is coming in */
    struct octets octets;
    size_t archived; /* entries that were looked at for `archive` */
};

/* ---- wanted contents --------------------------------------------------------------------- */

enum job_phase { JOB_WAITING, JOB_SENT, JOB_ENDED };

struct account_job {
    struct account_job *next, *prev; /* in the order in which they were asked for */
    struct account_job *chain;       /* in the table */
    uint32_t content;
    enum account_part part;
    struct askers askers;
    enum job_phase phase;
    struct account_op *op;
    bool begun; /* KEEP_BEGIN */
    bool durable;
    unsigned tries;
    uint64_t octets; /* that came */
    uint64_t budget; /* that LIST said, while it is under way */
};

enum { JOB_BUCKETS = 64 };

struct job_list {
    struct account_job *first, *last;
    size_t count;
};

struct jobs {
    struct job_list waiting;
    struct job_list sent;
    struct job_list ended; /* account_kept() is awaited */
    struct account_job *table[JOB_BUCKETS];
    uint64_t budget; /* octets of bodies under way */
    struct octets octets;
    size_t keep_queued;
    bool gave; /* a KEEP_DATA waits to be taken */
};

/* ---- records ----------------------------------------------------------------------------- */

/* A change that the account makes by itself. */
struct commit_op {
    json_t *(*draft)(struct account *a); /* NULL: there is nothing to change */
    void (*done)(struct account *a, const struct failure *why); /* kind NONE: it is in the state */
};

struct turn {
    struct turn *next;
    const struct commit_op *op; /* NULL: a client's */
    struct asker asker;
};

enum commit_phase { COMMIT_FREE, COMMIT_HELD, COMMIT_SAVING };

struct commits {
    enum commit_phase phase;
    struct turn *first, **last;
    struct turn *current;
    json_t *record;
};

/* What became known of a content, for the next record. */
struct fact {
    uint32_t content;
    uint64_t size;
    char *key;
};

struct facts {
    struct fact *items;
    size_t count, cap;
};

/* ---- deletion ---------------------------------------------------------------------------- */

enum delete_phase {
    DELETE_NONE,
    DELETE_CHECKING, /* whether the messages are those */
    DELETE_MARKING,  /* DELE was sent */
    DELETE_SENDING,  /* "sent" and "spared" are being saved */
    DELETE_QUITTING, /* QUIT was sent */
    DELETE_GONE,     /* "gone" is being saved */
};

struct ids {
    uint32_t *items;
    size_t count, cap;
};

struct deletion {
    enum delete_phase phase;
    size_t pending;    /* contents that are to be deleted, by the state */
    uint64_t since;    /* when the first of them was seen */
    uint64_t again_at; /* not before */
    bool tried;        /* on this connection */
    unsigned failures;
    size_t awaited;
    struct ids marked;
    struct ids refused;
    struct failure refusal;
};

/* ---- all --------------------------------------------------------------------------------- */

struct account_actions {
    struct account_action *items;
    size_t head, count, cap;
};

struct account {
    struct account_options options;
    struct box_state *state;
    uint32_t seed;
    uint64_t now_ms;
    int64_t now_s;
    bool failed;
    uint32_t last_request;
    struct account_actions actions;
    struct account_client *clients;
    struct account_client *touched, **touched_last;
    size_t watching;
    bool birth_queued;

    struct link link;
    struct logins logins;
    struct listing listing;
    bool listing_queued; /* its turn; outlives the listing */
    bool looked;         /* a listing is in the state since */
    uint64_t looked_at;
    uint64_t suspect_at; /* when to look again; UINT64_MAX: no need */
    struct askers polls;
    struct jobs jobs;
    struct commits commits;
    struct facts facts, facts_saving;
    bool facts_queued;
    struct deletion deletion;
};

/* account.c */
struct account_action *account_act(struct account *a, enum account_action_type type);
void account_log(struct account *a, int level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* One more zeroed element; NULL, with a->failed, when memory is out. */
void *account_grow(struct account *a, void **items, size_t *count, size_t *cap, size_t size);
/* Something happened: what follows from it is begun. */
void account_advance(struct account *a);

/* account_client.c */
uint32_t client_request(struct account_client *client);
void client_tell(struct account *a, const struct asker *asker, struct account_event *ev);
void client_tell_failure(struct account *a, const struct asker *asker, enum account_event_type type,
                         const struct failure *why);
/* To all that are logged in; changes to all that are attached. */
void clients_notice(struct account *a, const struct failure *why);
void clients_changed(struct account *a, uint32_t folder);
void askers_add(struct account *a, struct askers *list, const struct asker *asker);
void askers_forget(struct askers *list, const struct account_client *client);
/* Each gets the event with its own number; the list is empty then. */
void askers_tell(struct account *a, struct askers *list, const struct account_event *ev);
void askers_clear(struct askers *list);

/* account_link.c     */
void link_init(struct account *a);
void link_clear(struct account *a);
void link_event(struct account *a, const struct pop3_client_event *ev);
void link_lost(struct account *a, const struct failure *why);
/* Deletes what was marked, and lets go. */
void link_quit(struct account *a);
void link_advance(struct account *a);
void link_listed(struct account *a); /* the listing is in the state */
uint64_t link_deadline(const struct account *a);
uint64_t link_answer_deadline(const struct account *a);
struct account_op *link_op(struct account *a, account_op_event event);
/* 0, 5, 10, 20, 40, 60 s, in ms */
uint64_t link_delay(unsigned failures);
bool link_is_up(const struct account *a);
/* Not opened before, whatever needs it. */
uint64_t link_opens_at(const struct account *a);
bool link_look_is_due(const struct account *a);

/* account_login.c */
/* With which the connection is opened. */
struct credential *logins_credential(struct account *a);
/* It is a token that may have expired since it was given. */
bool logins_credential_is_old(const struct account *a);
void logins_clear(struct account *a);
void logins_forget_client(struct account *a, const struct account_client *client);
/* Lets in who can be let in without the upstream. */
void logins_advance(struct account *a);
/* Somebody waits whose password is not the one that the connection was opened with. */
bool logins_want_try(const struct account *a);
/* The next one is tried: its password is the one to connect with. */
void logins_try(struct account *a);
bool logins_give(struct account *a, struct pop3_client *client, struct failure *why);
void logins_accepted(struct account *a);
/* Nobody is let in. */
/* No password is known any more. */
void logins_forget(struct account *a);
void logins_fail(struct account *a, const struct failure *why);
/* The connection failed before it was logged in. */
void logins_refused(struct account *a, const struct failure *why);

/* account_octets.c */
/* The octets with every line end CRLF: `in` itself where they are so already. Valid until the next
 * call, and while `in` is. */
struct slice octets_lines(struct octets *o, struct slice in);
/* How many of them (as octets_lines() gave them) belong to the header, its empty line included. */
size_t octets_of_header(struct octets *o, struct slice lines);
void octets_clear(struct octets *o);

/* account_listing.c */
void listing_begin(struct account *a);
void listing_clear(struct account *a);
/* Looks at what is to be deleted once more, by digest where one is known; then delete_checked(). */
void listing_check(struct account *a);
/* The message's entry, NULL: it is not in the maildrop, as far as this connection knows. */
const struct box_entry *listing_entry(const struct account *a, uint32_t content);
bool listing_keeps_durably(const struct account *a);
extern const struct commit_op listing_commit;

/* account_jobs.c */
void jobs_clear(struct account *a);
void jobs_forget_client(struct account *a, const struct account_client *client);
void jobs_issue(struct account *a);
/* None is under way, and everything that came is kept. */
bool jobs_are_drained(const struct account *a);
bool jobs_are_waiting(const struct account *a);
void jobs_lost(struct account *a, const struct failure *why);
void jobs_fail(struct account *a, const struct failure *why);
bool jobs_have_room(const struct account *a);

/* account_commit.c */
void commits_clear(struct account *a);
void commits_forget_client(struct account *a, const struct account_client *client);
void commit_queue(struct account *a, const struct commit_op *op);
/* Gives the turn on. True when something ended by it at once, so that more may follow. */
bool commits_advance(struct account *a);
bool commits_are_idle(const struct account *a);
void commit_birth(struct account *a);
void facts_add(struct account *a, uint32_t content, uint64_t size, char *key);
bool facts_are_pending(const struct account *a);
void facts_clear(struct facts *f);

/* account_delete.c */
void delete_clear(struct account *a);
/* After a record: how many there are. `fresh`: some of them may be new. */
void delete_count(struct account *a, bool fresh);
bool delete_is_due(const struct account *a);
/* Something is to be deleted, and was not tried on this connection. */
bool delete_is_possible(const struct account *a);
bool delete_needs_upstream(const struct account *a);
uint64_t delete_deadline(const struct account *a);
void delete_begin(struct account *a);
void delete_checked(struct account *a);
void delete_quitted(struct account *a);
void delete_lost(struct account *a);

#endif
