/*
 * What session.c, session_upstream.c, session_state.c and session_log.c share of a session. Nobody
 * else includes this.
 */
#ifndef PROXY_SESSION_PARTS_H
#define PROXY_SESSION_PARTS_H

#include "proxy/net/connector.h"
#include "proxy/net/stream.h"
#include "proxy/session.h"
#include "translate/maildrop/maildrop.h"

/* A stream and what the session knows of it. */
struct session_side {
    struct stream *stream; /* until it is closed, also while it is closing */
    bool closing;
    bool held;      /* octets were left in the stream, which waits for stream_resume() */
    bool rewrapped; /* TLS or DEFLATE began in this feed, and with it the stream reads on */
    uint64_t in;    /* octets of streams that are closing or closed */
    uint64_t out;
};

struct session {
    struct session_house *house;
    struct session *prev;
    struct session *next;
    struct settings *settings;
    size_t listener;
    struct gate_address address;
    char id[9];
    uint64_t began; /* loop time, ms */
    bool ended;
    unsigned pending; /* streams, timer and store requests that will still call back */

    struct maildrop *maildrop; /* NULL: during the handshake of pop3s, and at the end */
    struct session_side client;
    struct session_side upstream;
    bool client_spoke;

    struct connector *connector;
    const struct config_route *route; /* NULL before a login */
    char *login;                      /* for the upstream */
    char *account;                    /* in the store */
    struct store_request *loading;    /* its state is on its way */
    bool handshake;                   /* of imaps is under way */
    bool failure_counted;             /* this connection's failure is known to the health already */

    uv_timer_t timer;
    uint64_t timer_due; /* when it fires; UINT64_MAX: it does not run */
    uint64_t due;       /* of a handshake that the maildrop is not told of: pop3s, imaps */
    uint64_t connect_due;
};

/* session.c */

/* Tells the maildrop the time and how much the client has not taken: before each feed. */
void session_tell(struct session *s);

/* After each feed: does what the maildrop asks for, sends, reads on, arms the timer. The maildrop
 * may be gone afterwards; the session is still there. */
void session_pump(struct session *s);

/* Offers octets of one side, as long as the maildrop takes some. */
void session_offer(struct session *s, struct session_side *side, struct slice *in,
                   void (*feed)(struct maildrop *m, struct slice *in),
                   bool (*wants)(const struct maildrop *m));

/* Sends what the maildrop has written for both sides. */
void session_flush(struct session *s);

/* Sees to it that the timer fires at the next deadline. */
void session_arm(struct session *s);

/* Lets go of a side's stream, if it is open. */
void session_side_close(struct session_side *side, bool at_once);

/* Ends it; `cause` NULL: the maildrop knows. */
void session_end(struct session *s, const char *cause, bool at_once);

/* What was counted in `pending` has called back for the last time; frees the session with the last
 * of them. */
void session_release(struct session *s);

/* session_upstream.c */

/* MAILDROP_CONNECT. */
void session_connect(struct session *s, const struct maildrop_action *action);

/* The upstream connection, or the attempt at one, is given up. */
void session_disconnect(struct session *s);

void session_upstream_tls(struct session *s);
void session_handshake_overdue(struct session *s);

/* session_state.c */

/* "ann@imap.example.com"; owned, NULL when memory is out. */
char *session_account(const char *user, const struct endpoint *upstream);

void session_load(struct session *s);
/* The login is given up: its state is not to be taken for the next one's. */
void session_load_cancel(struct session *s);
void session_save(struct session *s, const struct maildrop_action *action);

/* session_log.c */
void session_make_id(char id[9]);
void session_log_connect(const struct session *s);
void session_log_tls(const struct session *s, const char *event, const struct session_side *side);
void session_log_upstream(const struct session *s);
void session_log_action(const struct session *s, const struct maildrop_action *action);
void session_log_end(const struct session *s, const char *cause);
void session_log_message(const struct session *s, int level, const char *event, const char *text);

#endif
