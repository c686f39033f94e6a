/*
 * The rooms behind maildrop.h. Each file of this folder keeps its own struct here and the few
 * functions that the others may call:
 *
 *   maildrop.c           feeding, time, actions, the end
 *   maildrop_command.c   the table of verbs; what may be said when
 *   maildrop_auth.c      USER, PASS, AUTH, STLS; the login
 *   maildrop_upstream.c  the one IMAP connection: opening, commands in flight, reopening
 *   maildrop_warm.c      what of it outlives a session, and how the next one goes on with it
 *   maildrop_sync.c      how the list of messages comes about
 *   maildrop_build.c     from what sync found to the list and to what is remembered
 *   maildrop_uidl.c      what identifies a message, also across a change of UIDVALIDITY
 *   maildrop_list.c      STAT, LIST, UIDL, LAST, DELE, RSET
 *   maildrop_fetch.c     messages on their way from the upstream, wanted or fetched ahead
 *   maildrop_retr.c      RETR and TOP
 *   maildrop_update.c    QUIT
 */
#ifndef TRANSLATE_MAILDROP_MAILDROP_INTERNAL_H
#define TRANSLATE_MAILDROP_MAILDROP_INTERNAL_H

#include <openssl/evp.h>

#include "translate/imap/imap_write.h"
#include "translate/maildrop/maildrop.h"
#include "translate/maildrop/uidl_format.h"
#include "translate/pop3/pop3_body.h"
#include "translate/pop3/pop3_command.h"
#include "translate/pop3/pop3_reader.h"
#include "translate/pop3/pop3_reply.h"
#include "translate/sasl/sasl_login.h"
#include "translate/text/ring.h"
#include "translate/text/utf7.h"

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Octets that may wait for the client before upstream and further commands are left alone. */
enum { CLIENT_HIGH_WATER = 65536 };

/* One UID set in a command stays below this: servers accept lines of 8,000 octets (RFC 2683 section
 * 3.2.1.5), and so do the ones in between. */
enum { UID_SET_MAX = 4000 };

enum phase {
    PHASE_AUTHORIZATION,
    PHASE_TRANSACTION,
    PHASE_UPDATE, /* QUIT was said in the transaction state */
    PHASE_ENDED,
};

/* The command that the client waits for. */
enum busy {
    BUSY_NONE,
    BUSY_TLS,     /* STLS was answered */
    BUSY_SECRET,  /* AUTH or APOP: the owner looks for the client's secret */
    BUSY_LOGIN,   /* PASS, AUTH or APOP: the upstream is asked */
    BUSY_LIST,    /* something that needs the list, which is on its way */
    BUSY_LISTING, /* LIST or UIDL: more lines than the client takes at once */
    BUSY_MESSAGE, /* RETR or TOP */
    BUSY_QUIT,
};

enum message_flag {
    MESSAGE_DELETED = 1,    /* marked in this session */
    MESSAGE_GONE = 2,       /* found to be no longer there */
    MESSAGE_RESIZED = 4,    /* its size was corrected; the state is still to be told */
    MESSAGE_UNREADABLE = 8, /* the upstream could not give it: never deleted on that ground */
};

struct maildrop_message {
    uint32_t uid;
    uint16_t folder;
    uint16_t flags;
    uint64_t size;
    char *uidl; /* owned; NULL: computed from UID and UIDVALIDITY */
};

struct maildrop_list {
    struct maildrop_message *items; /* number n is items[n - 1] */
    uint32_t count, cap;
    uint32_t last; /* highest number read, for LAST */
    bool ready;
    bool owed; /* the last folder's messages are counted, but `items` lacks them: list_fill() */
    uint32_t owed_count;
    uint64_t owed_octets;
    /* LIST and UIDL without argument in progress */
    uint32_t cursor;
    enum pop3_verb listing;
};

struct maildrop_folder {
    char *name;
    uint32_t uidvalidity; /* of the list; 0: not yet selected */
};

/* Commands in flight, oldest first. Untagged numbers (SEARCH) belong to the oldest that asked. */
struct upstream_op;
typedef void (*upstream_done)(struct maildrop *m, struct upstream_op *op,
                              const struct imap_event *status);
typedef void (*upstream_numbers)(struct maildrop *m, uint32_t first, uint32_t last);

