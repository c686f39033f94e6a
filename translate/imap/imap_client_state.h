/*
 * What imap_client.c (queue, tags, events) and imap_login.c (from the greeting to READY) share;
 * nobody else includes it.
 */
#ifndef TRANSLATE_IMAP_IMAP_CLIENT_STATE_H
#define TRANSLATE_IMAP_IMAP_CLIENT_STATE_H

#include "translate/imap/imap_client.h"
#include "translate/imap/imap_pending.h"
#include "translate/sasl/sasl_client.h"

enum imap_client_state {
    IMAP_STATE_GREETING, /* nothing has come yet */
    IMAP_STATE_LOGIN,    /* commands of imap_login.c are on their way */
    IMAP_STATE_TLS,      /* the caller starts TLS */
    IMAP_STATE_DEFLATE,  /* the caller starts DEFLATE */
    IMAP_STATE_READY,
};

/* For whom a command was sent: whose answer it is. */
enum imap_purpose {
    IMAP_FOR_CALLER,
    IMAP_FOR_CAPABILITY,
    IMAP_FOR_STARTTLS,
    IMAP_FOR_AUTHENTICATE,
    IMAP_FOR_LOGIN,
    IMAP_FOR_ID,
    IMAP_FOR_ENABLE,
    IMAP_FOR_COMPRESS,
    IMAP_FOR_LOGOUT,
};

/* The command line and what follows each "+": two literals at most. */
enum { IMAP_LOGIN_PARTS = 3 };

/* What only a login needs: most of its life a connection is past it. */
struct imap_login {
    bool given; /* there is a credential */
    struct credential credential;
    struct sasl_binding binding;
    struct sasl_client *sasl; /* the exchange under way */
    uint32_t without;         /* mechanisms that the server refused, or that could not be done */
    struct failure *unable;   /* why the last of these could not, owned; NULL: nothing */
    struct buf parts[IMAP_LOGIN_PARTS];
    size_t part_count;
    size_t next_part; /* sent when the next "+" comes */
};

struct imap_client {
    struct imap_client_options options;
    struct imap_response *parser; /* NULL: between two responses, with nothing to read */
    enum imap_client_state state;
    bool over;               /* for the reason in `failure` */
    struct failure *failure; /* owned; before it is over: what the server said with its BYE */
    bool no_memory;
    bool logout;

    struct buf out;
    struct imap_pending pending;
    uint32_t last_command;
    enum imap_client_event_type announce; /* the next event, unless IMAP_CLIENT_MORE */

    bool tls;
    bool authenticated;
    uint32_t capabilities;
    uint32_t mechanisms;     /* that the server announced: enum sasl_mechanism_bit */
    bool capabilities_fresh; /* they came after the last change of TLS or login */
    bool starttls_refused;
    bool compress_tried;
    bool qresync;
    bool utf8;
    char server_name[64];
    bool lacks_exporter;      /* sasl_mechanism_lacks_exporter() */
    struct imap_login *login; /* owned; NULL: it is done, or has failed */
};

/* The connection is of no use any more; credentials are wiped. */
void imap_client_fail(struct imap_client *c, const struct failure *why);
void imap_client_fail_text(struct imap_client *c, enum failure_kind kind, const char *text);

/* Sends a command line and remembers for whom. */
uint32_t imap_client_send(struct imap_client *c, enum imap_purpose purpose, const char *line);

/* The number of the next command, remembered as sent; its tag and a space are put to `out`. */
uint32_t imap_client_begin(struct imap_client *c, enum imap_purpose purpose, struct buf *out);

/* imap_login.c: the first status; the answer to a command of its own; a "+"; TLS is there. */
void imap_login_greeting(struct imap_client *c, const struct imap_event *status);
void imap_login_done(struct imap_client *c, enum imap_purpose purpose,
                     const struct imap_event *status);
void imap_login_continue(struct imap_client *c, struct slice text);
void imap_login_tls_started(struct imap_client *c);
void imap_login_enabled(struct imap_client *c, struct slice list);

/* Wipes the credential, and frees what the login had. */
void imap_login_wipe(struct imap_client *c);

#endif
