/*
 * What the light upstream says: the least of an IMAP4rev1 server (RFC 3501) or of a POP3 server
 * (RFC 1939) over one mailbox that is the same for everybody, who are all let in.
 *
 * It is not a server to measure against. It stands where a real one would need a process for each
 * session, or would be what limits the figure.
 */
#ifndef TESTS_BENCH_LIGHT_MAIL_H
#define TESTS_BENCH_LIGHT_MAIL_H

#include "translate/text/buf.h"

/* Messages with UIDs 1 to `messages`. */
struct light_mail {
    uint32_t messages;
    struct buf body;    /* of every message */
    struct buf fetched; /* the same as a FETCH ends with it, behind the UID */
    struct buf listing; /* UID, size and date of each */
    size_t *listed;     /* where message n's line begins in it; one more: its end */
    size_t capacity;    /* of `listed` */
    struct buf list;    /* the lines of LIST */
    struct buf uidl;
};

/* What a session remembers; all zero to begin with. */
struct light_talk {
    char idle_tag[32]; /* of the IDLE under way; empty: none */
    uint32_t told;     /* messages that an IMAP client was told of; 0: it has selected nothing */
    bool over;         /* LOGOUT was said */
};

/* False when memory is out; light_mail_clear() is due in any case. */
bool light_mail_init(struct light_mail *m, uint32_t messages, size_t octets);
void light_mail_clear(struct light_mail *m);

/* One message more, behind the others. False when memory is out. */
bool light_mail_deliver(struct light_mail *m);

struct light_protocol {
    const char *greeting;
    /* Answers one line, without its line end. What it does not know it refuses. */
    void (*answer)(const struct light_mail *m, struct light_talk *talk, struct slice line,
                   struct buf *out);
};

extern const struct light_protocol light_imap; /* light_mail.c */
extern const struct light_protocol light_pop3; /* light_pop3.c */

#endif
