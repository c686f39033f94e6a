/*
 * The rooms behind mailbox.h. Each file of this folder keeps its own struct here and the few
 * functions that the others may call:
 *
 *   mailbox.c           feeding, time, actions, the end
 *   mailbox_command.c   the table of verbs; what may be said when; how a command ends
 *   mailbox_account.c   what the account says: events, and what is told unasked
 *   mailbox_change.c    a change of the state: turn, draft, commit, answer
 *   mailbox_auth.c      LOGIN, AUTHENTICATE, STARTTLS, CAPABILITY
 *   mailbox_idle.c      NOOP, CHECK, IDLE, ENABLE, ID, LOGOUT
 *   mailbox_select.c    SELECT, EXAMINE, CLOSE, UNSELECT
 *   mailbox_view.c      what the client was told of the selected folder
 *   mailbox_folder.c    CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE
 *   mailbox_list.c      LIST, LSUB, NAMESPACE
 *   mailbox_status.c    STATUS
 *   mailbox_store.c     STORE
 *   mailbox_copy.c      COPY, MOVE
 *   mailbox_expunge.c   EXPUNGE, UID EXPUNGE, CLOSE's expunge
 *   mailbox_append.c    APPEND
 *   mailbox_job_host.c  FETCH, SEARCH
 *
 * A handler answers with mailbox_finish() or one of its kin, now or, when the session has become
 * busy, later; nothing else is read from the client until then.
 */
#ifndef TRANSLATE_MAILBOX_MAILBOX_INTERNAL_H
#define TRANSLATE_MAILBOX_MAILBOX_INTERNAL_H

#include "translate/imap/imap_write.h"
#include "translate/imap/imapd_command.h"
#include "translate/imap/imapd_reader.h"
#include "translate/mailbox/mailbox.h"
#include "translate/mailbox/mailbox_job.h"
#include "translate/mailbox/mailbox_view.h"
#include "translate/sasl/sasl_login.h"
#include "translate/state/box_draft.h"

enum {
    CLIENT_HIGH_WATER = 65536, /* octets that may wait for the client before work is left alone */
    STORE_HIGH_WATER = 262144, /* of an APPEND, not yet written */
    GONE_WAIT_MS = 10000,      /* EXPUNGE waits so long for the upstream to delete */
};

/* The numbers of MAILBOX_LOG's `level`. */
enum { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };

enum phase { PHASE_NOT_AUTHENTICATED, PHASE_AUTHENTICATED, PHASE_ENDED };

/* What the command under way waits for. */
enum busy {
    BUSY_NONE,
    BUSY_TLS,    /* STARTTLS was answered */
    BUSY_SECRET, /* AUTHENTICATE: the owner looks for the client's secret */
    BUSY_ROUTE,  /* LOGIN: whose account it is */
    BUSY_LOGIN,  /* the account is asked */
    BUSY_CHANGE, /* a turn, or what was committed in it */
    BUSY_POLL,   /* a look at the maildrop */
    BUSY_GONE,   /* EXPUNGE: the upstream deletes */
    BUSY_IDLE,   /* DONE */
    BUSY_APPEND, /* a message from the client */
    BUSY_STORED, /* the message is made durable */
    BUSY_JOB,    /* FETCH, SEARCH */
};

/*
 * A change of the state that a command makes. `draft` is called in the turn: it draws up the record
 * against the state as it then is. False: nothing is to be changed, either because there is no need
 * or because mailbox_refuse() said why it cannot be. `done` is called when that is durable; it
 * answers the command.
 */
struct mailbox_change {
    const char *name; /* of the record */
    bool (*draft)(struct mailbox *m, struct box_draft *d);
    void (*done)(struct mailbox *m);
    void (*failed)(struct mailbox *m); /* it was refused, or could not be made durable; the command
                                          is answered behind it. May be NULL. */
};

struct change {
    const struct mailbox_change *kind;
    uint32_t request;
    bool committing;
    bool refused;
    const char *code; /* with which it was refused */
    const char *text;
    uint64_t modseq; /* of the record */
};

/* UIDs that a command is about. */
struct uids {
    uint32_t *items;
    size_t count, capacity;
    bool missing; /* some that were named are not there any more */
};

struct append {
    uint32_t request;
    uint32_t folder;
    bool begun;          /* STORE_BEGIN was said, and no end of it */
    struct failure *why; /* owned: it has failed, and what still comes is passed over; NULL: not */
    uint64_t size;
    char *key, *digest;
};

