/*
 * A POP3 session whose maildrop is an IMAP mailbox: the whole of DESIGN.md's table "maildrop: POP3
 * served from IMAP", without I/O.
 *
 * The owner feeds what came from the client and from the upstream, and after each feed
 *   - takes the actions out, one after the other, with maildrop_next_action(),
 *   - sends what is in maildrop_client_out() and maildrop_upstream_out(),
 *   - offers again what was left over, when maildrop_wants_client() / _wants_upstream() say so,
 *   - arranges to call maildrop_tick() at maildrop_deadline().
 * Nothing is called back. Times are given with maildrop_now() before each feed.
 *
 * Back-pressure: the owner tells with maildrop_client_queued() how many octets the client has not
 * taken yet. While that is much, the maildrop leaves upstream octets (and client commands) where
 * they are: it eats only what it can pass on.
 */
#ifndef TRANSLATE_MAILDROP_MAILDROP_H
#define TRANSLATE_MAILDROP_MAILDROP_H

#include "translate/imap/imap_client.h"
#include "translate/maildrop/maildrop_options.h"
#include "translate/maildrop/maildrop_warm.h"
#include "translate/sasl/sasl_server.h"
#include "translate/state/drop_state.h"
#include "translate/text/buf.h"
#include "translate/text/failure.h"

/* What is known of the client's side before it logs in. */
struct maildrop_settings {
    bool debug;           /* the dialogue is logged, line by line */
    bool tls;             /* the connection is TLS already (pop3s) */
    bool stls;            /* STLS can be offered: there is a certificate */
    bool require_tls;     /* ?tls=starttls: no login without TLS, even on loopback */
    bool allow_cleartext; /* loopback peer, or the listener allows it */
    unsigned login_delay; /* announced in CAPA; 0: none. Enforced by the route's own */
    /* See struct config_limits. A login that is routed has connect_seconds and response_seconds in
     * all, however busily the upstream talks and however long the disk takes. */
    unsigned login_seconds, idle_seconds, connect_seconds, response_seconds;
    unsigned errors, login_attempts;
    bool allow_authzid; /* a login may be for another user (a route has operators) */
    /* Devices have passwords that are kept here: SCRAM and CRAM-MD5 are offered, and APOP where
     * there is a `timestamp` for it ("<...@...>", not used before; borrowed). */
    bool secrets;
    const char *timestamp;
    const struct sasl_binding *binding; /* of pop3s; NULL: none. Borrowed by maildrop_new() only */
    struct slice certified;             /* of pop3s: as for maildrop_client_certified() */
    const unsigned char *key; /* with `secrets`: see struct sasl_server_options; borrowed */
    unsigned iterations;
};

enum maildrop_action_type {
    /* `user` wants in, with `password`, because he has `proved` that he knows the one that is kept
     * here, or because he is `certified`: find his route, hand it over with maildrop_routed() (or
     * refuse with maildrop_refused()), open the connection, implicit TLS included, then
     * maildrop_connected() or maildrop_connect_failed(). All that may take time, `login_seconds` at
     * most until it is routed. Comes again, after an upstream was lost, with `again` set: the route
     * stays, only the connection is opened. */
    MAILDROP_CONNECT,
    /* What does the client have to know who says that he is `user`, for `mechanism` (a name of
     * SASL's, or "APOP")? Then maildrop_secret(). */
    MAILDROP_SECRET,
    /* The upstream refused the token that it was given, for `text`: maildrop_credential() with a
     * new one, or maildrop_refused(). Asked once for each time that it is logged in to. */
    MAILDROP_CREDENTIAL,
    /* Give the upstream connection up, after what is in upstream_out, and what was begun in answer
     * to CONNECT, SECRET or CREDENTIAL. */
    MAILDROP_DISCONNECT,
    /* The client has said QUIT, and the route keeps upstream sessions for the user's next login:
     * after what is in upstream_out, part it with maildrop_part(). */
    MAILDROP_PART,
    MAILDROP_CLIENT_TLS,   /* after what is in client_out: TLS as server; then maildrop_client_tls()
                            */
    MAILDROP_UPSTREAM_TLS, /* after what is in upstream_out: TLS as client; then
                              maildrop_upstream_tls() */
    MAILDROP_UPSTREAM_DEFLATE, /* after what is in upstream_out: raw DEFLATE (RFC 4978), octets left
                                  over included; then maildrop_upstream_deflate() */
    MAILDROP_LOAD_STATE,       /* then maildrop_state_loaded() */
    MAILDROP_SAVE_STATE, /* append `records`; when `wait` is set then maildrop_state_saved() */
    MAILDROP_LOG,        /* `level`, `event`, `text` */
    MAILDROP_END,        /* send what is in client_out, close the client, free the maildrop */
    MAILDROP_ABORT,      /* close the client at once, sending no more: a message was cut short */
};

