/*
 * One connection to an upstream POP3 server, from its greeting to QUIT, without I/O: octets go in
 * by pop3_client_next(), octets to send come out of pop3_client_out(), and what happened comes back
 * as events.
 *
 * It brings the connection to the transaction state by itself: greeting, CAPA, STLS, CAPA again,
 * UTF8, the login (AUTH by the strongest mechanism, APOP, or USER and PASS: the first that the
 * server has and the options permit), CAPA again. A password that was refused is not tried in
 * another way: servers slow down or lock the account. Only where the answer is about the method and
 * not about the password, the next method follows.
 *
 * From POP3_CLIENT_READY on the caller issues commands, as many as it likes. Where the server says
 * PIPELINING, up to a window of them are under way at a time, otherwise one; the others wait here.
 * They are answered in the order in which they were issued, each by exactly one POP3_CLIENT_DONE
 * with its number, unless the connection fails or is closed before: then those without one have
 * none. (RFC 1939, 2449, 2595, 5034, 6856.)
 */
#ifndef TRANSLATE_POP3_POP3_CLIENT_H
#define TRANSLATE_POP3_POP3_CLIENT_H

#include "translate/pop3/pop3_client_capability.h"
#include "translate/pop3/pop3_command.h"
#include "translate/sasl/sasl_binding.h"
#include "translate/text/buf.h"
#include "translate/text/failure.h"
#include "translate/text/trace.h"

enum {
    POP3_CLIENT_LINE_MAX = 2048, /* octets of a status line or a line of a list (CASES U6) */
    POP3_CLIENT_WINDOW = 128,    /* commands under way, unless the options say otherwise */
};

struct pop3_client_options {
    bool tls_now;         /* the connection is already TLS */
    bool stls;            /* use STLS when offered, or when the server does not know CAPA */
    bool require_tls;     /* no credentials without TLS, whatever the server offers */
    bool allow_cleartext; /* a password may be sent without TLS (loopback peer, or configured so) */
    bool allow_apop;      /* use APOP, whose MD5 is weak; it needs no allow_cleartext, for it does
                             not send the password, and is never done behind STLS, for its challenge
                             came in the clear */
    bool utf8;            /* send UTF8 when offered (RFC 6856), which must be before the login */
    struct trace trace;   /* sees the conversation, without credentials and messages */
    unsigned window;      /* commands under way at most, 0: POP3_CLIENT_WINDOW */
    uint32_t mechanisms;  /* by which it may log in: enum sasl_mechanism_bit; 0: every one */
    const char *host;     /* of the server, for mechanisms that name it; NULL: not known. Borrowed
                             while the client lives */
    unsigned port;
};

enum pop3_client_event_type {
    POP3_CLIENT_MORE,      /* nothing now: give more octets, or wait */
    POP3_CLIENT_TLS,       /* start TLS on the stream, then call pop3_client_tls_started() */
    POP3_CLIENT_READY,     /* logged in; the capabilities are there */
    POP3_CLIENT_LISTING,   /* a message in the answer to LIST or UIDL */
    POP3_CLIENT_BODY_DATA, /* octets of RETR or TOP, as stored upstream: without the stuffing, line
                              ends as they came. The message is not whole before BODY_END */
    POP3_CLIENT_BODY_END,  /* the message is whole */
    POP3_CLIENT_DONE,      /* `command` ended */
    POP3_CLIENT_FAILED,    /* the connection is of no use any more: `failure` says why */
};

struct pop3_client_event {
    enum pop3_client_event_type type;
    uint32_t command; /* LISTING, BODY_*, DONE: its number */
    enum pop3_verb verb;
    uint32_t number;   /* LISTING, BODY_*: the message; DONE of STAT: how many there are */
    uint64_t size;     /* LISTING of LIST; DONE of STAT: octets of all */
    struct slice text; /* LISTING of UIDL: the unique id, "" when the server names none;
                          BODY_DATA. Valid until the next call and while the input is */
    bool ok;           /* DONE: it was carried out; else `failure` has the server's reason */
    bool unsupported;  /* DONE, not ok: the server does not know the command (CASES U5) */
    bool unexplained;  /* DONE, not ok: neither code nor words say of what kind the refusal is, and
                          the failure's kind is only what is likely */
    struct failure failure;
};