struct upstream_op {
    struct upstream_op *next;
    uint32_t command;
    uint32_t arg; /* the caller's */
    upstream_done done;
    upstream_numbers numbers; /* NULL: it asked for none */
};

enum upstream_state {
    UPSTREAM_NONE,
    UPSTREAM_RENEWING, /* the owner looks for a new token; there is no connection */
    UPSTREAM_CONNECTING,
    UPSTREAM_LOGIN, /* imap_client brings it to READY */
    UPSTREAM_READY,
    UPSTREAM_LOST,
};

struct upstream {
    enum upstream_state state;
    struct imap_client *client; /* also of a lost connection, until the next takes its place */
    struct imap_client_options options;
    struct buf nothing;           /* the output while there is no client */
    struct credential credential; /* kept for reopening, wiped at the end */
    struct sasl_binding binding;
    struct buf prefix; /* of the personal namespace, in UTF-8 */
    char delimiter;    /* 0: not known */
    struct upstream_op *first, **last;
    int selected; /* folder, or -1 */
    bool selecting;
    bool examined, resynced;     /* how the SELECT in flight was put */
    bool no_examine, no_qresync; /* the server refused it once */
    upstream_done select_done;
    uint32_t exists, uidvalidity, uidnext;
    uint64_t modseq;
    uint64_t heard; /* when its last octet came, or it began to owe an answer */
    bool renewed;   /* a token was refused, and this is another one */
    bool reopened;  /* within the client's command under way: it is not tried for ever */
    bool on_trial;  /* it was kept from an earlier session and has not answered yet */
    bool stirred;   /* since it was selected, the folder is not what it was */
    char *stands;   /* owned: the folder that is still selected from then; NULL: none */
    bool cut;       /* its octets stay where they are until TLS or DEFLATE is up */
};

/* Ascending, disjoint runs of UIDs: the answer to a UID SEARCH. */
struct uid_runs {
    struct uid_range *items;
    size_t count, cap;
};

/* Building the list, one folder after the other. */
struct sync {
    bool running;
    uint16_t folder;
    const struct drop_folder *known;  /* borrowed from `state`; NULL: nothing that holds */
    const struct drop_folder *before; /* the same, of another UIDVALIDITY or without the ids now
                                         needed */
    unsigned char *gone;              /* for each known message; NULL: none is gone */
    size_t gone_count;
    struct drop_message *found; /* new messages; owned with their strings */
    size_t found_count, found_cap;
    struct uid_runs present;
    bool searched;      /* all known UIDs were compared: no further doubt */
    bool filtered;      /* `present` says which messages are to be listed */
    bool excludes;      /* then it says which are not */
    struct buf header;  /* Message-ID field on its way */
    EVP_MD_CTX *digest; /* of the header on its way */
    char *id;           /* what came out of it */
};

enum fetch_state {
    FETCH_ASKED,
    FETCH_COMING,  /* its octets are arriving */
    FETCH_WHOLE,   /* all of it came */
    FETCH_MISSING, /* answered OK, without it: expunged */
    FETCH_REFUSED, /* `refusal` says why */
};

/* A message on its way from the upstream. */
struct fetch {
    struct fetch *next;
    uint32_t index; /* of the list */
    uint32_t command;
    enum fetch_state state;
    bool discard;  /* nobody wants it any more */
    bool given;    /* the client has seen the +OK: from then on it is whole or the session ends */
    bool closed;   /* TOP: the text ended within what was asked for */
    uint64_t text; /* TOP: octets of the text that have come */
    uint64_t asked_from; /* TOP: `text` must have come so far when the command under way is done */
    uint64_t chunk;      /* TOP: octets of the text asked for in the command under way */
    struct pop3_body body;
    struct buf held; /* in wire form, not yet handed to the client */
    struct failure refusal;
};

struct fetches {
    struct fetch *first, **last;
    struct fetch *delivering; /* the one whose octets go straight to the client */
    struct fetch *receiving;  /* the one in whose response we are; NULL: ignored */
    struct fetch *expected;   /* behind the one that came last: likely to come next */
    uint32_t wanted;          /* those that are not discarded */
    uint32_t beyond;          /* index: reading ahead has nothing to ask for before it */
    bool in_section;
    bool in_text;      /* that section is a piece of TEXT, for TOP */
    bool in_order;     /* a body came before its UID: one in flight at a time from now on */
    size_t held;       /* octets that all of them hold */
    uint32_t run;      /* length of the run of sequential RETRs */
    uint32_t previous; /* index of the last RETR */
};

