/*
 * What the files session*.c share of a session: session.c has the client's side, whatever its
 * protocol, session_login.c finds the route of a login, session_admission.c and session_proof.c
 * ask the gatekeeper, session_log.c tells of it all.
 * session_maildrop.c, session_upstream.c and session_state.c are for POP3 clients,
 * session_mailbox.c, session_move.c and session_bodies.c for IMAP clients. Nobody else includes
 * this.
 */
#ifndef PROXY_SESSION_PARTS_H
#define PROXY_SESSION_PARTS_H

#include "proxy/account_host.h"
#include "proxy/auth/auth_http.h"
#include "proxy/auth/gatekeeper.h"
#include "proxy/connection.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/place.h"
#include "proxy/session.h"
#include "translate/mailbox/mailbox.h"
#include "translate/maildrop/maildrop.h"

/* The words of a wrong password are those of an unknown user too: nobody learns which users there
 * are (CASES A4). */
#define SESSION_REFUSED "Authentication failed."

/* The client's stream and what the session knows of it. */
struct session_client {
    struct stream *stream; /* until it is closed, also while it is closing */
    bool closing;
    bool held;      /* octets were left in the stream, which waits for stream_resume() */
    bool rewrapped; /* TLS began in this feed, and with it the stream reads on */
    uint64_t in;    /* octets before it was closing, and on another loop */
    uint64_t out;
};

/* As whom the client was let in, or asks to be. Most of it is for the login alone, behind which the
 * struct stays only where there is a grant. */
struct session_entry {
    struct admission *asked;    /* the gatekeeper has not answered */
    struct admission *late;     /* of a refusal: the client may not hear of it yet */
    uint64_t tried_ms;          /* when the client's own password was first shown to anyone */
    struct auth_http *found_by; /* nor has the routing service */
    struct buf password;        /* for that one; a secret */
    struct buf held;     /* what the client has to know, until it has proved that; a secret */
    struct grant *grant; /* see struct admission_answer; NULL: by the upstream's own password */
    uint64_t generation; /* of the credential that the upstream has seen last */
    struct device_limits limits;
    char device[VAULT_DEVICE];
    char *claim;  /* who the client says he is: so guesses are counted */
    char *folder; /* of the login's suffix, or the only one that the device sees; NULL */
    struct credential credential; /* of an operator, who logs in for the user, or from a vault; of
                                     nobody: the client's own password */
    bool acting;                  /* he is an operator, for another user */
    bool own;       /* the client's own password is tried upstream: session_report() what is said */
    bool proving;   /* it was told what the client has to know: a refusal is for a wrong proof */
    bool certified; /* the client asks by its certificate */
    bool innocent;  /* it was not the upstream, nor a wrong password, that refused */
};

/* What a client is given so that it can prove that it knows a password which is held here; moves
 * with the session, whose translator borrows it. */
enum { SESSION_TIMESTAMP = 64 };
struct session_challenge {
    unsigned char key[SASL_SERVER_KEY];
    char timestamp[SESSION_TIMESTAMP]; /* of APOP */
};

struct session;
struct session_read;
struct session_parse;
struct session_small;
struct session_texts;

/* What a session is for one of the two protocols: the translator behind it, in the terms in which
 * session.c speaks to either. But for the first three, only while the session is `alive`. */
struct session_kind {
    const char *refusal; /* a client that is not let in: what is said before the reason */
    const char *plain;   /* and to one that begins TLS in the clear: what the log says */
    char *(*account)(const struct config_route *route, const char *user); /* in the store; owned */
    bool (*greet)(struct session *s); /* makes the translator; false when memory is out */
    void (*tell)(struct session *s);  /* the time, and what the client has not taken */
    bool (*act)(struct session *s);   /* does what it asks for; true when it was something */
    void (*data)(struct session *s, struct slice *in);
    bool (*wants)(const struct session *s);
    void (*tls)(struct session *s);
    void (*closed)(struct session *s, const struct failure *why);
    void (*drain)(struct session *s);
    void (*revoked)(struct session *s); /* its device was: the client is sent away */
    void (*tick)(struct session *s);
    uint64_t (*deadline)(const struct session *s);
    bool (*failed)(const struct session *s);
    struct buf *(*out)(struct session *s); /* for the client */
    void (*flush)(struct session *s);      /* sends for whom else it has written */
    void (*resume)(struct session *s);     /* reads on from whom else it wants to hear */
    /* The gatekeeper's answers: `s->entry`, `login` and `credential` say the rest. */
    void (*admitted)(struct session *s);
    void (*refused)(struct session *s, const struct failure *why);
    void (*secret)(struct session *s, const struct sasl_secret *secret);
    void (*renewed)(struct session *s, const struct credential *credential,
                    const struct failure *why);
    void (*log_end)(struct session *s, const char *cause);
    void (*end)(struct session *s);   /* frees the translator, lets go of all but the client */
    void (*abort)(struct session *s); /* what is left of the end is not waited for */
};

