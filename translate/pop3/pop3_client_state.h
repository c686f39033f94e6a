/*
 * What pop3_client.c (commands, events), pop3_client_answer.c (what the server says) and
 * pop3_client_login.c (from the greeting to READY), pop3_client_auth.c (the credential) share;
 * nobody else includes it.
 */
#ifndef TRANSLATE_POP3_POP3_CLIENT_STATE_H
#define TRANSLATE_POP3_POP3_CLIENT_STATE_H

#include "translate/pop3/pop3_client.h"
#include "translate/pop3/pop3_client_queue.h"
#include "translate/pop3/pop3_response.h"
#include "translate/pop3/pop3_unstuff.h"
#include "translate/sasl/sasl_client.h"

enum pop3_client_step {
    POP3_STEP_GREETING, /* nothing has come yet */
    POP3_STEP_CAPA,     /* sent; so are the others */
    POP3_STEP_STLS,
    POP3_STEP_TLS, /* the caller starts TLS */
    POP3_STEP_UTF8,
    POP3_STEP_CREDENTIALS, /* a command of the method, or what follows a "+" */
    POP3_STEP_READY,
};

/* What the next octet belongs to. */
enum pop3_client_reading {
    POP3_READING_STATUS,
    POP3_READING_CAPABILITIES, /* the lines behind CAPA's +OK */
    POP3_READING_LIST,         /* the lines behind that of LIST or UIDL */
    POP3_READING_BODY,
};

enum pop3_client_way {
    POP3_WAY_SASL,
    POP3_WAY_APOP,
    POP3_WAY_USER, /* USER and PASS */
};

struct pop3_client {
    struct pop3_client_options options;
    enum pop3_client_step step;
    enum pop3_client_reading reading;
    struct failure failure; /* not FAILURE_NONE: over */
    bool no_memory;
    enum pop3_client_event_type announce; /* the next event, unless POP3_CLIENT_MORE */
    struct pop3_client_event done;        /* the next event when its type is POP3_CLIENT_DONE */

    struct pop3_reader reader;
    struct pop3_unstuff unstuff;
    unsigned empty_lines;    /* before a status line */
    struct failure bad_list; /* not FAILURE_NONE: a line of the list was not understood */
    struct buf out;

    struct pop3_client_queue queue;
    uint32_t last_command;
    unsigned window;
    enum pop3_client_quit_outcome quit;
    bool quit_issued;

    bool tls;
    bool stls_refused;
    bool authenticated;
    bool utf8;
    struct pop3_client_capabilities capabilities;
    struct pop3_client_capabilities listed; /* being read */

    bool has_login;
    struct credential credential;
    struct sasl_binding binding;
    bool lacks_exporter;      /* sasl_mechanism_lacks_exporter() */
    struct buf timestamp;     /* of the greeting, with its brackets (RFC 1939 section 7, APOP) */
    enum pop3_client_way way; /* to log in: the one under way */
    struct sasl_client *sasl; /* the exchange under way */
    uint32_t without;         /* mechanisms, and SASL_APOP, that the server refused or that
                                 could not be done */
    struct buf initial;       /* the first response, as long as it may have to be sent again */
    bool initial_went;        /* behind AUTH */
    bool password_sent;       /* by APOP or PASS */
    bool user_tried;
    struct failure unable; /* why the last of these could not */
};

/* The connection is of no use any more; credentials are wiped. */
void pop3_client_fail(struct pop3_client *c, const struct failure *why);
void pop3_client_fail_text(struct pop3_client *c, enum failure_kind kind, const char *text);

/* Sends what waits as far as the window has room. */
void pop3_client_send_waiting(struct pop3_client *c);

/* What became of a piece of the input. */
enum pop3_client_took {
    POP3_CLIENT_TOOK,       /* it was taken, and is no event by itself */
    POP3_CLIENT_EVENT,      /* the event is there */
    POP3_CLIENT_WANTS_MORE, /* the input is used up */
};

/* pop3_client_answer.c: the next line; the next piece of a message. */
enum pop3_client_took pop3_client_take_line(struct pop3_client *c, struct slice *in,
                                            struct pop3_client_event *ev);
enum pop3_client_took pop3_client_take_body(struct pop3_client *c, struct slice *in,
                                            struct pop3_client_event *ev);

/* pop3_client_login.c: a status line before READY; the end of the list of capabilities; TLS is
 * there. */
void pop3_client_login_take(struct pop3_client *c, const struct pop3_response *r);
void pop3_client_login_capabilities(struct pop3_client *c);
void pop3_client_login_tls_started(struct pop3_client *c);
/* The server took the credential. */
void pop3_client_login_done(struct pop3_client *c);
void pop3_client_login_wipe(struct pop3_client *c);

/* pop3_client_auth.c: shows the credential; what is said to it. */
void pop3_client_auth_begin(struct pop3_client *c);
void pop3_client_auth_take(struct pop3_client *c, const struct pop3_response *r);

#endif