/* UIDs collected for one command, ascending when it is sent. */
struct uid_list {
    uint32_t *items;
    size_t count, cap;
};

struct expired_message {
    uint16_t folder;
    uint32_t uid;
};

/* QUIT: folder by folder, set by set. */
struct update {
    struct uid_list uids; /* of `folder`: what is being deleted */
    size_t sent, asked;   /* of `uids`: dealt with; in the set under way */
    uint32_t left;        /* of the set under way: found to be still there */
    uint16_t folder;      /* the next one when `uids` is empty */
    bool looked_for_trash, created;
    bool expiring; /* these are not this session's marks but kept messages whose days are over */
    uint32_t wanted, confirmed;      /* in all, of this session's marks */
    struct failure *failure;         /* the first one, owned; NULL: none */
    struct buf trash;                /* wire name of the folder marked \Trash, quoted */
    struct expired_message *expired; /* found by sync */
    size_t expired_count, expired_cap;
};

/* What a client shows in order to get in. */
struct auth {
    struct sasl_login login;
    bool user_given;   /* by USER, and no PASS since */
    struct buf digest; /* of APOP, until the secret is there */
};

struct maildrop {
    struct maildrop_settings settings;
    uint64_t now_ms;
    int64_t now_s;
    enum phase phase;
    enum busy busy;
    bool failed; /* memory ran out */
    bool draining;

    struct pop3_reader reader;
    struct buf client_out;
    size_t client_queued;
    uint64_t client_since; /* when it connected, or was last heard after login */
    bool client_gone;
    bool tls;
    bool utf8;
    unsigned errors, refusals;
    uint64_t login_since; /* the login under way */
    struct buf user;
    struct auth *auth;   /* owned; NULL: the client is in */
    uint32_t mechanisms; /* that CAPA tells */
    bool in_sasl;
    uint64_t asked;              /* since when the owner looks for something; 0: it does not */
    struct pop3_command pending; /* the one `busy` is about; its slices are not valid */

    const struct maildrop_options *options; /* NULL before the route is known */
    struct maildrop_folder *folders;
    uint16_t folder_count;
    enum maildrop_deletion deletion; /* the route's, or what the upstream can */

    struct upstream upstream;
    struct drop_state *state; /* from login until the list is there, and nothing of it owed */
    int64_t age;
    json_t *records; /* facts on their way to the store */
    bool saving;

    struct maildrop_list list;
    struct sync sync;
    struct fetches fetches;
    struct uid_list seen; /* read whole; \Seen is still to be set */
    uint16_t seen_folder; /* of `seen` */
    struct update update;
    struct ring actions;
    struct {
        bool logged_in;
        uint32_t messages, deleted;
        uint64_t octets;
        const char *cause;
    } summary;
};