extern const struct session_kind session_of_maildrop;
extern const struct session_kind session_of_mailbox;

struct session {
    const struct session_kind *kind;
    struct session_house *house;
    struct session *prev;
    struct session *next;
    struct settings *settings;
    size_t listener;
    struct gate_client counted;
    char id[9];
    uint64_t began; /* loop time, ms */
    bool alive;     /* there is a translator: not during the handshake of pop3s, nor at the end */
    bool ended;
    bool client_spoke;
    unsigned attempts; /* logins of this connection */
    unsigned pending;  /* streams, alarm and store requests that will still call back */

    struct session_client client;
    const struct config_route *route;    /* NULL before a login */
    char *login;                         /* for the upstream; NULL: it has it */
    char *account;                       /* in the store; NULL: it is open, for an IMAP client */
    struct place place;                  /* of the upstream */
    struct session_entry *entry;         /* owned; NULL: it was needed for the login alone */
    struct session_challenge *challenge; /* NULL: none is made */
    struct store_request *loading;       /* its state is on its way */

    struct loop *loop;
    struct alarm alarm; /* the next deadline; at the end, that it is over */
    uint64_t due; /* of what the translator is not told of: the handshake of pop3s, imaps; a move */

    union {
        struct { /* a POP3 client */
            struct maildrop *maildrop;
            struct connection *upstream; /* NULL: none, or it is being closed */
            struct connection *leaving;  /* the last one, until it is closed */
            uint64_t upstream_in;        /* octets of those that are closing or closed */
            uint64_t upstream_out;
            bool failure_counted; /* this connection's failure is known to the health already */
            bool reopening;       /* as soon as the credential is renewed */
            bool renewed;         /* it was, for the connection that is opened next */
            /* The route's, as far as the device may use them; owned. NULL: all of the route's. */
            struct maildrop_options *options;
        };
        struct { /* an IMAP client */
            struct mailbox *mailbox;
            struct home *home;         /* held on the way to the account; NULL before and after */
            struct account_host *host; /* NULL: not joined, nor joining */
            struct account_guest guest;
            bool moving;                /* to the account's home, at the next turn */
            bool moved;                 /* another session goes on */
            struct session_read *reads; /* not answered, the first first */
            struct session_parse *parses;
            struct session_small *small;
            struct session_texts *texts;
            unsigned small_untold;
            struct bodies_writer *storing; /* APPEND */
            uint32_t store_request;
            char *stored; /* key of what was stored last, until the state may name it */
        };
    };
};

/* session.c */

/* Tells the translator the time and how much the client has not taken: before each feed. */
void session_tell(struct session *s);

/* After each feed: does what the translator asks for, sends, reads on, arms the timer. The
 * translator may be gone afterwards; the session is still there. */
void session_pump(struct session *s);

/* Sends what the translator has written. */
void session_flush(struct session *s);

/* Sees to it that the timer fires at the next deadline. */
void session_arm(struct session *s);

/* Ends it; `cause` NULL: the translator knows. */
void session_end(struct session *s, const char *cause, bool at_once);

/* What was counted in `pending` has called back for the last time; frees the session with the last
 * of them. */
void session_release(struct session *s);

/* The same at once, for one that waits for nothing and is in no list: what it owns, but for the
 * translator and the streams, and its place in the crowd. Its house hears of it. */
void session_free(struct session *s);

bool session_client_is_open(const struct session *s);

/* Octets that the client has not taken; and those in and out since the beginning. */
size_t session_client_queued(const struct session *s);
uint64_t session_client_in(const struct session *s);
uint64_t session_client_out(const struct session *s);

/* TLS begins on the client's stream. */
void session_client_tls(struct session *s);

/* Joins, or leaves, the sessions of its house. */
void session_enlist(struct session *s);
void session_delist(struct session *s);

/* How the session sees the client's stream. */
extern const struct stream_handler session_client_handler;

/* With nothing to wait for yet, and the client's stream on its loop. */
void session_start_timer(struct session *s);

/* The session goes without a word: another one has taken over. */
void session_vanish(struct session *s);

/* session_login.c */

/* Whom a login is for. The slices are those of the login. */
struct session_login {
    struct slice target; /* as the client gave it */
    struct slice folder; /* of its suffix */
    struct slice master; /* who logs in for him; empty: himself */
    char *user;          /* `target` without its suffix; the receiver frees it */
};

/* Finds the route of `given`, who may act for `authzid`, and sets it. False when there is none, or
 * he may not: that was logged, and nothing is to be freed. */
bool session_find_login(struct session *s, struct slice given, struct slice authzid,
                        struct session_login *l);

/* Appends the user whom the client's certificate lets in on this listener; nothing when there is
 * none, or his route wants more of him than that. */
void session_certified(const struct session *s, struct buf *user);