/* What a command knows between its beginning and its answer, beside its words. */
struct work {
    struct uids uids;
    struct uids fresh;    /* COPY, MOVE: the new UIDs, beside `uids` */
    struct uids modified; /* STORE: those that UNCHANGEDSINCE spared */
    uint32_t uidvalidity; /* COPY, MOVE, APPEND: the destination's */
    uint32_t uid;         /* APPEND */
    uint64_t deadline;    /* BUSY_GONE */
    uint64_t set, clear;  /* STORE */
    struct change change;
    struct append append;
    struct job_host host; /* of `job` */
    struct job *job;      /* FETCH, SEARCH; NULL: none */
};

struct mailbox {
    struct mailbox_settings settings;
    uint64_t now_ms;
    int64_t now_s;
    enum phase phase;
    enum busy busy;
    bool failed; /* memory ran out */
    bool draining, revoked;

    struct imapd_reader reader;
    const struct imapd_limits *limits;
    struct buf client_out;
    size_t client_queued;
    uint64_t client_since; /* when it connected, or was last heard after login */
    bool client_gone;
    bool tls;
    bool condstore, rev2, utf8_accept; /* enabled */
    bool commanded;                    /* there is a `command` */
    bool in_sasl;
    bool looked; /* mailbox_looks_first() did */
    unsigned errors, refusals;
    uint64_t login_since; /* the login under way */

    struct imapd_command command; /* the one under way */
    struct sasl_login *auth;      /* owned; NULL: the client is in */
    struct buf user;
    uint64_t asked; /* since when the owner looks for something; 0: it does not */

    struct mailbox_rights rights; /* but for their `folder`, which is `only` */
    char *only;

    struct account_client account; /* attached when its `account` is not NULL */
    uint32_t request;              /* to the account: LOGIN, POLL */
    uint32_t last_request;         /* to the owner */
    struct failure *notice;        /* owned: it is to be told; NULL: nothing is */

    struct mailbox_view view;
    struct work *work;    /* owned, of the command under way; NULL: there is none, or it is IDLE */
    size_t append_queued; /* octets of STORE_DATA that are not yet written */
    struct ring actions;
    struct {
        bool logged_in;
        uint32_t commands, fetched, appended, expunged;
        const char *cause;
    } summary;
};