/* maildrop.c */
/* Returns the action, as maildrop_log() does. */
struct maildrop_action *maildrop_act(struct maildrop *m, enum maildrop_action_type type);
/* Returns the action, to be completed before anything else is queued; NULL when memory is out. */
struct maildrop_action *maildrop_log(struct maildrop *m, enum maildrop_log_level level,
                                     const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The session is over: END, or ABORT when a message was cut short. `cause` is static. */
void maildrop_end(struct maildrop *m, const char *cause);
/* The command is answered; the next one may be read. */
void maildrop_idle(struct maildrop *m);
bool maildrop_client_has_room(const struct maildrop *m);
/* Queues a fact for the store; takes the reference, NULL means memory ran out. */
void maildrop_remember(struct maildrop *m, json_t *record);
void maildrop_save(struct maildrop *m, bool wait);
/* Appends to a growing array of `size` octets an element; NULL and m->failed when memory is out. */
void *maildrop_grow(struct maildrop *m, void **items, size_t *count, size_t *cap, size_t size);

/* maildrop_command.c */
void command_line(struct maildrop *m, struct slice line);
void command_run(struct maildrop *m, const struct pop3_command *cmd);
/* A client's mistake was answered: too many end the session. */
void command_mistake(struct maildrop *m);
/* "-ERR [..] sentence" for something that is not the client's mistake. */
void command_fail(struct maildrop *m, const struct failure *why);

/* maildrop_auth.c */
/* False when memory is out. */
bool auth_begin(struct maildrop *m, const struct maildrop_settings *settings);
/* Wipes and frees what the client has shown. */
void auth_end(struct maildrop *m);
void auth_user(struct maildrop *m, const struct pop3_command *cmd);
void auth_pass(struct maildrop *m, const struct pop3_command *cmd);
void auth_auth(struct maildrop *m, const struct pop3_command *cmd);
void auth_apop(struct maildrop *m, const struct pop3_command *cmd);
/* The owner took too long to answer. */
void auth_overdue(struct maildrop *m);
void auth_stls(struct maildrop *m, const struct pop3_command *cmd);
void auth_sasl_line(struct maildrop *m, struct slice line);
void auth_capabilities(const struct maildrop *m, struct pop3_capabilities *caps);
/* Forgets the route of a login, and its password. */
void auth_forget(struct maildrop *m);
/* The upstream refused its token: the owner is asked for another one. */
void auth_renew(struct maildrop *m, const struct failure *why);
void auth_ready(struct maildrop *m);
void auth_succeeded(struct maildrop *m);
void auth_refused(struct maildrop *m, const struct failure *why);

/* maildrop_upstream.c */
void upstream_init(struct upstream *u);
void upstream_clear(struct upstream *u);
/* What is said on it is logged. */
void upstream_trace(struct maildrop *m);
/* Forgets whom it logged in and what it learned of their server. */
void upstream_forget(struct upstream *u);
void upstream_event(struct maildrop *m, const struct imap_client_event *ev);
/* Issues a command; `done` sees its tagged answer and `arg` in the op. NULL when memory is out. */
struct upstream_op *upstream_command(struct maildrop *m, upstream_done done, uint32_t arg,
                                     const char *text);
/* The same out of a buffer, which is left empty. */
struct upstream_op *upstream_command_line(struct maildrop *m, upstream_done done, uint32_t arg,
                                          struct buf *line);
/* Appends a folder's name as the server knows it. False when it cannot be one. */
bool upstream_put_mailbox(struct maildrop *m, struct buf *line, struct slice name);
/* Selects a folder of the list, writable where the route writes; with QRESYNC when `modseq` is not
 * 0 and the server can. `done` sees the tagged answer. */
void upstream_select(struct maildrop *m, uint16_t folder, uint32_t uidvalidity, uint64_t modseq,
                     upstream_done done);
/* True when the folder is selected. Otherwise it is being seen to (reopened, selected), and
 * maildrop_progress() is called when it is. */
bool upstream_at(struct maildrop *m, uint16_t folder);
/* The connection is of no use any more. It is opened again when the client needs it, once. */
void upstream_lost(struct maildrop *m, const struct failure *why);
void upstream_close(struct maildrop *m);
/* Open it again. */
void upstream_reopen(struct maildrop *m);
/* It is logged in: the session begins, or goes on. */
void upstream_ready(struct maildrop *m);
/* SELECT is put as EXAMINE. */
bool upstream_examines(const struct maildrop *m);
bool upstream_owes(const struct maildrop *m);
bool upstream_can(const struct maildrop *m, enum imap_capability capability);

/* maildrop_warm.c */
/* May the upstream session be kept when this one ends now? */
bool warm_may_stay(const struct maildrop *m);
/* The folder is selected already, from the session before. */
bool warm_stands_at(const struct maildrop *m, uint16_t folder);
/* Asks whether it is still as it was: then it is selected when `done` is called, and not `stirred`.
 */
void warm_refresh(struct maildrop *m, uint16_t folder, upstream_done done);
/* A response that comes unasked says that the selected folder is not what it was. */
bool warm_stirs(const struct imap_event *ev);
/* It was of no use any more: another one is opened in its place. */
void warm_gave_out(struct maildrop *m, const struct failure *why);

/* maildrop_sync.c */
void sync_start(struct maildrop *m);
void sync_clear(struct sync *s);
void sync_end(struct maildrop *m);
void sync_fetched(struct maildrop *m, const struct imap_event *ev);
void sync_vanished(struct maildrop *m, uint32_t first, uint32_t last);

/* maildrop_build.c: from what sync found to the list */
void build_folder(struct maildrop *m);
/* Puts what is still owed into the list: before `items` are looked at, or counted. */
void list_fill(struct maildrop *m);

/* maildrop_uidl.c */
/* The FETCH items that the route's UIDLs need, with a space in front; "" when none. */
const char *uidl_fetch_items(const struct maildrop *m);
/* An octet string of the header passes by; at its end `sync.id` is what the UIDL needs of it. */
void uidl_header(struct maildrop *m, const struct imap_event *ev);
/* A message's id as it can be remembered, owned; NULL when it has none. */
char *uidl_id(struct maildrop *m, struct slice id);
/* Gives messages of a new UIDVALIDITY the UIDLs, and what else is known, of the old one. */
void uidl_recognise(struct maildrop *m, const struct drop_folder *before,
                    struct drop_message *found, size_t count);
/* Gives each new message whose UIDL another one already has an exception of its own. */
void uidl_keep_apart(struct maildrop *m);
/* The UIDL of a remembered message, owned; NULL when memory is out. */
char *uidl_of(struct maildrop *m, uint32_t uidvalidity, const struct drop_message *message);
void uidl_print(struct maildrop *m, const struct maildrop_message *message, char out[UIDL_MAX + 1]);
bool uidl_is_computed(const struct maildrop *m);

/* maildrop_list.c */
void list_stat(struct maildrop *m, const struct pop3_command *cmd);
void list_list(struct maildrop *m, const struct pop3_command *cmd);
void list_last(struct maildrop *m, const struct pop3_command *cmd);
void list_dele(struct maildrop *m, const struct pop3_command *cmd);
void list_rset(struct maildrop *m, const struct pop3_command *cmd);
void list_clear(struct maildrop_list *l);
void list_add(struct maildrop *m, uint16_t folder, const struct drop_message *message);
/* Takes the messages from `first` on (counted from 0) off the list but for the last `keep`. */
void list_keep_last(struct maildrop_list *l, uint32_t first, uint32_t keep);
/* Gives back the memory that nothing was listed in. */
void list_fit(struct maildrop_list *l);
/* Puts further lines of LIST or UIDL while the client takes them. */
void list_advance(struct maildrop *m);
/* The message of that number, or NULL after the client was told why there is none. */
struct maildrop_message *list_message(struct maildrop *m, uint32_t number);

/* maildrop_fetch.c */
void fetch_event(struct maildrop *m, const struct imap_event *ev);
struct fetch *fetch_find(struct maildrop *m, uint32_t index);
/* What it holds, and no longer does. */
struct buf fetch_take_held(struct maildrop *m, struct fetch *f);
/* Asks for a whole message. */
struct fetch *fetch_ask(struct maildrop *m, uint32_t index);
/* A message that a caller's own command asks for; `lines` as TOP has them. */
struct fetch *fetch_add(struct maildrop *m, uint32_t index, uint32_t lines);
/* A tagged answer came without the message. */
void fetch_absent(struct fetch *f, const struct imap_event *status);
void fetch_remove(struct maildrop *m, struct fetch *f);
void fetch_discard_all(struct maildrop *m);
/* A message may be worth asking for that was not before: all are looked at again. */
void fetch_look_again(struct maildrop *m);
/* The connection is gone: forgets what was on its way. True when the client already has a part. */
bool fetch_lost(struct maildrop *m);
void fetch_clear(struct fetches *q);
/* Asks for the messages that a sequential reader will want next. */
void fetch_ahead(struct maildrop *m);
/* May the next octets of the upstream be taken? Perhaps by giving up what nobody waits for. */
bool fetch_has_room(const struct maildrop *m);
/* Gives it up. */
void fetch_make_room(struct maildrop *m);

/* maildrop_retr.c */
void retr_retr(struct maildrop *m, const struct pop3_command *cmd);
void retr_top(struct maildrop *m, const struct pop3_command *cmd);
/* Goes on with RETR or TOP: called whenever something about `delivering` has changed. */
void retr_advance(struct maildrop *m);
void retr_fail(struct maildrop *m, const struct failure *why);
/* Sets \Seen for what was read, where the folder is selected. */
void retr_flush_seen(struct maildrop *m);

/* maildrop_update.c */
void update_start(struct maildrop *m);
void update_advance(struct maildrop *m);
void update_saved(struct maildrop *m, const struct failure *why);
void update_fail(struct maildrop *m, const struct failure *why);
void update_listed(struct maildrop *m, const struct imap_event *ev);
void update_clear(struct update *u);

/* Something that a command waited for has happened: go on with it. */
void maildrop_progress(struct maildrop *m);

#endif
