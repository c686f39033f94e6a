/*
 * One POP3 maildrop as all IMAP sessions of its user share it: the sync state (folders, messages,
 * flags), the one upstream connection, and what of the messages' octets is kept. Without I/O.
 *
 * Two sides use it. The owner (the process) feeds the upstream's octets, does what the actions ask
 * for, and keeps the octets of messages in a store of bodies. The mailboxes (one for each IMAP
 * session, translate/mailbox/mailbox.h) ask it for what they need and read the state directly.
 * Everything happens on one thread.
 *
 * The upstream connection is opened when something is needed and let go of after `idle_seconds`, so
 * that others can reach the maildrop, which is locked while it is open. On each connection the
 * maildrop is looked at first, and that says which number a content has today: by listing all of it
 * (UIDL, LIST), or, where little has changed since the last listing, by asking whether it still
 * holds (STAT and the UIDLs of a few), which costs the change. Nothing is deleted by a number that
 * a whole listing of the same connection did not give, and nothing is fetched by one whose UIDL it
 * did not confirm (CASES D10).
 *
 * Changes go one after the other. A mailbox asks for its turn, drafts a record against the state as
 * it then is, and commits it; the record is made durable, then applied, then every mailbox learns
 * what changed, and then the one that committed is told that it is done. So an OK is never said
 * before its cause is on the disk, and no two drafts are made from the same state.
 */
#ifndef TRANSLATE_MAILBOX_ACCOUNT_H
#define TRANSLATE_MAILBOX_ACCOUNT_H

#include "translate/mailbox/filing.h"
#include "translate/pop3/pop3_client.h"
#include "translate/state/box_state.h"
#include "translate/text/ring.h"

/* What it means that the upstream no longer lists a message (DESIGN.md, last row of the table). */
enum account_unlisted {
    ACCOUNT_UNLISTED_DELETED, /* somebody deleted it: it is expunged for all sessions */
    ACCOUNT_UNLISTED_STAYS,   /* it is only no longer listed (Gmail, "the last 30 days") */
};

struct account_options {
    enum account_unlisted unlisted;
    bool archive;                     /* bodies are kept durably as soon as they are seen */
    unsigned idle_seconds;            /* the maildrop is let go of after so long without need */
    unsigned poll_seconds;            /* between two looks for new mail while a session is there; a
                                         LOGIN-DELAY of the upstream's is respected too */
    unsigned noop_seconds;            /* a look that young is as good as another one */
    bool debug;                       /* the dialogue is logged, line by line */
    unsigned login_seconds;           /* from being connected until the upstream has let it in */
    unsigned response_seconds;        /* an upstream that owes an answer and sends nothing */
    const struct filing_rule *filing; /* borrowed for the account's life */
    size_t filing_count;
};

/* The parts of a message's octets that can be had by themselves. */
enum account_part {
    ACCOUNT_HEADER, /* with its empty line; from TOP n 0 where the upstream can */
    ACCOUNT_WHOLE,
};

/* ---- the owner's side ------------------------------------------------------------------- */

enum account_action_type {
    ACCOUNT_CREDENTIAL, /* before the connection is opened with a token that was not just given to
                           account_login(), and when the upstream refused one (`text` says why; ""
                           else): account_credential() with one that is fresh, or
                           account_credential_failed(), in bounded time. Asked once for a refusal */
    ACCOUNT_CONNECT,    /* open it, implicit TLS included: account_connected() or _connect_failed(),
                           in bounded time */
    ACCOUNT_DISCONNECT, /* after what is in account_upstream_out(); then account_disconnected().
                           Nothing of this connection is told any more */
    ACCOUNT_UPSTREAM_TLS, /* after what is in account_upstream_out(); then account_upstream_tls() */
    ACCOUNT_SAVE,         /* append `records` durably; then account_saved() */
    ACCOUNT_KEEP_BEGIN,   /* `content`, `part`: its octets follow, lines ended by CRLF; whatever was
                             begun of it before is dropped. `durable`: not to be evicted, ever.
                             `announced` (0: not known): how many they will be as far as the
                             upstream can be believed; they are to be readable while they come, but
                             for the end, which is given when it has proved right */
    ACCOUNT_KEEP_DATA,    /* `octets`, valid until the next call of any account function but
                             account_next_action() */
    ACCOUNT_KEEP_END,     /* all came: then account_kept() */
    ACCOUNT_KEEP_ABORT,   /* the rest will not come: forget it */
    ACCOUNT_RELEASE,      /* `key`: the state names this body of the message store no more */
    ACCOUNT_LOG,          /* `level` (enum log_level's numbers), `event`, `text` */
};

