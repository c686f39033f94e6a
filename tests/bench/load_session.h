/*
 * One client of the load generator, of POP3 or IMAP: a connection that says the commands of a
 * script, each when the one before is answered, and looks at nothing of an answer but its status
 * and where it ends.
 *
 * The end of an answer is seen by its last octets, without a search: as only one command is under
 * way, nothing can follow it. So the generator costs a recv() for each piece and is never what is
 * measured. Where RETRs are pipelined the ends are searched for. What TLS takes is in load_tls.h.
 */
#ifndef TESTS_BENCH_LOAD_SESSION_H
#define TESTS_BENCH_LOAD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/load_tls.h"

enum load_script {
    LOAD_LIST,   /* STAT, UIDL and LIST `repeats` times, QUIT */
    LOAD_RETR,   /* STAT, RETR 1 to `messages`, QUIT */
    LOAD_POLL,   /* STAT, QUIT */
    LOAD_HOLD,   /* STAT; then the session stays, and is woken now and then */
    LOAD_SCAN,   /* IMAP: SELECT, NOOP, UIDs and flags of all messages `repeats` times, LOGOUT */
    LOAD_SEARCH, /* the same with a search for a flag that no message has */
};

struct load_plan {
    enum load_script script;
    uint16_t port;               /* on 127.0.0.1 */
    struct load_tls_client *tls; /* NULL: in the clear */
    const char *user, *password;
    bool numbered; /* the user's name ends with the session's number */
    unsigned messages;
    unsigned repeats;
    unsigned pipeline; /* so many RETRs may be under way; up to LOAD_PIPELINE_MAX */
};

enum { LOAD_PIPELINE_MAX = 64, LOAD_TAIL = 512 /* longer than a tagged line */ };

struct load_session {
    const struct load_plan *plan;
    unsigned number;
    int fd;
    bool writes;  /* epoll waits until it can be written to: whoever watches it keeps this */
    bool drained; /* a recv() has had less than it had room for */
    struct load_tls *tls;
    struct buf out;        /* records that wait for the connection */
    unsigned step;         /* of the script */
    unsigned sent;         /* RETRs, when more than one may be under way */
    bool multiline;        /* the answer that is awaited */
    bool status_seen;      /* its first octet has come */
    char tail[LOAD_TAIL];  /* its last octets */
    uint64_t began, asked; /* ns: the connection, the command */
    uint64_t octets;
    uint64_t script_began, script_took; /* ns: what stands between STAT and QUIT */
    uint64_t first_octet;               /* ns from the last RETR to the first octet of its answer */
};

enum load_result {
    LOAD_READ, /* wait until it can be read */
    LOAD_WRITE,
    LOAD_DONE,   /* the script is at its end; of LOAD_HOLD: the session stays */
    LOAD_FAILED, /* a refusal, a lost connection; said on stderr */
};

/* ns on the monotonic clock. */
uint64_t load_now(void);

/* Connects, without waiting; what is said first may wait in `out` for that. False with errno. */
bool load_session_open(struct load_session *s, const struct load_plan *plan, unsigned number);

/* Goes on as far as it can without waiting: to be called when the socket is ready. */
enum load_result load_session_run(struct load_session *s);

/* A session of LOAD_HOLD whose script is at its end says NOOP, and goes on until that is answered.
 * False when that cannot be sent. */
bool load_session_wake(struct load_session *s);

void load_session_close(struct load_session *s);

#endif