/* What the upstream is to be shown, once `login` is set. False when memory is out. */
bool session_set_credential(struct session *s, const struct session_login *l,
                            struct slice password);

/* NULL: the client's own password. */
const struct credential *session_credential(const struct session *s);

/* session_find.c */

/* Finds the upstream of a user who was let in; the kind's `admitted` or `refused` follows, maybe
 * before this returns. */
void session_find(struct session *s);

/* The answer is not waited for any more. */
void session_find_cancel(struct session *s);

/* session_admission.c */

/* What a client gave. The slices are copied as far as they are needed. */
struct session_claim {
    struct slice user, authzid, password;
    bool proved; /* that it knows the password which session_ask_secret() has got; it gave none */
    bool certified; /* nor did it, who asks by its certificate */
};

/* Asks the gatekeeper; the kind's `admitted` or `refused` follows. */
void session_admit(struct session *s, const struct session_claim *c);

/* Who the client says he is, `given` by it and found to be `l`: so guesses are counted, and vaults
 * are found. False when memory is out. */
bool session_name_claim(struct session *s, const struct session_login *l, struct slice given);

/* What the gatekeeper is to know of him; without a password, and who he is upstream. */
struct admission_request session_request(struct session *s);

/* By which it was let in, borrowed; NULL: by none. */
struct grant *session_grant(const struct session *s);

/* By what the credential can be had once more, borrowed; NULL: by nothing. What a routing service
 * gave is not the vault's, and goes on as it is. */
struct grant *session_renewable(const struct session *s);

/* The credential once more; the upstream has `refused` the last one, or it may have expired. The
 * kind's `renewed` follows. False when there is none to be had. */
bool session_renew(struct session *s, bool refused);

/* Ends a session that came by a device which is revoked by now. */
void session_end_if_revoked(struct session *s);

/* The answer is not waited for any more. */
void session_admission_cancel(struct session *s);

/* The upstream has let the client in, who does not log in again, or refused the password or token.
 */
void session_report(struct session *s, bool admitted);

/* True while the client may not hear yet that it was refused: nothing is said to it, and nothing
 * that it says is looked at. */
bool session_withholds(const struct session *s);

/* Why a login was refused, in a word for programs that read the log: "password" (a guess, maybe),
 * "permission" (the password was right), "server". */
const char *session_refusal_cause(const struct session *s, enum failure_kind kind);

/* Nobody is let in, or asks to be. */
void session_entry_clear(struct session *s);

/* The same at the session's end. */
void session_entry_free(struct session *s);

/* session_proof.c */

/* Before the greeting, which offers proofs by it; owned by the session. NULL: passwords are not
 * held, or are of no use at this listener. */
const struct session_challenge *session_make_challenge(struct session *s);
void session_challenge_free(struct session *s);

/* Asks the gatekeeper; the kind's `secret` or `refused` follows. `mechanism` is static. */
void session_ask_secret(struct session *s, struct slice user, const char *mechanism);

/* session_upstream.c */

/* MAILDROP_CONNECT. */
void session_connect(struct session *s, const struct maildrop_action *action);
void session_upstream_admitted(struct session *s);
void session_upstream_renewed(struct session *s, const struct credential *credential,
                              const struct failure *why);

/* The upstream connection, or the attempt at one, is given up. */
void session_disconnect(struct session *s);

/* MAILDROP_PART. */
void session_part(struct session *s);

/* session_state.c */

void session_load(struct session *s);
/* The login is given up: its state is not to be taken for the next one's. */
void session_load_cancel(struct session *s);
void session_save(struct session *s, const struct maildrop_action *action);

/* session_mailbox.c */

/* The account is asked for; it is at home here. */
void session_join(struct session *s);
void session_refuse_login(struct session *s, enum failure_kind kind, const char *text);

/* session_move.c */

/* Goes on on the loop that is the account's home. */
void session_move(struct session *s);

/* session_bodies.c */
void session_read_begin(struct session *s, const struct mailbox_action *action);
void session_read_resume(struct session *s);
void session_parse_begin(struct session *s, const struct mailbox_action *action);
void session_store(struct session *s, const struct mailbox_action *action);
void session_bodies_end(struct session *s);

/* session_texts.c */
void session_texts_begin(struct session *s, const struct mailbox_action *action);
void session_texts_end(struct session *s);

/* session_log.c */
void session_make_id(char id[9]);
void session_log_connect(const struct session *s);
void session_log_tls(const struct session *s);
void session_log_action(const struct session *s, const struct maildrop_action *action);
/* A refused login, in the form that config/fail2ban knows. */
void session_log_refusal(const struct session *s, int level, enum failure_kind kind,
                         const char *user, const char *text);
void session_log_line(const struct session *s, int level, const char *event, const char *user,
                      const char *text);
void session_log_message(const struct session *s, int level, const char *event, const char *text);

#endif