/* mailbox.c */
/* NULL, and m->failed, when memory is out; to be completed before anything else is queued. */
struct mailbox_action *mailbox_act(struct mailbox *m, enum mailbox_action_type type);
void mailbox_log(struct mailbox *m, int level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The session is over; `cause` is static. */
void mailbox_end(struct mailbox *m, const char *cause);
/* "* BYE", and the end. */
void mailbox_bye(struct mailbox *m, const char *code, const char *text, const char *cause);
void mailbox_bye_revoked(struct mailbox *m);
bool mailbox_has_room(const struct mailbox *m);
uint32_t mailbox_next_request(struct mailbox *m);
const struct box_state *mailbox_state(const struct mailbox *m);
/* UTF-8 may be sent: UTF8=ACCEPT or IMAP4rev2 was enabled. */
bool mailbox_utf8(const struct mailbox *m);

/* mailbox_command.c */
/* The command under way, which waited for something, is begun anew. */
void mailbox_run_again(struct mailbox *m);
void mailbox_command_event(struct mailbox *m, enum imapd_read got,
                           const struct imapd_read_event *ev);
/* Each ends the command under way: what changed in the selected folder is told, then this. */
void mailbox_finish(struct mailbox *m, enum imapd_status status, const char *code,
                    const char *text);
void mailbox_ok(struct mailbox *m);
void mailbox_no(struct mailbox *m, const char *code, const char *text);
void mailbox_fail(struct mailbox *m, const struct failure *why);
/* The client's mistake: it is counted. */
void mailbox_bad(struct mailbox *m, const char *text);
void mailbox_no_memory(struct mailbox *m);
/* Tells what changed in the selected folder, as far as the command under way permits. */
void mailbox_catch_up(struct mailbox *m);

/* mailbox_account.c */
/* The upstream went away, or came back: told once. */
void mailbox_tell_notice(struct mailbox *m);
void mailbox_leave(struct mailbox *m);

/* mailbox_rights.c */
void mailbox_rights_clear(struct mailbox *m);
bool mailbox_sees(const struct mailbox *m, const struct box_folder *f);
/* The folder of that name, if the client sees it; else NULL. */
const struct box_folder *mailbox_folder(const struct mailbox *m, struct slice name);
/* Why the command under way is not permitted: static; NULL: it is. */
const char *mailbox_forbids(const struct mailbox *m);

/* mailbox_change.c */
void mailbox_change_begin(struct mailbox *m, const struct mailbox_change *kind);
/* For a draft that cannot be made: the command ends with NO. Both texts are static. Always false.
 */
bool mailbox_refuse(struct mailbox *m, const char *code, const char *text);
void mailbox_change_event(struct mailbox *m, const struct account_event *ev);
/* The folder `name`; refuses with `code` when there is none that can be selected. */
const struct box_folder *mailbox_change_folder(struct mailbox *m, struct slice name,
                                               const char *code);
bool mailbox_uids_add(struct mailbox *m, struct uids *uids, uint32_t uid);
/* Room for what a command comes to know, before it is begun; false when memory is out. */
bool mailbox_work_begin(struct mailbox *m);
/* Aborts what is under way of it. */
void mailbox_work_end(struct mailbox *m);

/* mailbox_auth.c */
/* False when memory is out. */
bool mailbox_auth_begin(struct mailbox *m, const struct mailbox_settings *settings);
/* Wipes and frees what the client has shown. */
void mailbox_auth_end(struct mailbox *m);
/* The owner took too long to answer. */
void mailbox_auth_overdue(struct mailbox *m);
void mailbox_put_capabilities(struct mailbox *m, struct buf *out);
void mailbox_sasl_line(struct mailbox *m, struct slice line);
void mailbox_sasl_abort(struct mailbox *m);
/* The account took the password. */
void mailbox_login_done(struct mailbox *m);
void mailbox_login_event(struct mailbox *m, const struct account_event *ev);
void mailbox_run_login(struct mailbox *m);
void mailbox_run_authenticate(struct mailbox *m);
void mailbox_run_starttls(struct mailbox *m);
void mailbox_run_capability(struct mailbox *m);

/* mailbox_idle.c */
void mailbox_idle_line(struct mailbox *m, struct slice line);
void mailbox_poll_event(struct mailbox *m, const struct account_event *ev);
/* True when nothing was ever listed of this account: what there is upstream is looked at, once, and
 * then the command begins anew. */
bool mailbox_looks_first(struct mailbox *m);
void mailbox_run_noop(struct mailbox *m);
void mailbox_run_check(struct mailbox *m);
void mailbox_run_idle(struct mailbox *m);
void mailbox_run_enable(struct mailbox *m);
void mailbox_run_id(struct mailbox *m);
void mailbox_run_logout(struct mailbox *m);

/* mailbox_select.c */
uint64_t mailbox_modseq(const struct box_folder *f); /* HIGHESTMODSEQ */
void mailbox_deselect(struct mailbox *m);
void mailbox_run_select(struct mailbox *m);
void mailbox_run_close(struct mailbox *m);
void mailbox_run_unselect(struct mailbox *m);

/* mailbox_folder.c */
void mailbox_run_create(struct mailbox *m);
void mailbox_run_delete(struct mailbox *m);
void mailbox_run_rename(struct mailbox *m);
void mailbox_run_subscribe(struct mailbox *m);

/* mailbox_list.c */
void mailbox_list_put(struct mailbox *m, const struct box_folder *f);
void mailbox_run_list(struct mailbox *m);
void mailbox_run_lsub(struct mailbox *m);
void mailbox_run_namespace(struct mailbox *m);

/* mailbox_status.c */
void mailbox_status_put(struct mailbox *m, const struct box_folder *f, unsigned items);
void mailbox_run_status(struct mailbox *m);

/* mailbox_store.c */
/* The flags as bits; keywords that the account has no room for are left out. */
uint64_t mailbox_flags_make(const struct imapd_flags *flags, struct box_draft *d);
void mailbox_run_store(struct mailbox *m);

/* mailbox_copy.c */
/* What the command's set names goes into `work.uids`. False: refused. */
bool mailbox_take_set(struct mailbox *m, const struct box_folder *f);
void mailbox_run_copy(struct mailbox *m);

/* mailbox_expunge.c */
void mailbox_expunge_look(struct mailbox *m); /* the upstream may have deleted */
void mailbox_expunge_give_up(struct mailbox *m);
extern const struct mailbox_change mailbox_close_change;
void mailbox_run_expunge(struct mailbox *m);

/* mailbox_append.c */
void mailbox_append_begin(struct mailbox *m);
void mailbox_append_data(struct mailbox *m, struct slice octets);
void mailbox_append_end(struct mailbox *m);
void mailbox_append_abort(struct mailbox *m);

/* mailbox_job_host.c */
void mailbox_job_advance(struct mailbox *m);
void mailbox_job_event(struct mailbox *m, const struct account_event *ev);
void mailbox_run_fetch(struct mailbox *m);
void mailbox_run_search(struct mailbox *m);

#endif