struct account_action {
    enum account_action_type type;
    json_t *records; /* SAVE: an array; the receiver owns the reference */
    uint32_t content;
    enum account_part part;
    bool durable;
    uint64_t announced;
    struct slice octets;
    char *key; /* RELEASE: owned by the receiver */
    int level;
    const char *event; /* static */
    char text[240];
};

struct account;

/* Takes `state` over. `seed` gives a newborn account its first UIDVALIDITY (seconds since 1970 of
 * the wall clock). NULL when memory is out, and then `state` is freed. */
struct account *account_new(const struct account_options *options, struct box_state *state,
                            uint32_t seed, uint64_t now_ms, int64_t now_s);

/* No mailbox is attached any more. */
void account_free(struct account *a);

/* The same of an account that is idle; its state is the caller's: what was made durable, and
 * nothing else. */
struct box_state *account_end(struct account *a);

/* What time it is, before a feed. */
void account_now(struct account *a, uint64_t now_ms, int64_t now_s);

/* What the connection's TLS has for channel binding: behind account_connected(), before anything is
 * fed, and before account_upstream_tls(). It holds for that connection. */
void account_upstream_bind(struct account *a, const struct sasl_binding *binding);

/* Answers to CREDENTIAL; copied. FAILURE_AUTH: the grant is revoked, nobody is let in by it any
 * more.
 */
void account_credential(struct account *a, const struct credential *credential);
void account_credential_failed(struct account *a, const struct failure *why);

/* `client`: how to speak to the server that was reached; what is in it is borrowed as long as the
 * connection lasts. */
void account_connected(struct account *a, const struct pop3_client_options *client);
void account_connect_failed(struct account *a, const struct failure *why);
/* Answer to DISCONNECT: what the connection needed is given back. */
void account_disconnected(struct account *a);
void account_upstream_tls(struct account *a);
void account_upstream_closed(struct account *a, const struct failure *why);

/* Octets from the upstream. At most one KEEP_DATA comes of a call: what is left in `*in` is to be
 * offered again, after the actions were taken, when account_wants_upstream() says so. */
void account_upstream_data(struct account *a, struct slice *in);
bool account_wants_upstream(const struct account *a);
/* NULL: there is nothing, nor a connection. */
struct buf *account_upstream_out(struct account *a);

/* Octets of KEEP_DATA that are not yet written: while they are many, the upstream is held back. */
void account_keep_queued(struct account *a, size_t octets);

/* KEEP_END was done, or any write of what was begun failed. `key` (NULL: evictable cache, and of a
 * header) is taken over. Never called for what was aborted. */
void account_kept(struct account *a, uint32_t content, enum account_part part, char *key,
                  const struct failure *why);

/* Answer to SAVE. After a failure nothing of the record may come back. */
void account_saved(struct account *a, const struct failure *why);

bool account_next_action(struct account *a, struct account_action *action);

/* The upstream connection is open only because it may be needed soon. */
bool account_upstream_is_spare(const struct account *a);

/* Then: it is let go of before its time, deletions that wait for it first. It is kept as long as
 * somebody needs it all the same. */
void account_let_go(struct account *a);

/* On the clock of account_now(), ms; UINT64_MAX: none. */
uint64_t account_deadline(const struct account *a);
void account_tick(struct account *a);

/* A mailbox that has events to look at (its `owner`), or NULL: the owner of the account pumps each.
 */
struct account_client;
struct account_client *account_next_client(struct account *a);

/* Nobody is attached, nothing is under way, nothing is to be done: it may be freed. */
bool account_is_idle(const struct account *a);
bool account_failed(const struct account *a); /* memory ran out */

/* ---- the mailboxes' side ---------------------------------------------------------------- */

