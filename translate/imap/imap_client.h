/*
 * One connection to an upstream IMAP server, from its greeting to LOGOUT, without I/O: octets go in
 * by imap_client_next(), octets to send come out of imap_client_out(), and what happened comes back
 * as events.
 *
 * It brings the connection to the authenticated state by itself: greeting, CAPABILITY, STARTTLS,
 * CAPABILITY again, AUTHENTICATE by the strongest mechanism or LOGIN, CAPABILITY again, ID, ENABLE,
 * COMPRESS. A password that was refused is not tried in another way. From
 * IMAP_CLIENT_READY on the caller issues commands; they are pipelined, and each is answered by one
 * IMAP_CLIENT_DONE with its number, in whatever order the server completes them. Untagged data
 * passes through in between as IMAP_CLIENT_DATA. Before IMAP_CLIENT_READY only an untagged status
 * with an [ALERT] does, because a person must see it (RFC 3501 section 7.1).
 *
 * A BYE that is not the greeting passes as IMAP_CLIENT_DATA too (from IMAP_CLIENT_READY on) and is
 * remembered: commands may still be answered, and imap_client_closed() gives it as the reason.
 *
 * Tags are of this module's making and never repeated within a connection; a tagged response with
 * any other tag ends the connection (CASES I4).
 */
#ifndef TRANSLATE_IMAP_IMAP_CLIENT_H
#define TRANSLATE_IMAP_IMAP_CLIENT_H

#include "translate/imap/imap_capability.h"
#include "translate/imap/imap_response.h"
#include "translate/sasl/sasl_binding.h"
#include "translate/sasl/sasl_mechanism.h"
#include "translate/text/buf.h"

struct imap_client_options {
    bool tls_now;     /* the connection is already TLS (or never will be asked for: loopback) */
    bool starttls;    /* use STARTTLS when offered */
    bool require_tls; /* no credentials without TLS, whatever the server offers */
    bool
        allow_cleartext; /* credentials may be sent without TLS (loopback peer, or configured so) */
    bool allow_preauth;
    bool compress;
    bool utf8;           /* ENABLE UTF8=ACCEPT when offered (the client said UTF8, RFC 6856) */
    uint32_t mechanisms; /* by which it may log in: enum sasl_mechanism_bit; 0: every one */
    const char *host;    /* of the server, for mechanisms that name it; NULL: not known. Borrowed
                            while the client lives */
    unsigned port;
    struct trace trace; /* sees the conversation, without the credentials */
};

enum imap_client_event_type {
    IMAP_CLIENT_MORE,    /* nothing now: give more octets, or wait */
    IMAP_CLIENT_TLS,     /* start TLS on the stream, then call imap_client_tls_started() */
    IMAP_CLIENT_DEFLATE, /* all further octets in both directions are raw DEFLATE (RFC 4978);
                            call imap_client_deflate_started() */
    IMAP_CLIENT_READY,   /* authenticated; capabilities are final */
    IMAP_CLIENT_DATA,    /* `data`: an untagged response or a piece of one */
    IMAP_CLIENT_DONE,    /* `command` ended: `data` is its tagged status */
    IMAP_CLIENT_FAILED,  /* the connection is of no use any more: `failure` says why */
};

struct imap_client_event {
    enum imap_client_event_type type;
    struct imap_event data; /* valid until the next call */
    uint32_t command;
    struct failure failure;
};

struct imap_client;

/* NULL when memory is out. */
struct imap_client *imap_client_new(const struct imap_client_options *options);

/* Wipes the credentials, frees everything. */
void imap_client_free(struct imap_client *c);

/*
 * Whom to log in as; call it once, before the first octet is fed. It is copied, and wiped as soon
 * as the server has answered. False, with the reason, when it cannot be sent over IMAP at all (CR,
 * LF, NUL: CASES I1).
 */
bool imap_client_login(struct imap_client *c, const struct credential *credential,
                       struct failure *why);

/* What the connection's TLS has for channel binding: before the first octet is fed, and again
 * before imap_client_tls_started(). Copied; without it no mechanism uses it. */
void imap_client_bind(struct imap_client *c, const struct sasl_binding *binding);

/* Takes octets off `*in` until something happened. A body passes through as IMAP_CLIENT_DATA
 * events; to hold the server back the caller just stops calling and keeps the rest of `*in`. */
void imap_client_next(struct imap_client *c, struct slice *in, struct imap_client_event *ev);

void imap_client_tls_started(struct imap_client *c);
void imap_client_deflate_started(struct imap_client *c);

/* The peer closed the connection: what that means is in `*why` (a BYE's text when there was one).
 */
void imap_client_closed(struct imap_client *c, struct failure *why);

/* Every command is answered, no response is under way, nothing is to be sent or told, and the
 * server has not said BYE: whoever goes on with the connection finds it as after IMAP_CLIENT_READY.
 */
bool imap_client_is_quiet(const struct imap_client *c);

/* Another one sees the conversation from now on. False when memory is out: then nobody does. */
bool imap_client_set_trace(struct imap_client *c, const struct trace *trace);

/* Octets to send; the caller drops what it has taken. Until IMAP_CLIENT_READY they hold
 * credentials: not for logs. */
struct buf *imap_client_out(struct imap_client *c);

/* Capabilities: a bit set of enum imap_capability. Final from IMAP_CLIENT_READY on. */
uint32_t imap_client_capabilities(const struct imap_client *c);

/* The "name" of the server's ID answer (RFC 2971), lower case; "" when it gave none. */
const char *imap_client_server_name(const struct imap_client *c);

/* QRESYNC was enabled; UTF8=ACCEPT (or IMAP4rev2) is: mailbox names are UTF-8 on the wire. */
bool imap_client_qresync(const struct imap_client *c);
bool imap_client_utf8(const struct imap_client *c);

/*
 * Issues a command: the line without tag and CRLF. Returns its number, by which IMAP_CLIENT_DONE
 * names it (never 0). Only after IMAP_CLIENT_READY. Mailbox names in the line come from
 * imap_put_mailbox(), sets from imap_put_set(). A line with CR, LF or NUL in it is never sent: the
 * next event is then IMAP_CLIENT_FAILED, and so it is when memory is out.
 */
uint32_t imap_client_command(struct imap_client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, with a line that was put together in a buffer. */
uint32_t imap_client_command_line(struct imap_client *c, struct slice line);

/* The tag text of a command, for matching IMAP_EV_NUMBERS.set_tag: writes at most `cap` with NUL.
 */
void imap_client_tag(uint32_t command, char *out, size_t cap);

/* LOGOUT: the server's BYE is then no failure and its answer is no event. Does nothing before
 * IMAP_CLIENT_READY and when called again. */
void imap_client_logout(struct imap_client *c);

/* What a NO, BAD or BYE means, by its response code (RFC 5530) and, without one, by its place:
 * `fallback` is the kind to take then. The server's words are kept, cleaned. */
void imap_failure(struct failure *why, const struct imap_event *status, enum failure_kind fallback);

#endif