/* What became of the deletions when the session ends (CASES D9). */
enum pop3_client_quit_outcome {
    POP3_QUIT_NOT_SENT,  /* nothing was deleted */
    POP3_QUIT_UNKNOWN,   /* QUIT was sent and is not answered: look again */
    POP3_QUIT_CONFIRMED, /* +OK: what was marked is deleted */
    POP3_QUIT_REFUSED,   /* -ERR: some of it may not be (RFC 1939 section 6): look again */
};

struct pop3_client;

/* NULL when memory is out. */
struct pop3_client *pop3_client_new(const struct pop3_client_options *options);

/* Wipes the credentials, frees everything. */
void pop3_client_free(struct pop3_client *c);

/*
 * Whom to log in as; call it once, before the first octet is fed. It is copied, and wiped as soon
 * as the server has answered. False, with the reason, when it cannot be sent over POP3 at all
 * (empty user; CR, LF, NUL: CASES I1).
 */
bool pop3_client_login(struct pop3_client *c, const struct credential *credential,
                       struct failure *why);

/* What the connection's TLS has for channel binding: before the first octet is fed, and again
 * before pop3_client_tls_started(). Copied; without it no mechanism uses it. */
void pop3_client_bind(struct pop3_client *c, const struct sasl_binding *binding);

/*
 * Takes octets off `*in` until something happened. Bodies pass through as slices of the input; to
 * hold the server back the caller just stops calling and keeps the rest of `*in`. Once QUIT is
 * answered, whatever else comes is dropped.
 */
void pop3_client_next(struct pop3_client *c, struct slice *in, struct pop3_client_event *ev);

void pop3_client_tls_started(struct pop3_client *c);

/* The peer closed the connection: what that means is in `*why`, FAILURE_NONE when QUIT had been
 * answered. What was not complete by now never will be. */
void pop3_client_closed(struct pop3_client *c, struct failure *why);

/* Octets to send; the caller drops what it has taken. Until POP3_CLIENT_READY they hold
 * credentials: not for logs. */
struct buf *pop3_client_out(struct pop3_client *c);

/* As announced last, and as learned since. Valid as long as the client; complete from
 * POP3_CLIENT_READY on. */
const struct pop3_client_capabilities *pop3_client_capabilities(const struct pop3_client *c);

/* UTF8 was accepted: messages may have UTF-8 in their headers. */
bool pop3_client_utf8(const struct pop3_client *c);

/*
 * Commands, only after POP3_CLIENT_READY and before pop3_client_quit(). Each returns the number by
 * which its events name it, never 0. Message numbers are from 1 on; for LIST and UIDL 0 asks for
 * all. When memory is out the next event is POP3_CLIENT_FAILED.
 */
uint32_t pop3_client_stat(struct pop3_client *c);
uint32_t pop3_client_list(struct pop3_client *c, uint32_t message);
uint32_t pop3_client_uidl(struct pop3_client *c, uint32_t message);
uint32_t pop3_client_top(struct pop3_client *c, uint32_t message, uint32_t lines);
uint32_t pop3_client_retr(struct pop3_client *c, uint32_t message);
uint32_t pop3_client_dele(struct pop3_client *c, uint32_t message);
uint32_t pop3_client_noop(struct pop3_client *c);
uint32_t pop3_client_rset(struct pop3_client *c);

/* The last command: the server deletes what was marked and says goodbye. */
uint32_t pop3_client_quit(struct pop3_client *c);

enum pop3_client_quit_outcome pop3_client_quit_outcome(const struct pop3_client *c);

/* How many commands were sent and are not answered, and how many there are with those that wait. */
size_t pop3_client_under_way(const struct pop3_client *c);
size_t pop3_client_unanswered(const struct pop3_client *c);

/*
 * The server has sent nothing for too long with commands under way: halves the window, because some
 * servers announce PIPELINING and stall with more than a few. What was sent cannot be taken back,
 * so this helps when the server goes on at all; pop3_client_window() is what to give to the next
 * connection. False when the window was one already: then it is not that.
 */
bool pop3_client_stalled(struct pop3_client *c);

/* How many commands may be under way: 1 without PIPELINING. */
unsigned pop3_client_window(const struct pop3_client *c);

#endif