enum maildrop_log_level { MAILDROP_ERROR, MAILDROP_WARNING, MAILDROP_INFO, MAILDROP_DEBUG };

struct maildrop_action {
    enum maildrop_action_type type;
    struct slice user; /* CONNECT, SECRET: as the client gave it; these slices are valid until the
                          next feed */
    struct slice authzid;  /* CONNECT: whose mail he wants, when that is another's; else empty */
    struct slice password; /* CONNECT: as the client gave it; a secret */
    bool proved, certified;
    const char *mechanism; /* SECRET: static */
    bool again;
    json_t *records; /* SAVE_STATE: an array; the receiver owns the reference */
    bool wait;
    enum maildrop_log_level level;
    const char *event;      /* "login", "login-refused", "deleted" ...: static */
    enum failure_kind kind; /* LOG "login-refused": why; the process's health hangs on it */
    char text[240];         /* a sentence, cleaned, without secrets */
};

/* A user's route. Everything is borrowed until the maildrop is freed, but `login` and `folder`,
 * which are copied. */
struct maildrop_route {
    const struct maildrop_options *options;
    struct imap_client_options imap; /* `compress`, `allow_preauth`, `utf8` are filled in here */
    struct slice login;              /* after rewriting */
    struct slice folder;             /* from the login suffix; empty: the route's folders */
    /* By what it is logged in upstream, copied; NULL: `login` with the client's own password. */
    const struct credential *credential;
};

/* What a session was, for the line at its end. */
struct maildrop_summary {
    const char *user; /* "" before login; valid until freed */
    bool logged_in;
    uint32_t messages; /* RETRs that were sent whole */
    uint64_t octets;   /* of these, as LIST counts */
    uint32_t deleted;  /* confirmed by the upstream, or hidden durably */
    const char *cause; /* "quit", "client closed", "upstream closed", "autologout" ...: static */
};

struct maildrop;

/* Greets: client_out holds the greeting at once. NULL when memory is out. `now_ms` is any monotonic
 * clock, `now_s` the wall clock. */
struct maildrop *maildrop_new(const struct maildrop_settings *settings, uint64_t now_ms,
                              int64_t now_s);
void maildrop_free(struct maildrop *m);

/* What time it is, before a feed. */
void maildrop_now(struct maildrop *m, uint64_t now_ms, int64_t now_s);

/* Octets that were handed over to the client's stream and have not gone out yet: before a feed, and
 * when the stream has drained, so that a long listing goes on. */
void maildrop_client_queued(struct maildrop *m, size_t octets);

/* Octets from the client / the upstream; what is left in `*in` is to be offered again. */
void maildrop_client_data(struct maildrop *m, struct slice *in);
void maildrop_upstream_data(struct maildrop *m, struct slice *in);

/* The client's stream ended; `why` as in stream.h. MAILDROP_END follows, at once or when the
 * command under way is carried out. Without QUIT nothing is deleted. */
void maildrop_client_closed(struct maildrop *m, const struct failure *why);
void maildrop_upstream_closed(struct maildrop *m, const struct failure *why);

/* What the upstream connection's TLS has for channel binding: before maildrop_connected() and
 * maildrop_upstream_tls(). It holds for that connection. */
void maildrop_upstream_bind(struct maildrop *m, const struct sasl_binding *binding);

