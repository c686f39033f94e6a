/*
 * What the files of the account share; nobody else includes it. What is about looks at the maildrop
 * is in account_looks.h.
 *
 *     account.c           feeding, actions, time
 *     account_client.c    the attached mailboxes, their events, who asked for what
 *     account_link.c      the connection: open, lost, let go of; commands under way
 *     account_schedule.c  when it is opened, what comes next on it, when it is let go of
 *     account_login.c     whose password opens it
 *     account_listing.c   what is in the maildrop
 *     account_glance.c    whether that is so still, without listing all of it
 *     account_numbers.c   which message has which number
 *     account_uidls.c     whether a UIDL was ever heard of
 *     account_filing.c    new messages: their headers, their folders
 *     account_octets.c    line ends, the end of a header
 *     account_digest.c    digests of headers
 *     account_date.c      what headers that pass by tell: when messages arrived, their digests
 *     account_sizes.c     whether the sizes that LIST says can be believed
 *     account_prefix.c    what was given out of a body, when it comes a second time
 *     account_jobs.c      contents that are wanted: who waits for them, in which order they come
 *     account_bodies.c    their octets as they come and are kept
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
#include "translate/mailbox/account_looks.h"

enum {
    LEVEL_ERROR,
    LEVEL_WARNING,
    LEVEL_INFO,
    LEVEL_DEBUG,
    KEEP_HIGH_WATER = 256 * 1024,  /* octets not yet written, above which the upstream waits */
    RETR_BUDGET = 4 * 1024 * 1024, /* octets of bodies that are asked for ahead */
    LARGE_BODY = 256 * 1024,       /* more octets than these are worth not to be waited for */
    RETRY_ASKED_MS = 5000,         /* between two attempts when somebody asks for them */
    DELETE_GRACE_MS = 2000,        /* deletions wait for downloads at most so long */
    LOOK_AGAIN_MS = 30000,         /* until a suspicious listing is looked at again */
    LOGIN_SECRET = 32,             /* octets of the digest of a password, and of its key */
    HEADER_MAX = 128 * 1024,       /* octets of a header that are looked at */
    JOB_TRIES = 2,
    GO_ON_FAILURES = 3, /* to open the upstream, until a body is given up that was half given */
};

/* ---- who waits for what ------------------------------------------------------------------ */

struct asker {
    struct account_client *client;
    uint32_t request;
    bool date; /* asked for that alone */
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
    uint32_t content;        /* DELE; UIDL of one message */
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
    bool renewed;               /* a token was refused, and this is another one */
    bool unwanted;              /* account_let_go() */
    bool cut;                   /* TLS is being started: nothing is fed */
    bool asked;                 /* somebody wants a look, and does not wait for it */
    struct pop3_client *client; /* stays after the end, for what is still to be sent */
    struct account_op *first, **last;
    uint64_t heard;    /* when the server last said something, or something was asked for */
    uint64_t used;     /* when it was last needed */
    unsigned ended;    /* connections so far */
    unsigned failures; /* in a row, without a listing between */
    uint64_t failed_at;
    uint64_t retry_at; /* not opened again before */
    uint64_t login_at; /* the upstream's LOGIN-DELAY ends */
    uint64_t login_delay_ms;
    struct failure *failure; /* owned: the last one; NULL: all is well */
    bool noticed;            /* the clients were told of it */
    unsigned window;         /* for the next connection, 0: as the options say */
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

/* ---- sizes ------------------------------------------------------------------------------- */

struct sizes {
    unsigned right;  /* in a row */
    unsigned needed; /* so many in a row are believed */
    bool asked;      /* a small message was asked for, to learn it */
};

/* ---- what was given of a body ------------------------------------------------------------ */

/* Zero is the beginning. */
struct prefix {
    uint64_t octets;   /* that were given */
    uint64_t again;    /* that come a second time, still to be compared */
    EVP_MD_CTX *first; /* of `octets` */
    EVP_MD_CTX *second;
};

/* ---- wanted contents --------------------------------------------------------------------- */

enum job_phase { JOB_WAITING, JOB_SENT, JOB_ENDED };

struct account_job {
    struct account_job *next, *prev; /* in the order in which they were asked for */
    struct account_job *chain;       /* in the table */
    uint32_t content;
    enum account_part part;
    struct askers askers;    /* are told when it is kept */
    struct askers followers; /* are told when it can be read */
    enum job_phase phase;
    struct account_op *op;
    bool begun; /* KEEP_BEGIN */
    bool durable;
    bool refused; /* nobody has it, or gives it out */
    bool kept;    /* the record with what became known of it is awaited */
    unsigned tries;
    uint64_t octets;    /* that were given */
    uint64_t budget;    /* that LIST said, while it is under way */
    bool line_over;     /* the last one ends a line */
    unsigned held;      /* octets of a line end behind what LIST said: maybe not the message's */
    uint64_t announced; /* what is given of it is part of so many; 0: nothing is before its end */
    struct prefix prefix;
};

enum { JOB_BUCKETS = 64 };

struct job_list {
    struct account_job *first, *last;
    size_t count;
};

struct jobs {
    struct job_list waiting;
    struct job_list sent;
    struct job_list ended;      /* account_kept() is awaited, or what follows from it */
    struct account_job **table; /* owned, of JOB_BUCKETS, by content; NULL: there is no job */
    uint64_t budget;            /* octets of bodies under way */
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

enum fact_kind { FACT_BODY, FACT_DATE, FACT_DIGEST };

/* What became known of a content, for the next record. */
struct fact {
    uint32_t content;
    enum fact_kind kind;
    uint64_t size; /* BODY */
    char *key;
    bool dated; /* DATE: there is one; else the time of first sight is final */
    int64_t date;
    struct askers askers; /* who waits for the date to be in the state */
    char digest[LISTED_DIGEST + 1];
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
    struct failure *refusal; /* owned: why the last of `refused` was; NULL: none was */
};

/* The message that comes in on the connection. */
struct incoming {
    struct octets octets;
    struct buf header; /* if anybody wants to know it */
};

/* ---- all --------------------------------------------------------------------------------- */

struct account {
    struct account_options options;
    struct box_state *state;
    uint32_t seed;
    uint32_t last_request;
    uint64_t now_ms;
    int64_t now_s;
    bool failed;
    bool birth_queued;
    bool facts_queued;
    bool listing_queued; /* its turn; outlives the listing */
    bool looked;         /* a listing is in the state since */
    struct sizes sizes;
    struct ring actions;
    struct account_client *clients;
    struct account_client *touched, **touched_last;
    size_t watching;

