/*
 * One IMAP session on an account whose upstream is a POP3 maildrop: DESIGN.md's table "mailbox:
 * IMAP served from POP3" and the commands of RFC 3501 and RFC 9051. Without I/O, and fed in the
 * manner of translate/maildrop/maildrop.h: after each feed the owner takes the actions out, sends
 * what is in mailbox_client_out(), offers again what was left over when mailbox_wants_client() says
 * so, and arranges to call mailbox_tick() at mailbox_deadline(). Times are given with
 * mailbox_now().
 *
 * Octets of messages lie in the owner's store of bodies. The mailbox reads them by READ actions, as
 * ranges, one request after the other or several at a time; a body that is not there it asks the
 * account for (account_want, or account_follow where it may still be coming) and reads again.
 * Structures (translate/mime) are made by the owner on the thread pool (PARSE), from the body in
 * the store, and remembered beside it.
 */
#ifndef TRANSLATE_MAILBOX_MAILBOX_H
#define TRANSLATE_MAILBOX_MAILBOX_H

#include "translate/mailbox/account.h"
#include "translate/mime/mime_message.h"
#include "translate/sasl/sasl_server.h"
#include "translate/text/buf.h"

/* What is known of the client's side before it logs in. */
struct mailbox_settings {
    bool debug;           /* the dialogue is logged, line by line */
    bool tls;             /* the connection is TLS already (imaps) */
    bool starttls;        /* STARTTLS can be offered: there is a certificate */
    bool require_tls;     /* no login without TLS, even on loopback */
    bool allow_cleartext; /* loopback peer, or the listener allows it */
    bool allow_authzid;   /* a login may be for another user (a route has operators) */
    bool secrets; /* devices have passwords that are kept here: SCRAM and CRAM-MD5 are offered */
    unsigned login_seconds, idle_seconds; /* the latter at least 1800 (RFC 9051 section 5.4) */
    unsigned patience_seconds; /* for the account to let a client in, or to refuse it, once the
                                  owner has found it */
    unsigned errors, login_attempts;
    unsigned iterations;                /* with `secrets`, beside `key` */
    uint64_t append_limit;              /* octets of a message in APPEND (RFC 7889) */
    const struct sasl_binding *binding; /* of imaps; NULL: none. Borrowed by mailbox_new() only */
    struct slice certified;             /* of imaps: as for mailbox_client_certified() */
    const unsigned char *key; /* with `secrets`: see struct sasl_server_options; borrowed */
};

enum mailbox_action_type {
    MAILBOX_LOGIN,  /* `user` wants in, with `password`, because he has `proved` that he knows the
                       one that is kept here, or because he is `certified`: find the route and the
                       account, move to its loop, then mailbox_joined() or mailbox_refused(). It may
                       take `login_seconds` */
    MAILBOX_SECRET, /* what does the client have to know who says that he is `user`, for
                       `mechanism`? Then mailbox_secret() or mailbox_refused() */
    MAILBOX_CANCEL, /* what was begun in answer to LOGIN or SECRET is not waited for any more */
    MAILBOX_CLIENT_TLS, /* after what is in client_out: TLS as server; then mailbox_client_tls() */
    MAILBOX_READ,  /* `request`: octets `offset` .. `offset` + `length` of `content`'s `part`, by
                      mailbox_read_data(), then mailbox_read_done() */
    MAILBOX_PARSE, /* `request`: the structure of `content`; then mailbox_parsed() */
    MAILBOX_TEXTS, /* `request`: what mailbox_texts_take() gives; then mailbox_texts_have() */
    MAILBOX_STORE_BEGIN, /* `request`: a message of `length` octets follows (APPEND) */
    MAILBOX_STORE_DATA, /* `octets` of what mailbox_client_data() was given, or valid until the next
                           call of any function but mailbox_next_action() */
    MAILBOX_STORE_END,  /* make it durable; then mailbox_stored() */
    MAILBOX_STORE_ABORT, /* forget it; also after mailbox_stored(): it came to nothing */
    MAILBOX_LOG,         /* `level`, `event`, `text` */
    MAILBOX_END,         /* send what is in client_out, close, free the mailbox */
};

struct mailbox_action {
    enum mailbox_action_type type;
    struct slice user;     /* LOGIN, SECRET; these slices are valid until the next feed */
    struct slice authzid;  /* LOGIN: whose mail he wants, when that is another's; else empty */
    struct slice password; /* LOGIN: as the client gave it; a secret */
    bool proved, certified;
    const char *mechanism; /* SECRET: static */
    uint32_t request;
    uint32_t content;
    enum account_part part;
    uint64_t offset, length;
    struct slice octets;
    int level;
    const char *event; /* static */
    char text[240];
};