/* Answers to actions. */
void maildrop_routed(struct maildrop *m, const struct maildrop_route *route);
void maildrop_refused(struct maildrop *m, const struct failure *why);
/* Answer to SECRET; borrowed while this lasts. Of kind NONE when nobody of that name is known. */
void maildrop_secret(struct maildrop *m, const struct sasl_secret *secret);
/* Answer to CREDENTIAL, or to a CONNECT with `again`, where the old one may have expired; copied.
 */
void maildrop_credential(struct maildrop *m, const struct credential *credential);
void maildrop_connected(struct maildrop *m);
/* Before maildrop_connected(), where the route did not tell which server it would be: as
 * maildrop_route.imap. `host` is borrowed until the next connection. */
void maildrop_reached(struct maildrop *m, const struct imap_client_options *imap);
void maildrop_connect_failed(struct maildrop *m, const struct failure *why);

/*
 * Instead of maildrop_connected(): the session goes on with what maildrop_part() left, of the same
 * user with the same password on the same route (maildrop_warm_key() tells), and with its
 * connection. The upstream is asked at once whether it is still there and what has changed; if it
 * is not, MAILDROP_CONNECT comes with `again` set, and the client notices nothing. Takes `warm`
 * over, which is quiet.
 */
void maildrop_go_on(struct maildrop *m, struct maildrop_warm *warm);

/* Answers MAILDROP_PART: what of the upstream session outlives this one. The caller's, with the
 * connection; NULL when memory is out: then the connection is to be closed. */
struct maildrop_warm *maildrop_part(struct maildrop *m);

/* Routed: by what this login is known, as an HMAC-SHA256 under `secret`. Two logins have the same
 * only when they show the upstream the same credential, and what the client may be sent (UTF8) is
 * the same. False when that cannot be told, as of a certificate, or the route keeps no sessions. */
bool maildrop_warm_key(const struct maildrop *m, const unsigned char secret[MAILDROP_WARM_KEY],
                       unsigned char key[MAILDROP_WARM_KEY]);
/* What the client's TLS has for channel binding: before maildrop_client_tls(). */
void maildrop_client_bind(struct maildrop *m, const struct sasl_binding *binding);
/* The user whose certificate the client has shown in TLS, and whom that lets in (EXTERNAL); copied.
 * Empty: none. Before maildrop_client_tls(). */
void maildrop_client_certified(struct maildrop *m, struct slice user);
void maildrop_client_tls(struct maildrop *m);
void maildrop_upstream_tls(struct maildrop *m);
void maildrop_upstream_deflate(struct maildrop *m);
/* Takes `state` over; NULL with the reason when it could not be read. */
void maildrop_state_loaded(struct maildrop *m, struct drop_state *state, const struct failure *why);
void maildrop_state_saved(struct maildrop *m, const struct failure *why);

/* The time has come that maildrop_deadline() told. */
void maildrop_tick(struct maildrop *m);

/*
 * The process is about to end. A client that has not logged in is sent away; one that has nothing
 * marked for deletion may go on as long as it has something to say; one that has may go on to its
 * QUIT, so that what it deleted is not downloaded again. Called a second time, when patience is
 * over, the session ends in any case.
 */
void maildrop_drain(struct maildrop *m);

/* The client may not be here any more: it is sent away at once, and nothing that it has marked is
 * deleted. Only a QUIT that was said before stands, and is answered. */
void maildrop_revoke(struct maildrop *m);

/* False when there is none. */
bool maildrop_next_action(struct maildrop *m, struct maildrop_action *action);

struct buf *maildrop_client_out(struct maildrop *m);
struct buf *maildrop_upstream_out(struct maildrop *m);

/* Would it take octets from that side now? */
bool maildrop_wants_client(const struct maildrop *m);
bool maildrop_wants_upstream(const struct maildrop *m);

/* On the clock of maildrop_now(), in ms; UINT64_MAX: none. */
uint64_t maildrop_deadline(const struct maildrop *m);

/* Memory ran out somewhere in this session: the owner ends it (CASES R8). */
bool maildrop_failed(const struct maildrop *m);

void maildrop_summary(const struct maildrop *m, struct maildrop_summary *summary);

#endif