    struct link link;
    struct logins logins;
    struct listing *listing;   /* owned; there is one as long as there is a link.client */
    struct incoming *incoming; /* owned; likewise */
    struct numbers numbers;
    struct uidls uidls;
    uint64_t uidl_seed;  /* random: the server chooses the UIDLs */
    uint64_t looked_at;  /* when that was, if it `looked` */
    uint64_t suspect_at; /* when to look again; UINT64_MAX: no need */
    struct askers polls;
    struct jobs jobs;
    struct commits commits;
    struct facts facts, facts_saving;
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

/* account_link.c */
void link_init(struct account *a);
void link_clear(struct account *a);
void link_open(struct account *a);
void link_event(struct account *a, const struct pop3_client_event *ev);
void link_lost(struct account *a, const struct failure *why);
/* Deletes what was marked, and lets go. */
void link_quit(struct account *a);
void link_listed(struct account *a); /* the listing is in the state */
struct account_op *link_op(struct account *a, account_op_event event);
/* 0, 5, 10, 20, 40, 60 s, in ms */
uint64_t link_delay(unsigned failures);
bool link_is_up(const struct account *a);
/* Why the upstream is away. Borrowed, until the link changes. */
const struct failure *link_failure(const struct account *a);

/* account_schedule.c */
void link_advance(struct account *a);
uint64_t link_deadline(const struct account *a);
/* When the upstream will have taken too long for an answer, or for a login; then link_overdue(). */
uint64_t link_overdue_at(const struct account *a);
void link_overdue(struct account *a);
/* A client waits for what the upstream has: after a failure it is tried sooner. */
void link_hurry(struct account *a);
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
/* No password is known any more. */
void logins_forget(struct account *a);
/* Nobody is let in. */
void logins_fail(struct account *a, const struct failure *why);
/* The connection failed before it was logged in. */
void logins_refused(struct account *a, const struct failure *why);

/* account_filing.c */
/* The header of `op`'s entry comes in, of which octets_of_header() are looked at; at its end its
 * date, its digest and its filing rule are the entry's. False when the event is of no body. */
bool filing_header_event(struct account *a, struct account_op *op,
                         const struct pop3_client_event *ev);
/* Asks for the next headers that the rules need. False when there are none. */
bool filing_ask(struct account *a);
/* The new messages, as far as it is known where they belong. */
void filing_draft(struct account *a, struct box_draft *d);
/* The record is in the state: their headers are given to the store. */
void filing_keep(struct account *a);

/* account_digest.c */
/* As box_listing.h wants it. False when it cannot be made, for want of memory. */
bool digest_of_header(struct slice header, char digest[LISTED_DIGEST + 1]);
/* What stands in for it while no header can be had. */
void digest_of_size(uint64_t size, char digest[LISTED_DIGEST + 1]);
bool digest_is_provisional(const char *digest);

/* account_date.c */
/* Begins with another header, and adds to it (octets_of_header()). */
void header_begin(struct account *a);
void header_data(struct account *a, struct slice octets);
/* Whether the content's header can tell something that is not known yet; and it came in. */
bool header_is_wanted(const struct account *a, uint32_t content);
void header_learn(struct account *a, uint32_t content);
/* Those who asked the job for the date alone are answered, or wait for the record. */
void date_answer(struct account *a, struct account_job *j, const struct failure *why);
void date_answer_fact(struct account *a, struct fact *fact, const struct failure *why);

/* account_sizes.c */
/* What the state remembers of wrong ones. */
void sizes_init(struct account *a);
/* A message was received whole: `right`, it had as many octets as LIST said. */
void sizes_seen(struct account *a, bool right);
bool sizes_are_believed(const struct account *a);
/* The content of a small message by which it can be learnt, once; 0: it cannot. */
uint32_t sizes_witness(struct account *a);

/* account_prefix.c */
/* These octets are given. False when memory is out, also below. */
bool prefix_give(struct prefix *p, struct slice octets);
/* The body comes once more from its beginning. */
bool prefix_repeat(struct prefix *p);
/* Takes off the front of `*octets` what was given before. False when it is not the same. */
bool prefix_compare(struct prefix *p, struct slice *octets);
void prefix_clear(struct prefix *p);

/* account_jobs.c */
void jobs_clear(struct account *a);
/* The job that brings the header, alone or with the rest; NULL: none. */
struct account_job *jobs_with_header(struct account *a, uint32_t content);
/* A new one. NULL when memory is out. */
struct account_job *job_new(struct account *a, uint32_t content, enum account_part part);
/* Whether the state says that the upstream has it; `why` not, else. */
bool job_may_be_had(const struct account *a, uint32_t content, struct failure *why);
void jobs_forget_client(struct account *a, const struct account_client *client);
void jobs_issue(struct account *a);
/* None is under way, and everything that came is kept. */
bool jobs_are_drained(const struct account *a);
bool jobs_are_waiting(const struct account *a);
void jobs_lost(struct account *a, const struct failure *why);
void jobs_fail(struct account *a, const struct failure *why);
/* NULL: it is not wanted. */
struct account_job *jobs_find(struct account *a, uint32_t content, enum account_part part);
void jobs_move(struct account *a, struct account_job *j, enum job_phase phase);
/* Tells all who wait, and forgets it. */
void jobs_answer(struct account *a, struct account_job *j, const struct failure *why);
/* The same, when it will not come; what was given of it is worth nothing. */
void jobs_give_up(struct account *a, struct account_job *j, const struct failure *why);
/* It can be read from now on. */
void jobs_tell_followers(struct account *a, struct account_job *j);
/* The upstream has no TOP: who asked for the header gets the whole. */
void jobs_demote(struct account *a, struct account_job *j);

/* account_bodies.c */
void body_event(struct account *a, struct account_op *op, const struct pop3_client_event *ev);
/* The rest of it will not come. */
void body_abort(struct account *a, const struct account_job *j);
/* What became known of a content is in the state, or cannot be. */
void body_known(struct account *a, uint32_t content, const struct failure *why);
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
/* `date` NULL: the time of first sight. */
void facts_add_date(struct account *a, uint32_t content, const int64_t *date);
void facts_add_digest(struct account *a, uint32_t content, const char digest[LISTED_DIGEST + 1]);
/* The first of its kind that waits for its record; NULL: none. */
struct fact *facts_find(struct account *a, enum fact_kind kind, uint32_t content);
bool facts_are_pending(const struct account *a);
/* Those that could not be saved. False when there are none. */
bool facts_try_again(struct account *a);
void facts_forget_client(struct account *a, const struct account_client *client);
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
/* Not again before a while has passed. */
void delete_put_off(struct account *a);
void delete_checked(struct account *a);
void delete_quitted(struct account *a);
void delete_lost(struct account *a);

#endif