enum mailbox_read_outcome {
    MAILBOX_READ_DONE,   /* the range was given, as far as the part goes */
    MAILBOX_READ_ABSENT, /* it is not in the store of bodies */
    MAILBOX_READ_FAILED, /* `why` */
};

/* What the client may not do, beyond what no client may. */
struct mailbox_rights {
    bool read_only;     /* every folder is as if it were opened by EXAMINE; nothing is stored */
    bool never_delete;  /* nothing is marked \Deleted, expunged or moved away */
    const char *folder; /* UTF-8: the only one that there is for this client; NULL: all are */
};

struct mailbox;

/* Greets. NULL when memory is out. */
struct mailbox *mailbox_new(const struct mailbox_settings *settings, uint64_t now_ms,
                            int64_t now_s);

/* Detaches from its account. */
void mailbox_free(struct mailbox *m);

void mailbox_now(struct mailbox *m, uint64_t now_ms, int64_t now_s);

/* As in maildrop.h: before a feed, and when the stream has drained. */
void mailbox_client_queued(struct mailbox *m, size_t octets);
/* At most one STORE_DATA comes of a call: what is left over is to be offered again. */
void mailbox_client_data(struct mailbox *m, struct slice *in);
bool mailbox_wants_client(const struct mailbox *m);
void mailbox_client_closed(struct mailbox *m, const struct failure *why);
void mailbox_client_tls(struct mailbox *m);

/* What the client's TLS has for channel binding: before mailbox_client_tls(). */
void mailbox_client_bind(struct mailbox *m, const struct sasl_binding *binding);

/* The user whose certificate the client has shown in TLS, and whom that lets in (EXTERNAL); copied.
 * Empty: none. Before mailbox_client_tls(). */
void mailbox_client_certified(struct mailbox *m, struct slice user);

/* Answers to LOGIN. `login` is the upstream's (copied), which goes to the account with the client's
 * own password; or `credential` does (copied), unless it is NULL. The account outlives the mailbox.
 */
void mailbox_joined(struct mailbox *m, struct account *account, struct slice login,
                    const struct credential *credential);
void mailbox_refused(struct mailbox *m, const struct failure *why);

/* Before mailbox_joined(); copied. Without it a client may do everything. */
void mailbox_restrict(struct mailbox *m, const struct mailbox_rights *rights);

/* Answer to SECRET; borrowed while this lasts. Of kind NONE when nobody of that name is known. */
void mailbox_secret(struct mailbox *m, const struct sasl_secret *secret);

/* account_next_client() named this mailbox's client: it looks at the events. */
void mailbox_account(struct mailbox *m);

/* Answers to READ: octets of a request, taken off `*in` as far as there is room (the owner offers
 * the rest when mailbox_wants_read() says so), then the end. `size` is what the part has
 * altogether, not only the range. Requests are answered in the order in which they were made. */
void mailbox_read_data(struct mailbox *m, uint32_t request, uint64_t size, struct slice *in);
bool mailbox_wants_read(const struct mailbox *m);
void mailbox_read_done(struct mailbox *m, uint32_t request, enum mailbox_read_outcome outcome,
                       const struct failure *why);

/* Answer to PARSE: `message` is taken over; NULL: ABSENT when `why->kind` is FAILURE_NONE, else the
 * reason. */
void mailbox_parsed(struct mailbox *m, uint32_t request, struct mime_message *message,
                    const struct failure *why);

/* TEXTS: what is asked for, NULL when nobody waits for it any more. It is the caller's until it is
 * given back with the answer. */
struct mailbox_texts *mailbox_texts_take(struct mailbox *m, uint32_t request);
void mailbox_texts_have(struct mailbox *m, uint32_t request, struct mailbox_texts *t);

/* Answer to STORE_END, or to any STORE_* that failed: `key` is taken over. */
void mailbox_stored(struct mailbox *m, uint32_t request, char *key, const char *digest,
                    const struct failure *why);

/* Octets of STORE_DATA that are not yet written: while they are many, no more are read. */
void mailbox_store_queued(struct mailbox *m, size_t octets);

void mailbox_tick(struct mailbox *m);
uint64_t mailbox_deadline(const struct mailbox *m);
void mailbox_drain(struct mailbox *m);

/* The client may not be here any more: it is sent away at once, and what its command has not yet
 * committed is dropped; what is committed is carried out and answered before. */
void mailbox_revoke(struct mailbox *m);

bool mailbox_next_action(struct mailbox *m, struct mailbox_action *action);
struct buf *mailbox_client_out(struct mailbox *m);
bool mailbox_failed(const struct mailbox *m);

/* For the line at the session's end; the strings are valid until the mailbox is freed. */
struct mailbox_summary {
    const char *user;
    bool logged_in;
    uint32_t commands, fetched, appended, expunged;
    const char *cause; /* static */
};
void mailbox_summary(const struct mailbox *m, struct mailbox_summary *summary);

#endif