enum account_event_type {
    ACCOUNT_EV_LOGGED_IN, /* answer to account_login(): `failure` of kind NONE when let in */
    ACCOUNT_EV_TURN,      /* answer to account_turn(): draft now, then account_commit() */
    ACCOUNT_EV_COMMITTED, /* `failure` says whether; what changed has come before, as CHANGED */
    ACCOUNT_EV_HAVE,      /* answer to account_want(): `content`'s `part` is in the store of bodies:
                             WHOLE where the upstream has no TOP, whatever was asked for. Answer to
                             account_follow(): it is there, or may be read while it comes */
    ACCOUNT_EV_DATED,     /* answer to account_date(): the date of `content` is final */
    ACCOUNT_EV_POLLED,    /* answer to account_poll(); `failure` when it could not be looked */
    ACCOUNT_EV_CHANGED,   /* something of folder `folder` changed: compare with the state */
    ACCOUNT_EV_NOTICE, /* the upstream went away (`failure`), or came back (kind NONE), or refused
                          to delete: tell the user once */
};

struct account_event {
    enum account_event_type type;
    uint32_t request; /* the number that the asking function returned; 0: not asked for */
    uint32_t content;
    enum account_part part;
    uint32_t folder;
    struct failure failure;
};

/* What an account keeps of an attached mailbox; embedded in it, zero before account_attach(). */
struct account_client {
    struct account *account;
    struct account_client *next;    /* private: all that are attached */
    struct account_client *touched; /* private: those with events */
    bool is_touched;                /* private, and all but `owner` below */
    bool watching, logged_in;
    struct ring events;
    void *owner; /* the mailbox's; the account does not touch it */
};

void account_attach(struct account *a, struct account_client *client);

/* Its requests are forgotten, a turn that it holds is given on; a commit under way is finished. */
void account_detach(struct account_client *client);

bool account_next_event(struct account_client *client, struct account_event *ev);

/* A password is known that the upstream took: the account can be of use to somebody. */
bool account_is_open(const struct account *a);

/* The upstream could not be reached last, of which everybody was told. */
bool account_is_away(const struct account *a);

/* The state; changes only between two pumps of the owner, never inside a call of a mailbox. */
const struct box_state *account_state(const struct account *a);

/*
 * Checks a credential, which is copied, with the upstream; where the owner vouches for it and
 * another one is known already, with that one. While the account is open with the very
 * same password (kept as a keyed digest), that is enough; another one is tried on a connection of
 * its own, after the open one was let go of, and never reaches the account unless the upstream
 * takes it (CASES A5). FAILURE_AUTH: refused. When the upstream cannot be reached, or must be left
 * alone for a while (LOGIN-DELAY), and this password was the last one that it took, the user is let
 * in to what is kept (FAILURE_NONE, then a NOTICE). The first look at the maildrop goes on behind
 * it: to see it, account_poll().
 */
uint32_t account_login(struct account_client *client, const struct credential *credential);

/* Asks for the turn to change something; turns come in the order in which they were asked for. TURN
 * and COMMITTED both have the number that is returned. */
uint32_t account_turn(struct account_client *client);

/* The record that was drafted (box_draft.h; takes the reference), or NULL to change nothing: the
 * turn passes on. COMMITTED follows in either case. */
void account_commit(struct account_client *client, json_t *record);

/* Asks for a content's octets to be brought into the store of bodies, by TOP or RETR; what several
 * ask for is fetched once. FAILURE_PERMANENT: it is not upstream any more. */
uint32_t account_want(struct account_client *client, uint32_t content, enum account_part part);

/* As account_want() of the WHOLE, for who can read it while it comes. Of a large message the answer
 * comes with its first octets, where the upstream's sizes have proved right: an IMAP literal's size
 * is said before its octets. When that size proves wrong, or the rest cannot be had, the reader
 * learns it from the store of bodies. */
uint32_t account_follow(struct account_client *client, uint32_t content);

/* The key of a content's durable body, also while the record with it is on its way. NULL: none.
 * Borrowed, until the next feed. */
const char *account_body_key(const struct account *a, uint32_t content);

/* Asks that the date of a content's messages be final: that of its arrival, which its header tells
 * (mime_arrival.h); where no header can be had any more, or it tells none, the time of first sight.
 * Until then it must be shown to nobody. A failure: it cannot be known now. */
uint32_t account_date(struct account_client *client, uint32_t content);

/* Asks for a look at the maildrop, now or, where it was just looked, not at all. */
uint32_t account_poll(struct account_client *client);

/* While any client watches (IDLE, or a folder selected), the account polls by itself. */
void account_watch(struct account_client *client, bool watching);

#endif
